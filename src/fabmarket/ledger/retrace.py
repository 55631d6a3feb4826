"""A trace that somebody has kept, all of it, held against what a node says now."""

from dataclasses import dataclass, fields
from typing import Any

from fabmarket.errors import TryAgain
from fabmarket.ledger.trace import (
    NoTrade,
    ReadTrace,
    Step,
    Trace,
    told_by_a_ledger,
)
from fabmarket.market.telling import told
from fabmarket.market.trade import Trade


class NotThereYet(TryAgain):
    """The node has not the block as of which the trace was made."""


@dataclass(frozen=True)
class Retraced:
    """What a node says now of a trade, None if it has none such, beside an earlier trace.

    `lost`: steps of that which are not so. `left_out`: steps that it should have, as of its block.
    `since`: those that came later. `wrong`: what else is not so, in words.
    """

    now: Trace | None
    lost: tuple[Step, ...]
    left_out: tuple[Step, ...]
    since: tuple[Step, ...]
    wrong: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether the earlier trace was right as of its block."""
        return not (self.lost or self.left_out or self.wrong)


def retrace(read: ReadTrace, earlier: Trace) -> Retraced:
    """Return a trace beside what was read of its trade. Raises NotThereYet, ChainError."""
    number = earlier.as_of.block
    if number > read.last.block:
        raise NotThereYet(
            f"the trace is as of block {number}, and the node is at {read.last.block};"
            " ask it again when it is there, or another node"
        )
    try:
        now = read.up_to(read.last)
    except NoTrade:
        now = None
    wrong = []
    if (found := read.hash_of(number)) != earlier.as_of.block_hash:
        said = earlier.as_of.block_hash.hex()
        wrong.append(f"block {number} is 0x{found.hex()}, and the trace is as of 0x{said}")
    try:
        then = read.up_to(earlier.as_of)
    except NoTrade:
        return Retraced(now, earlier.steps, (), (), tuple(wrong))
    return _compared(earlier, then if earlier.from_node else told_by_a_ledger(then), now, wrong)


def _compared(earlier: Trace, then: Trace, now: Trace | None, wrong: list[str]) -> Retraced:
    is_so = set(map(_place, then.steps))
    told = set(map(_place, earlier.steps))
    lost = tuple(each for each in earlier.steps if each not in then.steps)
    left_out = tuple(each for each in then.steps if _place(each) not in told)
    since = tuple(each for each in now.steps if _place(each) not in is_so) if now else ()
    wrong += _terms_apart(earlier.terms, then.terms)
    if not lost and not left_out and earlier.steps != then.steps:
        wrong.append("its steps are in another order than the chain's, or one is there twice")
    if not (lost or left_out or wrong) and earlier != then:
        wrong.append("it says something that the chain does not")
    return Retraced(now, lost, left_out, since, tuple(wrong))


def _place(step: Step) -> tuple[int, int]:
    return step.block, step.log_index


def _terms_apart(said: Trade | None, right: Trade | None) -> list[str]:
    if said is None or right is None:
        if said == right:
            return []
        has, has_not = ("it", "the chain") if right is None else ("the chain", "it")
        return [f"{has} tells terms, and {has_not} tells none"]
    return _apart("", said, right)


def _apart(before: str, said: Any, right: Any) -> list[str]:
    """What differs between two structs of a kind, field by field."""
    found = []
    for each in fields(right):
        one, other = getattr(said, each.name), getattr(right, each.name)
        name = f"{before}{each.name}"
        if hasattr(one, "__dataclass_fields__") and hasattr(other, "__dataclass_fields__"):
            found += _apart(f"{name}.", one, other)
        elif one != other:
            found.append(f"its terms say {name} {told(one)}, the chain {told(other)}")
    return found
