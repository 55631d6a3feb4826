"""What all pages share: the frame around them, and names, numbers and times written alike."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from sqlalchemy import Connection

from fabmarket.api.currencies import BASE_UNITS
from fabmarket.api.pages.cards import as_cards
from fabmarket.api.pages.clock import day_of, in_words, timed
from fabmarket.api.served import Currency, Run, Served
from fabmarket.api.standing import Standings
from fabmarket.ledger.queries.market import market
from fabmarket.ledger.queries.snapshot import snapshot
from fabmarket.report.wording import (
    duration,
    escaped,
    money,
    number,
    one_line,
    plural,
    share,
    short,
    span,
)

_SYMBOL = 12
"""Letters of a token's symbol that are shown: its maker writes what it likes."""


@dataclass(frozen=True)
class Link:
    """A place in the navigation."""

    href: str
    title: str


MARKET = (
    Link("/", "Overview"),
    Link("/book", "Order book"),
    Link("/calendar", "Calendar"),
    Link("/products", "Products"),
    Link("/trades", "Trades"),
    Link("/accounts", "Accounts"),
)
TRUST = (
    Link("/attestations", "Attestations"),
    Link("/disputes", "Escrows and disputes"),
    Link("/cycles", "Net cycles"),
    Link("/audit", "Audit"),
)
TOOLS = (Link("/explorer", "Equilibrium"),)


class Shell:
    """Renders pages over what is served; `own` are the owner's pages, if there are any."""

    def __init__(self, served: Served, standings: Standings, own: Sequence[Link] = ()) -> None:
        self._served, self._standings = served, standings
        self._groups = [("Market", MARKET), ("Trust", TRUST), ("Tools", TOOLS)]
        if own:
            self._groups.insert(0, ("Mine", tuple(own)))
        self._environment = Environment(
            loader=PackageLoader("fabmarket.api.pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_readable,
        )
        self._environment.globals |= {"plural": plural}
        self._environment.filters |= {
            "mean": _mean,
            "money": _money,
            "number": number,
            "name": named,
            "hash": hashed,
            "time": timed,
            "brief": _brief,
            "words": in_words,
            "day": day_of,
            "duration": duration,
            "share": share,
            "span": span,
            "units": counted,
        }

    def page(
        self,
        request: Request,
        connection: Connection | None,
        template: str,
        status: int = 200,
        **shown: Any,
    ) -> HTMLResponse:
        """Return the page that a template makes; without a connection nothing is said of blocks."""
        row = None if connection is None else market(connection)
        standing = self._standings.of(connection)
        text = self._environment.get_template(template).render(
            groups=self._groups,
            path=request.url.path,
            query=defaultdict(str, request.query_params),
            currencies=self._served.currencies,
            run=self.run,
            standing=standing,
            is_read=connection is not None,
            present=0 if standing.head is None else standing.head.time,
            market=row,
            again=lambda **changed: _again(request, changed),
            status=status,
            **{"wrong": {}, **shown},
        )
        return HTMLResponse(as_cards(text), status, {"Cache-Control": "no-cache"})

    def connect(self) -> AbstractContextManager[Connection]:
        """Open the ledger, to read it as it is at one moment."""
        return snapshot(self._served.engine)

    @property
    def run(self) -> Run | None:
        """What a run left beside the ledger, if it is of one."""
        return self._served.run

    def currency(self, token: str) -> Currency:
        """Return how amounts of a token are written; plain base units where nobody said."""
        return currency_of(self._served.currencies, token)


def currency_of(currencies: Mapping[str, Currency], token: str) -> Currency:
    """Return how amounts of a token are written; plain base units where nobody said."""
    return currencies.get(token) or BASE_UNITS


def written(amount: int | float | None, currency: Currency, *, signed: bool = False) -> str:
    """Return an amount of base units with its symbol."""
    symbol = one_line(currency.symbol)[:_SYMBOL]
    return money(amount, {"symbol": symbol, "decimals": currency.decimals}, signed=signed)


def named(text: str) -> Markup:
    """Return a name that a stranger wrote: spelt out where it hides, apart from what is around.

    One that is no text stands as its digits.
    """
    if is_digits(text):
        return hashed(text)
    shown = one_line(text)
    return Markup("<bdi>{}</bdi>").format(shown or "(no name)")


def label(text: str, most: int = 24) -> str:
    """Return a stranger's name for a picture: one line, shortened.

    >>> label("milling"), label("0x" + 64 * "a"), label("W" * 31)
    ('milling', '0xaaaa…aaaa', 'WWWWWWWWWWWWWWWWWWWWWWW…')
    """
    shown = short(text) if is_digits(text) else one_line(text)
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def is_digits(name: str) -> bool:
    """Whether a name is no text but the digits of its 32 bytes."""
    return len(name) == 66 and name.startswith("0x")


def counted(count: int, unit: str) -> Markup:
    """Return so many of a unit that a stranger named; a plain word has its plural.

    >>> str(counted(2, "hour")), str(counted(2, "m2"))
    ('<bdi>2 hours</bdi>', '2 <bdi>m2</bdi>')
    """
    if unit.isascii() and unit.isalpha():
        return named(plural(count, unit))
    return Markup("{} {}").format(number(count), named(unit))


def hashed(value: str, href: str = "") -> Markup:
    """Return an address or hash shortened to the eye, whole where it is copied."""
    if len(value) <= 13:
        short = escape(value)
    else:
        short = Markup('{}<span class="middle">{}</span>{}').format(
            value[:6], value[6:-4], value[-4:]
        )
    code = Markup('<code class="hash" title="{}">{}</code>').format(value, short)
    return Markup('<a href="{}">{}</a>').format(href, code) if href else code


def _readable(value: Any) -> Any:
    """A text that a template shows: whoever wrote it, what hides or acts in it is spelt out."""
    return escaped(value) if type(value) is str else value


@pass_context
def _money(context: Context, amount: int | None, token: str, signed: bool = False) -> str:
    return written(amount, currency_of(context["currencies"], token), signed=signed)


@pass_context
def _mean(context: Context, payment: int, quantity: int, token: str) -> str:
    """The mean price of a unit, to the base unit where that is a cent or less."""
    currency = currency_of(context["currencies"], token)
    price = Fraction(payment, quantity)
    return written(round(price) if currency.decimals >= 2 else float(price), currency)


@pass_context
def _brief(context: Context, time: int) -> Markup:
    return timed(time, context["present"])


def _again(request: Request, changed: Mapping[str, Any]) -> str:
    """The address of the page with other parameters; None and "" leave one out."""
    query = {**request.query_params, **changed}
    kept = {key: value for key, value in query.items() if value not in (None, "")}
    return f"{request.url.path}?{urlencode(kept)}" if kept else request.url.path
