"""The directory of somebody in a council, as its agent leaves it behind when it does not run."""

from pathlib import Path

from fabmarket.identity.codec import decode
from fabmarket.ledger import Ledger
from fabmarket.ledger.store import Block, Entry
from fabmarket.negotiation.moves import Ordered
from fabmarket.node import Journal
from fabmarket.node.settings import EVENTS, FILE, JOURNAL, template
from tests.unit.node.council import DOMAIN, LENGTH, ORIGIN, Council


class Office:
    """`name` is who in the council it belongs to, an operator or a party."""

    def __init__(self, council: Council, folder: Path, name: str = "ada") -> None:
        self.council, self.folder, self.name, self.stored = council, folder, name, 0
        roles = {"sam": "supplier", "bea": "demander"}
        text = template(roles.get(name, "operator"))
        for blank, filled in (
            ('"0x"', f'"{DOMAIN.verifying_contract}"'),
            ("1767225600", str(ORIGIN)),
            ("slot_length = 86400", f"slot_length = {LENGTH}"),
            ('resource = "S"', 'resource = "mill"'),
        ):
            text = text.replace(blank, filled)
        folder.mkdir(exist_ok=True)
        (folder / FILE).write_text(text)
        self.bring()

    def bring(self) -> None:
        """The agent writes down what happened since."""
        (self.folder / JOURNAL).write_bytes(self.council.people[self.name].journal.dump())
        store = Ledger(self.folder / EVENTS)
        for number, events, time in self.council.log[self.stored :]:
            entries = tuple(Entry(at, bytes(32), each) for at, each in enumerate(events))
            name = number.to_bytes(32, "big")
            store.append(Block(number, name, bytes(32), time, entries))
        self.stored = len(self.council.log)
        store.close()

    def orders(self) -> list:
        """What the owner has ordered here."""
        journal = Journal.reading(self.folder / JOURNAL)
        try:
            return [decode(Ordered, each.body).order for each in journal.placed()]
        finally:
            journal.close()
