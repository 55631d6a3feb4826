"""The paper's Fig. 2 against its Fig. 3: one operator with a plain database, and the chain.

Both run the same scenario. Then the operator stops half-way, and then it changes a row.
"""

import contextlib
import json
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from fabmarket.errors import TryAgain
from fabmarket.ledger import audit, audit_log
from fabmarket.market.events import Settled, pack_terms
from fabmarket.paper.claim import NOT_IDENTIFIED, Facts, holds_if
from fabmarket.scenario import Scenario, Supplier
from fabmarket.simulation import Outcome, SettledTrade

_OVERCHARGE = 10
"""Base units a unit by which the operator raises a price afterwards."""
_PRICE_WORD = 4 + 32 * 4
"""Where `settle`'s call data holds the unit price: selector, then the trade's fifth field."""


class OperatorGone(TryAgain):
    """The operator's process does not answer; start it again."""


class _Process:
    """The operator as a process of its own; requests and answers are lines of JSON."""

    def __init__(self, database: Path) -> None:
        # -P: modules of the working directory must not shadow real ones.
        command = [sys.executable, "-P", "-m", "fabmarket.paper.operator", str(database)]
        self._process = subprocess.Popen(  # noqa: S603 (this interpreter, this package)
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __enter__(self) -> "_Process":
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):  # what a dead operator never read
                    pipe.close()
        self._process.wait()

    def ask(self, *request: object) -> Any:
        """Send a request and return the answer.

        Raises:
            OperatorGone: the process has ended.
        """
        line = ""
        if self._process.stdin is not None and self._process.stdout is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps(request) + "\n")
                self._process.stdin.flush()
                line = self._process.stdout.readline()
        if not line:
            raise OperatorGone(f"the operator does not answer {request[0]!r}; start it again")
        return json.loads(line)

    def kill(self) -> None:
        """End the process at once, as a crash or a power cut would."""
        self._process.kill()
        self._process.wait()


def _requests(scenario: Scenario, deposits: dict[str, int]) -> list[tuple[object, ...]]:
    """What everybody tells the operator, the demands last."""
    told: list[tuple[object, ...]] = [("deposit", name, held) for name, held in deposits.items()]
    for one in scenario.suppliers:
        rule = float(one.maintenance), float(one.a), float(one.b)
        told.append(("offer", one.name, one.resource, one.listed[0], *rule))
    for demander in scenario.demanders:
        way = demander.sub_tasks[0].alternatives[0]
        private = float(way.benefit), float(way.cost)
        told.append(("demand", demander.name, way.resource, *private))
    return told


def run(scenario: Scenario, deposits: dict[str, int], database: Path) -> tuple[Facts, float]:
    """The scenario through one operator: trades and balances, and the seconds from the first
    request to the trades; starting the process is not counted.
    """
    with _Process(database) as operator:
        operator.ask("trades")
        started = time.perf_counter()
        told = _requests(scenario, deposits)
        for request in told:
            operator.ask(*request)
        operator.ask("clear", scenario.suppliers[0].resource)
        trades = operator.ask("trades")
        seconds = time.perf_counter() - started
        balances = operator.ask("balances")
    return {"requests": len(told) + 1, "trades": trades, "balances": balances}, seconds


def stop(scenario: Scenario, deposits: dict[str, int], database: Path) -> Facts:
    """The same, but the operator dies before the last demand arrives."""
    told = _requests(scenario, deposits)
    with _Process(database) as operator:
        for request in told[:-1]:
            operator.ask(*request)
        operator.kill()
        try:
            operator.ask(*told[-1])
            answer = "answered"
        except OperatorGone:
            answer = "none"
    with contextlib.closing(sqlite3.connect(database)) as db:
        demands, trades = (
            db.execute(f"SELECT count(*) FROM {table_name}").fetchone()[0]  # noqa: S608
            for table_name in ("demand", "trade")
        )
    return {"answer": answer, "demands": demands, "trades": trades}


def cheat(database: Path, demander: str) -> None:
    """The operator raises one demander's price in its books and keeps them consistent."""
    with contextlib.closing(sqlite3.connect(database)) as db, db:
        quantity, supplier = db.execute(
            "SELECT quantity, supplier FROM trade WHERE demander = ?", (demander,)
        ).fetchone()
        extra = quantity * _OVERCHARGE
        db.execute(
            "UPDATE trade SET unit_price = unit_price + ?, payment = payment + ?"
            " WHERE demander = ?",
            (_OVERCHARGE, extra, demander),
        )
        move = "UPDATE account SET balance = balance + ? WHERE name = ?"
        db.execute(move, (-extra, demander))
        db.execute(move, (extra, supplier))


def inspect(database: Path) -> dict[str, bool]:
    """What somebody who is given the whole database can check in it: name and whether it passes."""
    with contextlib.closing(sqlite3.connect(database)) as db:

        def found(query: str) -> Any:
            return db.execute(query).fetchall()

        bought = "(SELECT coalesce(sum(payment), 0) FROM trade WHERE demander = name)"
        sold = "(SELECT coalesce(sum(payment), 0) FROM trade WHERE supplier = name)"
        return {
            "the file is intact": found("PRAGMA integrity_check") == [("ok",)],
            "every reference leads somewhere": not found("PRAGMA foreign_key_check"),
            "every payment is quantity × price": not found(
                "SELECT id FROM trade WHERE payment <> quantity * unit_price"
            ),
            "every balance is deposits − bought + sold": not found(
                f"SELECT name FROM account WHERE balance <> deposited - {bought} + {sold}"  # noqa: S608
            ),
            "no money appeared or vanished": found(
                "SELECT sum(deposited) - sum(balance) FROM account"
            )
            == [(0,)],
        }


