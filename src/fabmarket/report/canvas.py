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
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6b4ca0")
"""They stay apart for every kind of sight (Okabe and Ito, 2008)."""

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


def label(name: str, size: int = 26) -> str:
    """A name for a picture: printable, one line, short."""
    text = "".join(letter if letter.isprintable() else " " for letter in name)
    return text if len(text) <= size else text[: size - 1] + "…"


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


def inline(svg: bytes, name: str, description: str, *, keeps_size: bool = False) -> Markup:
    """An SVG file as an element of an HTML page.

    Namespaces go (HTML needs none), and so does the fixed size unless the page `keeps_size`;
    identifiers are prefixed with `name` so that several figures can share a page, and `description`
    becomes what a screen reader says.
    """
    text = svg.decode()
    head, _, body = text[text.index("<svg") :].partition(">")
    wanted = r'(?:viewBox|width|height)="[^"]*"' if keeps_size else r'viewBox="[^"]*"'
    shape = " ".join(re.findall(wanted, head))
    body = re.sub(r"<[^>]+>", lambda tag: _prefixed(tag.group(), name), body)
    label = escape(description)
    return Markup(  # noqa: S704 (matplotlib escapes the text it draws; the label is escaped here)
        f'<svg {shape} role="img" aria-label="{label}">{body}'
    )


def _prefixed(tag: str, name: str) -> str:
    """One tag with every identifier it defines or refers to put under `name`."""
    tag = re.sub(r'(\bid="|href="#)', rf"\g<1>{name}-", tag)
    return tag.replace("url(#", f"url(#{name}-")
