"""Charts as SVG, drawn by the server: nothing to load, and every figure stands in a table too."""

from fabmarket.api.pages.charts.axes import Axis
from fabmarket.api.pages.charts.bars import Bar, bars
from fabmarket.api.pages.charts.gantt import Gantt, Job, Lane, gantt
from fabmarket.api.pages.charts.lines import Mark, Series, lines
from fabmarket.api.pages.charts.svg import Chart

__all__ = [
    "Axis",
    "Bar",
    "Chart",
    "Gantt",
    "Job",
    "Lane",
    "Mark",
    "Series",
    "bars",
    "gantt",
    "lines",
]
