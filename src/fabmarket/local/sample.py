"""The market that `fabmarket up` founds: who sells, who wants what, and when."""

from fabmarket.scenario import (
    Alternative,
    Demander,
    Operation,
    Product,
    Scenario,
    SubTask,
    Supplier,
    Work,
)
from fabmarket.scenario.model import (
    DEFAULT_A,
    DEFAULT_B,
    DEFAULT_CURRENCY,
    DEFAULT_OPERATORS,
    majority_of,
)

PERIOD = 20
"""Seconds from beat to beat: a quarter of it is what a busy machine needs to answer."""
SLOT_LENGTH = 600
"""Seconds; the first slot begins when the market is founded, and its trades can be delivered."""
SLOTS = 48
RELEASES = SLOTS * SLOT_LENGTH // PERIOD
"""Beats in all slots: a want is published until they are over."""
USUAL = 2
"""Suppliers and demanders where nobody says how many."""
MOST = 20
"""Suppliers or demanders at most: each is a process."""
_SOLD = ("milling", "turning")
_MISSING = "grinding"
"""What nobody sells, for whoever comes to try it."""
_MISSING_SLOTS = range(1, 6)
_ATTESTED, _LISTED = 500, 400
CONCEPT = "clock"
"""How prices are found, in lots: what is wanted here is wanted whole."""
_MAINTENANCE, _BENEFIT, _COST = 10_00, 100_00, 45_00
_PRODUCT = Product(
    operations=tuple(
        Operation(resource, (Work(resource, quantity),))
        for resource, quantity in zip(_SOLD, (20, 10), strict=True)
    ),
    release=1,
    due=6,
    last=SLOTS - 1,
    value=900_00,
    lateness=50_00,
)
"""Bought in the first cycle of the products' rounds, whose slots begin after it."""


def sample_market(suppliers: int, demanders: int) -> Scenario:
    """Return so many suppliers of milling and turning in turn, and demanders that want both.

    The first demander also wants grinding, the last a product of both.
    """
    return Scenario(
        name="sample",
        title="A market for trying out",
        description="Suppliers of milling and turning, and demanders of both.",
        source="",
        draws="",
        currency=DEFAULT_CURRENCY,
        concept=CONCEPT,
        negotiation="session",
        release_rounds=RELEASES,
        operators=DEFAULT_OPERATORS,
        threshold=majority_of(DEFAULT_OPERATORS),
        slot_length=SLOT_LENGTH,
        tampered_copies=0,
        demanders=tuple(_demander(at, last=at == demanders - 1) for at in range(demanders)),
        suppliers=tuple(_supplier(at) for at in range(suppliers)),
    )


def newcomer_supplier() -> Supplier:
    """Return one that sells what nobody else sells."""
    return _selling("newcomer", _MISSING)


def newcomer_demander(slot: int) -> Demander:
    """Return one that wants milling in a slot."""
    return Demander("newcomer", (_want(_SOLD[0], _SOLD[0], slot, 10),))


def _supplier(at: int) -> Supplier:
    return _selling(f"supplier-{at + 1}", _SOLD[at % len(_SOLD)])


def _selling(name: str, resource: str) -> Supplier:
    return Supplier(
        name=name,
        resource=resource,
        unit="minute",
        maintenance=_MAINTENANCE,
        a=DEFAULT_A,
        b=DEFAULT_B,
        attested=(_ATTESTED,) * SLOTS,
        listed=(_LISTED,) * SLOTS,
        lots=True,
    )


def _demander(at: int, *, last: bool) -> Demander:
    wants = [_want(resource, resource, 0, 10 + at) for resource in _SOLD]
    if at == 0:
        wants += [_want(f"{_MISSING}-{slot}", _MISSING, slot, 5) for slot in _MISSING_SLOTS]
    return Demander(f"demander-{at + 1}", tuple(wants), _PRODUCT if last else None)


def _want(name: str, resource: str, slot: int, quantity: int) -> SubTask:
    way = Alternative(resource, quantity, _BENEFIT, _COST)
    return SubTask(name, slot, False, (way,))
