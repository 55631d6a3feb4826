"""Elements of SVG, escaped, and the picture that they make with its words and its figures."""

from dataclasses import dataclass

from markupsafe import Markup, escape

from fabmarket.report.wording import escaped

_LETTER = 6.4
"""Pixels of a letter at the size that charts write in, on the average."""


@dataclass(frozen=True)
class Chart:
    """A picture at two widths, for desk and phone, and the table that says the same.

    `told` is what the picture shows, in a sentence, for whoever does not see it. Cells are texts;
    the first of a row names it.
    """

    title: str
    told: str
    wide: Markup
    narrow: Markup
    columns: tuple[str, ...]
    rows: tuple[tuple[Markup | str, ...], ...]


def element(name: str, *inside: Markup | str, **attributes: str | float | None) -> Markup:
    """Return an element; `_` in a name is a hyphen, one at its end is dropped, None leaves it out.

    Texts are escaped, and what hides or turns letters in them is spelt out.

    >>> str(element("text", "a < b", x=1.25, text_anchor="end", class_="tick"))
    '<text x="1.2" text-anchor="end" class="tick">a &lt; b</text>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    body = "".join(_value(each) for each in inside)
    return Markup(f"<{name}{written}>{body}</{name}>")  # noqa: S704 (all parts are escaped)


def picture(
    title: str, told: str, width: float, height: float, *inside: Markup, role: str = "img"
) -> Markup:
    """Return a whole SVG: one image to a screen reader, or a group if it holds links."""
    return element(
        "svg",
        *inside,
        viewBox=f"0 0 {_value(width)} {_value(height)}",
        width=width,
        height=height,
        role=role,
        aria_label=f"{title}. {told}",
    )


def text_width(text: str) -> float:
    """Return how wide a text is, in pixels, about."""
    return _LETTER * len(text)


def cut(text: str, room: float) -> str:
    """Return the text, shortened to so many pixels."""
    most = max(1, int(room / _LETTER))
    return text if len(text) <= most else text[: most - 1] + "…"


def _value(value: str | float) -> str:
    if isinstance(value, Markup):
        return str(value)
    if isinstance(value, str):
        return str(escape(escaped(value)))
    return f"{round(value, 1):g}" if abs(value) < 1e6 else f"{value:.0f}"
