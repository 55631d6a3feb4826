"""The facts of a run as one JSON value, described key by key in docs/reference/report.md."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from fabmarket import __version__
from fabmarket.market.units import MICRO, NO_LIMIT, name_from_bytes32
from fabmarket.negotiation.bargaining import Bargain
from fabmarket.negotiation.demander import Talk
from fabmarket.negotiation.session import Round, Session
from fabmarket.negotiation.wants import NO_ANSWER, NO_DEAL, NO_OFFER, Want, why_no_price
from fabmarket.node import Certified, Outcome, SettledTrade, TestResult, certify_sessions
from fabmarket.report.reading import Facts


def facts_of(outcome: Outcome, command: Sequence[str]) -> Facts:
    """Return what `write_report` and `print_summary` show. `command` repeats the run."""
    engine, market = outcome.market.engine, outcome.market
    trades = [_trade(outcome, trade) for trade in outcome.trades]
    wants = [want for state in outcome.demanders for want in state.wants.values()]
    certified = certify_sessions(outcome)
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
        "subtasks": len(wants),
        "trades": trades,
        "unserved": _unserved(outcome),
        "accounts": _accounts(outcome),
        "units_traded": sum(trade["quantity"] for trade in trades),
        "paid_total": sum(trade["payment"] for trade in trades),
        "gas_total": sum(receipt.gas_used for _, receipt in outcome.sent),
        "gas": _gas(outcome),
        "equilibria": [
            _equilibrium(outcome, each) for each in certified if each.equilibrium is not None
        ],
        "off_equilibrium": [_off(outcome, each) for each in certified if each.off],
        "sessions": [
            *(_session(outcome, each) for each in outcome.sessions),
            *(_bargain(outcome, each) for each in outcome.bargains),
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
                    "detail": check.wrong[0] if check.wrong else "",
                }
                for check in outcome.audit.checks
            ],
            "surplus": outcome.audit.surplus and asdict(outcome.audit.surplus),
        },
        "timing": {"seconds": sum(outcome.seconds.values()), "phases": outcome.seconds},
    }


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
    for state in outcome.suppliers:
        if listing in state.shelves:
            return {
                "supplier": state.address,
                "resource": name_from_bytes32(state.resource),
                "slot": state.shelves[listing].slot,
            }
    raise KeyError(_hex(listing))


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
        "transaction": _hex(receipt.transaction),
        "block": receipt.block,
        "gas": receipt.gas_used,
        "subtask": outcome.names[trade.want],
        "session": _hex(trade.session),
    }


def _unserved(outcome: Outcome) -> list[dict[str, Any]]:
    origin, length = outcome.market.origin, outcome.market.slot_length
    return [
        {
            "subtask": outcome.names[want.id],
            "demander": state.address,
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
        for state in outcome.demanders
        for want in state.wants.values()
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


def _quoted(session: Session) -> list[Round]:
    """Return the rounds that were answered with replies."""
    return [each for each in session.rounds if not each.quote.final and each.complete]


def _equilibrium(outcome: Outcome, certified: Certified) -> dict[str, Any]:
    session, solved = certified.session, certified.equilibrium
    if solved is None:
        raise ValueError("a session without an equilibrium has none to show")
    return {
        "session": _hex(session.id),
        **_place(outcome, session.opening.listing),
        "concept": solved.concept,
        "price": float(solved.price),
        "demand": [float(each) for each in solved.demand],
        "demanders": [member.demander for member in session.opening.members],
        "supply": float(solved.supply),
        "negotiated_price": session.settled_on,
        "rounds": len(_quoted(session)),
        "certificate": {
            "max_unilateral_gain": float(solved.certificate.max_unilateral_gain),
            "residual": float(solved.certificate.residual),
            "deviations": list(solved.certificate.deviations),
        },
    }


def _off(outcome: Outcome, certified: Certified) -> dict[str, Any]:
    session = certified.session
    return {
        "session": _hex(session.id),
        **_place(outcome, session.opening.listing),
        "negotiated_price": session.settled_on,
        "reason": certified.off,
    }


def _members(outcome: Outcome, talk: Talk) -> list[dict[str, Any]]:
    return [
        {"demander": member.demander, "subtask": outcome.names[member.sub_task]}
        for member in talk.opening.members
    ]


def _session(outcome: Outcome, session: Session) -> dict[str, Any]:
    agreed = session.close is not None and any(session.close.awards)
    rounds = []
    for number, each in enumerate(_quoted(session), start=1):
        total = each.total() / MICRO
        rounds.append(
            {
                "round": number,
                "price": each.quote.price,
                "sum": total,
                "supply": float(session.rule.supply_at(each.quote.price, total)),
                "replies": [(reply or 0) / MICRO for reply in each.replies],
            }
        )
    return {
        "id": _hex(session.id),
        "kind": "session",
        **_place(outcome, session.opening.listing),
        "members": _members(outcome, session),
        "rounds": rounds,
        "price": session.settled_on,
        "outcome": "agreed" if agreed else "no agreement",
        "reason": "" if agreed else _why_none(session),
    }


def _why_none(session: Session) -> str:
    """Why nothing was awarded, as the members were told."""
    if session.close is None:
        return NO_ANSWER
    return why_no_price(session) if session.settled_on is None else "no member gains at the price"


def _bargain(outcome: Outcome, bargain: Bargain) -> dict[str, Any]:
    agreed = bool(bargain.outcome)
    return {
        "id": _hex(bargain.id),
        "kind": "bargaining",
        **_place(outcome, bargain.opening.listing),
        "members": _members(outcome, bargain),
        "rounds": [
            {
                "round": number,
                "by": "demander" if counter.sender == bargain.demander else "supplier",
                "price": counter.unit_price,
            }
            for number, counter in enumerate(bargain.counters, start=1)
            if counter.reason != "withdraw"
        ],
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
