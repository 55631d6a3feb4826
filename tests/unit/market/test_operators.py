"""What the operators decide, by the twin: once, by a set that may change, with an end."""

from dataclasses import replace

from fabmarket.market import trade as signed
from fabmarket.market.events import (
    OperatorsSet,
    Paused,
    TokenSet,
)
from fabmarket.market.exchange import (
    Deposit,
    OperatorSet,
    Pause,
    Proof,
    SetOperators,
    SetToken,
    Withdraw,
    step,
)

NOW, END = 1_000, 5_600


def test_the_operators_decide_each_thing_once(market):
    m, end = market, NOW + 9
    assert m.new.decision_nonce == 0
    pause = Pause(NOW + 5, end, m.by(signed.Pause(NOW + 5, 1, 0, end)))
    paused, events = step(m.new, m.stranger.address, pause, NOW)
    assert events == (Paused(NOW + 5),)
    assert paused.decision_nonce == 1
    assert m.refused(paused, m.stranger, pause)[0] == "BadOperatorSignature"
    decision = signed.Token(m.other_token, True, 1, 1, end)
    token = SetToken(m.other_token, True, end, m.by(decision))
    both, events = step(paused, m.stranger.address, token, NOW)
    assert events == (TokenSet(m.other_token, True),)
    assert both.tokens == {m.token, m.other_token}
    assert m.refused(paused, m.stranger, token, end) == ("DecisionExpired", end, end)


def set_operators(m, *keys, nonce=0, number=1, by=None):
    names, threshold = tuple(key.address for key in keys), len(keys) // 2 + 1
    decision = signed.Operators(names, threshold, number, nonce, m.forever)
    return SetOperators(names, threshold, m.forever, m.by(decision, by))


def test_new_operators_take_over_after_the_delay(market):
    m, change = market, set_operators(market, market.buyer)
    changed, events = step(m.registered, m.stranger.address, change, NOW)
    assert events == (OperatorsSet(2, (m.buyer.address,), 1, NOW + 100),)
    assert changed.operator_sets[2] == OperatorSet((m.buyer.address,), 1)
    assert [changed.operator_set(now) for now in (NOW + 99, NOW + 100)] == [1, 2]
    step(changed, m.seller.address, m.attest(), NOW + 99)
    refusal = m.refused(changed, m.seller, m.attest(), NOW + 100)
    assert refusal == ("WrongOperatorSet", 1, 2)
    new = m.attest(operator_set=2, keys=[m.buyer])
    assert m.refused(changed, m.seller, new, NOW + 99) == ("WrongOperatorSet", 2, 1)
    step(changed, m.seller.address, new, NOW + 100)


def test_operators_decided_in_the_meantime_never_take_over(market):
    m = market
    first, second = set_operators(m, m.buyer), set_operators(m, m.stranger, nonce=1)
    state = m.played(m.new, (m.stranger, first))
    state = m.played(state, (m.stranger, second), now=NOW + 99)
    assert [state.operator_set(now) for now in (NOW + 198, NOW + 199)] == [1, 3]
    third = set_operators(m, m.seller, nonce=2, number=3, by=[m.stranger])
    late = m.played(state, (m.stranger, third), now=NOW + 199)
    assert [late.operator_set(now) for now in (NOW + 298, NOW + 299)] == [3, 4]
    assert (late.current_set, late.next_set) == (3, 4)


def test_a_contract_is_an_operator_by_what_its_code_confirms(market):
    m, wallet = market, market.nobody[:-1] + "1"
    names = (wallet, m.buyer.address)
    decision = signed.Operators(names, 2, 1, 0, m.forever)
    change = SetOperators(names, 2, m.forever, m.by(decision))
    state = m.played(m.registered, (m.stranger, change))
    attest = m.attest(operator_set=2, keys=[m.buyer])
    for confirmed in (True, False):
        mine = replace(attest.signatures[0], operator=wallet, signature=Proof(b"", confirmed))
        move = replace(attest, signatures=(mine, *attest.signatures))
        if confirmed:
            step(state, m.stranger.address, move, NOW + 100)
        else:
            refusal = m.refused(state, m.stranger, move, NOW + 100)
            assert refusal == ("BadOperatorSignature", 0, wallet)


def paused(m):
    return Pause(NOW + 5, m.forever, m.by(signed.Pause(NOW + 5, 1, 0, m.forever)))


def test_a_pause_ends_at_its_second_and_stops_no_withdrawal(market):
    m = market
    state = m.played(m.funded, (m.stranger, paused(m)))
    for move in (m.settle(), m.net(), m.escrow()):
        assert m.refused(state, m.buyer, move, NOW + 4) == ("TradingPaused", NOW + 5)
        step(state, m.buyer.address, move, NOW + 5)
    step(state, m.buyer.address, Withdraw(m.token, 1_000, m.buyer.address), NOW)


def test_a_delisted_token_is_traded_and_withdrawn_but_not_deposited(market):
    m = market
    decision = signed.Token(m.token, False, 1, 0, m.forever)
    gone = SetToken(m.token, False, m.forever, m.by(decision))
    state = m.played(m.funded, (m.stranger, gone), (m.buyer, m.settle()))
    assert m.played(state, (m.seller, Withdraw(m.token, 300, m.seller.address)))
    refusal = m.refused(state, m.buyer, Deposit(m.token, 1))
    assert refusal == ("TokenNotAccepted", m.token)
