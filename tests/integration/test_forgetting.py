"""What an agent forgot is nowhere in its directory, and what the chain shows opens no more."""

import re
import secrets
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.identity import digest, keccak
from fabmarket.identity.codec import decode
from fabmarket.identity.keystore import create
from fabmarket.ledger import Block, Ledger
from fabmarket.market.cycles import Counted
from fabmarket.market.events import NetSettled
from fabmarket.market.masked import MaskedReply, Unmasking
from fabmarket.market.messages import MaskedOpening
from fabmarket.market.net import leads, trade_leaf, unpack_rows, unpack_sales
from fabmarket.negotiation.drawing import drawn
from fabmarket.negotiation.moves import Ticked
from fabmarket.negotiation.policy import Spent
from fabmarket.node import Answer, Journal, Participant, evidence_of, replay
from fabmarket.node.envelope import Envelope
from fabmarket.node.forgetting import erase
from fabmarket.node.locking import locked
from fabmarket.node.owner import keep_evidence
from fabmarket.node.participant import folded
from fabmarket.node.past import past_of
from fabmarket.node.products import products_of
from fabmarket.node.roles import STEPS
from fabmarket.node.settings import EVENTS, EVIDENCE, FILE, JOURNAL, KEYSTORE, template
from fabmarket.scenario.files import parse_scenario
from fabmarket.simulation import Outcome, Party, run_market
from tests.integration.conftest import SCENARIOS, run_command

DAY = 86_400
HEX = re.compile(rb"(?=([0-9a-f]{64}))")
"""32 bytes as the journal writes them, wherever they begin."""


@pytest.fixture(scope="module")
def outcome():
    """A market that nets, whose parties draw their secrets from chance as agents do."""
    path = SCENARIOS / "clock.toml"
    scenario = parse_scenario(path.read_text("utf-8"), path.name, 1, str)
    with pytest.MonkeyPatch.context() as patch, open_engine("embedded", Settings()) as engine:
        patch.setattr(Party, "source", lambda *_: secrets.token_bytes(32))
        done = run_market(scenario, engine, 1, lambda *_: None, settle="net")
    assert len(done.netted) == 3
    return done


@dataclass
class Directory:
    """An agent's directory with all that a party of the market has at its end."""

    folder: Path
    outcome: Outcome
    role: str

    def __post_init__(self):
        out, parties = self.outcome, self.outcome.parties
        (self.supplier,) = parties.suppliers
        bought = {trade.event.demander for trade in out.trades}
        buyers = [each for each in parties.demanders if each.address in bought]
        self.party = self.supplier if self.role == "supplier" else buyers[0]
        self.domain = out.market.domain
        self.folder.mkdir()
        (self.folder / JOURNAL).write_bytes(out.journals[self.party.address].dump())
        (self.folder / EVENTS).write_bytes(out.store.dump())
        create(self.folder / KEYSTORE, self.party.key, "correct horse")
        text = template(self.role).replace('"0x"', f'"{self.domain.verifying_contract}"')
        chain = f"chain_id = {self.domain.chain_id}"
        (self.folder / FILE).write_text(re.sub("chain_id = .*", chain, text), "utf-8")

    def journal(self):
        return closing(Journal(self.folder / JOURNAL))

    def participant(self, journal):
        kind, step = STEPS[self.role]
        us = self.party.key, self.domain, step
        return Participant(*us, folded(journal, step, kind), journal)

    def comes(self, time):
        """A block of that time, which the agent reads, and then ends."""
        with closing(Ledger(self.folder / EVENTS)) as store, self.journal() as journal:
            number, parent = store.followed()
            block = Block(number + 1, keccak(parent), parent, time, ())
            self.participant(journal).follow(block)
            store.append(block)
        return self

    @property
    def slot_ends(self):
        with self.journal() as journal:
            words = [decode(Envelope, text).message for _, _, text in journal.messages()]
        return max(getattr(each, "slot_end", 0) for each in words)

    def words(self):
        """All messages: (digest, envelope), with their texts."""
        with self.journal() as journal:
            return {key: (decode(Envelope, text), text) for key, _, text in journal.messages()}

    def files(self):
        """The bytes of all files, but for what the chain shows to all."""
        found = (each for each in self.folder.rglob("*") if each.is_file())
        return {each.name: each.read_bytes() for each in found if not each.name.startswith(EVENTS)}

    def run(self, *arguments):
        return run_command("forget", self.folder, "--json", *arguments).facts


@pytest.fixture(params=["supplier", "demander"])
def directory(request, outcome, tmp_path):
    return Directory(tmp_path / "agent", outcome, request.param)


