"""What an owner is told to do before its agent can trade."""

from dataclasses import replace

import pytest
from rpds import HashTrieMap

from fabmarket.market.delivery import Delivery
from fabmarket.market.exchange import Calendar, Exchange, Slot
from fabmarket.market.messages import PriceTerms
from fabmarket.market.parameters import MINUTES
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import market_domain
from fabmarket.market.units import name_to_bytes32
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.purse import Purse
from fabmarket.negotiation.supplier import SupplierState
from fabmarket.negotiation.supplier.state import Asking, Shelf
from fabmarket.negotiation.wants import Want
from fabmarket.node.todo import todo_of

DOMAIN = market_domain(1, "0x" + 40 * "e")
US, TOKEN, OTHER = (f"0x{digit}" + 39 * "0" for digit in "123")
MILL = name_to_bytes32("mill")
ON_SALE = HashTrieMap({b"l": Shelf(1, 3_600, 7_200, available=9)})
ESCROWED = Delivery(900, 900, 3_600, 0, 10_000, 5_000, 1_000, 10_000, 5_000)


@pytest.fixture
def exchange():
    return replace(Exchange.undeployed(DOMAIN), tokens=frozenset({TOKEN}))


@pytest.fixture
def supplier():
    """All is as it should be, but for the slots of the exchange."""
    return SupplierState(
        address=US,
        domain=DOMAIN,
        rhythm=Rhythm(0, 60),
        resource=MILL,
        origin=0,
        slot_length=3_600,
        terms=PriceTerms("balanced", 800_000, 200_000, 10, 0, TOKEN),
        delivery=ESCROWED,
        now=100,
        purse=Purse(balance=50, parameters=MINUTES),
        asking=Asking(calendar=Calendar(name_to_bytes32("hour"), 0, 3_600)),
    )


def with_slot(exchange, number, **counts):
    return replace(exchange, slots=HashTrieMap({(US, MILL, number): Slot(**counts)}))


def test_a_supplier_is_led_from_registration_to_sales(exchange, supplier):
    new = replace(supplier, asking=Asking(), purse=Purse(parameters=MINUTES))
    assert todo_of(exchange, new, {}) == ("mill is not registered: fabmarket register",)
    (attest,) = todo_of(exchange, supplier, {})
    assert attest == "no slot to come is attested: fabmarket ask"
    (listing,) = todo_of(with_slot(exchange, 1, attested=9), supplier, {})
    assert listing == "nothing of what is attested is for sale: fabmarket list"
    assert todo_of(with_slot(exchange, 1, attested=9, committed=9), supplier, {}) == ()
    over = replace(supplier, now=3 * 3_600)
    assert todo_of(with_slot(exchange, 1, attested=9, committed=9), over, {}) == (attest,)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"purse": Purse(parameters=MINUTES), "shelves": ON_SALE}, "take 1 base units more"),
        ({"delivery": replace(ESCROWED, deliver_within=1)}, "takes no such terms as"),
        ({"origin": 5}, "mill is registered with origin 0, slot_length 3600"),
        (
            {"terms": PriceTerms("balanced", 1, 0, 10, 0, OTHER)},
            f"no deposits of market.token {OTHER}",
        ),
    ],
)
def test_settings_that_sell_nothing_do_not_stay_unsaid(exchange, supplier, changes, said):
    """An agent ran without a word on terms, a calendar or a currency that nobody can trade on."""
    (told,) = todo_of(
        with_slot(exchange, 1, attested=9, committed=9), replace(supplier, **changes), {}
    )
    assert said in told


def test_a_demander_needs_money_and_wants(exchange):
    want = Want(b"w", 900, 1_800, True, ())
    buying = DemanderState(
        US, TOKEN, DOMAIN, Rhythm(0, 60), HashTrieMap({b"w": want}), 2, order=(b"w",)
    )
    assert todo_of(exchange, buying, {}) == (
        "the account has no money to buy with: fabmarket deposit",
    )
    assert todo_of(exchange, replace(buying, purse=Purse(balance=1)), {}) == ()
    served = HashTrieMap({b"w": replace(want, state="served")})
    assert todo_of(exchange, replace(buying, wants=served), {}) == (
        "nothing is wanted: fabmarket want, or fabmarket product",
    )
