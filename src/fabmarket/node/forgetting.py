"""Forgetting what is over: its messages, salts and keys leave an agent's directory for good.

Nothing of it stays, digests included: whoever knows the market could hold guesses against them.
What stays is how much was forgotten.
"""

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
    """What is `past` in a directory; of `evidence/` the `files` about it, and those `left` of which
    nobody can say what they are about.
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
        files, left = _files(folder / EVIDENCE, past)
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


def _files(folder: Path, past: Past) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The files of `evidence/` about what is past, and those that are no evidence files."""
    gone, left = list[str](), list[str]()
    for path in sorted(folder.glob("0x*")):
        text = path.read_bytes()
        try:
            if text.startswith(BEGINS):
                is_past = decode(NettedTrade, text).leaf.trade in past.trades
            else:
                is_past = decode(Evidence, text).session in past.sessions
        except BadText:
            left.append(path.name)
        else:
            gone += [path.name] if is_past else []
    return tuple(gone), tuple(left)
