"""Forgetting what is over: its messages, salts and keys leave an agent's directory for good.

Nothing of it stays, digests included: whoever knows the market could hold guesses against them.
What stays is how much was forgotten.
"""

from collections.abc import Set
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fabmarket.errors import Refused
from fabmarket.identity.codec import BadText, decode, encode
from fabmarket.negotiation.demander import DemanderState
from fabmarket.negotiation.demander.forgetting import forgotten
from fabmarket.node.evidence import Evidence
from fabmarket.node.journal import Journal
from fabmarket.node.locking import locked
from fabmarket.node.netted import BEGINS, NettedTrade
from fabmarket.node.owner import Owner
from fabmarket.node.participant import Announce, folded, move_of
from fabmarket.node.past import FORGOTTEN, Forgotten, Past, forgotten_in, past_of
from fabmarket.node.roles import STEPS
from fabmarket.node.settings import EVIDENCE, JOURNAL


class UnderWay(Refused):
    """A transaction of the agent is not mined yet."""


@dataclass(frozen=True)
class Forgetting:
    """What is `past` in a directory; of `evidence/` the `files` about it, and what is `left` there
    that is no evidence of anything that the journal holds.
    """

    past: Past
    files: tuple[str, ...]
    left: tuple[str, ...]


def forget(owner: Owner, days: int, *, is_trial: bool) -> Forgetting:
    """Forget what was over so many days before the last block that the agent has read.

    As a trial nothing is written. Refused while the agent runs, which has all of it in memory, or
    while a transaction of it is on its way. JournalFull: bytes of what is gone may still be there.
    """
    folder = owner.folder
    with locked(folder), closing(Journal(folder / JOURNAL)) as journal:
        if not all(isinstance(move_of(each.body), Announce) for each in journal.moves()):
            problem = f"{folder}: a transaction of the agent is on its way"
            raise UnderWay(f"{problem}; run the agent until it is mined")
        kind, step = STEPS[owner.settings.role]
        state = folded(journal, step, kind)
        past = past_of(journal, state, owner.time - days * 86_400)
        files, left = _files(folder / EVIDENCE, past, {*journal.trades()})
        if not is_trial:
            erase(journal, state, past, owner.time)
            for name in files:
                (folder / EVIDENCE / name).unlink(missing_ok=True)
            journal.scrub()
    return Forgetting(past, files, left)


def erase(journal: Journal, state: Any, past: Past, now: int) -> None:
    """Take what is past out of a journal whose state this is; its bytes go with `scrub`.

    So do letters that can arrive no more at second `now`, and all inputs: the state is written
    down as it is, without the secrets that led to it.
    """
    if isinstance(state, DemanderState):
        state = forgotten(state, past.before)
    named = {f"0x{each.hex()}" for each in past.sessions | past.batches | past.trades}
    notes = [
        name
        for name, value in journal.notes()
        if name.rpartition(" ")[2] in named
        or (name.startswith("second ") and value in past.messages)
    ]
    so_far = forgotten_in(journal)
    total = Forgotten(
        max(so_far.before, past.before),
        so_far.sessions + len(past.sessions),
        so_far.trades + len(past.trades),
        so_far.messages + len(past.messages),
    )
    with journal.writing():
        journal.drop(past.messages, notes)
        journal.tick_off([each.number for each in journal.letters() if each.until <= now])
        journal.snapshot(encode(state))
        if past.messages:
            journal.note(FORGOTTEN, encode(total))


def _files(folder: Path, past: Past, trades: Set[bytes]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files of `evidence/` about what is past, whatever they are called, and those that are
    about nothing that is kept; `trades` are all that the journal holds.
    """
    kept = {each.name for each in past.kept} | (trades - past.trades)
    gone, left = list[str](), list[str]()
    for path in sorted(folder.glob("*")):
        about = None if path.is_symlink() or not path.is_file() else _about(path.read_bytes())
        if about in past.sessions | past.trades:
            gone.append(path.name)
        elif about not in kept:
            left.append(path.name)
    return tuple(gone), tuple(left)


def _about(text: bytes) -> bytes | None:
    """The session, bid or trade that an evidence file shows; None if it is none."""
    try:
        if text.startswith(BEGINS):
            return decode(NettedTrade, text).leaf.trade
        return decode(Evidence, text).session
    except BadText:
        return None
