"""Formulas with what they mean to Python, a spreadsheet and a reader, by hand, and the cells that names stand for."""

from __future__ import annotations

import openpyxl

from flopsheet.formula import parse, to_excel
from flopsheet.formula.excel import literal, number
from flopsheet.formula.nodes import Call, Name, Negative, Number, Operation, Text
from flopsheet.formula.operators import OPERATORS, picked
from flopsheet.formula.vocabulary import AGGREGATES, FUNCTIONS

# Where the names of the tests stand: one row of values, and two finer rows beside it.
VALUES = {"a": 7.0, "b": 3.0, "c": 2.0, "d": -8.0, "zero": 0.0, "n_heads": 25.0, "d_model": 1600.0}
FINER = {"parts": [4.0, 9.0, 1.0], "keys": [5.0, 2.0, 2.0]}
PLACES = {name: f"{letter}1" for name, letter in zip(VALUES, "ABCDEFG", strict=True)}
RANGES = {"parts": "H1:J1", "keys": "K1:M1"}


class Cells:
    """References to the row above."""

    cell = staticmethod(PLACES.__getitem__)
    range = staticmethod(RANGES.__getitem__)

    @staticmethod
    def first(name):
        return RANGES[name].partition(":")[0]

    @staticmethod
    def pick(pick, key, name):
        return picked(pick, RANGES[key], RANGES[name])