# What a thief makes of it


def leaves_of(outcome):
    """Of each trade of the batch, by digest: its leaf as its supplier counted it."""
    (seller,) = outcome.parties.suppliers
    said = outcome.journals[seller.address].said(Counted.__name__)
    words = [decode(Envelope, text).message for _, text in said]
    return {leaf.trade: leaf for each in words for leaf in each.trades if leaf.path}


def dictionary(outcome):
    """Trades, by digest, that a thief tries who knows all of one but buyer, quantity and price.

    Buyers are those of the batch's rows, quantities up to what the listing sold, prices those near
    the average that rows and sales show.
    """
    (batch,) = batches(outcome)
    (sale,) = unpack_sales(batch.sales)
    buyers = [row for row in unpack_rows(batch.rows) if row.direction]
    average = sum(row.amount for row in buyers) // sale.quantity
    near = [*range(average - 200, average + 200)]
    (seller,) = outcome.parties.suppliers
    texts = (outcome.journals[seller.address].message(name) for name in outcome.netted)
    known = [decode(Envelope, text).message for text in texts]
    prices = [price for price in near if any(abs(price - each.unit_price) < 5 for each in known)]
    assert len(prices) >= 9 * 2
    tried = product(known, buyers, range(1, sale.quantity + 1), prices)
    return {
        digest(
            outcome.market.domain,
            replace(it, demander=row.account, quantity=units, unit_price=price),
        )
        for it, row, units, price in tried
    }


def batches(outcome):
    return [each for each in outcome.store.events() if isinstance(each, NetSettled)]


def salts_kept(directory):
    """What the thief reads in the journal as salts."""
    words = [it.message for it, _ in directory.words().values()]
    leaves = [leaf for each in words if isinstance(each, Counted) for leaf in each.trades]
    return {leaf.salt for leaf in leaves if any(leaf.salt)}


def opens(directory, guessed, salts):
    """The trades that lead to the chain's root with these salts; the paths are given."""
    (batch,) = batches(directory.outcome)
    leaves = leaves_of(directory.outcome).values()
    return {
        name
        for name, salt, leaf in product(guessed, salts, leaves)
        if leads(trade_leaf(name, salt), leaf.index, leaf.path, batch.trades)
    }


def salts_that_follow(directory):
    """Of each trade the salts that follow from any 32 bytes in any file, or from the key.

    As they are; as what an attempt's salts are made of; and as what secrets are drawn from.
    """
    texts = directory.files().values()
    found = {bytes.fromhex(each.decode()) for text in texts for each in HEX.findall(text)}
    party, domain = directory.party, directory.domain
    for text in (b"fabmarket hides bids 1", b"a demo's secrets"):
        found.add(keccak(party.key.sign(keccak(text + domain.separator()))))
    found |= {keccak(party.key.sign(keccak(domain.separator()))), keccak(party.address.encode())}
    secret = set(found)
    for source in found:
        for _ in range(20):
            drew, source = drawn(source)  # noqa: PLW2901 - one after the other
            secret |= {drew, source}
    return {
        name: {*found, *(keccak(each + name) for each in secret)}
        for name in directory.outcome.netted
    }


def exhaustive(directory):
    """The trades that are opened where the thief is told them, and only the salt is to be found."""
    leaves = leaves_of(directory.outcome)
    return {
        name for name, salts in salts_that_follow(directory).items() if leaves[name].salt in salts
    }


# What is forgotten, and what is not


def test_nothing_is_forgotten_that_is_not_over(directory):
    ends = directory.slot_ends
    directory.comes(ends - 1)
    before = directory.words()
    facts = directory.run()
    assert facts["trades"] == facts["batches"] == []
    kept = {each["name"]: each["until"] for each in facts["kept"]}
    with directory.journal() as journal:
        sessions = journal.sessions()
        assert all(replay(evidence_of(journal, each)) for each in sessions)
    assert {f"0x{each.hex()}" for each in sessions} <= set(kept)
    assert set(kept.values()) == {ends}
    after = directory.words()
    kinds = {type(it.message).__name__ for key, (it, _) in before.items() if key not in after}
    assert (
        {"Demand", "Offer"}
        <= kinds
        <= {"Demand", "Offer", "Refusal", "Selection", "Roll", "Joining", "Entry", "Entering"}
    )


def test_as_a_trial_nothing_is_written(directory):
    directory.comes(directory.slot_ends)
    before = directory.words()
    tried = directory.run("--dry-run")
    assert directory.words() == before
    done = directory.run()
    assert {**done, "dry_run": True} == tried
    assert tried["messages"] == len(before)


