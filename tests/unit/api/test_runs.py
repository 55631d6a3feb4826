"""What a run left beside its ledger, and what the tokens of a chain are counted in."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from fabmarket.api.currencies import ask_tokens
from fabmarket.api.runs import REPORT, run_in
from fabmarket.api.served import Currency, Served, Verdict
from fabmarket.chain import Settings, open_engine
from fabmarket.ledger import Follower, Ledger
from fabmarket.ledger.queries.market import MarketRow
from fabmarket.report.kept import FACTS
from tests.filled_ledger import TOKEN, empty, fill
from tests.serving import serving
from tests.unit.chain.conftest import deploy_on

MARKET = MarketRow(31_337, "0x" + "11" * 20, 1, 0, {}, (TOKEN,), 0)
SAID: dict[str, Any] = {
    "chain": {"id": MARKET.chain_id, "exchange": MARKET.exchange, "token": TOKEN},
    "scenario": {"currency": {"symbol": "<b>CR", "decimals": 2}},
    "audit": {"ok": False, "checks": [{"name": "balances", "compared": 7, "ok": False}]},
}


def left(directory: Path, facts: str) -> Path:
    (directory / REPORT).write_text("<p>the report</p>", "utf-8")
    (directory / FACTS).write_text(facts, "utf-8")
    return directory


def test_currency_verdict_and_report_of_a_run_are_shown(tmp_path: Path) -> None:
    run = run_in(left(tmp_path, json.dumps(SAID)), MARKET)
    assert run.currency == Currency("<b>CR", 2)
    assert run.verdict == Verdict(ok=False, checks=(("balances", 7, False),))
    engine = empty(tmp_path / "ledger.sqlite")
    fill(engine)
    with serving(Served(engine, run=run, currencies={TOKEN: Currency("<b>CR", 2)})) as client:
        assert "&lt;b&gt;CR" in client.get("/trades").text
        assert "✗ FAILED" in client.get("/audit").text
        assert "✗ FAILED" in client.get("/").text
        report = client.get("/report")
    assert report.text == "<p>the report</p>"
    assert "script-src" not in report.headers["content-security-policy"]
    engine.dispose()


@pytest.mark.parametrize("facts", ["", "[]", "{}", '{"scenario": 1, "audit": 2}', "\0"])
def test_facts_that_cannot_be_read_leave_the_ledger_as_it_is(facts: str, tmp_path: Path) -> None:
    run = run_in(left(tmp_path, facts), MARKET)
    assert run.currency is None
    assert run.verdict is None
    assert run.report is not None


@pytest.mark.parametrize(
    "market", [None, replace(MARKET, chain_id=1), replace(MARKET, exchange="0x" + "22" * 20)]
)
def test_regression_facts_of_another_market_say_nothing_of_this(
    market: MarketRow | None, tmp_path: Path
) -> None:
    """Another run's "audit passed" stood on the pages of whatever ledger lay beside it."""
    run = run_in(left(tmp_path, json.dumps(SAID)), market)
    assert (run.currency, run.verdict) == (None, None)


def test_where_nothing_was_left_there_is_no_report(tmp_path: Path) -> None:
    assert run_in(tmp_path, MARKET).report is None


def test_a_ledger_of_no_run_has_no_report(client: httpx.Client) -> None:
    assert client.get("/report").status_code == 404


def test_tokens_are_asked_what_they_are_counted_in() -> None:
    known: dict[str, Currency] = {}
    ledger = Ledger()
    with open_engine("embedded", Settings()) as engine:
        deployed = deploy_on(engine)
        ask_tokens(engine, ledger.engine, known)
        assert known == {}
        Follower(engine, deployed.exchange, ledger).follow()
        ask_tokens(engine, ledger.engine, known)
    assert known == {deployed.token.address: Currency("T", 2)}
    ledger.close()
