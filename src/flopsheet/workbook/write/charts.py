"""Charts with their points cached, so that a viewer that does not calculate draws them too."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log

from openpyxl.chart import BarChart, LineChart, ScatterChart
from openpyxl.chart._chart import ChartBase
from openpyxl.chart.data_source import (
    AxDataSource,
    NumData,
    NumDataSource,
    NumFmt,
    NumRef,
    NumVal,
    StrData,
    StrRef,
    StrVal,
)
from openpyxl.chart.label import DataLabel, DataLabelList
from openpyxl.chart.marker import Marker
from openpyxl.chart.series import Series as ChartSeries
from openpyxl.chart.series import SeriesLabel, XYSeries
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText, Text
from openpyxl.chart.title import Title
from openpyxl.descriptors import Typed
from openpyxl.drawing.graphic import GraphicFrame
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, SpreadsheetDrawing, TwoCellAnchor
from openpyxl.drawing.text import CharacterProperties, Paragraph, ParagraphProperties, RichTextProperties
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.xml.constants import SHEET_DRAWING_NS
from openpyxl.xml.functions import Element

from flopsheet.catalog.entries import Scalar
from flopsheet.numerics import STORED
from flopsheet.workbook.model.references import coordinates
from flopsheet.workbook.model.sheet import Chart, Series
from flopsheet.workbook.model.styles import FAINT, INK, MUTED, RULE, readable_on

BELOW = "b"  # where an axis lies
CAPACITY_SIZE = 7  # points: programs draw a dash a third as high as it is wide
MOST_WRAPPED = 6  # names below columns that have room for several lines


class Drawing(SpreadsheetDrawing):
    """The charts of a sheet, each with a text for those who do not see it."""

    __elements__ = SpreadsheetDrawing.__elements__

    def __init__(self, charts: Sequence[ChartBase], descriptions: Sequence[str]) -> None:
        super().__init__()
        self.charts = list(charts)
        self.descriptions = descriptions

    def _chart_frame(self, idx: int) -> GraphicFrame:
        frame = super()._chart_frame(idx)
        frame.nvGraphicFramePr.cNvPr.descr = self.descriptions[idx - 1]
        return frame

    def _write(self) -> Element:
        """Every element in its namespace by prefix: some readers look for `xdr:` and know no other spelling."""
        tree = super()._write()
        del tree.attrib["xmlns"]
        for element in tree.iter():
            if not element.tag.startswith("{"):
                element.tag = f"{{{SHEET_DRAWING_NS}}}{element.tag}"
        return tree


def describe(chart: Chart) -> str:
    """What a chart shows, in words: its kind, its title, what is drawn and over what, with the range as built."""
    series = [one for one in chart.series if any(point is not None for point in one.points)]
    ranges = [f"{one.title} {_range(one, chart.y_format)}" for one in series[:MOST_DESCRIBED]]
    more = f" and {len(series) - MOST_DESCRIBED} more" if len(series) > MOST_DESCRIBED else ""
    over = f" by {_in_words(chart.x_points)}" if chart.x_points and isinstance(chart.x_points[0], str) else ""
    return f"{KINDS[chart.kind]}. {chart.title}{over}. As built: {'; '.join(ranges)}{more}."


def _range(series: Series, format: str) -> str:
    """From the least to the largest of a series."""
    points = [float(point) for point in series.points if point is not None]
    ends = min(points), max(points)
    texts = [f"{end:.0%}".replace("%", " %") if "%" in format else f"{end:,.4g}" for end in ends]
    return texts[0] if texts[0] == texts[1] else f"{texts[0]} to {texts[1]}"


def _in_words(names: Sequence[Scalar]) -> str:
    shown = ", ".join(map(str, names[:MOST_DESCRIBED]))
    return shown if len(names) <= MOST_DESCRIBED else f"{shown} and {len(names) - MOST_DESCRIBED} more"


def add_chart(worksheet: Worksheet, chart: Chart) -> None:
    """Draws one chart of the plan on a sheet."""
    drawn = DRAW[chart.kind](chart)
    drawn.title = Title(
        tx=Text(strRef=_texts(chart.title_ref, (chart.title,))), overlay=False, txPr=_rich(1000, bold=True)
    )
    drawn.width, drawn.height = chart.width_cm, chart.height_cm
    drawn.visible_cells_only = False  # names of points are folded, and a reader may fold what is drawn
    if sum(not series.named for series in chart.series) > 1:
        drawn.legend.position = "b"
        drawn.legend.overlay = False
    else:
        drawn.legend = None
    for axis, title in ((drawn.x_axis, chart.x_title), (drawn.y_axis, chart.y_title)):
        axis.title = title or None
        if title:
            axis.title.tx.rich.p[0].pPr = ParagraphProperties(defRPr=_letters(900))
            axis.title.overlay = False
        axis.delete = False
        axis.txPr = _rich(900)
        axis.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=RULE))
    if chart.kind == "columns" and _can_be_wrapped(chart.x_points):
        drawn.x_axis.txPr.bodyPr = RichTextProperties(rot=0, vert="horz")  # programs turn long names by themselves
    drawn.y_axis.majorGridlines.spPr = GraphicalProperties(ln=LineProperties(solidFill=FAINT))
    drawn.y_axis.number_format = chart.y_format
    drawn.y_axis.scaling.min = 0 if chart.from_zero and not chart.y_log and chart.kind != "tornado" else None
    if chart.y_most is not None:
        drawn.y_axis.scaling.max, drawn.y_axis.majorUnit = chart.y_most, chart.y_most / 5
    if chart.x_ends:
        drawn.x_axis.scaling.min, drawn.x_axis.scaling.max = chart.x_ends
    if chart.y_ends:
        drawn.y_axis.scaling.min, drawn.y_axis.scaling.max = chart.y_ends
    if chart.end:
        drawn.anchor = TwoCellAnchor(editAs="oneCell", _from=_corner(chart.anchor), to=_corner(chart.end))
        worksheet.add_chart(drawn)
    else:
        worksheet.add_chart(drawn, chart.anchor)


def _can_be_wrapped(names: Sequence[Scalar]) -> bool:
    """Whether names below columns have room for several lines and spaces to break at."""
    return len(names) <= MOST_WRAPPED and any(" " in str(name) for name in names)


def _corner(address: str) -> AnchorMarker:
    """The upper left corner of a cell."""
    row, column = coordinates(address)
    return AnchorMarker(col=column - 1, row=row - 1)


def _letters(size: int, *, bold: bool = False) -> CharacterProperties:
    return CharacterProperties(sz=size, b=bold, solidFill=INK if bold else MUTED)


def _rich(size: int, *, bold: bool = False) -> RichText:
    letters = _letters(size, bold=bold)
    paragraph = Paragraph(pPr=ParagraphProperties(defRPr=letters), endParaRPr=letters)
    paragraph.r = []  # openpyxl puts in an empty run, which Excel writes nowhere
    return RichText(p=[paragraph])


def _numbers(ref: str, points: Sequence[Scalar | None], format: str = "General") -> NumRef:
    values = [NumVal(idx=at, v=repr(float(point))) for at, point in enumerate(points) if point is not None]
    return NumRef(f=ref, numCache=NumData(formatCode=format, ptCount=len(points), pt=values))


def _texts(ref: str, points: Sequence[Scalar]) -> StrRef:
    return StrRef(
        f=ref,
        strCache=StrData(ptCount=len(points), pt=[StrVal(idx=at, v=str(point)) for at, point in enumerate(points)]),
    )


def _names(chart: Chart) -> AxDataSource:
    """The names of the points, which all series share."""
    return AxDataSource(strRef=_texts(chart.x_ref, chart.x_points))


def _bar(chart: Chart, series: Sequence[Series], format: str) -> BarChart:
    drawn, names = BarChart(), _names(chart)
    for at, one_series in enumerate(series):
        values = NumDataSource(numRef=_numbers(one_series.ref, one_series.points, format))
        one = ChartSeries(idx=at, order=at, tx=_title(one_series), val=values)
        one.cat = names
        one.spPr = GraphicalProperties(solidFill=one_series.colour)
        one.invertIfNegative = False
        drawn.series.append(one)
    return drawn


def _shares(chart: Chart) -> BarChart:
    drawn = _bar(chart, chart.series, "0.0%")
    drawn.type, drawn.grouping, drawn.overlap, drawn.gapWidth = "bar", "percentStacked", 100, 45
    for one, series in zip(drawn.series, chart.series, strict=True):
        one.dLbls = _percentages(series.colour)
    drawn.y_axis.axPos = BELOW
    drawn.x_axis.scaling.orientation = "maxMin"  # the first model on top
    drawn.y_axis.crosses = "max"
    return drawn


def _columns(chart: Chart) -> BarChart:
    """Stacked columns; series that are drawn as a line, such as a capacity, lie over them."""
    columns = [series for series in chart.series if series.draw != "line"]
    drawn = _bar(chart, columns, chart.y_format)
    drawn.type, drawn.grouping, drawn.overlap, drawn.gapWidth = "col", "stacked", 100, 70
    drawn.x_axis.axPos = BELOW
    lines, names = LineChart(), _names(chart)
    for at, series in enumerate((series for series in chart.series if series.draw == "line"), start=len(columns)):
        values = NumDataSource(numRef=_numbers(series.ref, series.points, chart.y_format))
        one = ChartSeries(idx=at, order=at, tx=_title(series), val=values)
        one.cat = names
        # Thin, and dashed between the columns: a dash as wide as a column is some 50 GiB high in LibreOffice.
        one.spPr = GraphicalProperties(ln=LineProperties(solidFill=series.colour, w=9_525, prstDash="sysDash"))
        one.marker = Marker(symbol="dash", size=CAPACITY_SIZE)
        one.marker.spPr = GraphicalProperties(solidFill=series.colour, ln=LineProperties(solidFill=series.colour))
        one.smooth = False
        lines.series.append(one)
    if lines.series:
        drawn += lines
    return drawn


def _lines(chart: Chart) -> LineChart:
    """Lines over categories: a program that saves them anew keeps the labels, and no end of an axis is fixed."""
    drawn, names = LineChart(), _names(chart)
    drawn.x_axis.axPos = BELOW
    for at, series in enumerate(chart.series):
        values = NumDataSource(numRef=_numbers(series.ref, series.points, chart.y_format))
        one = ChartSeries(idx=at, order=at, tx=_title(series), val=values)
        one.cat = names
        one.spPr = GraphicalProperties(ln=_line(series))
        one.marker = Marker(symbol="circle", size=_size(series))
        one.marker.spPr = GraphicalProperties(solidFill=series.colour, ln=LineProperties(solidFill=series.colour))
        one.smooth = False
        drawn.series.append(one)
    return drawn


def _tornado(chart: Chart) -> BarChart:
    """Bars to both sides of none, the first on top, their names at the left edge."""
    drawn = _bar(chart, chart.series, chart.y_format)
    drawn.type, drawn.grouping, drawn.overlap, drawn.gapWidth = "bar", "clustered", 100, 40
    drawn.y_axis.axPos = BELOW
    drawn.x_axis.scaling.orientation = "maxMin"
    drawn.x_axis.tickLblPos = "low"
    drawn.y_axis.crosses = "max"
    return drawn


def _scatter(chart: Chart) -> ScatterChart:
    drawn = ScatterChart()
    drawn.style, drawn.scatterStyle = 13, "lineMarker"
    drawn.x_axis.axPos = BELOW  # where openpyxl says left, other programs draw it upright
    for at, series in enumerate(chart.series):
        one = XYSeries(idx=at, order=at, tx=_title(series))
        x_ref, x_points = (series.x_ref, series.x_points) if series.x_ref else (chart.x_ref, chart.x_points)
        one.xVal = AxDataSource(numRef=_numbers(x_ref, x_points, chart.x_format))
        one.yVal = NumDataSource(numRef=_numbers(series.ref, series.points, chart.y_format))
        line = LineProperties(noFill=True) if series.draw == "marker" else _line(series)
        one.spPr = GraphicalProperties(ln=line)
        one.marker.symbol, one.marker.size = ("none", None) if series.draw == "line" else ("circle", _size(series))
        if series.draw != "line":
            one.marker.spPr = GraphicalProperties(solidFill=series.colour, ln=LineProperties(solidFill=series.colour))
        one.smooth = False
        if series.named not in {"", "unnamed"}:
            one.dLbls = _name(series)
        drawn.series.append(one)
    if chart.x_log:
        drawn.x_axis.scaling.logBase = chart.x_log
        drawn.x_axis.majorUnit = chart.x_log
        if not chart.y_log and not chart.x_ends:
            least = min(float(x) for one in chart.series for x in one.x_points or chart.x_points if x is not None)
            drawn.x_axis.scaling.min = chart.x_log ** floor(log(least, chart.x_log) + STORED)
    if chart.y_log:
        drawn.y_axis.scaling.logBase = chart.y_log
        # The axes meet at the lowest decade: at 1, where they would by themselves, nothing lies.
        drawn.x_axis.crosses = drawn.y_axis.crosses = "min"
    drawn.x_axis.number_format = chart.x_format
    drawn.x_axis.majorGridlines = None
    return drawn


def _name(series: Series) -> DataLabelList:
    """The name of a series beside its middle point."""
    shown = {"showSerName": True, "showVal": False, "showCatName": False, "showLegendKey": False, "showPercent": False}
    label = DataLabel(idx=len(series.points) // 2, dLblPos=series.named, txPr=_rich(800), showBubbleSize=False, **shown)
    return DataLabelList(dLbl=[label], **(dict.fromkeys(shown, False) | {"showBubbleSize": False}))


class _Formatted(DataLabelList):
    """Labels with a number format of their own; without sourceLinked LibreOffice takes that of the cells."""

    __elements__ = DataLabelList.__elements__
    __nested__ = tuple(name for name in DataLabelList.__nested__ if name != "numFmt")
    numFmt = Typed(expected_type=NumFmt)


def _percentages(colour: str) -> DataLabelList:
    """The share of each segment inside it, where it is wide enough for that, in what can be read on its colour."""
    letters = CharacterProperties(sz=800, solidFill=readable_on(colour))
    text = RichText(p=[Paragraph(pPr=ParagraphProperties(defRPr=letters), endParaRPr=letters)])
    text.p[0].r = []
    return _Formatted(
        numFmt=NumFmt(SHARE_INSIDE, sourceLinked=False), txPr=text, dLblPos="ctr", showVal=True,
        showSerName=False, showCatName=False, showLegendKey=False, showPercent=False, showBubbleSize=False,
    )  # fmt: skip


def _line(series: Series) -> LineProperties:
    return LineProperties(solidFill=series.colour, w=22_000)


def _size(series: Series) -> int:
    return 9 if series.draw == "marker" else 5


SHARE_INSIDE = '[>=0.055]0%;""'
MOST_DESCRIBED = 8  # series or names in an alternative text
KINDS = {
    "shares": "Stacked bars of shares",
    "columns": "Stacked columns",
    "tornado": "Bars to both sides",
    "scatter": "Lines and points",
    "lines": "Lines",
}
DRAW = {"shares": _shares, "columns": _columns, "tornado": _tornado, "scatter": _scatter, "lines": _lines}


def _title(series: Series) -> SeriesLabel:
    return SeriesLabel(strRef=_texts(series.title_ref, (series.title,)))
