"""Products in rounds: what is paid, who goes first, what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from fabmarket.identity import digest
from fabmarket.market.products import (
    Answer,
    Bid,
    Booked,
    Confirm,
    Grant,
    Need,
    Release,
    SealedBid,
    SignedGrant,
    premium_of,
)
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.rounds import Rounds
from fabmarket.negotiation.course import Unacceptable
from fabmarket.negotiation.moves import Received
from fabmarket.negotiation.products import buying, selling
from fabmarket.scenario.fjsp import parse_fjsp
from fabmarket.scenario.model import Demander, Operation, Product, Work
from fabmarket.scenario.slotted import slotted
from fabmarket.simulation.products import DOMAIN, Street

INSTANCES = Path(__file__).parents[3] / "scenarios" / "fjsp"
NO_PRICES = Rounds(Rhythm(0, 60), prices=0, holds=3, room=3)


def one_step(name, value, machines=(0,), lateness=0):
    steps = (Operation("op 1", tuple(Work(f"machine-{machine}", 10) for machine in machines)),)
    return Demander(name, (), Product(steps, 0, 0, 5, value, lateness))


def shop(*demanders, listed=((10,),), reserves=(20,)):
    """A market of these products alone, slots of ten minutes."""
    empty = slotted(parse_fjsp(f"1 {len(listed)}\n1 1 1 10\n", "shop"), 1, "shop")
    suppliers = tuple(
        replace(supplier, maintenance=reserve, attested=slots, listed=slots)
        for supplier, reserve, slots in zip(empty.suppliers, reserves, listed, strict=True)
    )
    return replace(empty, demanders=demanders, suppliers=suppliers)


def played(market, rounds=NO_PRICES, carry=lambda send, now: (0,)):
    street = Street(market, carry, rounds)
    street.run()
    return street, {name: buyer.held.chain for name, buyer in street.bought()}


def test_what_costs_nothing_gets_dearer_as_well_where_two_want_it():
    """Half of nothing is nothing: its price would stand still whatever is asked for."""
    rounds = Rounds(Rhythm(0, 60), prices=3, holds=3, room=0)
    market = shop(one_step("small", 600), one_step("large", 1000), reserves=(0,))
    _, chains = played(market, rounds)
    premium = 600 // 10 - 2
    assert {name: chain.price for name, chain in chains.items()} == {"large": 10 * (2 + premium)}


def test_the_larger_rate_wins_and_pays_the_rate_of_the_bid_that_failed_behind_it():
    _, chains = played(shop(one_step("small", 600), one_step("large", 1000)))

    assert list(chains) == ["large"]
    assert chains["large"].cost == 10 * (20 + 40)  # the small one would still pay 40 a unit


def test_who_meets_nobody_pays_the_reserve():
    _, chains = played(shop(one_step("small", 600), one_step("large", 1000), listed=((20,),)))

    assert {name: chain.cost for name, chain in chains.items()} == {"small": 200, "large": 200}


def test_prices_rise_until_no_more_is_asked_for_than_there_is():
    rounds = Rounds(Rhythm(0, 60), prices=10, holds=3, room=3)
    _, chains = played(shop(one_step("small", 600), one_step("large", 1000)), rounds)

    assert chains["large"].steps[0].slot.price == 68  # 20, 30, 45, 68: for 680 the small one is out


def test_who_has_another_place_for_no_more_makes_room():
    """The first takes the only place of the second, which it can do without."""
    first = one_step("first", 1000, machines=(0, 1))
    second = one_step("second", 400)
    market = shop(first, second, listed=((10,), (10,)), reserves=(20, 20))
    rounds = replace(NO_PRICES, holds=1)
    street, chains = played(market, rounds)

    assert set(chains) == {"first", "second"}
    resources = {
        name: street.sellers[chain.steps[0].slot.supplier] for name, chain in chains.items()
    }
    assert [resources[name].resource.rstrip(b"\0") for name in ("first", "second")] == [
        b"machine-1",
        b"machine-0",
    ]
    assert {len(seller.booked) for seller in street.sellers.values()} == {1}


def test_a_product_that_is_worth_no_more_than_it_costs_is_not_bought():
    _, chains = played(shop(one_step("poor", 200), one_step("rich", 201)))

    assert list(chains) == ["rich"]


@pytest.mark.parametrize(("name", "least"), [("k1", 4), ("mk01", 7), ("mk04", 8)])
def test_shipped_shops_finish_their_products(name, least):
    street = Street(slotted(parse_fjsp((INSTANCES / f"{name}.txt").read_text(), name), 1, name))
    street.run()

    assert len(list(street.bought())) >= least
    assert street.paid_for_incomplete() == 0
    assert len(street.tally.beats) <= 28


def test_the_market_of_mk01_is_the_one_that_was_measured():
    market = slotted(parse_fjsp((INSTANCES / "mk01.txt").read_text(), "mk01"), 1, "mk01.txt")

    products = [each.product for each in market.demanders]
    assert (market.slot_length, len(market.suppliers[0].listed)) == (6 * 60, 8)
    assert [each.release for each in products] == [int(each) for each in RELEASES.split()]
    assert [each.value for each in products[:3]] == VALUES
    assert products[0].lateness == products[0].value // 50
    assert market.suppliers[0].maintenance == RESERVE


RELEASES = "0 2 2 2 0 0 1 0 0 0"
VALUES = [106620, 110035, 24928]
RESERVE = 951


def grant(rate, rival):
    return SignedGrant(Grant("0x1", b"b" * 32, 0, True, rival, rate), b"")


def test_the_premium_is_that_of_the_best_rival_of_all_grants():
    none, low, high = grant(0, bytes(32)), grant(5, b"l" * 32), grant(9, b"h" * 32)

    assert premium_of([none, low, high]) == b"h" * 32
    assert premium_of([none]) == bytes(32)


def words(kind):
    """A street of two rivals, and the messages of a kind with the second of each, in order."""
    found = []

    def carry(send, now):
        if isinstance(send.message, kind):
            found.append((send, now))
        return (0,)

    street, _ = played(shop(one_step("small", 600), one_step("large", 1000)), carry=carry)
    return street, found


def test_a_bid_that_was_not_sealed_is_refused():
    street, found = words(Bid)
    send, now = found[0]
    seller = replace(Street(street.market, rounds=NO_PRICES).sellers[send.to])
    seller, _ = selling.tick(seller, 0)
    seller = replace(seller, now=now)
    with pytest.raises(Unacceptable, match="not sealed in time"):
        selling.hear(seller, street._signed(send.message.author, send.message))


def test_a_seal_after_the_second_quarter_is_refused():
    street, _ = words(SealedBid)
    _, chains = played(
        street.market,
        carry=lambda send, now: (16,) if isinstance(send.message, SealedBid) else (0,),
    )

    assert chains == {}


@pytest.mark.parametrize("kind", [Bid, Answer, Confirm, Booked])
def test_a_word_that_comes_a_beat_late_costs_a_hold_and_nothing_more(kind):
    market = shop(one_step("small", 600), one_step("large", 1000))
    street, chains = played(
        market, carry=lambda send, now: (61 if isinstance(send.message, kind) else 0,)
    )

    assert chains == {}
    assert all(not seller.booked for seller in street.sellers.values())
    assert street.paid_for_incomplete() == 0


def test_a_stranger_releases_nothing():
    street, _ = words(Release)
    (seller,) = street.sellers.values()
    (bid,) = seller.booked
    stranger = next(each for each in street.buyers if each != seller.booked[bid].bid.author)
    with pytest.raises(Unacceptable, match="release of nothing"):
        selling.hear(seller, Received(Release(stranger, bid), b"", b""))


def test_a_rival_that_nobody_signed_is_no_reason_to_pay():
    """A supplier that invents a bid just below the one it saw cannot show its signature."""
    market = shop(one_step("small", 600), one_step("large", 1000))
    forged = []

    class Forger(Street):
        def _signed(self, sender, message):
            if isinstance(message, Answer) and message.rivals and message.signed.grant.held:
                terms = replace(message.rivals[0].terms, rate=79)
                rival = replace(message.rivals[0], terms=terms)
                false = replace(message.signed.grant, rival=terms.id, rate=79)
                consent = self.keys[sender].sign(digest(DOMAIN, false))
                message = Answer(SignedGrant(false, consent), (rival,))
                forged.append(message)
            return super()._signed(sender, message)

    street = Forger(market, rounds=replace(NO_PRICES, holds=1, room=0))
    street.run()

    assert forged
    assert not list(street.bought())
    assert street.tally.refused["rival that its demander has not signed"] == len(forged)


@pytest.mark.parametrize("consent", [b"", b"\0" * 65])
def test_a_signature_that_is_none_is_refused_as_a_wrong_one(consent):
    street, found = words(Bid)
    send, now = found[0]
    bid = replace(send.message, consent=consent)
    (seller,) = Street(street.market, rounds=NO_PRICES).sellers.values()
    (buyer,) = (each for each in street.buyers.values() if each.address == bid.author)
    need = Need(bid.author, buyer.product.id, 0, seller.resource, 0, 10**6)
    seller, _ = selling.tick(seller, 0)
    seller, _ = selling.hear(seller, Received(need, b"", b""))
    sealed = SealedBid(bid.author, bid.terms.beat, bid.terms.id)
    seller, _ = selling.hear(seller, Received(sealed, b"", b""))
    with pytest.raises(Unacceptable, match="terms its demander has not signed"):
        selling.hear(replace(seller, now=now), Received(bid, b"", b""))


def test_a_buyer_takes_no_price_list_of_a_stranger():
    street, _ = words(Release)
    buyer = next(iter(street.buyers.values()))
    listed = next(iter(buyer.lists.values()))
    foreign = replace(listed, supplier=buyer.address)
    with pytest.raises(Unacceptable, match="does not sell this resource"):
        buying.hear(buyer, Received(foreign, b"", b""))
