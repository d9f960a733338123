"""What each kind of cell looks like: one calm set of fonts, fills and borders, used by meaning."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeAlias, cast, get_args

from flopsheet.records import frozen

FONT = "Calibri"
INK, MUTED, RULE, BAND, FAINT = "1F2933", "66727F", "C9D1D9", "EEF2F6", "E5E9ED"
NAVY, AMBER = "1F3A5F", "8A5A00"
NAME_INDENT = 2  # steps by which a name stands off the last value in front of it

# Colours that stay apart for colour-blind eyes (Okabe and Ito); one component, one colour, on every chart.
PALETTE = ("0072B2", "56B4E9", "E69F00", "009E73", "CC79A7", "D55E00", "F0E442", "999999")
MANY = (*PALETTE, NAVY, AMBER)  # where a chart may have more series than that
COLOURS = {
    "share_ffn": "0072B2",
    "share_attention_projections": "56B4E9",
    "share_attention_scores": "E69F00",
    "share_lm_head": "009E73",
    "share_mixers": "CC79A7",
    "share_index_scores": "D55E00",
    "share_non_matmul": "999999",
}

# The colour of a sheet's tab, by what the sheet is for.
TABS = {
    "summary": NAVY,
    "inputs": "C9A400",
    "results": PALETTE[0],
    "what-if": PALETTE[2],
    "checks": PALETTE[3],
    "runs": PALETTE[4],
    "reference": "7F7F7F",
}


def contrast(one: str, other: str) -> float:
    """The ratio of the luminances of two colours, as WCAG 2.1 defines it: 1 to 21."""
    darker, lighter = sorted(map(_luminance, (one, other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    shares = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def readable_on(colour: str) -> str:
    """White or black, whichever can be read on a colour."""
    return max(("FFFFFF", "000000"), key=lambda letters: contrast(letters, colour))


@frozen
class Style:
    colour: str = INK
    bold: bool = False
    italic: bool = False
    size: float = 10
    fill: str = ""
    align: str = ""  # left, right, center
    low: bool = False
    """At the bottom of a row that is higher than it."""
    wrap: bool = False
    indent: int = 0
    top: str = ""  # colour of a thin rule
    bottom: str = ""
    unlocked: bool = False
    underline: bool = False
    mono: bool = False
    shrink: bool = False
    """As small as its column needs; it makes none wider."""


StyleName: TypeAlias = Literal[
    "text", "wrapped", "title", "subtitle", "section", "figure", "figure_centred", "muted", "lead", "block",
    "block_right", "band", "header", "header_left", "header_wrapped", "header_centred", "above_unit",
    "above_unit_centred", "above_unit_left", "label", "label_subtotal",
    "label_total", "name", "was", "aside", "unit_right", "unit_link", "unit_link_centred", "sentence", "unit",
    "maths", "note", "calc", "subtotal", "total", "linked", "linked_left", "linked_centred", "input", "input_legend",
    "as_built", "code", "link", "verdict", "good", "bad", "hint", "grew", "shrank", "changed", "header_folded",
    "calc_folded", "linked_folded", "input_folded", "as_built_folded", "name_subtotal", "name_total", "unit_subtotal",
    "unit_total", "maths_subtotal", "maths_total", "note_subtotal", "note_total", "fits", "lacks", "chosen",
    "fitted_label", "fitted_calc", "fitted_linked", "fitted_input",
]  # fmt: skip
# What a condition may change besides: how a number is written, or a thin line below the cell.
Written: TypeAlias = Literal["hairline", "decimals", "whole T", "whole B", "whole TB", "whole GB"]
NAMES = frozenset(get_args(StyleName))
STYLES: dict[StyleName, Style] = {
    "text": Style(align="left"),
    "wrapped": Style(align="left", wrap=True),
    "title": Style(NAVY, bold=True, size=16, align="left"),
    "subtitle": Style(MUTED, size=10, align="left"),
    "section": Style(NAVY, bold=True, size=12, align="left", low=True),
    "figure": Style("000000", align="right"),
    "figure_centred": Style("000000", align="center"),
    "muted": Style(MUTED, align="left"),
    "lead": Style(bold=True, size=11, align="left"),
    "block": Style("FFFFFF", bold=True, size=11, fill=NAVY, align="left"),
    "block_right": Style("FFFFFF", bold=True, size=11, fill=NAVY, align="right", wrap=True),
    "band": Style(NAVY, bold=True, fill=BAND, align="left"),
    "header": Style(NAVY, bold=True, align="right", bottom=RULE),
    "header_left": Style(NAVY, bold=True, align="left", bottom=RULE),
    "header_wrapped": Style(NAVY, bold=True, align="right", wrap=True, bottom=RULE),
    "header_centred": Style(NAVY, bold=True, align="center", bottom=RULE),
    "above_unit": Style(NAVY, bold=True, align="right", wrap=True, low=True),
    "above_unit_centred": Style(NAVY, bold=True, align="center", wrap=True, low=True),
    "above_unit_left": Style(NAVY, bold=True, align="left", low=True),
    "label": Style(align="left", indent=1),
    "label_subtotal": Style(bold=True, align="left", indent=1, top=RULE),
    "label_total": Style(bold=True, align="left", top=INK),
    "name": Style(MUTED, size=9, align="left", indent=NAME_INDENT),
    "was": Style(AMBER, size=9, align="right"),
    "aside": Style(MUTED, size=9, align="left", indent=1),
    "unit_right": Style(MUTED, size=9, align="right"),
    "unit_link": Style(MUTED, size=9, align="right", underline=True, bottom=RULE),
    "unit_link_centred": Style(MUTED, size=9, align="center", underline=True, bottom=RULE),
    "sentence": Style(align="left", indent=2),
    "unit": Style(MUTED, size=9, align="left"),
    "maths": Style(MUTED, size=9, align="left"),
    "note": Style(MUTED, size=9, align="left"),
    "calc": Style("000000", align="right"),
    "subtotal": Style("000000", bold=True, align="right", top=RULE),
    "total": Style("000000", bold=True, align="right", top=INK),
    "linked": Style("2E7D32", align="right"),
    "linked_left": Style("2E7D32", align="left"),
    "linked_centred": Style("2E7D32", align="center"),
    "input": Style("0000FF", fill="FFFBE0", align="right", bottom=RULE, unlocked=True),
    "input_legend": Style("0000FF", fill="FFFBE0", align="right", bottom=RULE),
    "as_built": Style(MUTED, size=9, align="right"),
    "code": Style(size=9, align="left", mono=True),
    "link": Style("1155CC", underline=True, align="left"),
    "verdict": Style("000000", align="center"),
    # How a cell looks while a condition holds.
    "good": Style("1B5E20", fill="E2F2E4"),
    "bad": Style("9B1C1C", bold=True, fill="FBE3E1"),
    "fits": Style("1B5E20", fill="E2F2E4"),
    "lacks": Style("9B1C1C", bold=True, fill="FBE3E1"),
    "hint": Style(AMBER, fill="FFF0CC"),
    "chosen": Style(bold=True),
    "grew": Style(AMBER),
    "shrank": Style("1B5E20"),
    "changed": Style("0000FF", bold=True, fill="FFD9A8"),
}

# The number format of a cell while a condition holds, of a style above or of one that changes nothing else: a mark for
# those who don't see its colour, and numbers as people write them.
SHOWN: dict[StyleName | Written, str] = {
    "fits": ';;;"✔ "@',
    "lacks": ';;;"✘ "@',
    "decimals": "#,##0.0#######",
    "whole T": '#,##0,,,," T"',
    "whole B": '#,##0,,," B"',
    "whole TB": '#,##0,,,," TB"',
    "whole GB": '#,##0,,," GB"',
}


def varied(style: StyleName, how: str) -> StyleName:
    """The name of a style in a variant: folded, or as that of a subtotal or total."""
    return _named(f"{style}_{how}" if how else style)


def _named(name: str) -> StyleName:
    assert name in NAMES, f"no style is called {name}"
    return cast(StyleName, name)


# Texts in a column of values that go over several lines.
FOLDED = "folded"
FOLDING: tuple[StyleName, ...] = ("header", "calc", "linked", "input", "as_built")
RULED: tuple[StyleName, ...] = ("name", "unit", "maths", "note")
HEADERS = frozenset({"header", f"header_{FOLDED}"})  # names above columns of values
STYLES |= {varied(kind, FOLDED): replace(STYLES[kind], wrap=True) for kind in FOLDING}

# Texts and values that make their column no wider.
FITTED: tuple[StyleName, ...] = ("label", "calc", "linked", "input")
STYLES |= {_named(f"fitted_{kind}"): replace(STYLES[kind], shrink=True) for kind in FITTED}

# The rule above a subtotal or total goes from its label to its last number.
RULES = {"subtotal": RULE, "total": INK}
STYLES |= {varied(kind, level): replace(STYLES[kind], top=colour) for kind in RULED for level, colour in RULES.items()}
# Those of which an empty cell shows nothing: the file does without it.
UNSEEN = frozenset(name for name, look in STYLES.items() if not (look.fill or look.top or look.bottom or look.unlocked))
