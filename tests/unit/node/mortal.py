"""Participants whose process dies at chosen boundaries, and comes up again from its journal.

A boundary lies before and after every call of the database: before a transaction, at each of its
statements, after its commit and before what is then done, and between two things done. Whatever was
not committed is lost, with all that was in memory; what others sent without an answer they send
again, and the chain's blocks can be read again.
"""

from collections import Counter

from fabmarket.node import Journal, Outbox, Participant


class Crash(BaseException):
    """The process is gone; no handler of errors runs to its end."""


class Fuse:
    """Names the boundaries of all participants, and at those in `at` lets a process die.

    A boundary is "before" or "after", a statement, and how often there was one like it.
    """

    def __init__(self, at=()):
        self.at, self.seen, self.passed, self.crashes, self.burns = set(at), Counter(), [], 0, True

    def pass_one(self, when, statement):
        if self.burns:
            kind = (when, statement)
            boundary = (*kind, self.seen[kind])
            self.seen[kind] += 1
            self.passed.append(boundary)
            if boundary in self.at:
                self.crashes += 1
                raise Crash


class Database:
    """A connection that is dead after a crash."""

    def __init__(self, raw, fuse):
        self.raw, self._fuse, self._dead = raw, fuse, False

    def execute(self, statement, *values):
        if self._dead:
            raise Crash
        try:
            self._fuse.pass_one("before", statement)
            cursor = self.raw.execute(statement, *values)
            self._fuse.pass_one("after", statement)
        except Crash:
            self._dead = True
            raise
        return cursor

    def __getattr__(self, name):
        return getattr(self.raw, name)


class MortalJournal(Journal):
    """A journal of one participant's process after the other."""

    fuse: Fuse

    def __init__(self):
        super().__init__()
        self._db = Database(self._db, self.fuse)
        self.owner, self._all_again = None, False

    def reopen(self):
        """Go on from the bytes that were committed."""
        raw = self._db.raw
        raw.rollback()
        self._db = Database(Journal.restored(raw.serialize())._db, self.fuse)
        self._all_again = True

    def count_moves(self):
        return self._db.raw.execute("SELECT count(*) FROM move").fetchone()[0]

    def letters(self, after=0):
        """The links read the outbox here; a new process sends all that lies in it again."""
        try:
            found = super().letters(0 if self._all_again else after)
        except Crash:
            self.owner.rise()
            return self.letters(after)
        self._all_again = False
        return found

    def delivered(self, number):
        try:
            super().delivered(number)
        except Crash:
            self.owner.rise()

    def sessions(self):
        self.fuse.burns = False  # the market is over, and somebody reads what is left of it
        return super().sessions()


class MortalParticipant(Participant):
    def __init__(self, *birth):
        self._birth, self._blocks = birth, []
        birth[4].owner = self
        self._live()

    def _live(self):
        try:
            super().__init__(*self._birth)
            for block, is_past in self._blocks:
                later = block is not self._blocks[-1][0]
                super().follow(block, is_past=is_past or later)
        except Crash:
            self.rise()

    def rise(self):
        """Start again from the journal, and read the chain's blocks since."""
        kept = {"_birth": self._birth, "_blocks": self._blocks}
        self.__dict__.clear()
        self.__dict__.update(kept)
        self._birth[4].reopen()
        self._live()

    def receive(self, text):
        try:
            return super().receive(text)
        except Crash:
            self.rise()
            return self.receive(text)  # without an answer it is sent again

    def follow(self, block, *, is_past=False):
        self._blocks.append((block, is_past))
        try:
            super().follow(block, is_past=is_past)
        except Crash:
            self.rise()

    def order(self, move):
        before = self.journal.count_moves()
        try:
            super().order(move)
        except Crash:
            self.rise()
            if self.journal.count_moves() == before:  # which an owner looks up
                self.order(move)


class MortalOutbox(Outbox):
    def outgoing(self):
        try:
            return super().outgoing()
        except Crash:
            self._journal.owner.rise()
            return self.outgoing()

    def mined(self, outgoing, receipt):
        try:
            super().mined(outgoing, receipt)
        except Crash:
            self._journal.owner.rise()
