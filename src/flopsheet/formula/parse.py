"""Text → nodes: Python's own grammar reads it, and what is not in our language is refused with a caret."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Mapping
from itertools import zip_longest
from keyword import iskeyword

from flopsheet import diagnostics
from flopsheet.diagnostics import FormulaError, Place
from flopsheet.formula.nodes import Aggregate, Call, Name, Negative, Node, Number, Operation, Text
from flopsheet.formula.operators import OPERATORS
from flopsheet.formula.vocabulary import AGGREGATES, FUNCTIONS, MATCH, MOST_DIGITS, WORDS
from flopsheet.numerics import LARGEST_NUMBER, SMALLEST_NUMBER
from flopsheet.quantities import BINARY, LARGE
from flopsheet.quantities import KINDS as QUANTITIES

MAX_LENGTH = 2_000
MAX_DEPTH = 50  # Excel allows 64 levels; the rest is for what the catalogue wraps around a formula

SYMBOL_OF = {row.python: row.symbol for row in OPERATORS.values() if row.python is not None}

# What Python reads and we refuse: operators as they are written, other syntax in words.
SYMBOLS = {
    "Mod": "%",
    "FloorDiv": "//",
    "BitAnd": "&",
    "BitOr": "|",
    "LShift": "<<",
    "RShift": ">>",
    "MatMult": "@",
    "Invert": "~",
    "Not": "not",
    "And": "and",
    "Or": "or",
    "Is": "is",
    "IsNot": "is not",
    "In": "in",
    "NotIn": "not in",
}
KINDS = {
    "Attribute": "a dot",
    "Subscript": "an index",
    "IfExp": "if … else",
    "NamedExpr": "':='",
    "Starred": "'*' before a name",
    "Lambda": "lambda",
    "Tuple": "a list",
    "List": "a list",
    "Set": "a list",
    "Dict": "a mapping",
}

REWRITTEN = str.maketrans({"^": "**", "\n": " ", "\t": " "})
BRACKETS = "[()#]"
ARM_COLONS = rf"(\b{MATCH}\s*)?[(\[{{]|[)\]}}]|:(?!=)"
# Functions of spreadsheets and programs, and how they are written here.
FOREIGN = {
    "round": "write floor(x + 0.5)",
    "int": "write floor(x)",
    "sqrt": "write x ^ 0.5",
    "pow": "write a ^ b",
    "power": "write a ^ b",
    "if": "write where(condition, a, b)",
    "iif": "write where(condition, a, b)",
    "roundup": "write ceil(x)",
    "rounddown": "write floor(x)",
    "mod": "write a - b * floor(a / b)",
    "avg": "divide a sum by a count",
    "mean": "divide a sum by a count",
    "average": "divide a sum by a count",
}
# Operators of other languages, and how they are written here.
OTHERWISE = {
    "%": "write a - b * floor(a / b) for the remainder of a division",
    "//": "write floor(a / b)",
    "and": "nest where(condition, a, b)",
    "or": "nest where(condition, a, b)",
    "not": "reverse the comparison",
}
# Patterns of mistakes, compiled where one is made.
IF = r"\bif\s*\("
ASSIGNED = r"(?<![<>=!])=(?!=)"

# A number with a suffix, which stands alone or not at all: in a formula nothing tells whether B is billions or bytes.
SUFFIXES = (*LARGE, *BINARY, *(suffix for kind in QUANTITIES for suffix in kind.suffixes))
SUFFIXED = rf"(?<![\w.])[0-9]+(?:\.[0-9]+)?(?:{'|'.join(sorted(SUFFIXES, key=len, reverse=True))})\b"
# An operand right after another one, as in 4d_model or 4 x d_model.
ADJACENT = (
    r"(?:(?<![\w.])[0-9]+(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?|(?<![\w.])[A-Za-z_]\w*\s|\))"
    r"\s*([A-Za-z_]\w*|(?<=[\s)])[0-9]+)"
)

Refuse = Callable[..., FormulaError]


def parse(text: str, place: Place | None = None, path: str = "", functions: Mapping[str, int] | None = None) -> Node:
    """The formula as nodes; FormulaError with a caret where the text leaves the language.

    `place` is where the text stands in a file, `path` what it belongs to; both only serve the message. `functions` are
    known besides those of the language, each with its number of arguments.
    """
    if is_name(text):  # as most values of a sentence are: Python's grammar need not be asked
        return Name(text)

    def refuse(fact: str, remedy: str = "", column: int = 0, width: int = 1) -> FormulaError:
        finding = diagnostics.out_of_language(fact, remedy)
        return FormulaError(diagnostics.formula_syntax(text, finding, column, width, place, path))

    if len(text) > MAX_LENGTH:
        raise refuse(f"a formula of {len(text):,} characters", f"split it; at most {MAX_LENGTH:,} are allowed")
    for column, letter in enumerate(text if not (text.isascii() and text.isprintable()) else ""):
        if not (letter.isascii() and (letter.isprintable() or letter in "\n\t")):
            remedy = "write it with ASCII letters, digits and operators"
            raise refuse(f"{letter!r} is not part of a formula", remedy, column)
    if not text.strip():
        raise refuse("an empty formula", "write a number, a name or an expression")
    if text.startswith("="):
        raise refuse("a formula does not begin with '='", "remove it")
    digits = diagnostics.spelled_out(text.strip())
    if digits and digits != text.strip():
        raise refuse(f"'{text.strip()}' is not a plain number", f"write {digits}", 0, len(text))
    return _Parser(text, refuse, functions or {}).parse()


def is_name(text: str) -> bool:
    """Whether a text is a name and nothing else; a word of Python such as `if` is none."""
    return text.isascii() and text.isidentifier() and not iskeyword(text) and len(text) <= MAX_LENGTH


class _Parser:
    """Holds the text beside Python's tree, since carets need both."""

    def __init__(self, text: str, refuse: Refuse, functions: Mapping[str, int]) -> None:
        self.text = text
        self.refuse = refuse
        self.functions = FUNCTIONS | WORDS | {name: (count, count) for name, count in functions.items()}
        # `^` is Python's exclusive or, with another precedence: the power is spelled `**` before Python reads it. Line
        # breaks become spaces, brackets keep a leading blank from reading as an indentation.
        self.python, self.colons = with_arms_as_arguments(f"({text.translate(REWRITTEN)})")

    def parse(self) -> Node:
        self.check_brackets()
        try:
            with warnings.catch_warnings(action="ignore"):  # of `1or 2`, which is refused below anyway
                tree = ast.parse(self.python, mode="eval")
        except SyntaxError as error:
            if found := re.search(SUFFIXED, self.text):
                fact = f"'{found[0]}' is not a number in an expression"
                raise self.refuse(
                    fact, f"write {diagnostics.spelled_out(found[0])}", found.start(), len(found[0])
                ) from None
            if missing := re.search(ADJACENT, self.text):
                fact, remedy = f"an operator is missing before '{missing[1]}'", "write * to multiply"
                raise self.refuse(fact, remedy, missing.start(1), len(missing[1])) from None
            if found := re.search(IF, self.text):
                raise self.refuse("unknown function 'if'", FOREIGN["if"], found.start(), 2) from None
            if found := re.search(ASSIGNED, self.text):
                raise self.refuse("'=' is not a comparison", "write == to compare", found.start()) from None
            column = self.column((error.offset or 1) - 1)
            if self.text[column : column + 1] == ":":
                raise self.refuse(
                    "':' is only part of match(…)", "write match(input, choice: value, …)", column
                ) from None
            raise self.refuse("this is not an expression", "check brackets, operators and commas", column) from None
        except (ValueError, MemoryError, RecursionError):
            raise self.refuse("this is not an expression", "make it shorter") from None
        return self.convert(tree.body, 1)

    def check_brackets(self) -> None:
        """Refuses what would close the brackets that we put around the text, and depth beyond any use."""
        opened: list[int] = []
        for sign in re.finditer(BRACKETS, self.text):
            letter, column = sign[0], sign.start()
            if letter == "(":
                opened.append(column)
            if letter == ")" and not opened:
                raise self.refuse("this bracket has no opening bracket", "remove it", column)
            if letter == ")":
                opened.pop()
            if len(opened) > MAX_DEPTH:
                raise self.refuse(f"more than {MAX_DEPTH} brackets deep", "split the formula", column)
            if letter == "#":
                raise self.refuse("'#' is not part of a formula", "remove it", column)
        if opened:
            raise self.refuse("a bracket is not closed", "add ')'", opened[-1])

    def column(self, offset: int) -> int:
        """Where the author wrote what stands at an offset of the rewritten text."""
        columns = [0]
        for column, letter in enumerate(self.text):
            columns += [column] * (2 if letter == "^" else 1)
        columns += [len(self.text)] * 2
        return columns[max(0, min(offset, len(columns) - 1))]

    def no(self, node: ast.expr | ast.keyword, fact: str, remedy: str = "") -> FormulaError:
        start = self.column(node.col_offset)
        end = self.column((node.end_col_offset or node.col_offset + 1) - 1) + 1
        return self.refuse(fact, remedy, start, max(1, end - start))

    def convert(self, node: ast.expr, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self.no(node, f"more than {MAX_DEPTH} levels deep", "split the formula")
        match node:
            case ast.Constant(value):
                return self.convert_number(node, value)
            case ast.Name(name):
                return Name(name)
            case ast.UnaryOp(ast.USub(), operand):
                return Negative(self.convert_operand(node, operand, depth))
            case ast.BinOp(left, symbol, right) if type(symbol) in SYMBOL_OF:
                return Operation(SYMBOL_OF[type(symbol)], self.convert(left, depth + 1), self.convert(right, depth + 1))
            case ast.Compare(left, [symbol], [right]) if type(symbol) in SYMBOL_OF:
                return Operation(SYMBOL_OF[type(symbol)], self.convert(left, depth + 1), self.convert(right, depth + 1))
            case ast.Compare(_, [_, _, *_]):
                raise self.no(node, "a chain of comparisons", "compare two values; nest where(…) for more")
            case ast.Call(ast.Name(function), arguments, []) if function == MATCH:
                return self.convert_match(node, arguments, depth)
            case ast.Call(ast.Name(function), _, [ast.keyword(arg=str(choice)) as arm, *_]) if function == MATCH:
                raise self.no(arm, "an arm of match(…) with '='", f"write {choice}: value")
            case ast.Call(ast.Name(function), arguments, []):
                return self.convert_call(node, function, arguments, depth)
            case _:
                remedy = OTHERWISE.get(_operator(node), "use + - * / ^ and functions")
                raise self.no(node, f"{_described(node)} is not part of the language", remedy)

    def convert_number(self, node: ast.Constant, value: object) -> Number:
        written = self.python[node.col_offset : node.end_col_offset]
        if isinstance(value, bool) or not isinstance(value, int | float) or written[-1] not in "0123456789.":
            raise self.no(node, f"{_described(node)} is not part of the language", "use numbers and names")
        if "_" in written or written[:2].lower() in {"0x", "0o", "0b"}:
            raise self.no(node, f"'{written}' is not a plain number", "write decimal digits, such as 1000 or 1e3")
        number = float(written)
        is_zero = not written.lower().partition("e")[0].strip("0.")
        if not is_zero and not SMALLEST_NUMBER <= number <= LARGEST_NUMBER:
            problem = diagnostics.not_a_cell_number(None, "", written)
            raise self.no(node, problem.fact, problem.remedy)
        if float(f"{number:.{MOST_DIGITS}g}") != number:
            fact = f"the number has more digits than the {MOST_DIGITS} that a spreadsheet reads"
            raise self.no(node, fact, f"write {number:.{MOST_DIGITS}g}")
        return Number(number)

    def convert_operand(self, minus: ast.UnaryOp, operand: ast.expr, depth: int) -> Node:
        between = self.python[minus.col_offset + 1 : operand.col_offset]
        if isinstance(operand, ast.BinOp) and isinstance(operand.op, ast.Pow) and "(" not in between:
            # Python and mathematics read -(2^2), every spreadsheet reads (-2)^2.
            raise self.no(minus, "a minus before a power means two things", "write -(a^b) or (-a)^b")
        return self.convert(operand, depth + 1)

    def convert_call(self, node: ast.Call, function: str, arguments: list[ast.expr], depth: int) -> Node:
        if function in AGGREGATES:
            self.check_count(node, function, len(arguments), (AGGREGATES[function], AGGREGATES[function]))
            for argument in arguments:
                if not isinstance(argument, ast.Name):
                    raise self.no(argument, f"{function}(…) takes names", "make the argument a metric of its own")
            return Aggregate(function, tuple(argument.id for argument in arguments if isinstance(argument, ast.Name)))
        if function not in self.functions:
            known = sorted({*self.functions, *AGGREGATES, MATCH})
            near = diagnostics.nearest(function, known)
            remedy = f"did you mean '{near}'?" if near else f"known: {', '.join(known)}"
            remedy = FOREIGN.get(function.casefold(), remedy)
            raise self.no(node.func, f"unknown function '{function}'", remedy)
        self.check_count(node, function, len(arguments), self.functions[function])
        return Call(function, tuple(self.convert(argument, depth + 1) for argument in arguments))

    def convert_match(self, node: ast.Call, arguments: list[ast.expr], depth: int) -> Call:
        """`match(input, a: x, b | c: y)` as a call of the input, a, x, b, y, c, y."""
        if not arguments or not isinstance(arguments[0], ast.Name):
            at = arguments[0] if arguments else node
            raise self.no(at, "match(…) looks up an input first", "write match(input, choice: value, …)")
        if len(arguments) == 1:
            raise self.no(node, "match(…) without an arm", f"write match({arguments[0].id}, choice: value, …)")
        converted: list[Node] = [Name(arguments[0].id)]
        for arm, value in zip_longest(arguments[1::2], arguments[2::2]):
            end = arm.end_col_offset or 0
            if not any(end <= colon and (value is None or colon < value.col_offset) for colon in self.colons):
                raise self.no(arm, "an arm of match(…) without ':'", "write choice: value")
            if value is None:
                raise self.no(arm, "an arm of match(…) without a value", "write choice: value")
            result = self.convert(value, depth + 1)
            for choice in self.choices(arm):
                converted += (choice, result)
        return Call(MATCH, tuple(converted))

    def choices(self, node: ast.expr) -> list[Text | Number]:
        """The choices of an arm: `fp32`, or several as `fp8 | int8`."""
        match node:
            case ast.Name(choice):
                return [Text(choice)]
            case ast.Constant(value):
                return [self.convert_number(node, value)]
            case ast.BinOp(left, ast.BitOr(), right):
                return [*self.choices(left), *self.choices(right)]
        raise self.no(node, "an arm of match(…) begins with a choice", "write choice: value, or a | b: value")

    def check_count(self, node: ast.Call, function: str, count: int, allowed: tuple[int, int]) -> None:
        least, most = allowed
        if not least <= count <= most:
            wanted = str(least) if least == most else f"{least} to {most}"
            plural = "" if count == 1 else "s"
            raise self.no(node, f"{function}(…) with {count} argument{plural}", f"it takes {wanted}")


def with_arms_as_arguments(text: str) -> tuple[str, list[int]]:
    """The text with a comma for the colon of each arm of `match(…)`, so that Python reads a call; and where they stand.

    Nothing moves, so that what is refused later has its column.
    """
    colons: list[int] = []
    is_match: list[bool] = []
    for sign in re.finditer(ARM_COLONS, text):
        if sign[0] == ":" and is_match and is_match[-1]:
            colons.append(sign.start())
        elif sign[0][-1] in "([{":
            is_match.append(sign[1] is not None and sign[0][-1] == "(")
        elif sign[0] != ":" and is_match:
            is_match.pop()
    letters = list(text)
    for colon in colons:
        letters[colon] = ","
    return "".join(letters), colons


def _operator(node: ast.expr) -> str:
    """An operator as it is written; empty where the node is none."""
    match node:
        case ast.BinOp(op=symbol) | ast.UnaryOp(op=symbol) | ast.BoolOp(op=symbol) | ast.Compare(ops=[symbol]):
            return SYMBOLS.get(type(symbol).__name__, "")
    return ""


def _described(node: ast.expr) -> str:
    """What Python calls this piece of syntax, in words."""
    match node:
        case ast.Constant(bool() | None as word):
            return f"'{word}'"
        case ast.Constant(str() | bytes()) | ast.JoinedStr():
            return "a text"
        case ast.Constant(complex()):
            return "an imaginary number"
        case ast.Constant():
            return "'...'"
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return "a loop"
        case ast.UnaryOp(ast.UAdd()):
            return "a plus sign before a value"
        case ast.BinOp() | ast.UnaryOp() | ast.BoolOp() | ast.Compare(ops=[_]):
            return f"the operator '{_operator(node)}'"
        case ast.Call():
            return "this kind of call"
    kind = type(node).__name__
    return KINDS.get(kind, kind.lower())
