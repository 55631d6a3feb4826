"""What a form of the owner's pages says, as the JSON that orders the same."""

import re
from collections.abc import Mapping
from typing import Any

from fabmarket.api.served import Currency
from fabmarket.errors import Refused

STEPS = 6
"""Operations that the form of a product has room for; the command and the API take more."""
_AMOUNTS = frozenset(
    {"amount", "benefit", "cost", "value", "lateness", "to_supplier", "to_demander"}
)
_FLAGS = frozenset({"divisible", "partial", "sealed", "all"})
_SHARES = frozenset({"payment_share", "bond_share", "deposit_share"})
_WAY = ("resource", "quantity", "benefit", "cost")


class BadForm(Refused):
    """A field of a form is not filled in as it must be; names it."""


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
        fields = {key: said.pop(f"{key}-{at}", None) for key in ("name", "resource", "quantity")}
        filled = {key: value for key, value in fields.items() if value is not None}
        if filled and len(filled) < len(fields):
            missing = ", ".join(key for key in fields if key not in filled)
            raise BadForm(f"operation {at}: {missing} is missing; fill it in, or empty the others")
        if filled:
            way = {"resource": filled["resource"], "quantity": filled["quantity"]}
            found.append({"name": filled["name"], "alternatives": [way]})
    return found


def _base_units(name: str, text: str, currency: Currency) -> str:
    """An amount as people write it, in base units."""
    found = re.fullmatch(r"([0-9]{1,39})(?:\.([0-9]+))?", text, re.ASCII)
    cents = found[2] or "" if found else ""
    if found is None or len(cents) > currency.decimals:
        most = f"with at most {currency.decimals} decimals" if currency.decimals else "in digits"
        raise BadForm(f"{name}: {text[:40]!r} is no amount; write it {most}")
    return str(int(found[1] + cents.ljust(currency.decimals, "0")))


def _basis_points(name: str, text: str) -> int:
    """A share in per cent with at most two decimals, in basis points."""
    found = re.fullmatch(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?", text, re.ASCII)
    if found is None:
        raise BadForm(f"{name}: {text[:40]!r} is no share; write it in per cent, as 100 or 62.5")
    return int(found[1] + (found[2] or "").ljust(2, "0"))
