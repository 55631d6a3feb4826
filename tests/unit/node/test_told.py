"""What others see of an agent: on the chain, and in what it sent to each of them."""

from fabmarket.negotiation.orders import AnswerUsage, ReportUsage
from fabmarket.node.owner import Owner
from fabmarket.node.told import exposure_of
from tests.unit.node.council import ORIGIN, Council
from tests.unit.node.office import Office


def shown(council, folder, name):
    return exposure_of(Owner(Office(council, folder / name, name).folder))


def test_a_supplier_told_operators_what_it_has_and_its_buyer_what_is_used(tmp_path):
    council = Council()
    trade = council.escrowed()
    council.wait(ORIGIN + 10 - council.now)
    assert council.people["sam"].order(ReportUsage(trade, 1)).state == "done"
    council.carry()
    council.people["bea"].order(AnswerUsage(trade, accepted=True))
    council.carry()
    sam, bea = (council.keys[name].address for name in ("sam", "bea"))
    seen = shown(council, tmp_path, "sam")
    told = {each.address: {it.kind: it.count for it in each.learned} for each in seen.hearers}
    operators = {council.keys[name].address for name in council.judges}
    assert told == {
        **{each: {"AttestationRequest": 1} for each in operators},
        bea: {"Usage": 1},
    }
    public = {each.kind: each.count for each in seen.anybody}
    assert public == dict.fromkeys(
        ("ResourceRegistered", "SlotAttested", "Listed", "Deposited", "Settled", "Escrowed"), 1
    )
    seen = shown(council, tmp_path, "bea")
    told = {each.address: {it.kind: it.count for it in each.learned} for each in seen.hearers}
    assert told == {sam: {"Receipt": 1}}


def test_what_concerns_a_trade_of_ours_concerns_us_and_that_of_others_does_not(tmp_path):
    council = Council()
    council.disputed()
    seen = shown(council, tmp_path, "bea")
    public = {each.kind: each.count for each in seen.anybody}
    assert public == dict.fromkeys(("Deposited", "Settled", "Escrowed", "Delivered", "Disputed"), 1)