def test_what_the_chain_shows_opens_before_and_not_after(directory):
    directory.comes(directory.slot_ends)
    outcome, before = directory.outcome, directory.words()
    own = {name for name in outcome.netted if name in before}
    guessed = dictionary(outcome)
    assert len(guessed) > 5_000
    salts = salts_kept(directory)
    assert len(salts) == len(own) > 0
    assert opens(directory, guessed, salts) == own
    assert exhaustive(directory) >= own
    facts = directory.run()
    assert len(facts["trades"]) == len(own)
    assert salts_kept(directory) == set()
    assert exhaustive(directory) == set()
    data = b"".join(directory.files().values())
    for key, (envelope, text) in before.items():
        assert text not in data
        for each in (key, envelope.signature):
            assert each not in data
            assert each.hex().encode() not in data
    for leaf in leaves_of(outcome).values():
        assert leaf.salt not in data
        assert leaf.salt.hex().encode() not in data


def test_what_is_left_says_that_it_was_forgotten(directory, fabmarket, tmp_path):
    ends = directory.slot_ends
    directory.comes(ends)
    trade = next(iter(directory.run("--dry-run")["trades"]))
    shown = ("evidence", trade, "--journal", directory.folder, "--out", tmp_path / "out")
    for more in ([], ["--alone"]):
        assert fabmarket(*shown, *more).code == 0
    files = sorted((tmp_path / "out").iterdir())
    copy = keep_evidence(directory.folder, files[0].read_bytes())
    other = keep_evidence(directory.folder, b"a photograph")
    facts = directory.run()
    assert (facts["files"], facts["left"]) == ([copy.name], [other.name])
    assert [each.name for each in (directory.folder / EVIDENCE).iterdir()] == [other.name]
    for more in ([], ["--alone"]):
        ran = fabmarket(*shown, *more)
        assert ran.code == 2
        assert re.search(r"; what was over by \d{4}-.* UTC was forgotten$", ran.stderr.strip())
    ledger = ("--ledger", directory.folder / EVENTS)
    assert fabmarket("verify", *files, *ledger, "--json").facts["ok"]  # what was taken out before
    status = fabmarket("status", directory.folder, "--json").facts
    assert status["trades"] == status["sessions"] == 0
    gone = status["forgotten"]
    assert gone["before"] == ends
    assert gone["trades"] == len(facts["trades"])
    assert gone["messages"] == facts["messages"]
    assert {each["state"] for each in status["wants"]} <= {"forgotten"}
    assert "Forgotten, of what was over by" in fabmarket("status", directory.folder).stdout


def test_regression_evidence_files_go_whatever_they_are_called(directory, fabmarket, tmp_path):
    """Those that `fabmarket evidence` wrote stayed, and were not said to be left."""
    ends = directory.slot_ends
    directory.comes(ends)
    place = directory.folder / EVIDENCE
    trade = next(iter(directory.run("--dry-run")["trades"]))
    written = ("--journal", directory.folder, "--out", place)
    assert fabmarket("evidence", "--all", *written).code == 0
    assert fabmarket("evidence", trade, "--alone", *written).code == 0
    names = sorted(each.name for each in place.iterdir())
    assert len(names) >= 2
    texts = {name: (place / name).read_bytes() for name in names}
    assert directory.run("--days", 1)["files"] == []
    (place / "folder").mkdir()
    (place / "link.json").symlink_to(place / names[0])
    facts = directory.run()
    assert (facts["files"], facts["left"]) == (names, ["folder", "link.json"])
    (place / "again.json").write_bytes(texts[names[0]])  # its session is none that we know now
    facts = directory.run()
    assert (facts["files"], facts["left"]) == ([], ["again.json", "folder", "link.json"])
    said = fabmarket("forget", directory.folder).stdout
    assert "evidence/again.json stays, as no evidence of anything that the journal holds;" in said


def test_what_a_day_cost_goes_with_the_day(outcome, tmp_path):
    directory = Directory(tmp_path / "agent", outcome, "demander")

    def spent():
        with directory.journal() as journal:
            return directory.participant(journal).state.spent

    day_after = (spent().day + 1) * DAY
    assert spent().amount > 0
    directory.comes(max(directory.slot_ends, day_after))
    days = (max(directory.slot_ends, day_after) - day_after) // DAY + 1
    directory.run("--days", days)
    assert spent().amount > 0
    directory.run()
    assert spent() == Spent()


