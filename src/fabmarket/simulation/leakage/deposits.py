"""What a supplier can tell of its demanders before it has quoted anything: what the chain shows."""

from collections import Counter
from collections.abc import Mapping

from fabmarket.market.events import Deposited
from fabmarket.scenario.deposits import largest_listed, most_payable
from fabmarket.simulation.leakage.answers import Try, share
from fabmarket.simulation.leakage.rows import Leak
from fabmarket.simulation.outcome import Outcome


def deposited(protected: Outcome, bare: Outcome) -> Leak | None:
    """The supplier orders demanders by their deposits, and takes that for the order of what each
    would pay at most in all.

    It names the rank of none whose deposit is another's too. The control has each deposit just
    that: what its demander would pay at most.
    """
    scenario = protected.scenario
    largest = largest_listed(scenario)
    pairs = zip(protected.parties.demanders, scenario.demanders, strict=True)
    reserved = {party.address: most_payable(spec, largest) for party, spec in pairs}
    count = len(reserved)
    if count < 2:
        return None
    shown: Counter[str] = Counter()
    for event in protected.store.events():
        if isinstance(event, Deposited) and event.account in reserved:
            shown[event.account] += event.amount
    alike = Counter(reserved.values())
    return Leak(
        viewer="the supplier, before it quotes",
        attack="orders demanders by what they have deposited",
        sought="the rank of what a demander would pay at most",
        tries=count,
        success=share(ranked(shown, reserved)),
        guessing=sum(each * each for each in alike.values()) / count**2,
        control=share(ranked(reserved, reserved)),
        unlike="each deposits what it would pay at most",
    )


def ranked(by: Mapping[str, int], reserved: Mapping[str, int]) -> list[Try]:
    """What the rank by one number says of the other: the value at that rank, and the true one."""
    values = sorted(reserved.values())
    alike = Counter(by.values())
    ranks = {account: at for at, account in enumerate(sorted(by, key=lambda it: by[it]))}
    return [
        (values[ranks[account]] if alike[by[account]] == 1 else None, value)
        for account, value in reserved.items()
    ]
