"""Signed messages between participants of one process.

A transport only carries envelopes. Whoever receives one checks its signature itself; what fails is
ignored and counted, never acted on.
"""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from fabmarket.identity import BadSignature, BadValue, Domain, Key, digest, recover
from fabmarket.market.messages import Message
from fabmarket.negotiation.moves import Ignored, Input, Output, Received, Send, Submit

S = TypeVar("S")

BAD_SIGNATURE = "bad signature"
NOBODY_THERE = "addressed to nobody here"


@dataclass(frozen=True)
class Envelope:
    """A message and a 65-byte signature that claims to be its author's."""

    message: Message
    signature: bytes


@dataclass
class Tally:
    """What went over the wire."""

    sent: Counter[str] = field(default_factory=Counter)
    delivered: int = 0
    ignored: Counter[str] = field(default_factory=Counter)


class Participant(Generic[S]):
    """A key, a state and a pure step: takes envelopes and inputs, gives back outputs."""

    def __init__(
        self,
        key: Key,
        domain: Domain,
        state: S,
        step: Callable[[S, Input], tuple[S, tuple[Output, ...]]],
    ) -> None:
        self.key = key
        self.state = state
        self._domain = domain
        self._step = step

    @property
    def address(self) -> str:
        """The participant's address."""
        return self.key.address

    def receive(self, envelope: Envelope) -> tuple[Output, ...]:
        """Check the signature against the message's author, then take the step."""
        try:
            message_digest = digest(self._domain, envelope.message)
            signer = recover(message_digest, envelope.signature)
        except (BadSignature, BadValue):
            return (Ignored(BAD_SIGNATURE),)
        if signer != envelope.message.author:
            return (Ignored(BAD_SIGNATURE),)
        return self.take(Received(envelope.message, message_digest, envelope.signature))

    def take(self, given: Input) -> tuple[Output, ...]:
        """Take the step for an input that needs no signature."""
        self.state, outputs = self._step(self.state, given)
        return outputs

    def seal(self, message: Message) -> Envelope:
        """Sign a message of one's own."""
        return Envelope(message, self.key.sign(digest(self._domain, message)))


class Bus:
    """Delivers envelopes in the order they were sent, until nobody has anything to say."""

    def __init__(self, participants: Sequence[Participant[Any]]) -> None:
        self._by_address = {each.address: each for each in participants}
        self._queue: deque[tuple[str, Envelope]] = deque()
        self.tally = Tally()
        self.submits: list[tuple[Participant[Any], Submit]] = []

    def give(self, participant: Participant[Any], given: Input) -> None:
        """Hand a participant an input and take up what it wants done."""
        self._take_up(participant, participant.take(given))

    def post(self, envelope: Envelope, to: tuple[str, ...] = ()) -> None:
        """Put an envelope on the wire; to nobody in particular means to everybody else."""
        kind = type(envelope.message).__name__
        self.tally.sent[kind] += 1
        author = envelope.message.author
        everyone = (each for each in self._by_address if each != author)
        self._queue.extend((address, envelope) for address in to or everyone)

    def on_the_wire(self) -> list[Envelope]:
        """Return the envelopes not yet delivered, each once, in order."""
        return list(dict.fromkeys(envelope for _, envelope in self._queue))

    def pump(self) -> None:
        """Deliver until the wire is empty."""
        while self._queue:
            address, envelope = self._queue.popleft()
            receiver = self._by_address.get(address)
            if receiver is None:
                self.tally.ignored[NOBODY_THERE] += 1
                continue
            self.tally.delivered += 1
            self._take_up(receiver, receiver.receive(envelope))

    def _take_up(self, participant: Participant[Any], outputs: tuple[Output, ...]) -> None:
        for output in outputs:
            match output:
                case Send():
                    self.post(participant.seal(output.message), output.to)
                case Submit():
                    self.submits.append((participant, output))
                case Ignored():
                    self.tally.ignored[output.reason] += 1
