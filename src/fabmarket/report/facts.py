"""The facts of a run as one JSON value, described key by key in docs/reference/report.md."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from fabmarket import __version__
from fabmarket.errors import Bug
from fabmarket.ledger import Audit
from fabmarket.market.messages import Exit, Member, PriceTerms
from fabmarket.market.units import MICRO, NO_LIMIT, name_from_bytes32
from fabmarket.negotiation.bargaining import Bargain
from fabmarket.negotiation.course import CLOCK, supply_at
from fabmarket.negotiation.hosting import Hosted
from fabmarket.negotiation.masked.hosted import MaskedHosted
from fabmarket.negotiation.masked.sums import exits_between
from fabmarket.negotiation.wants import (
    BROKEN_OFF,
    NO_ANSWER,
    NO_DEAL,
    NO_OFFER,
    Want,
    why_no_masked_price,
    why_no_price,
)
from fabmarket.node import Replayed
from fabmarket.report.products import product_facts, unserved_operations
from fabmarket.report.reading import Facts
from fabmarket.simulation import (
    Certified,
    Outcome,
    SettledTrade,
    TestResult,
    best_lies,
    certify_sessions,
)
from fabmarket.simulation.leakage.rows import Leak


def facts_of(outcome: Outcome, command: Sequence[str], leaks: Sequence[Leak] = ()) -> Facts:
    """Return what `write_report` and `print_summary` show. `command` repeats the run.

    `leaks`: what each viewer of a private run learned.
    """
    engine, market = outcome.market.engine, outcome.market
    trades = [_trade(outcome, trade) for trade in outcome.trades]
    kept = [trade for trade in trades if not trade["refunded"]]
    of_products = product_facts(outcome, list(zip(outcome.trades, trades, strict=True)))
    unserved = _unserved(outcome) + unserved_operations(outcome, of_products["products"])
    certified = certify_sessions(outcome)
    lies = {
        session: None if lie is None else asdict(lie) for session, lie in best_lies(outcome).items()
    }
    gains = {
        each.session.id: float(each.equilibrium.certificate.max_unilateral_gain)
        for each in certified
        if each.equilibrium is not None and not each.off
    }
    return {
        "fabmarket": __version__,
        "command": list(command),
        "scenario": _scenario(outcome),
        "engine": engine.name,
        "chain": {
            "id": engine.chain_id,
            "blocks": engine.block_number(),
            "exchange": market.exchange.address,
            "token": market.token.address,
            "client": engine.client,
        },
        "operators": {
            "addresses": [party.address for party in outcome.parties.operators],
            "threshold": outcome.scenario.threshold,
        },
        "participants": [
            {"address": party.address, "role": party.role, "name": party.name}
            for party in outcome.parties.everyone
            if party not in outcome.parties.auditees
        ],
        "subtasks": len(outcome.wants) + _operations(outcome),
        **of_products,
        "trades": trades,
        "unserved": unserved,
        "accounts": _accounts(outcome),
        "units_traded": sum(trade["quantity"] for trade in kept),
        "paid_total": sum(trade["payment"] for trade in kept),
        "gas_total": sum(receipt.gas_used for _, receipt in outcome.sent),
        "gas": _gas(outcome),
        "settlement": _settlement(outcome),
        "exposed": len(outcome.exposed),
        "leakage": [asdict(leak) for leak in leaks],
        "equilibria": [
            _equilibrium(outcome, each, lies.get(each.session.id))
            for each in certified
            if each.equilibrium is not None
        ],
        "off_equilibrium": [_off(outcome, each) for each in certified if each.off],
        "sessions": [
            _talk(outcome, each)
            | {
                "certificate": {
                    "gain_in_the_game": gains.get(each.talk.id),
                    "best_lie_in_this_session": lies.get(each.talk.id),
                }
            }
            for each in outcome.talks
        ],
        "verification_tests": [_test(result) for result in outcome.tests],
        "messages": {
            "sent": outcome.tally.sent.total(),
            "delivered": outcome.tally.delivered,
            "ignored": outcome.tally.ignored.total(),
            "ignored_reasons": dict(outcome.tally.ignored),
            "by_type": dict(outcome.tally.sent),
        },
        "audit": {
            "ok": outcome.audit.ok,
            "checks": [
                {
                    "name": check.name,
                    "compared": check.compared,
                    "ok": check.ok,
                    "detail": check.told(check.wrong[0]) if check.wrong else "",
                }
                for check in outcome.audit.checks
            ],
            "surplus": _surplus(outcome.audit),
        },
        "timing": {"seconds": sum(outcome.seconds.values()), "phases": outcome.seconds},
    }


def _surplus(audit: Audit) -> dict[str, Any] | None:
    """What is held beyond what is owed; a run has one currency."""
    return asdict(audit.surpluses[0]) if audit.surpluses else None


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _scenario(outcome: Outcome) -> dict[str, Any]:
    scenario = outcome.scenario
    return {
        "name": scenario.name,
        "title": scenario.title,
        "description": scenario.description,
        "source": scenario.source,
        "draws": scenario.draws,
        "notes": list(scenario.notes),
        "seed": outcome.seed,
        "concept": scenario.concept,
        "negotiation": scenario.negotiation,
        "currency": {
            "symbol": scenario.currency.symbol,
            "decimals": scenario.currency.decimals,
        },
        "slot_length": scenario.slot_length,
    }


def _units(outcome: Outcome) -> dict[str, str]:
    return {spec.resource: spec.unit for spec in outcome.scenario.suppliers}


def _place(outcome: Outcome, listing: bytes) -> dict[str, Any]:
    """Return the supplier, resource and slot of a listing."""
    event = outcome.listed[listing]
    return {
        "supplier": event.supplier,
        "resource": name_from_bytes32(event.resource),
        "slot": event.slot,
    }


def _trade(outcome: Outcome, trade: SettledTrade) -> dict[str, Any]:
    event, receipt = trade.event, trade.receipt
    place = _place(outcome, event.listing)
    return {
        "id": _hex(event.trade),
        "demander": event.demander,
        **place,
        "quantity": event.quantity,
        "unit": _units(outcome)[place["resource"]],
        "unit_price": event.unit_price,
        "payment": event.payment,
        "refunded": trade.refunded,
        "settled": trade.way,
        "transaction": _hex(receipt.transaction),
        "block": receipt.block,
        "gas": receipt.gas_used,
        "subtask": outcome.names[trade.want],
        "session": _hex(trade.session),
    }


def _operations(outcome: Outcome) -> int:
    return sum(len(purchase.product.steps) for _, purchase in outcome.purchases.values())


def _unserved(outcome: Outcome) -> list[dict[str, Any]]:
    origin, length = outcome.market.origin, outcome.market.slot_length
    return [
        {
            "subtask": outcome.names[want.id],
            "demander": demander,
            "slot": (want.start - origin) // length,
            "reason": _reason(want),
            "attempts": [
                {
                    "resource": name_from_bytes32(attempt.resource),
                    "quantity": None if attempt.quantity == NO_LIMIT else attempt.quantity,
                    "reason": attempt.reason,
                }
                for attempt in want.attempts
            ],
        }
        for demander, want in outcome.wants.values()
        if want.state == "unserved"
    ]


def _reason(want: Want) -> str:
    return want.attempts[-1].reason if want.attempts else NO_OFFER


def _accounts(outcome: Outcome) -> list[dict[str, Any]]:
    return [
        {
            "address": party.address,
            "role": party.role,
            "name": party.name,
            "before": outcome.before[party.address],
            "after": outcome.after[party.address],
        }
        for party in outcome.parties.everyone
        if party.address in outcome.before
    ]


def _gas(outcome: Outcome) -> dict[str, Any]:
    used: dict[str, list[int]] = defaultdict(list)
    for transaction, receipt in outcome.sent:
        used[transaction.action].append(receipt.gas_used)
    return {
        action: {"count": len(each), "total": sum(each), "mean": sum(each) / len(each)}
        for action, each in used.items()
    }


def _settlement(outcome: Outcome) -> dict[str, Any]:
    """How trades settled, and what that cost."""
    ways: dict[str, list[SettledTrade]] = defaultdict(list)
    for trade in outcome.trades:
        ways[trade.way].append(trade)
    found = {}
    for way, trades in sorted(ways.items()):
        receipts = {each.receipt.transaction: each.receipt for each in trades}
        gas = sum(each.gas_used for each in receipts.values())
        counts = {"trades": len(trades), "transactions": len(receipts)}
        found[way] = {**counts, "gas": gas, "gas_per_trade": gas / len(trades)}
    return found


def _equilibrium(
    outcome: Outcome, certified: Certified, lie: dict[str, Any] | None
) -> dict[str, Any]:
    session, solved = certified.session, certified.equilibrium
    if solved is None:
        raise ValueError("a session without an equilibrium has none to show")
    return {
        "session": _hex(session.id),
        **_place(outcome, session.opening.listing),
        "concept": solved.concept,
        "price": float(solved.price),
        "demand": [float(each) for each in solved.demand],
        "demanders": [member.demander for member in session.members],
        "supply": float(solved.supply),
        "negotiated_price": session.course.settled_on,
        "rounds": session.quotes,
        "certificate": {
            "max_unilateral_gain": float(solved.certificate.max_unilateral_gain),
            "residual": float(solved.certificate.residual),
            "deviations": list(solved.certificate.deviations),
            "best_lie_in_this_session": lie,
        },
    }


def _off(outcome: Outcome, certified: Certified) -> dict[str, Any]:
    session = certified.session
    return {
        "session": _hex(session.id),
        **_place(outcome, session.opening.listing),
        "negotiated_price": session.course.settled_on,
        "reason": certified.off,
    }


def _talk(outcome: Outcome, shown: Replayed) -> dict[str, Any]:
    match shown.talk:
        case Hosted() as session:
            return _session(outcome, session, shown.members)
        case MaskedHosted() as masked:
            return _masked(outcome, masked, shown.members)
        case Bargain() as bargain:
            return _bargain(outcome, bargain, shown.members)
        case _:
            raise Bug("a supplier's journal holds a session of another supplier")


def _members(outcome: Outcome, members: Sequence[Member]) -> list[dict[str, Any]]:
    return [
        {"demander": member.demander, "subtask": outcome.names[member.sub_task]}
        for member in members
    ]


def _session(outcome: Outcome, session: Hosted, members: Sequence[Member]) -> dict[str, Any]:
    is_clock = session.opening.terms.concept == CLOCK
    rounds = []
    for number, each in enumerate(session.rounds):
        answers = [each.answers.get(seat) for seat in range(len(members))]
        replies = [answer.quantity if answer else 0 for answer in answers]
        price = each.quote.price
        rounds.append(_round(session.opening.terms, number, price, sum(replies), replies))
    clock = None
    if is_clock:
        clock = _clock(session.opening.terms, session.close.exits if session.close else ())
    return {
        **_held(outcome, session, members),
        "masked": False,
        "rounds": rounds,
        "clock": clock,
        "reason": "" if any(session.awards) else _why_none(session),
    }


def _masked(outcome: Outcome, session: MaskedHosted, members: Sequence[Member]) -> dict[str, Any]:
    """A masked session: sums are all that there is to say of its rounds."""
    terms = session.opening.terms
    rounds = [
        _round(terms, number, each.price, each.first, ())
        for number, each in enumerate(session.heard)
    ]
    is_clock = terms.concept == CLOCK
    return {
        **_held(outcome, session, members),
        "masked": True,
        "rounds": rounds,
        "clock": _clock(terms, exits_between(session.heard)) if is_clock else None,
        "reason": "" if any(session.awards) else _why_none(session),
    }


def _round(
    terms: PriceTerms, number: int, price: int, total: int, replies: Sequence[int]
) -> dict[str, Any]:
    scale = 1 if terms.concept == CLOCK else MICRO
    return {
        "round": number + 1,
        "price": price,
        "sum": total / scale,
        "supply": supply_at(terms, price, total) / MICRO,
        "replies": [reply / scale for reply in replies],
    }


def _held(
    outcome: Outcome, session: Hosted | MaskedHosted, members: Sequence[Member]
) -> dict[str, Any]:
    """What is said of any session but its rounds."""
    nothing = (0,) * len(members)
    given = zip(session.awards or nothing, session.payments or nothing, strict=True)
    return {
        "id": _hex(session.id),
        "kind": "session",
        **_place(outcome, session.opening.listing),
        "members": [
            {**member, "units": units, "payment": payment}
            for member, (units, payment) in zip(_members(outcome, members), given, strict=True)
        ],
        "price": session.price,
        "outcome": "agreed" if any(session.awards) else "no agreement",
    }


def _clock(terms: PriceTerms, exits: Sequence[Exit]) -> dict[str, Any]:
    """What a clock sold of, and which units were given up at which price, by all seats together."""
    return {"room": terms.capacity, "lots": terms.lots, "exits": [asdict(each) for each in exits]}


def _why_none(session: Hosted | MaskedHosted) -> str:
    """Why nothing was awarded, as the members were told."""
    if isinstance(session, MaskedHosted):
        if session.abort is not None:
            return BROKEN_OFF
        if session.over and session.close is None:
            return why_no_masked_price(session.course)
    if session.close is None:
        return NO_ANSWER
    if session.price is None:
        return why_no_price(session.course)
    return "no member gains at the price"


def _bargain(outcome: Outcome, bargain: Bargain, members: Sequence[Member]) -> dict[str, Any]:
    agreed = bool(bargain.outcome)
    return {
        "id": _hex(bargain.id),
        "kind": "bargaining",
        "masked": False,
        **_place(outcome, bargain.opening.listing),
        "members": _members(outcome, members),
        "rounds": [
            {
                "round": number,
                "by": "demander" if counter.sender == bargain.demander else "supplier",
                "price": counter.unit_price,
            }
            for number, counter in enumerate(bargain.counters, start=1)
            if counter.reason != "withdraw"
        ],
        "clock": None,
        "price": bargain.outcome or None,
        "outcome": "agreed" if agreed else "no agreement",
        "reason": "" if agreed else NO_ANSWER if bargain.outcome is None else NO_DEAL,
    }


def _test(result: TestResult) -> dict[str, Any]:
    return {
        "test": result.test.number,
        "supplier": result.supplier,
        "reported": dict(result.test.reported),
        "attested": dict(result.test.attested),
        "expected": result.test.expected,
        "outcome": result.outcome,
        "passed": result.passed,
        "error": result.explanation(),
        "transaction": _hex(result.receipt.transaction),
        "status": result.receipt.status,
        "gas": result.receipt.gas_used,
    }
