"""Charts with their points cached, so that a viewer that does not calculate draws them too."""

from __future__ import annotations

from collections.abc import Sequence

from openpyxl.chart import BarChart, ScatterChart
from openpyxl.chart.data_source import AxDataSource, NumData, NumDataSource, NumRef, NumVal, StrData, StrRef, StrVal
from openpyxl.chart.series import Series as ChartSeries
from openpyxl.chart.series import SeriesLabel, XYSeries
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText, Text
from openpyxl.chart.title import Title
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.text import CharacterProperties, Paragraph, ParagraphProperties
from openpyxl.worksheet.worksheet import Worksheet

from flopsheet.workbook.model import Chart, Scalar, Series
from flopsheet.workbook.styles import INK, MUTED, RULE


def add_chart(worksheet: Worksheet, chart: Chart) -> None:
    """Draws one chart of the plan on a sheet."""
    drawn = _stacked(chart) if chart.kind == "stacked" else _line(chart)
    drawn.title = Title(
        tx=Text(strRef=_texts(chart.title_ref, (chart.title,))), overlay=False, txPr=_rich(1000, bold=True)
    )
    drawn.width, drawn.height = chart.width_cm, chart.height_cm
    drawn.legend.position = "b"
    drawn.legend.overlay = False
    for axis, title in ((drawn.x_axis, chart.x_title), (drawn.y_axis, chart.y_title)):
        axis.title = title
        axis.title.tx.rich.p[0].pPr = ParagraphProperties(defRPr=_letters(900))
        axis.title.overlay = False
        axis.delete = False
        axis.txPr = _rich(900)
        axis.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=RULE))
    drawn.y_axis.majorGridlines.spPr = GraphicalProperties(ln=LineProperties(solidFill="E5E9ED"))
    drawn.y_axis.number_format = chart.y_format
    drawn.y_axis.scaling.min, drawn.y_axis.scaling.max = 0, 1
    drawn.y_axis.majorUnit = 0.2
    worksheet.add_chart(drawn, chart.anchor)


def _letters(size: int, *, bold: bool = False) -> CharacterProperties:
    return CharacterProperties(sz=size, b=bold, solidFill=INK if bold else MUTED)


def _rich(size: int, *, bold: bool = False) -> RichText:
    letters = _letters(size, bold=bold)
    return RichText(p=[Paragraph(pPr=ParagraphProperties(defRPr=letters), endParaRPr=letters)])


def _numbers(ref: str, points: Sequence[Scalar], format: str = "General") -> NumRef:
    values = [NumVal(idx=at, v=repr(float(point))) for at, point in enumerate(points)]
    return NumRef(f=ref, numCache=NumData(formatCode=format, ptCount=len(points), pt=values))


def _texts(ref: str, points: Sequence[Scalar]) -> StrRef:
    return StrRef(
        f=ref,
        strCache=StrData(ptCount=len(points), pt=[StrVal(idx=at, v=str(point)) for at, point in enumerate(points)]),
    )


def _stacked(chart: Chart) -> BarChart:
    drawn = BarChart()
    drawn.type, drawn.grouping, drawn.overlap, drawn.gapWidth = "bar", "percentStacked", 100, 45
    for at, series in enumerate(chart.series):
        one = ChartSeries(
            idx=at, order=at, tx=_title(series), val=NumDataSource(numRef=_numbers(series.ref, series.points, "0.0%"))
        )
        one.cat = AxDataSource(strRef=_texts(chart.x_ref, chart.x_points))
        one.spPr = GraphicalProperties(solidFill=series.colour)
        one.invertIfNegative = False
        drawn.series.append(one)
    drawn.x_axis.scaling.orientation = "maxMin"  # the first model on top
    drawn.y_axis.crosses = "max"
    return drawn


def _line(chart: Chart) -> ScatterChart:
    drawn = ScatterChart()
    drawn.style, drawn.scatterStyle = 13, "lineMarker"
    for at, series in enumerate(chart.series):
        one = XYSeries(idx=at, order=at, tx=_title(series))
        one.xVal = AxDataSource(numRef=_numbers(chart.x_ref, chart.x_points, "#,##0"))
        one.yVal = NumDataSource(numRef=_numbers(series.ref, series.points, "0.0%"))
        one.spPr = GraphicalProperties(ln=LineProperties(solidFill=series.colour, w=22_000))
        one.marker.symbol, one.marker.size = "circle", 5
        one.marker.spPr = GraphicalProperties(solidFill=series.colour, ln=LineProperties(solidFill=series.colour))
        one.smooth = False
        drawn.series.append(one)
    drawn.x_axis.scaling.logBase = 2
    drawn.x_axis.majorUnit = 2
    drawn.x_axis.scaling.min = min(float(point) for point in chart.x_points)
    drawn.x_axis.number_format = "#,##0"
    drawn.x_axis.majorGridlines = None
    return drawn


def _title(series: Series) -> SeriesLabel:
    return SeriesLabel(strRef=_texts(series.title_ref, (series.title,)))