# Source, value by hand, spreadsheet text, mathematics. a = 7, b = 3, c = 2, d = -8.
SPELLINGS = [
    # constants
    ("42", 42, "42", "42"),
    ("1024", 1024, "1024", "1,024"),
    ("0.5", 0.5, "0.5", "0.5"),
    (".5", 0.5, "0.5", "0.5"),
    ("5.", 5, "5", "5"),
    ("007.0", 7, "7", "7"),
    ("1e12", 1e12, "1000000000000", "10¹²"),
    ("15E12", 15e12, "15000000000000", "15,000,000,000,000"),
    ("1e-9", 1e-9, "0.000000001", "10⁻⁹"),
    ("2.5e-7", 2.5e-7, "0.00000025", "2.5e−07"),
    ("1e18", 1e18, "1000000000000000000", "10¹⁸"),
    ("1e25", 1e25, "1E+25", "10²⁵"),
    # operators, in the author's order
    ("a + b", 10, "A1+B1", "a + b"),
    ("a - b", 4, "A1-B1", "a − b"),
    ("a * b", 21, "A1*B1", "a · b"),
    ("a / c", 3.5, "A1/C1", "a / c"),
    ("a ^ c", 49, "A1^C1", "a^c"),
    ("a ** c", 49, "A1^C1", "a^c"),
    ("a^2", 49, "A1^2", "a²"),
    ("2 * 3 * d_model", 9600, "2*3*G1", "2 · 3 · d_model"),
    ("2*a + 3*b", 23, "2*A1+3*B1", "2 · a + 3 · b"),
    ("(2*a) + (3*b)", 23, "2*A1+3*B1", "2 · a + 3 · b"),
    ("2*(a + 3)*b", 60, "2*(A1+3)*B1", "2 · (a + 3) · b"),
    # chains are read from the left, and only those from the right are in brackets
    ("a - b - c", 2, "A1-B1-C1", "a − b − c"),
    ("a - (b - c)", 6, "A1-(B1-C1)", "a − (b − c)"),
    ("a - (b + c)", 2, "A1-(B1+C1)", "a − (b + c)"),
    ("a + (b - c)", 8, "A1+(B1-C1)", "a + (b − c)"),
    ("a + (b + c)", 12, "A1+(B1+C1)", "a + (b + c)"),
    ("a / b / c", 7 / 3 / 2, "A1/B1/C1", "a / b / c"),
    ("a / (b * c)", 7 / 6, "A1/(B1*C1)", "a / (b · c)"),
    ("a / b * c", 7 / 3 * 2, "A1/B1*C1", "a / b · c"),
    ("a * (b / c)", 10.5, "A1*(B1/C1)", "a · (b / c)"),
    ("a / (b / c)", 7 / 1.5, "A1/(B1/C1)", "a / (b / c)"),
    # powers: a spreadsheet reads a chain of them from the left, Python from the right
    ("2^3^2", 512, "2^(3^2)", "2^(3²)"),
    ("(2^3)^2", 64, "(2^3)^2", "(2³)²"),
    ("2 * a^2", 98, "2*A1^2", "2 · a²"),
    ("(2 * a)^2", 196, "(2*A1)^2", "(2 · a)²"),
    ("a^(b - 1)", 49, "A1^(B1-1)", "a^(b − 1)"),
    ("a^-1", 1 / 7, "A1^(-1)", "a^(−1)"),
    ("2^-b", 1 / 8, "2^(-B1)", "2^(−b)"),
    ("4^0.5", 2, "4^0.5", "4^0.5"),
    ("d^3", -512, "D1^3", "d³"),
    ("1e6^2", 1e12, "1000000^2", "(10⁶)²"),
    ("2^1e1", 1024, "2^10", "2¹⁰"),
    # minus: a spreadsheet's binds tighter than a power
    ("-a", -7, "-A1", "−a"),
    ("-2", -2, "-2", "−2"),
    ("--a", 7, "-(-A1)", "−(−a)"),
    ("-(2^2)", -4, "-(2^2)", "−(2²)"),
    ("(-2)^2", 4, "(-2)^2", "(−2)²"),
    ("-(a + b)", -10, "-(A1+B1)", "−(a + b)"),
    ("-a + b", -4, "(-A1)+B1", "(−a) + b"),
    ("a * -b", -21, "A1*(-B1)", "a · (−b)"),
    ("-a * b", -21, "(-A1)*B1", "(−a) · b"),
    ("a - -b", 10, "A1-(-B1)", "a − (−b)"),
    ("-a * b^2", -63, "(-A1)*B1^2", "(−a) · b²"),
    ("a - b^2", -2, "A1-B1^2", "a − b²"),
    ("-ceil(a / b)", -3, "-(-INT(-(A1/B1)))", "−⌈a / b⌉"),
    # functions
    ("min(a, b)", 3, "MIN(A1,B1)", "min(a, b)"),
    ("max(a, b, c * 10)", 20, "MAX(A1,B1,C1*10)", "max(a, b, c · 10)"),
    ("abs(d)", 8, "ABS(D1)", "|d|"),
    ("floor(a / b)", 2, "INT(A1/B1)", "⌊a / b⌋"),
    ("floor(d / b)", -3, "INT(D1/B1)", "⌊d / b⌋"),
    ("ceil(a / b)", 3, "-INT(-(A1/B1))", "⌈a / b⌉"),
    ("ceil(d / b)", -2, "-INT(-(D1/B1))", "⌈d / b⌉"),
    ("2 - ceil(a / b)", -1, "2-(-INT(-(A1/B1)))", "2 − ⌈a / b⌉"),
    ("ceil(a / b)^2", 9, "(-INT(-(A1/B1)))^2", "⌈a / b⌉²"),
    ("floor(a)^2", 49, "INT(A1)^2", "⌊a⌋²"),
    # conditions
    ("where(a > b, a, b)", 7, "IF(A1>B1,A1,B1)", "a if a > b, else b"),
    ("where(a == b, 1, 0)", 0, "IF(A1=B1,1,0)", "1 if a = b, else 0"),
    ("where(a != b, 1, 0)", 1, "IF(A1<>B1,1,0)", "1 if a ≠ b, else 0"),
    ("where(a >= 7, 1, 0)", 1, "IF(A1>=7,1,0)", "1 if a ≥ 7, else 0"),
    ("where(a <= 7, 1, 0)", 1, "IF(A1<=7,1,0)", "1 if a ≤ 7, else 0"),
    ("where(a < 7, 1, 0)", 0, "IF(A1<7,1,0)", "1 if a < 7, else 0"),
    ("where(a < b + c * 3, 1, 0)", 1, "IF(A1<B1+C1*3,1,0)", "1 if a < b + c · 3, else 0"),
    ("2 * where(a < b, a, b)", 6, "2*IF(A1<B1,A1,B1)", "2 · (a if a < b, else b)"),
    ("where(a < b, 1, where(b < c, 2, 3))", 3, "IF(A1<B1,1,IF(B1<C1,2,3))", "1 if a < b, else (2 if b < c, else 3)"),
    # the arm that is not chosen may have no value
    ("where(zero == 0, 0, a / zero)", 0, "IF(E1=0,0,A1/E1)", "0 if zero = 0, else a / zero"),
    ("where(zero > 0, zero^-1, a)", 7, "IF(E1>0,E1^(-1),A1)", "zero^(−1) if zero > 0, else a"),
    # finer rows: parts are 4, 9, 1 and keys 5, 2, 2, of which the first is the least
    ("sum(parts)", 14, "SUM(H1:J1)", "Σ parts"),
    ("sum(parts) / sum(keys)", 14 / 9, "SUM(H1:J1)/SUM(K1:M1)", "Σ parts / Σ keys"),
    ("a - sum(parts)", -7, "A1-SUM(H1:J1)", "a − Σ parts"),
    ("sum(parts)^2", 196, "SUM(H1:J1)^2", "(Σ parts)²"),
    ("-sum(parts)", -14, "-SUM(H1:J1)", "−(Σ parts)"),
    ("first(parts)", 4, "H1", "first(parts)"),
    ("first(parts)^2", 16, "H1^2", "first(parts)²"),
    ("at_min(keys, parts)", 9, "INDEX(H1:J1,1,MATCH(MIN(K1:M1),K1:M1,0))", "at_min(keys, parts)"),
    ("at_max(keys, parts) * 2", 8, "INDEX(H1:J1,1,MATCH(MAX(K1:M1),K1:M1,0))*2", "at_max(keys, parts) · 2"),
    # blanks, line breaks and brackets that change nothing
    ("a+b", 10, "A1+B1", "a + b"),
    ("  a\n + \tb  ", 10, "A1+B1", "a + b"),
    ("((a)) + ((b))", 10, "A1+B1", "a + b"),
    ("min(a, b,)", 3, "MIN(A1,B1)", "min(a, b)"),
]

