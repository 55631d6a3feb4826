"""How the owner's pages say what commands and contract say: buttons for commands, the currency.

All that a page shows of a reason, a refusal or something to do goes through `plain` or `linked`.
"""

import re
from collections.abc import Iterator

from markupsafe import Markup

from fabmarket.api.pages.shell import named, written
from fabmarket.api.served import Currency

BUTTONS = {
    "accept": "Pay the supplier",
    "acknowledge": "Accept the last report",
    "approve": "Approve",
    "ask": "Ask the operators",
    "attest": "Sign",
    "cancel": "Give up",
    "deliver": "State delivery",
    "deposit": "Pay in",
    "dispute": "Dispute the delivery",
    "execute": "Carry out the ruling",
    "expire": "Have the passed deadline decide",
    "list": "List",
    "object": "Object to the last report",
    "open": "Open a sealed slot",
    "product": "Place the product",
    "refund": "Give the payment back",
    "refuse": "Refuse",
    "register": "Register the resource",
    "report": "Report use",
    "rule": "Sign the ruling",
    "show": "Show the operators",
    "split": "Offer or agree to a split",
    "unlist": "Take off the market",
    "void": "Withdraw all offered splits",
    "want": "Place the want",
    "withdraw": "Take out",
}
"""What the button of a command is called."""
_PLACES = {
    "agent": ("that command", ""),
    "approve": ("Approve", "/own"),
    "disputes": ("Escrows and disputes", "/disputes"),
    "evidence": ("Negotiations", "/own/sessions"),
    "requests": ("Requests", "/own/requests"),
    "status": ("My agent", "/own"),
    "usage": ("Usage", "/own/usage"),
    **{each: (BUTTONS[each], "/own/capacity") for each in ("ask", "list", "open", "register")},
    **{each: (BUTTONS[each], "/own/orders") for each in ("deposit", "withdraw")},
    "want": (BUTTONS["want"], "/own/wants"),
    "product": (BUTTONS["product"], "/own/products"),
}
"""Where a page has what a command does: its name, and its address."""
_TRADES = ("expire", "execute")
_COMMAND = re.compile(r"`?fabmarket ([a-z]+)((?: (?:0x[0-9a-f]+|--[a-z]+))*)(?: ?`)?")
_AMOUNT = re.compile(r"(?<![\w.])([0-9][0-9,]*) base units")
_ERROR = re.compile(r" \([A-Z][a-z]+(?:[A-Z][a-z]+)+\)")


def button_of(command: str, role: str = "", state: str = "") -> str:
    """Return what the button of a command is called; of a trade's, as our role and its state have
    it."""
    match command, role, state.partition(",")[0]:
        case "refund", "demander", _:
            return "Take the payment back"
        case "expire", "supplier", "delivered":
            return "Collect: not disputed in time"
        case "expire", "demander", "funded":
            return "Take back: not delivered in time"
    return BUTTONS.get(command, command)


def plain(text: str, currency: Currency) -> str:
    """Return what a command would say, in a page's words.

    >>> plain("150 base units are needed; see `fabmarket status` (WrongState)", Currency("CR", 2))
    '1.50 CR are needed; see “My agent”'
    """
    return "".join(
        piece if place is None else f"“{place[0]}”" for piece, place in _pieces(text, currency)
    )


def linked(text: str, currency: Currency) -> Markup:
    """Return the same for a page: commands lead to where the page has what they do."""
    found = Markup("")
    for piece, place in _pieces(text, currency):
        if place is None:
            found += named(piece) if piece.strip() else piece
        elif place[1]:
            found += Markup('<a href="{}">{}</a>').format(place[1], place[0])
        else:
            found += place[0]
    return found


def _pieces(text: str, currency: Currency) -> Iterator[tuple[str, tuple[str, str] | None]]:
    """A text without its names of errors, amounts in the currency, cut where commands stand."""
    said = _AMOUNT.sub(lambda found: _amount(found[1], currency), _ERROR.sub("", text))
    at = 0
    for found in _COMMAND.finditer(said):
        yield said[at : found.start()], None
        command, more = found[1], found[2].split()
        if command in _TRADES and more:
            yield "", (button_of(command), f"/own/trades/{more[0]}")
        else:
            yield "", _PLACES.get(command, (f"the command fabmarket {command}", ""))
        at = found.end()
    yield said[at:], None


def _amount(digits: str, currency: Currency) -> str:
    if not currency.decimals:
        return f"{digits} base units"
    return written(int(digits.replace(",", "")), currency)
