"""A market before it runs: who demands what, who supplies it, and by which rules they meet.

Amounts of money are integers in base units, ``10**-decimals`` of the currency's symbol. Quantities
are integers in the supplier's unit. Slots are counted from 0; slot k lasts ``slot_length`` seconds.
These classes hold values and do not judge them: `fabmarket.scenario.checks.check_scenario` does,
and everything this room returns has passed it.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from fabmarket.errors import Refused
from fabmarket.market.delivery import INSTANT, Delivery

MARKET_CONCEPTS = ("clock", "demanders-lead", "balanced", "simultaneous")
"""How a session finds its price: by a clock, or as an equilibrium of these concepts."""

LARGEST_STEP = 2**32 - 1
"""The finest step of a clock: this part of the last price, at least one base unit."""

NEGOTIATIONS = ("session", "bargaining")
"""How price is found: a resource's session with all its demanders, or bilateral concessions."""

DEFAULT_OPERATORS = 3
DEFAULT_A = Fraction(4, 5)
DEFAULT_B = Fraction(1, 5)
"""The price coefficients of the paper's experiment (section 5.2), currency units per unit^2."""


LONGEST_SHOWN = 40
_LONGEST_INTEGER = 10_000  # bits


class InvalidScenario(Refused):
    """A market that cannot be run; the message names file, path, value and remedy."""


def shown(value: object) -> str:
    """A refused value as an error message writes it: numbers bare, text in quotes, cut short.

    Nothing of it can act on a terminal: what cannot be printed stands escaped.
    """
    if isinstance(value, str):
        return repr(_cut(value))
    if isinstance(value, int) and value.bit_length() > _LONGEST_INTEGER:
        return _cut(hex(value))  # Python writes no decimal of thousands of digits
    return _cut(str(value) if isinstance(value, int | Decimal) else repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_SHOWN else text[:LONGEST_SHOWN] + "…"


def majority_of(operators: int) -> int:
    """The fewest signatures that are a majority, which the contract requires of a threshold."""
    return operators // 2 + 1


@dataclass(frozen=True)
class Currency:
    """The money of a market; ``10**decimals`` base units make one unit of ``symbol``."""

    symbol: str
    decimals: int

    def text(self, amount: int) -> str:
        """An amount >= 0 of base units, written in units of the symbol, as in "40.00"."""
        whole, rest = divmod(amount, 10**self.decimals)
        return f"{whole}.{rest:0{self.decimals}d}" if self.decimals else str(whole)


DEFAULT_CURRENCY = Currency("CR", 2)


@dataclass(frozen=True)
class Alternative:
    """One way to serve a sub-task: a resource type and how much of it.

    ``quantity`` None means as much as pays, which only a divisible sub-task may say. ``benefit``
    (the paper's y) and ``cost`` (the production cost, the paper's D_d) are the demander's private
    values per resource unit.
    """

    resource: str
    quantity: int | None
    benefit: int
    cost: int


@dataclass(frozen=True)
class SubTask:
    """One step of a product, due in calendar slot ``slot``; any one alternative serves it.

    An indivisible sub-task is bought whole or not at all.
    """

    name: str
    slot: int
    divisible: bool
    alternatives: tuple[Alternative, ...]


@dataclass(frozen=True)
class Work:
    """One way to do an operation: so many units of a resource type, all in one slot."""

    resource: str
    quantity: int


@dataclass(frozen=True)
class Operation:
    """One step of a product that is bought whole; any one alternative does it."""

    name: str
    alternatives: tuple[Work, ...]


@dataclass(frozen=True)
class Product:
    """What a demander buys whole or not at all: its operations, each in a later slot than the last.

    ``release`` is the first slot that they may use and ``last`` the last. Each slot after ``due``
    takes ``lateness`` from ``value``, what the product is worth. With ``partial`` a beginning of
    the product is worth its share of the value.
    """

    operations: tuple[Operation, ...]
    release: int
    due: int
    last: int
    value: int
    lateness: int
    partial: bool = False


@dataclass(frozen=True)
class Demander:
    """A participant that needs capacity (MRD): sub-tasks, each bought by itself, or a product."""

    name: str
    sub_tasks: tuple[SubTask, ...]
    product: Product | None = None


@dataclass(frozen=True)
class Supplier:
    """A participant that sells one resource type (MRS).

    ``maintenance`` is d_s, per unit, and the least price at which products get it. ``a`` and ``b``
    are the price coefficients of ``q = a*S - b*w`` in base units per unit^2. ``attested`` and
    ``listed`` hold one quantity per slot from slot 0 on; 0 means nothing in that slot. Of a clock:
    whether it sells ``lots``, each demand whole or not at all, and by which part of the last price
    it goes up, ``step`` 4 a fourth.
    """

    name: str
    resource: str
    unit: str
    maintenance: int
    a: Fraction
    b: Fraction
    attested: tuple[int, ...]
    listed: tuple[int, ...]
    lots: bool = False
    step: int = 4


@dataclass(frozen=True)
class Breakdown:
    """A supplier has but ``left`` units in each slot from ``first`` to ``last``, both included.

    It says so at the beginning of slot ``announced``.
    """

    supplier: str
    first: int
    last: int
    left: int
    announced: int


@dataclass(frozen=True)
class VerificationTest:
    """What a supplier of its own reports, what the operators attested, and what must come of it.

    ``reported`` and ``attested`` are (resource, quantity) pairs. ``expected`` is "accepted" or the
    contract's error, "NotAttested" or "OverReported"; ``offender`` is the resource that error
    names, None when accepted.
    """

    number: int
    reported: tuple[tuple[str, int], ...]
    attested: tuple[tuple[str, int], ...]
    expected: str
    offender: str | None


@dataclass(frozen=True)
class Scenario:
    """A whole market, ready to run.

    ``source`` says where the numbers stand, ``draws`` how the missing ones were drawn, ``notes``
    what else must be known about how the input was read, a line each.
    ``release_rounds`` is how many times a demander publishes a sub-task before it stays unserved,
    and in how many cycles it tries to buy a product;
    ``threshold`` of the ``operators``, a majority, must sign an attestation; ``slot_length`` is in
    seconds;
    ``tampered_copies`` is how many damaged copies of signed messages are sent, to be ignored;
    ``verification_tests`` are sent to the contract before the suppliers list: the paper's market
    carries those of Table 1, a file cannot state any. ``delivery`` are the terms on which all
    suppliers deliver, by default paid at once; from ``least`` members on a session is masked, 0 for
    none; ``breakdowns`` happen while the market runs.
    """

    name: str
    title: str
    description: str
    source: str
    draws: str
    notes: tuple[str, ...] = field(default=(), kw_only=True)
    currency: Currency
    concept: str
    negotiation: str
    release_rounds: int
    operators: int
    threshold: int
    slot_length: int
    tampered_copies: int
    demanders: tuple[Demander, ...]
    suppliers: tuple[Supplier, ...]
    verification_tests: tuple[VerificationTest, ...] = ()
    delivery: Delivery = INSTANT
    breakdowns: tuple[Breakdown, ...] = ()
    least: int = 0
