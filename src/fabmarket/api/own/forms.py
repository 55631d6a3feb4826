"""What a form of the owner's pages says, as the JSON that orders the same."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from fabmarket.api.served import Currency
from fabmarket.errors import FabmarketError, Refused

STEPS = 6
"""Operations that the form of a product has room for; the command and the API take more."""
_AMOUNTS = frozenset(
    {"amount", "benefit", "cost", "value", "lateness", "to_supplier", "to_demander"}
)
_FLAGS = frozenset({"divisible", "partial", "sealed", "all"})
_SHARES = frozenset({"payment_share", "bond_share", "deposit_share"})
_WAY = ("resource", "quantity", "benefit", "cost")
_STEP = ("name", "resource", "quantity")


WORDS = {
    "amount": "Amount",
    "benefit": "Worth of a unit",
    "bond_share": "Of the bond, per cent",
    "cost": "Cost of a unit beside its price",
    "days": "Days to agree",
    "deposit_share": "Of the deposits, per cent",
    "due": "Due with slot",
    "last": "Last slot",
    "lateness": "Less for each slot late",
    "name": "What you call it",
    "payment_share": "Of the payment to the supplier, per cent",
    "quantities": "Units of it and of those that follow",
    "quantity": "Units",
    "reason": "Why",
    "release": "Not before slot",
    "resource": "Resource",
    "to_demander": "To the buyer",
    "to_supplier": "To the supplier",
    "unit": "What is counted, as hour or piece",
    "units": "Units used so far",
    "value": "Worth of it whole",
}
"""What the forms call a field, where that is not its name."""


class BadForm(Refused):
    """A field of a form is not filled in as it must be: which, and why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Unsent:
    """A form that was refused: what it said, and what is wrong by field, "" for the whole."""

    said: Mapping[str, str]
    wrong: Mapping[str, str]

    @property
    def told(self) -> list[tuple[str, str]]:
        """What is wrong, with the form's word for the field."""
        return [(_word(field), message) for field, message in self.wrong.items()]


def wrong_in(said: Mapping[str, str], error: ValidationError | FabmarketError) -> dict[str, str]:
    """Return what is wrong in a form that said this, by field, "" for the whole."""
    if isinstance(error, ValidationError):
        return {_field(each["loc"], said): _why(each) for each in error.errors()}
    return {error.field if isinstance(error, BadForm) else "": f"{error}"}


def _word(field: str) -> str:
    name, _, at = field.partition("-")
    word = "Operation" if at and name == "name" else WORDS.get(name, name.capitalize())
    return f"{at}. {word}" if at else word


def _field(place: Sequence[int | str], said: Mapping[str, str]) -> str:
    """The field of the form that became what pydantic names."""
    names = [each for each in place[1:] if isinstance(each, str)]
    if "operations" not in names or len(place) < 4:
        return names[-1] if names else ""
    filled = [at for at in range(1, STEPS + 1) if any(said.get(f"{key}-{at}") for key in _STEP)]
    return f"{names[-1]}-{filled[int(place[2])]}"


def _why(error: Any) -> str:
    return "fill this in" if error["type"] == "missing" else str(error["msg"])


def said_in(form: Mapping[str, str], currency: Currency) -> dict[str, Any]:
    """Return what a form says. Amounts are in units of the currency, shares in per cent. BadForm.

    >>> said_in({"verb": "deposit", "amount": "12.50", "to": ""}, Currency("CR", 2))
    {'verb': 'deposit', 'amount': '1250'}
    """
    said: dict[str, Any] = {}
    for name, text in form.items():
        value = text.strip()
        if value == "":
            continue
        if name in _AMOUNTS:
            said[name] = _base_units(name, value, currency)
        elif name in _SHARES:
            said[name] = _basis_points(name, value)
        elif name in _FLAGS:
            said[name] = value == "on"
        else:
            said[name] = value
    match said.get("verb"):
        case "want":
            said["alternatives"] = [{key: said.pop(key) for key in _WAY if key in said}]
        case "product":
            said["operations"] = _operations(said)
        case "ask":
            said["quantities"] = re.split(r"[\s,;]+", said.get("quantities", ""))
    return said


def _operations(said: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps that were filled in; their fields leave `said`."""
    found = []
    for at in range(1, STEPS + 1):
        fields = {key: said.pop(f"{key}-{at}", None) for key in _STEP}
        filled = {key: value for key, value in fields.items() if value is not None}
        if filled and len(filled) < len(fields):
            missing = next(key for key in fields if key not in filled)
            raise BadForm(f"{missing}-{at}", "fill this in, or empty the rest of the operation")
        if filled:
            way = {"resource": filled["resource"], "quantity": filled["quantity"]}
            found.append({"name": filled["name"], "alternatives": [way]})
    return found


def _base_units(name: str, text: str, currency: Currency) -> str:
    """An amount as people write it, in base units."""
    found = re.fullmatch(r"([0-9]{1,39})(?:\.([0-9]+))?", text, re.ASCII)
    cents = found[2] or "" if found else ""
    if found is None or len(cents) > currency.decimals:
        if not currency.decimals:
            how = "in digits"
        elif "," in text:
            how = "without commas, with a point before the decimals, as 1200.50"
        else:
            how = f"in digits, with at most {currency.decimals} decimals"
        raise BadForm(name, f"{text[:40]!r} is no amount; write it {how}")
    return str(int(found[1] + cents.ljust(currency.decimals, "0")))


def _basis_points(name: str, text: str) -> int:
    """A share in per cent with at most two decimals, in basis points."""
    found = re.fullmatch(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?", text, re.ASCII)
    if found is None:
        raise BadForm(name, f"{text[:40]!r} is no share; write it in per cent, as 100 or 62.5")
    return int(found[1] + (found[2] or "").ljust(2, "0"))
