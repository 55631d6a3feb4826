"""Figures to bytes: the same facts give the same PNG and SVG, byte for byte."""

import re
import warnings
from collections.abc import Callable
from io import BytesIO
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#1d2733"
MUTED = "#55606e"
LINE = "#d9dee5"
PALE = "#b9c3ce"
ACCENT = "#0b5cad"
WARM = "#b4500f"

_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "fabmarket",
    "svg.fonttype": "none",  # text stays text: searchable, readable aloud
    "text.parse_math": False,  # a name may hold a dollar sign
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#eceff3",
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "figure.facecolor": "white",
}


def sheet(width: float, height: float) -> "Figure":
    """An empty figure, sizes in inches. Only what is drawn loads matplotlib."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow

    return Figure(figsize=(width, height), layout="constrained")


def render(draw: Callable[[], "Figure"]) -> tuple[bytes, bytes]:
    """Run `draw` under the house style; the figure as (PNG, SVG)."""
    import matplotlib as mpl  # noqa: PLC0415 - slow

    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()  # a user's matplotlibrc must not change a report
        mpl.rcParams.update(_STYLE)
        # A name in a script the bundled font lacks is a box in the PNG and right in the SVG.
        warnings.filterwarnings("ignore", message=r"(?s).*Glyph .* missing")
        figure = draw()
        png, svg = BytesIO(), BytesIO()
        figure.savefig(png, format="png", dpi=144, metadata={"Software": None})
        figure.savefig(
            svg,
            format="svg",
            metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
        )
    return png.getvalue(), svg.getvalue()


def inline(svg: bytes, name: str, description: str) -> Markup:
    """An SVG file as an element of an HTML page.

    Namespaces and the fixed size go (HTML needs neither), identifiers are prefixed with `name` so
    that several figures can share a page, and `description` becomes what a screen reader says.
    """
    text = svg.decode()
    head, _, body = text[text.index("<svg") :].partition(">")
    view = re.search(r'viewBox="[^"]*"', head)
    body = re.sub(r"<[^>]+>", lambda tag: _prefixed(tag.group(), name), body)
    label = escape(description)
    return Markup(  # noqa: S704 (matplotlib escapes the text it draws; the label is escaped here)
        f'<svg {view.group() if view else ""} role="img" aria-label="{label}">{body}'
    )


def _prefixed(tag: str, name: str) -> str:
    """One tag with every identifier it defines or refers to put under `name`."""
    tag = re.sub(r'(\bid="|href="#)', rf"\g<1>{name}-", tag)
    return tag.replace("url(#", f"url(#{name}-")
