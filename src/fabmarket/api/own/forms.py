"""What a form of the owner's pages says, as the JSON that orders the same."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from fabmarket.api.pages.shell import written
from fabmarket.api.served import Currency
from fabmarket.errors import FabmarketError, Refused
from fabmarket.node.ordered import judging
from fabmarket.node.owner import BadOrder
from fabmarket.node.settings import BadSettings

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
    "bond_share": "Of the bond, to the supplier, per cent",
    "cost": "Cost of a unit beside its price",
    "days": "Days to agree",
    "deposit_share": "Of both deposits, to the supplier, per cent",
    "due": "Due with slot",
    "last": "Last slot",
    "lateness": "Less for each slot late",
    "name": "What you call it",
    "payment_share": "Of the payment, to the supplier, per cent",
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
    """Fields of a form are not filled in as they must be: which, and why each."""

    def __init__(self, wrong: Mapping[str, str]) -> None:
        super().__init__("; ".join(wrong.values()))
        self.wrong = wrong


@dataclass(frozen=True)
class Unsent:
    """A form that was refused: what it said, and what is wrong by field, "" for the whole."""

    said: Mapping[str, str]
    wrong: Mapping[str, str]

    @property
    def told(self) -> list[tuple[str, str]]:
        """What is wrong, with the form's word for the field."""
        return [(_word(field), message) for field, message in self.wrong.items()]


def wrong_in(
    said: Mapping[str, str], error: ValidationError | FabmarketError, currency: Currency
) -> dict[str, str]:
    """Return what is wrong in a form that said this, by field, "" for the whole."""
    if isinstance(error, ValidationError):
        found = {_field(each["loc"], said): _why(each) for each in error.errors()}
        return {name: _bounds(name, why, currency) for name, why in found.items()}
    if isinstance(error, BadForm):
        return dict(error.wrong)
    place, _, why = f"{error}".partition(": ")
    if not isinstance(error, BadSettings) or not re.fullmatch(r"[a-z_]+(\.[a-z_0-9]+)+", place):
        return {"": f"{error}"}
    name = _field([int(each) if each.isdigit() else each for each in place.split(".")], said)
    return {name: _bounds(name, why, currency)}


def _word(field: str) -> str:
    name, _, at = field.partition("-")
    word = "Operation" if at and name == "name" else WORDS.get(name, name.capitalize())
    return f"{at}. {word}" if at else word


def _field(place: Sequence[int | str], said: Mapping[str, str]) -> str:
    """The field of the form that became what is named, by pydantic or a check."""
    names = [each for each in place[1:] if isinstance(each, str)]
    if "operations" not in names or len(place) < 4:
        return names[-1] if names else ""
    filled = [at for at in range(1, STEPS + 1) if any(said.get(f"{key}-{at}") for key in _STEP)]
    return f"{names[-1]}-{filled[int(place[2])]}"


def _why(error: Any) -> str:
    return "fill this in" if error["type"] == "missing" else str(error["msg"])


def _bounds(name: str, why: str, currency: Currency) -> str:
    """Bounds of an amount as the form takes it: pydantic says them in base units."""
    found = re.search(r"from ([0-9]+) to ([0-9]+)$", why)
    if found is None:
        return why
    if name not in _AMOUNTS:
        return f"give a whole number from {found[1]} to {found[2]}"
    least, most = (written(int(each), currency) for each in found.groups())
    return f"give an amount from {least} to {most}"


def said_in(form: Mapping[str, str], currency: Currency) -> dict[str, Any]:
    """Return what a form says. Amounts are in units of the currency, shares in per cent. BadForm.

    >>> said_in({"verb": "deposit", "amount": "12.50", "to": ""}, Currency("CR", 2))
    {'verb': 'deposit', 'amount': '1250'}
    """
    said: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, text in form.items():
        value = text.strip()
        if value == "":
            continue
        try:
            said[name] = _value(name, value, currency)
        except BadOrder as error:
            wrong[name] = str(error)
    if wrong:
        raise BadForm(wrong)
    match said.get("verb"):
        case "want":
            said["alternatives"] = [{key: said.pop(key) for key in _WAY if key in said}]
        case "product":
            said["operations"] = _operations(said)
        case "ask":
            said["quantities"] = re.split(r"[\s,;]+", said.get("quantities", ""))
    return said


def _value(name: str, text: str, currency: Currency) -> Any:
    """What a field says. BadOrder where it cannot be read."""
    if name in _AMOUNTS:
        return _base_units(text, currency)
    if name in _SHARES:
        return f"{judging.basis_points(f'{text}%' if text[-1:].isdigit() else text)}bp"
    return text == "on" if name in _FLAGS else text


def _operations(said: dict[str, Any]) -> list[dict[str, Any]]:
    """The steps that were filled in; their fields leave `said`."""
    found = []
    for at in range(1, STEPS + 1):
        fields = {key: said.pop(f"{key}-{at}", None) for key in _STEP}
        filled = {key: value for key, value in fields.items() if value is not None}
        if filled and len(filled) < len(fields):
            missing = next(key for key in fields if key not in filled)
            wrong = {f"{missing}-{at}": "fill this in, or empty the rest of the operation"}
            raise BadForm(wrong)
        if filled:
            way = {"resource": filled["resource"], "quantity": filled["quantity"]}
            found.append({"name": filled["name"], "alternatives": [way]})
    return found


def _base_units(text: str, currency: Currency) -> str:
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
        raise BadOrder(f"{text[:40]!r} is no amount; write it {how}")
    return str(int(found[1] + cents.ljust(currency.decimals, "0")))
