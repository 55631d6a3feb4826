"""Both parties agree how to divide what a trade in escrow holds, and nobody else has a say."""

from dataclasses import replace

import pytest
from rpds import HashTrieMap

from fabmarket.identity import Key, digest, keccak, recover
from fabmarket.market.events import Cause, Escrowed, Released, SplitsVoided
from fabmarket.market.exchange import Split
from fabmarket.market.messages import SplitOffer
from fabmarket.market.trade import Split as SplitTerms
from fabmarket.market.trade import Trade, market_domain
from fabmarket.negotiation.course import Unacceptable
from fabmarket.negotiation.moves import Send, Submit
from fabmarket.negotiation.orders import AgreeSplit
from fabmarket.negotiation.splitting import agree, followed, hear

DOMAIN = market_domain(31337, Key.derive("splitting tests", "contract").address)
ANNE, CLEO, EVE = (Key.derive("splitting tests", name) for name in ("anne", "cleo", "eve"))
TRADE = Trade(keccak(b"listing"), ANNE.address, EVE.address, 4, 100, 9_000, 0)
NAME = digest(DOMAIN, TRADE)
NOW, UNTIL = 1_000, 2_000


def opened(account):
    """What one of the two knows once the chain has said that the trade is in escrow."""
    event = Escrowed(NAME, TRADE, 1, NOW)
    return followed(HashTrieMap(), event, account.address, CLEO.address)


def offer(key, split, signer=None):
    return SplitOffer(key.address, split, (signer or key).sign(digest(DOMAIN, split)))


def order(to_supplier=300, until=UNTIL):
    return AgreeSplit(NAME, to_supplier, 500 - to_supplier, until)


def terms(to_supplier=300, until=UNTIL, nonce=0):
    return SplitTerms(NAME, to_supplier, 500 - to_supplier, until, nonce)


def test_the_first_to_say_it_offers_and_the_second_submits():
    _, (sent,) = agree(opened(ANNE), ANNE.address, order(), NOW)
    assert sent == Send(SplitOffer(ANNE.address, terms(), b""), CLEO.address, UNTIL)
    offered = offer(ANNE, sent.message.split)
    heard, outputs = hear(opened(CLEO), DOMAIN, offered, NOW)
    assert outputs == ()
    _, (submitted,) = agree(heard, CLEO.address, order(until=UNTIL + 9), NOW)
    assert submitted == Submit(Split(TRADE, 300, 200, UNTIL, offered.consent, b""), terms())
    assert recover(digest(DOMAIN, submitted.consent), offered.consent) == ANNE.address


def test_another_division_is_an_offer_of_its_own():
    heard, _ = hear(opened(CLEO), DOMAIN, offer(ANNE, terms()), NOW)
    _, (sent,) = agree(heard, CLEO.address, order(301), NOW)
    assert isinstance(sent, Send)


def test_where_both_have_offered_the_same_the_supplier_submits():
    for key, other, count in ((CLEO, ANNE, 1), (ANNE, CLEO, 0)):
        own, _ = agree(opened(key), key.address, order(), NOW)
        _, outputs = hear(own, DOMAIN, offer(other, terms(until=UNTIL + 5)), NOW)
        assert [type(each) for each in outputs] == [Submit] * count


def test_what_is_out_of_date_is_not_submitted():
    heard, _ = hear(opened(CLEO), DOMAIN, offer(ANNE, terms()), NOW)
    _, (sent,) = agree(heard, CLEO.address, order(until=UNTIL + 9), UNTIL)
    assert isinstance(sent, Send)
    own, _ = agree(opened(CLEO), CLEO.address, order(), NOW)
    _, outputs = hear(own, DOMAIN, offer(ANNE, terms(until=UNTIL + 9)), UNTIL)
    assert outputs == ()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (offer(EVE, terms()), "not in escrow with its author"),
        (offer(CLEO, terms()), "not in escrow with its author"),
        (offer(ANNE, replace(terms(), trade=bytes(32))), "not in escrow with its author"),
        (offer(ANNE, terms(nonce=1)), "another nonce"),
        (offer(ANNE, terms(until=NOW)), "out of date"),
        (offer(ANNE, terms(), EVE), "has not signed"),
        (replace(offer(ANNE, terms()), split=terms(301)), "has not signed"),
        (SplitOffer(ANNE.address, terms(), b""), "has not signed"),
        (SplitOffer(ANNE.address, terms(), b"\xff" * 65), "has not signed"),
    ],
)
def test_no_other_offer_is_heard(said, reason):
    with pytest.raises(Unacceptable, match=reason):
        hear(opened(CLEO), DOMAIN, said, NOW)


def test_consent_that_is_withdrawn_is_forgotten():
    heard, _ = hear(opened(CLEO), DOMAIN, offer(ANNE, terms()), NOW)
    voided = followed(heard, SplitsVoided(NAME, 1), CLEO.address, None)
    _, (sent,) = agree(voided, CLEO.address, order(), NOW)
    assert sent.message.split == terms(nonce=1)
    with pytest.raises(Unacceptable, match="another nonce"):
        hear(voided, DOMAIN, offer(ANNE, terms()), NOW)


def test_a_trade_that_is_closed_is_divided_no_more():
    part = Released(NAME, Cause.ACCEPTED, 1, 0, closed=False)
    whole = replace(part, closed=True)
    held = followed(opened(CLEO), part, CLEO.address, None)
    assert NAME in held
    closed = followed(held, whole, CLEO.address, None)
    with pytest.raises(Unacceptable, match="no such trade of ours"):
        agree(closed, CLEO.address, order(), NOW)
    with pytest.raises(Unacceptable, match="not in escrow"):
        hear(closed, DOMAIN, offer(ANNE, terms()), NOW)


def test_the_deadline_of_an_order_that_waited_may_have_passed():
    with pytest.raises(Unacceptable, match="its deadline has passed"):
        agree(opened(ANNE), ANNE.address, order(until=NOW), NOW)


@pytest.mark.parametrize(("account", "supplier"), [(EVE, CLEO.address), (CLEO, None)])
def test_trades_of_others_are_not_followed(account, supplier):
    escrows = HashTrieMap()
    event = Escrowed(NAME, TRADE, 1, NOW)
    assert followed(escrows, event, account.address, supplier) is escrows
