"""The shape of a scenario file: its tables, keys, types and defaults.

What the values must be to make a market is in `checks`; here only types are judged.
"""

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from fabmarket.scenario.model import DEFAULT_CURRENCY, shown
from fabmarket.scenario.texts import is_number

_MOST_DIGITS = 60


def _decimal(value: object) -> Decimal:
    """A number as written, digit by digit; text in quotes is read the same way."""
    number: Decimal | None = None
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, str):
        number = Decimal(value) if is_number(value) else None
    elif isinstance(value, int) and not isinstance(value, bool):
        number = Decimal(value)
    if number is None or not number.is_finite():
        raise PydanticCustomError("number", "is not a number; write one like 12.50 or 12")
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or max(number.adjusted(), -exponent) > _MOST_DIGITS:
        problem = "has too many digits; write at most {most} before or after the point"
        raise PydanticCustomError("digits", problem, {"most": _MOST_DIGITS})
    return number


Number = Annotated[Decimal, BeforeValidator(_decimal)]
Range = Annotated[list[Number], Field(min_length=2, max_length=2)]


class Table(BaseModel):
    """A table of a file: of the keys it has fields for, no other, of just these types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, table: Any) -> Any:
        """Refuse an unknown key with the list of known ones."""
        if isinstance(table, dict):
            for key in table:
                if key not in cls.model_fields:
                    known = ", ".join(cls.model_fields)
                    problem = "{key} is not a key here; the keys are {known}"
                    context = {"key": shown(key), "known": known}
                    raise PydanticCustomError("unknown", problem, context)
        return table


class AlternativeTable(Table):
    """One way to serve a sub-task; money in currency units per resource unit."""

    resource: str
    quantity: int | None = None
    benefit: Number
    cost: Number


class SubTaskTable(Table):
    """One sub-task of a demander, bought by itself."""

    name: str
    slot: int = 0
    divisible: bool = False
    alternatives: list[AlternativeTable]


class WorkTable(Table):
    """One way to do an operation of a product."""

    resource: str
    quantity: int


class OperationTable(Table):
    """One operation of a demander's product."""

    name: str
    alternatives: list[WorkTable]


class DemanderTable(Table):
    """One demander: `sub_tasks`, or `operations` and what their product is worth by when."""

    name: str
    sub_tasks: list[SubTaskTable] | None = None
    operations: list[OperationTable] | None = None
    value: Number | None = None
    release: int = 0
    due: int | None = None
    last: int | None = None
    lateness: Number = Decimal(0)
    partial: bool = False


class SupplierTable(Table):
    """One supplier of one resource type; money in currency units."""

    name: str
    resource: str
    unit: str
    maintenance: Number
    a: Number = Decimal("0.8")
    b: Number = Decimal("0.2")
    attested: list[int]
    listed: list[int] | None = None
    lots: bool = False
    step: int = 4


class CurrencyTable(Table):
    """The money of the market."""

    symbol: str = DEFAULT_CURRENCY.symbol
    decimals: int = DEFAULT_CURRENCY.decimals


class DeliveryTable(Table):
    """The terms on which suppliers deliver (`market.delivery`): seconds and basis points."""

    deliver_within: int
    dispute_within: int
    decide_within: int
    late_share: int
    silence_share: int
    undecided_share: int
    bond_share: int
    late_penalty: int
    exit_penalty: int


class BreakdownTable(Table):
    """What a supplier has left while it is down; slots, and units in each of them."""

    supplier: str
    first: int
    last: int
    left: int = 0
    announced: int | None = None


class FjspTable(Table):
    """A job-shop instance and what it does not say; ranges are [lowest, highest]."""

    file: str
    machines_from: int | None = None
    capacity_factor: Number = Decimal(1)
    benefit: Range = [Decimal(40), Decimal(100)]
    cost: Range = [Decimal(5), Decimal(25)]
    maintenance: Range = [Decimal(5), Decimal(15)]


class ScenarioFile(Table):
    """The whole file; None stands for the default of the kind of scenario that it is."""

    title: str | None = None
    description: str | None = None
    source: str | None = None
    concept: str | None = None
    negotiation: str | None = None
    release_rounds: int | None = None
    operators: int | None = None
    threshold: int | None = None
    slot_length: int | None = None
    tampered_copies: int | None = None
    least: int = 0
    currency: CurrencyTable = CurrencyTable()
    demanders: list[DemanderTable] | None = None
    suppliers: list[SupplierTable] | None = None
    delivery: DeliveryTable | None = None
    breakdowns: list[BreakdownTable] = []
    fjsp: FjspTable | None = None


_REMEDIES = {
    "model_type": "is not a table; write its keys and values",
    "string_type": "is not text; write it in quotes",
    "int_type": "is not a whole number; write it without quotes or a decimal point",
    "bool_type": "is neither true nor false; write one of them without quotes",
    "list_type": "is not a list; write it in square brackets",
    "too_short": "is too short; write [lowest, highest]",
    "too_long": "is too long; write [lowest, highest]",
}


def problem_of(error: ValidationError) -> str:
    """The first problem in one line: the path, the value and the remedy."""
    first = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in first["loc"])
    kind = first["type"]
    if kind == "missing":
        return f"{path}: the key is missing; add it"
    if kind == "unknown":
        return f"{path}: {first['msg']}" if path else first["msg"]
    problem = f"{shown(first['input'])} {_REMEDIES.get(kind, first['msg'])}"
    return f"{path}: {problem}" if path else problem
