"""Whose demands a supplier answers: as many as a beat bears, of those first who can buy.

A key costs nothing and a demand little, but each is checked, kept and answered. So what is asked
for a beat is bounded, of each demander and of all, and who costs an attacker the most to be comes
first: partners and those who have bought here before, then accounts with money in the exchange,
then everybody else, who could not pay.
"""

from __future__ import annotations  # HashTrieMap takes no parameters when it runs

from dataclasses import dataclass, field, replace

from rpds import HashTrieMap, HashTrieSet

from fabmarket.market.events import Deposited, Event, Settled, Withdrawn
from fabmarket.market.messages import MOST_ASKED, Demand
from fabmarket.negotiation.course import Unacceptable
from fabmarket.negotiation.policy import NO_BOUND, Policy

MOST_OF_ALL = 4096
"""Alternatives of our resource that are asked for, for one beat; others count a sixteenth."""
MOST_OF_STRANGERS = 2048
"""Of them, before one more of somebody is heard who has never bought here."""
MOST_OF_THE_POOR = 256
"""Before one more of somebody is heard who has no money in the exchange either."""


@dataclass(frozen=True)
class Custom:
    """What is known of demanders, and what they asked for the beats that are to come.

    `paid_in` is what accounts deposited and did not withdraw since, base units of our token;
    `buyers` are those whose trades with us have settled. `asked` is by demander and beat how much
    each demand asks for, by digest; `in_all` what all of them mean for us by beat.
    """

    paid_in: HashTrieMap[str, int] = field(default_factory=HashTrieMap)
    buyers: HashTrieSet[str] = field(default_factory=HashTrieSet)
    asked: HashTrieMap[tuple[str, int], HashTrieMap[bytes, int]] = field(
        default_factory=HashTrieMap
    )
    in_all: HashTrieMap[int, int] = field(default_factory=HashTrieMap)

    def after(self, event: Event, token: str) -> Custom:
        """Return what an event of the chain leaves; this if nothing. Settled: a trade of ours."""
        match event:
            case Deposited() if event.token == token:
                return self._paying_in(event.account, event.amount)
            case Withdrawn() if event.token == token:
                return self._paying_in(event.account, -event.amount)
            case Settled() if event.demander not in self.buyers:
                return self.having_sold_to(event.demander)
            case _:
                return self

    def having_sold_to(self, demander: str) -> Custom:
        """Return it with one who has bought here."""
        return replace(self, buyers=self.buyers.insert(demander))

    def _paying_in(self, account: str, amount: int) -> Custom:
        left = self.paid_in.get(account, 0) + amount
        if left > 0:
            return replace(self, paid_in=self.paid_in.insert(account, left))
        return replace(self, paid_in=self.paid_in.discard(account))

    def asking(
        self, demand: Demand, demand_digest: bytes, resource: bytes, policy: Policy
    ) -> Custom:
        """Return it with a demand that is to be answered. Unacceptable if it asks for too much."""
        place, count = (demand.demander, demand.opens), demand.asked
        of_one = self.asked.get(place, HashTrieMap())
        if demand_digest in of_one:
            return self
        if sum(of_one.values()) + count > MOST_ASKED:
            raise Unacceptable(f"more than {MOST_ASKED} alternatives asked for one beat")
        of_all = self.in_all.get(demand.opens, 0) + _weight(demand, resource, count)
        if of_all > self.most_before(demand.demander, policy):
            raise Unacceptable("demand for a beat for which others ask for enough")
        asked = self.asked.insert(place, of_one.insert(demand_digest, count))
        in_all = self.in_all.insert(demand.opens, of_all)
        return Custom(self.paid_in, self.buyers, asked, in_all)

    def can_pay(self, demander: str, amount: int) -> bool:
        """Return whether a demander may have so much money in the exchange, base units."""
        return demander in self.buyers or self.paid_in.get(demander, 0) >= amount

    def backs(self, demander: str, policy: Policy) -> int:
        """Return what stands behind what somebody asks for, base units: of who is known, all."""
        if demander in policy.partners or demander in self.buyers:
            return NO_BOUND
        return self.paid_in.get(demander, 0)

    def most_before(self, demander: str, policy: Policy) -> int:
        """Return how much may be asked in all before one more of this demander is heard."""
        if demander in policy.partners or demander in self.buyers:
            return MOST_OF_ALL
        return MOST_OF_STRANGERS if demander in self.paid_in else MOST_OF_THE_POOR

    def forgetting(self, now: int) -> Custom:
        """Return it without what was asked for beats that have come; this if nothing was."""
        asked, in_all = self.asked, self.in_all
        for opens in self.in_all:
            if opens <= now:
                in_all = in_all.remove(opens)
        if len(in_all) == len(self.in_all):
            return self
        for place in self.asked:
            if place[1] <= now:
                asked = asked.remove(place)
        return replace(self, asked=asked, in_all=in_all)


def _weight(demand: Demand, resource: bytes, count: int) -> int:
    """What a demand means for us: to offer what is ours, to read and keep all of it."""
    ways = (way for each in demand.sub_tasks for way in each.alternatives)
    ours = sum(way.resource == resource for way in ways)
    return max(ours, -(-count // 16))
