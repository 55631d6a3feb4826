"""The result of an audit as facts, for JSON and for whoever shows it."""

from dataclasses import asdict
from typing import Any

from fabmarket.ledger import Audit, Check, Difference
from fabmarket.ledger.comparing import Compared


def audit_facts(audit: Audit, chain_id: int, market: str) -> dict[str, Any]:
    """Return an audit of a market as JSON takes it."""
    scope, first = audit.scope, audit.first
    return {
        "ok": audit.ok,
        "chain_id": chain_id,
        "market": market,
        "checks": [_check(each) for each in audit.checks],
        "first_difference": None
        if first is None
        else {"check": first[0].name, **_difference(*first)},
        "surplus": [asdict(each) for each in audit.surpluses],
        "scope": None
        if scope is None
        else {**asdict(scope), "block_hash": f"0x{scope.block_hash.hex()}"},
    }


def ledger_facts(name: str, compared: Compared | None) -> dict[str, Any]:
    """Return as of which block a ledger was compared; no block where it could not be."""
    return {
        "name": name,
        "block": None if compared is None else compared.block,
        "block_hash": None if compared is None else f"0x{compared.block_hash.hex()}",
    }


def _check(check: Check) -> dict[str, Any]:
    return {
        "name": check.name,
        "compared": check.compared,
        "differing": check.differing,
        "wrong": [_difference(check, each) for each in check.wrong],
    }


def _difference(check: Check, difference: Difference) -> dict[str, Any]:
    return {**asdict(difference), "told": check.told(difference)}