def test_it_starts_again_and_what_comes_again_has_no_effect(directory):
    ends = directory.slot_ends
    directory.comes(ends)
    before = directory.words()
    received = [
        each for each in before.values() if each[0].message.author != directory.party.address
    ]
    directory.run()
    with directory.journal() as journal:
        again = directory.participant(journal)
        state = again.state
        for _, text in received:
            assert again.receive(text).answer is not Answer.TAKEN
        assert again.state is state
        assert not [*journal.messages(), *journal.letters(), *journal.moves()]
    directory.comes(ends + DAY)


def test_days_keep_what_ended_lately(directory):
    ends = directory.slot_ends
    directory.comes(ends + 10 * DAY - 1)
    assert directory.run("--days", 10)["trades"] == []
    directory.comes(ends + 10 * DAY)
    assert directory.run("--days", 10)["trades"]


def test_a_directory_whose_agent_runs_is_left_alone(directory, fabmarket):
    directory.comes(directory.slot_ends)
    before = directory.words()
    with locked(directory.folder):
        ran = fabmarket("forget", directory.folder)
    assert ran.code == 2
    assert "an agent runs from this directory already; end it first" in ran.stderr
    assert directory.words() == before


def test_people_are_told(directory, fabmarket):
    directory.comes(directory.slot_ends - 1)
    said = fabmarket("forget", directory.folder).stdout
    assert "Not over, and kept" in said
    directory.comes(directory.slot_ends)
    said = fabmarket("forget", directory.folder, "--dry-run").stdout
    assert said.startswith("Would be forgotten, of what was over by ")
    said = fabmarket("forget", directory.folder).stdout
    assert said.startswith("Forgotten, of what was over by ")
    assert "1 session, " in said


# Products, and what went into escrow


@pytest.fixture(scope="module")
def workshop():
    """Ten products that are bought whole, and held until delivery; what is open stays."""
    path = SCENARIOS / "mk01-roomy.toml"
    text = path.read_text("utf-8")
    scenario = parse_scenario(
        text, path.name, 1, lambda name: (SCENARIOS / name).read_text("utf-8")
    )
    with open_engine("embedded", Settings()) as engine:
        return run_market(scenario, engine, 1, lambda *_: None)


def everyone(outcome):
    """All parties that have a journal: (role, journal, state), the journal a copy."""
    parties = outcome.parties
    roles = {each.address: "demander" for each in parties.demanders}
    roles |= {each.address: "supplier" for each in parties.suppliers}
    for address, held in outcome.journals.items():
        journal, role = Journal.restored(held.dump()), roles.get(address, "operator")
        kind, step = STEPS[role]
        yield role, journal, folded(journal, step, kind)


def check_forgotten(role, journal, state):
    """All that is over long after is forgotten; return the trades, and the state that is left."""
    late, before = state.now + 400 * DAY, [*journal.messages()]
    kind, step = STEPS[role]
    state, _ = step(state, Ticked(late))
    past = past_of(journal, state, late)
    assert past.kept == ()
    assert past.messages == {key for key, _, _ in before}
    for move in journal.moves():  # as if they had been mined
        journal.mined(move.number)
    erase(journal, state, past, late)
    journal.scrub()
    data = journal.dump()
    assert not [key for key, _, text in before if key in data or text in data]
    assert not [key for key, _, _ in before if key.hex().encode() in data]
    return past.trades, folded(journal, step, kind)


def test_whole_products_are_forgotten_by_all(workshop):
    sold, bought = 0, []
    for role, journal, state in everyone(workshop):
        trades, left = check_forgotten(role, journal, state)
        sold += len(trades)
        bought += products_of(left, {}) if role == "demander" else ()
    assert sold == 2 * len(workshop.trades) > 80
    assert {each.state for each in bought} == {"forgotten"}
    assert len(bought) == 10


def test_a_coordinator_forgets_cycles(outcome):
    (found,) = (each for each in everyone(outcome) if each[0] == "operator")
    role, journal, state = found
    closed = state.net.closed
    (kept, *_) = past_of(journal, state, closed).kept
    assert (kept.what, kept.until) == ("batch", state.net.cycles.late_from(closed))
    check_forgotten(role, journal, state)


def test_masked_sessions_are_forgotten_by_all():
    path = SCENARIOS / "clock.toml"
    scenario = parse_scenario(path.read_text("utf-8"), path.name, 1, str)
    with open_engine("embedded", Settings()) as engine:
        done = run_market(replace(scenario, least=3), engine, 1, lambda *_: None)
    kinds = set()
    for role, journal, state in everyone(done):
        kinds |= {type(decode(Envelope, text).message) for _, _, text in journal.messages()}
        _, left = check_forgotten(role, journal, state)
        assert not getattr(left, "secrets", ())
    assert {MaskedOpening, MaskedReply, Unmasking} <= kinds
