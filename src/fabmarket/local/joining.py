"""What a newcomer to a local market is given: settings that fit it, coin, and test money."""

import time
from typing import Literal, assert_never

from fabmarket.chain import NobodyAnswers, Sender, TokenContract, Transaction, look_at
from fabmarket.errors import Refused
from fabmarket.local import sample
from fabmarket.local.files import Facts, NoMarket, Place, facts_of
from fabmarket.local.filling import demander_settings, supplier_settings
from fabmarket.local.ports import free_ports

COINS = 3
"""More than a newcomer's transactions cost in a day of trying out."""
MONEY = 10**8
"""Base units of the test currency, which anybody may mint."""


class NotRunning(Refused):
    """The market does not run, or nothing is for sale in it any more."""


def running_market(place: Place) -> Facts:
    """Return a market that runs and has slots to come. Raises NoMarket, NotRunning."""
    facts = facts_of(place) if place.root.is_dir() else None
    if facts is None:
        problem = f"{place.root}: no market is founded there"
        raise NoMarket(f"{problem}; run fabmarket up {place.root}")
    try:
        look_at([facts.places.url], facts.places.chain_id)
    except NobodyAnswers as error:
        problem = f"{place.root}: the market does not run"
        raise NotRunning(f"{problem}; fabmarket up {place.root}") from error
    if time.time() >= facts.ends - facts.places.slot_length:
        raise NotRunning(
            f"{place.root}: all slots of the market are over; fabmarket down --remove"
            f" {place.root} and fabmarket up begin a new one"
        )
    return facts


def settings_in(facts: Facts, role: Literal["supplier", "demander"]) -> str:
    """Return settings to begin with: what nobody sells is sold, what is sold is wanted."""
    (port,) = free_ports(1)
    places = facts.places
    match role:
        case "supplier":
            return supplier_settings(places, port, sample.newcomer_supplier(), sample.CONCEPT)
        case "demander":
            now = max(0, int(time.time()) - places.origin) // places.slot_length
            demander = sample.newcomer_demander(now + 1)
            return demander_settings(places, port, demander, sample.RELEASES)
        case _:
            assert_never(role)


def endow(facts: Facts, address: str) -> None:
    """Give an account COINS for gas and MONEY in its wallet."""
    node = look_at([facts.places.url], facts.places.chain_id)
    sender, token = Sender(node), TokenContract(node, facts.places.token)
    coin = Transaction(node.funder, "fund", address, b"", 21_000, COINS * 10**18)
    mint = token.data("mint", address, MONEY)
    sender.queue(coin)
    sender.queue(Transaction(node.funder, "mint", token.address, mint, 120_000))
    sender.must_succeed()
