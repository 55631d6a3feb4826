"""A trace in words: a table of its steps, and what stands below it."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from fabmarket.cli.terminal import table
from fabmarket.market.trade import TIME_LIMIT
from fabmarket.node.moments import moment
from fabmarket.report.terminal import show
from fabmarket.report.wording import duration, money, number, one_line, short

Facts = dict[str, Any]

_HIDDEN = (
    *("trade", "supplier", "demander", "resource", "listing", "terms", "since", "token"),
    "operator_set",
)
"""What is said of a step once, or elsewhere."""
_WORD = re.compile("(?<=[a-z])[A-Z]")
"""Where another word of an event's name begins."""
_TIMES = ("origin", "expiry", "executable_at", "until")
_AMOUNTS = ("to_supplier", "to_demander")


def print_trace(facts: Facts) -> None:
    """Print a trace for people: hashes and addresses short, names and money in words."""
    if facts["steps"]:
        show(Console(), _table(facts))
    for line in _lines(facts):
        click.echo(one_line(line))


def _table(facts: Facts) -> Table:
    """The steps, in columns that can all be narrow."""
    rows = [
        [
            _WORD.sub(lambda begins: f" {begins[0].lower()}", each["what"]),
            "; ".join(filter(None, (_what(each, facts), _rests_on(each, facts)))),
            moment(each["time"]),
            f"{each['block']}, {each['transaction'][:10]}",
        ]
        for each in facts["steps"]
    ]
    built = table(f"Trade {facts['trade']}", ("Step", "What", "When", "Block, call"), rows)
    for column in built.columns:
        column.no_wrap, column.justify = False, "left"
    return built


def _what(step: Facts, facts: Facts) -> str:
    if step["what"] == "Settled":
        return f"payment {_money(facts['payment'], facts)}"
    return _said(step["event"], facts)


def _said(event: Facts, facts: Facts) -> str:
    """What an event says beside what all of the trade share."""
    return ", ".join(
        f"{name.replace('_', ' ')} {_value(name, value, facts)}"
        for name, value in event.items()
        if name not in _HIDDEN and not isinstance(value, dict | list)
    )


def _value(name: str, value: Any, facts: Facts) -> str:
    if name == "unit":
        return str(facts["unit"])
    if name in _TIMES:
        return moment(value) if value < TIME_LIMIT else "never"
    if name == "slot_length":
        return duration(value)
    if name in _AMOUNTS:
        return _money(value, facts)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return number(value)
    return short(str(value))


def _money(amount: int, facts: Facts) -> str:
    base = f"{number(amount)} base units"
    currency = facts["currency"]
    return base if currency is None else f"{money(amount, currency)} ({base})"


def _rests_on(step: Facts, facts: Facts) -> str:
    if step["sender"] is None:
        return "the log alone"
    signed = [
        f"{_who(each['account'], facts)}{'' if each['holds'] else ' (DOES NOT HOLD)'}"
        for each in step["signers"]
    ]
    if signed:
        return f"signed by {', '.join(signed)}"
    return f"called by {_who(step['sender'], facts)}"


def _who(account: str, facts: Facts) -> str:
    if account == facts["terms"].get("demander"):
        return f"demander {short(account)}"
    suppliers = {step["event"].get("supplier") for step in facts["steps"]}
    return f"supplier {short(account)}" if account in suppliers else short(account)


def _lines(facts: Facts) -> Iterator[str]:
    terms: Facts = facts["terms"] or {}
    if "transcript" in terms:
        of = f" of {facts['resource']}" if facts["resource"] else ""
        unit = f" (unit: {facts['unit']})" if facts["unit"] else ""
        units = "unit" if terms["quantity"] == 1 else "units"
        yield (
            f"{number(terms['quantity'])} {units}{of}{unit} at"
            f" {_money(terms['unit_price'], facts)} each, {_money(facts['payment'], facts)} in all."
        )
        yield (
            f"Listing {terms['listing']}, for {terms['demander']}; the session ended with message"
            f" {terms['transcript']}."
        )
    yield from _where(facts)
    if (netted := facts["netted"]) is not None:
        known = "has" if netted["recorded"] else "does NOT have"
        yield (
            f"Trade {facts['trade']} was settled in net batch {netted['batch']} and has no event of"
            f" its own. The chain {known} that batch in block {netted['block']}, transaction"
            f" {netted['transaction']}, with room for the trade."
        )
    elif facts["steps"] and all(step["sender"] is None for step in facts["steps"]):
        yield "No signature was seen: a ledger has events alone, as has a call of another contract."
    if (shown := facts["evidence"]) is not None:
        if shown["ok"]:
            yield (
                f"{shown['file']} holds: session {shown['session']}, {shown['outcome']}, as"
                f" {shown['holder']} tells it, shows this trade where the chain has it."
            )
        else:
            yield f"{shown['file']} does NOT hold: {shown['reason']}."
    for each in facts["wrong"]:
        yield f"The checked file is wrong: {each}."
    yield from _changes(facts["lost"], "is not so any more, or never was")
    yield from _changes(facts["left_out"], "is left out in the checked file")
    yield from _changes(facts["since"], "came since")


def _where(facts: Facts) -> Iterator[str]:
    market = f"Market {facts['market']} on chain {facts['chain_id']}"
    if (as_of := facts["as_of"]) is None:
        if facts["netted"] is None:
            yield f"{market} has no trade {facts['trade']}."
        else:
            yield f"{market}."
        return
    yield f"{market}, as of block {as_of['block']} ({as_of['block_hash']})."
    yield "The market's code and storage were not looked at: `fabmarket audit` does that."


def _changes(steps: Sequence[Facts], what: str) -> Iterator[str]:
    for each in steps:
        yield f"{each['what']} in block {each['block']}, {each['transaction']}, {what}."