def measure(outcome: Outcome, scenario: Scenario, repeats: int) -> tuple[Facts, Facts]:
    """Both architectures on one scenario: the facts, and apart from them the seconds they took.

    `outcome` is the run on a chain, whose engine must still be open.
    """
    people = (*outcome.parties.demanders, *outcome.parties.suppliers)
    names = {party.address: party.name for party in people}
    deposits = {name: outcome.before[address] for address, name in names.items()}
    only = scenario.suppliers[0]
    chain_trades = sorted((_trade(each.event, names, only) for each in outcome.trades), key=_who)
    victim = chain_trades[0]["demander"]
    with tempfile.TemporaryDirectory() as folder:
        seconds = []
        for at in range(repeats):
            database = Path(folder, f"{at}.sqlite")
            central, took = run(scenario, deposits, database)
            seconds.append(took)
        before = inspect(database)
        cheat(database, victim)
        after = inspect(database)
        stopped = stop(scenario, deposits, Path(folder, "stopped.sqlite"))
    facts = {
        "central": central | {"trades": sorted(central["trades"], key=_who)},
        "chain": _on_chain(outcome, names) | {"trades": chain_trades},
        "stop": stopped,
        "cheat": {
            "victim": victim,
            "overcharge": _OVERCHARGE,
            "checks": [
                {"name": name, "before": passed, "after": after[name]}
                for name, passed in before.items()
            ],
        },
        "audit": _audits(outcome, names, victim),
    }
    facts["same_trades"] = facts["central"]["trades"] == facts["chain"]["trades"]
    facts["same_balances"] = central["balances"] == facts["chain"]["balances"]
    timing = {
        "central_seconds": statistics.median(seconds),
        "repeats": repeats,
        "chain_seconds": sum(outcome.seconds.values()) - outcome.seconds["audit"],
        "chain_trading_seconds": outcome.seconds["negotiate and settle"],
    }
    return facts, timing


def _who(trade: Facts) -> str:
    return str(trade["demander"])


def _trade(event: Settled, names: dict[str, str], supplier: Supplier) -> Facts:
    return {
        "demander": names[event.demander],
        "supplier": supplier.name,
        "resource": supplier.resource,
        "quantity": event.quantity,
        "unit_price": event.unit_price,
        "payment": event.payment,
    }


def _on_chain(outcome: Outcome, names: dict[str, str]) -> Facts:
    used = [receipt.gas_used for _, receipt in outcome.sent]
    settled = [r.gas_used for sent, r in outcome.sent if sent.action == "settle"]
    operators = {party.address for party in outcome.parties.operators}
    return {
        "transactions": len(used),
        "gas": sum(used),
        "gas_settlements": settled,
        "sent_by_operators": sum(sent.key.address in operators for sent, _ in outcome.sent),
        "operators": len(operators),
        "threshold": outcome.scenario.threshold,
        "messages": outcome.tally.sent.total(),
        "balances": {name: outcome.after[address] for address, name in names.items()},
    }


def _audits(outcome: Outcome, names: dict[str, str], victim: str) -> Facts:
    """The operator's trick tried on the chain: in the log kept of it, and in the trade itself."""
    market = outcome.market
    trade = next(each for each in outcome.trades if names[each.event.demander] == victim)
    honestly = trade.event
    raised = honestly.unit_price + _OVERCHARGE
    terms = pack_terms(honestly.quantity, raised, honestly.nonce)
    forged = replace(honestly, terms=terms)
    events = [forged if event == trade.event else event for event in outcome.store.events()]
    honest, forgery = audit(market.exchange), audit_log(events, market.exchange)
    return {
        "honest_ok": honest.ok,
        "compared": sum(check.compared for check in honest.checks),
        "found": [
            {"check": check.name, "difference": check.told(wrong)}
            for check in forgery.checks
            for wrong in check.wrong
        ],
        "refused": _forged_settlement(outcome, trade),
    }


def _forged_settlement(outcome: Outcome, trade: SettledTrade) -> str:
    """The error with which the contract refuses the signed trade at a higher price; "" if none."""
    sent = next(sent for sent, receipt in outcome.sent if receipt == trade.receipt)
    price = slice(_PRICE_WORD, _PRICE_WORD + 32)
    raised = int.from_bytes(sent.data[price], "big") + _OVERCHARGE
    data = sent.data[: price.start] + raised.to_bytes(32, "big") + sent.data[price.stop :]
    error = outcome.market.exchange.why(sent.key.address, data, trade.receipt.block - 1)
    return "" if error is None else error.error


def verdicts(facts: Facts) -> dict[str, str]:
    """What the operator's stop, its cheating and its absence come to."""
    stopped, chain, audited = facts["stop"], facts["chain"], facts["audit"]
    dead = stopped["trades"] == 0 and stopped["answer"] != "answered"
    alive = chain["sent_by_operators"] == 0 and len(chain["trades"]) > 0
    unseen = all(one["after"] for one in facts["cheat"]["checks"])
    seen = audited["honest_ok"] and audited["found"] and audited["refused"]
    return {
        "single-point": holds_if(dead and alive),
        "tampering": holds_if(unseen and seen),
        "trust-cost": NOT_IDENTIFIED,
    }
