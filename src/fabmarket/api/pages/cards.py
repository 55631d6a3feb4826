"""Tables that are wider than a phone: each cell says its column, so that a row can be a card.

The style sheet shows it so below a width; there every figure is in sight without scrolling aside.
"""

import re
from html import unescape

from markupsafe import escape

_FEW = 3
"""Columns that a phone has room for."""
_TABLE = re.compile(r"<table>(.*?)</table>", re.DOTALL)
_HEAD = re.compile(r"<thead>.*?</thead>", re.DOTALL)
_TITLE = re.compile(r"<th\b[^>]*>(.*?)</th>", re.DOTALL)
_ROW = re.compile(r"<tr\b.*?</tr>", re.DOTALL)
_CELL = re.compile(r"<t[dh]\b")
_TAG = re.compile(r"<[^>]*>")


def as_cards(page: str) -> str:
    """Return a page whose tables of more than a few columns have the column's title at each cell.

    What strangers wrote is escaped there already: whatever reads as a tag is ours. A table with a
    class of its own is left alone, as is a row with one cell, the title of those below it.

    >>> row = "<tr><th>A</th><td>1</td><td>2</td><td>3</td></tr>"
    >>> head = "<thead><tr><th>N</th><th>x</th><th>y</th><th>z</th></tr></thead>"
    >>> as_cards(f"<table>{head}<tbody>{row}</tbody></table>")[-71:]
    '<td data-label="y">2</td><td data-label="z">3</td></tr></tbody></table>'
    """
    return _TABLE.sub(lambda found: _table(found[1]), page)


def _table(inner: str) -> str:
    head = _HEAD.search(inner)
    titles = [] if head is None else [_plain(each) for each in _TITLE.findall(head[0])]
    if head is None or len(titles) <= _FEW:
        return f"<table>{inner}</table>"
    rows = _ROW.sub(lambda row: _row(row[0], titles), inner[head.end() :])
    return f'<table class="cards">{inner[: head.end()]}{rows}</table>'


def _row(row: str, titles: list[str]) -> str:
    if len(_CELL.findall(row)) == 1:
        return row
    left = iter(titles)
    return _CELL.sub(lambda cell: f'{cell[0]} data-label="{escape(next(left, ""))}"', row)


def _plain(html: str) -> str:
    return unescape(_TAG.sub("", html)).strip()