SOURCES = [source for source, *_ in SPELLINGS]


def gather(function, gathered):
    """By hand, the functions over finer rows."""
    key, values = FINER[gathered[0]], FINER[gathered[-1]]
    return {
        "sum": sum(values),
        "first": values[0],
        "at_min": values[key.index(min(key))],
        "at_max": values[key.index(max(key))],
    }[function]


def excel(source):
    return to_excel(parse(source), Cells)


def spelled():
    """Every text for a spreadsheet that a test of formulas asks an engine about."""
    return [
        *map(excel, SOURCES),
        *(text for _, text, _ in TEXTS),
        *map(literal, WORDS),
        *(f'{number(value)}&""' for value, _ in WRITTEN),
        *map(excel, CONSTANTS),
        *(to_excel(node, Cells) for node in EVERYTHING),
    ]


def recomputed(engine, path):
    """What an engine computes from all of them, in one workbook beside the values of the names."""
    formulas = spelled()
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Values"
    sheet.append([*VALUES.values(), *FINER["parts"], *FINER["keys"]])
    for formula in formulas:
        sheet.append([f"={formula}"])
    book.save(path)
    [results] = engine(path, [{}], [("Values", f"A{row}") for row in range(2, len(formulas) + 2)])
    return dict(zip(formulas, results.values(), strict=True))


# What only the catalogue builds: texts, which are never typed inside a formula.
TEXTS = [
    (Operation("==", Text("full"), Text("full")), '"full"="full"', True),
    (Operation("!=", Text("full"), Text("half")), '"full"<>"half"', True),
    (Operation("&", Text('5" or '), Name("a")), '"5"" or "&A1', '5" or 7'),
    (
        Operation("&", Operation("&", Name("a"), Text("-")), Operation("*", Name("b"), Name("c"))),
        'A1&"-"&SUBSTITUTE(B1*C1,MID(1/2,2,1),".")',
        "7-6",
    ),
    # what is whole is written alike in every language
    (
        Operation(
            "&", Call("floor", (Operation("/", Name("a"), Name("b")),)), Operation("*", Number(2.0), Number(3.0))
        ),
        "INT(A1/B1)&2*3",
        "26",
    ),
    (Operation("&", Text("-"), Negative(Number(0.5))), '"-"&SUBSTITUTE(-0.5,MID(1/2,2,1),".")', "--0.5"),
    # decimals inside a function are decimals too
    *(
        (
            Operation("&", Text("-"), Call(function, (Operation("/", Name("a"), Name("c")), *more))),
            f'"-"&SUBSTITUTE({spelled},MID(1/2,2,1),".")',
            "-3.5",
        )
        for function, more, spelled in (
            ("min", (Name("a"),), "MIN(A1/C1,A1)"),
            ("max", (Name("b"),), "MAX(A1/C1,B1)"),
            ("abs", (), "ABS(A1/C1)"),
        )
    ),
    (Operation("&", Text("a"), Operation("&", Text("b"), Text("c"))), '"a"&"b"&"c"', "abc"),
    (Operation("==", Operation("&", Text("a"), Name("b")), Text("a3")), '"a"&B1="a3"', True),
    (Call("where", (Operation("<", Name("a"), Name("b")), Text("yes"), Text("no"))), 'IF(A1<B1,"yes","no")', "no"),
    (Operation("&", Text("x" * 255), Name("b")), '"' + "x" * 255 + '"&B1', "x" * 255 + "3"),
    (Operation("==", Text("x" * 300), Text("")), '("' + "x" * 255 + '"&"' + "x" * 45 + '")=""', False),
]

WORDS = ["", '"', "x" * 255, "y" * 256, '"' * 700, "QKᵀ + PV, 12 %"]

# As a spreadsheet's & writes them; LibreOffice turns to powers of ten from 1e16 on and below 1e-9, Excel later.
WRITTEN = [
    (0.0, "0"),
    (-0.0, "0"),
    (12.0, "12"),
    (-0.5, "-0.5"),
    (57.4, "57.4"),
    (0.1, "0.1"),
    (1e-5, "0.00001"),
    (1.5e-7, "0.00000015"),
    (2127057600.0, "2127057600"),
    (1234567890.12345, "1234567890.12345"),
    (999999999999999.0, "999999999999999"),
    (1e15, "1000000000000000"),
    (1403178516480000.0, "1403178516480000"),
]

CONSTANTS = ["0", "1", "0.1", "123456789012345", "0.000123456789012345", "1e15", "1e22", "1e23", "1e300", "1e-300"]
CALLS = [f"{f}({', '.join('abcd'[:least])})" for f, (least, _) in FUNCTIONS.items()]
GATHERED = [f"{f}({', '.join(['keys', 'parts'][:count])})" for f, count in AGGREGATES.items()]
OPERATIONS = [Operation(symbol, Name("a"), Name("b")) for symbol in OPERATORS]
EVERYTHING = [*OPERATIONS, *map(parse, CALLS), *map(parse, GATHERED), Negative(Name("a")), Number(1.5), Text("x")]
