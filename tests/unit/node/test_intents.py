"""A call signed for another to submit: what a file of it may say, and what a relayer refuses."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.chain.calls import gas_limit
from fabmarket.chain.contracts import BadMove, ExchangeContract
from fabmarket.identity import BadValue, Key, digest, recover
from fabmarket.market.exchange import (
    Deposit,
    Expire,
    List,
    Report,
    Reverted,
    SettleEscrow,
    SignedTrade,
    Withdraw,
    step,
)
from fabmarket.market.trade import market_domain
from fabmarket.node.intents import (
    LARGEST,
    MOST_GAS,
    RELAYED,
    BadIntent,
    read_intent,
    signed_intent,
    written,
)
from tests.property.test_hostile_messages import changed
from tests.unit.node.council import DOMAIN, FOREVER, MILL, STRANGER, TOKEN, Council

BEA = Key.derive("council", "bea")
TO = Key.derive("council", "sam").address
TAKE = Withdraw(TOKEN, 40, TO)


def intent(move=TAKE, nonce=0, deadline=FOREVER, key=BEA, domain=DOMAIN):
    return signed_intent(key, domain, move, nonce, deadline)


def test_what_is_written_is_read():
    made = intent()
    assert read_intent(DOMAIN, written(made), "take.json") == made
    assert read_intent(DOMAIN, written(made).strip(), "take.json") == made


def test_the_contract_runs_it_once_as_the_account_that_signed():
    council = Council()
    assert council.does("bea", Deposit(TOKEN, 100)) is None
    made = intent()
    council.people["ada"].order(made)
    assert council.mine() == [("ada", "Relay", None)]
    assert council.exchange.account_of(BEA.address, TOKEN).balance == 60
    council.people["ada"].order(made)
    assert council.mine() == [("ada", "Relay", "WrongIntentNonce")]
    late = intent(nonce=1, deadline=council.now)
    council.people["ada"].order(late)
    assert council.mine() == [("ada", "Relay", "IntentExpired")]


def lists(reports):
    return List(tuple(Report(MILL, slot, 1) for slot in range(reports)))


def trade():
    return Council().trade()


@pytest.mark.parametrize(
    ("made", "problem"),
    [
        (lambda: intent(Expire(trade())), "a Expire is nothing that is submitted for another"),
        (lambda: intent(Deposit(TOKEN, 1)), "a Deposit is nothing that is submitted for another"),
        (
            lambda: intent(SettleEscrow(SignedTrade(trade(), *(BEA.sign(bytes(32)),) * 2))),
            "a SettleEscrow is nothing that is submitted for another",
        ),
        (lambda: intent(intent()), "a Relay is nothing that is submitted for another"),
        (lambda: intent(lists(6)), "1220000 gas, 1000000 at most are paid for"),
        (
            lambda: replace(intent(), move=replace(TAKE, amount=41)),
            "what it says is another call than what is signed",
        ),
        (
            lambda: replace(intent(), move=replace(TAKE, amount=2**256)),
            "holds no signed call",
        ),
        (
            lambda: replace(intent(), move=replace(TAKE, to="nobody")),
            "holds no signed call",
        ),
        (
            lambda: replace(intent(), signature=STRANGER.sign(bytes(32))),
            f"it is not signed by {BEA.address} for this market",
        ),
        (lambda: replace(intent(), signature=b"x"), "holds no signed call"),
        (
            lambda: intent(domain=market_domain(1, DOMAIN.verifying_contract)),
            f"it is not signed by {BEA.address} for this market",
        ),
    ],
)
def test_what_a_relayer_does_not_pay_for(made, problem):
    with pytest.raises(BadIntent, match=problem):
        read_intent(DOMAIN, written(made()), "take.json")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "holds no signed call"),
        (b"{}", "holds no signed call"),
        (b"[" * 10_000, "holds no signed call"),
        (b"\xff\x00", "holds no signed call"),
        (written(intent()) + b"\n", "holds no signed call"),
        (b" " * (LARGEST + 1), f"more than {LARGEST} bytes are no signed call"),
    ],
)
def test_what_is_no_signed_call_is_named(text, problem):
    with pytest.raises(BadIntent, match=problem) as refused:
        read_intent(DOMAIN, text, "take.json")
    assert str(refused.value).startswith("take.json: ")
    assert str(refused.value).endswith("have it signed anew with --intent")


@settings(max_examples=300)
@given(rng=st.randoms(use_true_random=False))
def test_nothing_is_relayed_but_what_its_account_signed(rng):
    """Files of true calls with one or two things changed, signed anew or not."""
    keys = {key.address: key for key in (BEA, STRANGER)}
    council = Council()
    for key in keys.values():
        state = council.exchange
        council.exchange, _ = step(state, key.address, Deposit(TOKEN, 1_000), council.now)
    true = intent(rng.choice((TAKE, lists(2), Deposit(TOKEN, 5), Expire(trade()))))
    known = (true.intent.call, true.signature, bytes(32), MILL)
    false = true
    for _ in range(rng.choice((1, 2))):
        false = changed(false, rng, known)
    account = false.intent.account
    try:
        if rng.random() < 0.5:
            call = ExchangeContract.move_data(false.move)
            false = replace(false, intent=replace(false.intent, call=call))
        if account in keys and rng.random() < 0.7:
            signature = keys[account].sign(digest(DOMAIN, false.intent))
            false = replace(false, signature=signature)
        text = written(false)
    except (BadMove, BadValue, AttributeError, TypeError):
        return  # no such call can be signed or written; it has not even the shape of one
    try:
        taken = read_intent(DOMAIN, text, "file")
    except BadIntent:
        return
    assert recover(digest(DOMAIN, taken.intent), taken.signature) == taken.intent.account
    assert isinstance(taken.move, RELAYED)
    assert gas_limit(taken) <= MOST_GAS
    assert ExchangeContract.move_data(taken.move) == taken.intent.call
    try:
        after, events = step(council.exchange, STRANGER.address, taken, council.now)
    except Reverted:
        return
    for other in keys.keys() - {account}:
        assert after.account_of(other, TOKEN) == council.exchange.account_of(other, TOKEN)
    assert events[0].account == account
