"""From a scenario to a deployed exchange: keys, coin, contracts, attested listings, deposits."""

from dataclasses import dataclass
from typing import Literal

from fabmarket.chain import (
    TRANSACTION_GAS,
    BoardContract,
    Engine,
    ExchangeContract,
    Sender,
    TokenContract,
    Transaction,
    board_code,
    escrow_code,
    exchange_code,
    net_code,
    token_code,
)
from fabmarket.chain.calls import function_of, gas_limit
from fabmarket.errors import Bug, Refused
from fabmarket.identity import Domain, Key, digest, keccak
from fabmarket.identity.codec import encode
from fabmarket.market.cards import Founding, SignedNotice
from fabmarket.market.delivery import INSTANT
from fabmarket.market.exchange import (
    Attest,
    Deposit,
    List,
    Move,
    OperatorSignature,
    RegisterResource,
    Report,
)
from fabmarket.market.parameters import parameters_for
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import Attestation, market_domain
from fabmarket.market.units import name_to_bytes32
from fabmarket.node.outbox import announcement
from fabmarket.scenario import LATEST_ORIGIN, Scenario, Supplier, deposit_of

Role = Literal["deployer", "operator", "supplier", "demander"]

LEAD_TIME = 86_400
"""Seconds between the market's start and its slot 0: capacity is bought ahead."""
_COIN = 10**18
"""A coin in wei."""
_COINS = 3
"""For every participant: more than a transaction of TRANSACTION_GAS may cost."""
_SLOTS_A_COIN = 5_000
"""Slots that a supplier attests and lists for less than one coin more."""
_TOKEN_GAS = 2_000_000
_MODULE_GAS = 6_500_000
_EXCHANGE_GAS = 7_000_000
_OPERATOR_GAS = 50_000
_SLOTS_AT_ONCE = 50
"""Slots attested or listed by one transaction: far below a block's gas and a participant's coin."""


class CannotDeploy(Refused):
    """The chain is not one that this market can start on; nothing was sent."""


@dataclass(frozen=True)
class Party:
    """A participant of the demo: its role, its name in the scenario, and its key."""

    role: Role
    name: str
    key: Key

    @property
    def address(self) -> str:
        """The participant's address."""
        return self.key.address

    def source(self, domain: Domain) -> bytes:
        """Return what its secrets are drawn from, in a market; known to who knows its key."""
        return keccak(self.key.sign(keccak(b"a demo's secrets" + domain.separator())))


@dataclass(frozen=True)
class Parties:
    """Everyone, in the order of the scenario."""

    deployer: Party
    operators: tuple[Party, ...]
    demanders: tuple[Party, ...]
    suppliers: tuple[Party, ...]
    auditees: tuple[Party, ...]
    """The suppliers of the scenario's verification tests."""

    @property
    def everyone(self) -> tuple[Party, ...]:
        """All of them."""
        return (
            self.deployer,
            *self.operators,
            *self.demanders,
            *self.suppliers,
            *self.auditees,
        )


def parties_of(scenario: Scenario, seed: int) -> Parties:
    """Return everyone with a key derived from the seed: demo keys, known to all who know it."""

    def party(role: Role, name: str) -> Party:
        return _demo_party(role, name, seed)

    return Parties(
        deployer=demo_deployer(seed),
        operators=tuple(party("operator", f"operator {i + 1}") for i in range(scenario.operators)),
        demanders=tuple(party("demander", each.name) for each in scenario.demanders),
        suppliers=tuple(party("supplier", each.name) for each in scenario.suppliers),
        auditees=tuple(
            party("supplier", f"Table 1, test {test.number}")
            for test in scenario.verification_tests
        ),
    )


def demo_deployer(seed: int) -> Party:
    """Return who deploys the contracts of a demo."""
    return _demo_party("deployer", "deployer", seed)


def _demo_party(role: Role, name: str, seed: int) -> Party:
    return Party(role, name, Key.derive("fabmarket demo", str(seed), role, name))


class Market:
    """The deployed contracts and the way to call them."""

    def __init__(
        self,
        engine: Engine,
        sender: Sender,
        operators: tuple[Party, ...],
        threshold: int,
        token: str,
        exchange: str,
        slot_length: int,
        lead: int,
    ) -> None:
        self.engine = engine
        self.sender = sender
        self.token = TokenContract(engine, token)
        self.exchange = ExchangeContract(engine, exchange)
        self.domain: Domain = market_domain(engine.chain_id, exchange)
        self.origin = engine.now() + lead
        self.slot_length = slot_length
        self._operators = operators
        self._threshold = threshold
        self._operator_set = self.exchange.operator_set()

    def registration(self, resource: bytes, unit: bytes) -> RegisterResource:
        """Return the registration of a resource on the market's common calendar."""
        return RegisterResource(resource, unit, self.origin, self.slot_length)

    def attestation(
        self,
        supplier: str,
        resource: bytes,
        unit: bytes,
        quantities: tuple[int, ...],
        first_slot: int = 0,
        version: int = 1,
    ) -> Attest:
        """Return an attestation of slots `first_slot`.. that `threshold` operators have signed."""
        attestation = Attestation(
            supplier=supplier,
            resource=resource,
            unit=unit,
            origin=self.origin,
            slot_length=self.slot_length,
            first_slot=first_slot,
            quantities=quantities,
            version=version,
            expiry=self.origin + (first_slot + len(quantities)) * self.slot_length,
            operator_set=self._operator_set,
        )
        attestation_digest = digest(self.domain, attestation)
        signers = sorted(self._operators[: self._threshold], key=lambda each: int(each.address, 16))
        signatures = tuple(
            OperatorSignature(each.address, each.key.sign(attestation_digest)) for each in signers
        )
        return Attest(attestation, signatures)

    def queue(self, key: Key, move: Move) -> None:
        """Queue an exchange move of somebody who is no participant."""
        data = self.exchange.move_data(move)
        to = self.exchange.address
        self.sender.queue(Transaction(key, function_of(move), to, data, gas_limit(move)))

    def queue_token(self, key: Key, action: str, *values: object) -> None:
        """Queue a token call named `action`, which an owner makes with its wallet."""
        data = self.token.data(action, *values)
        self.sender.queue(Transaction(key, action, self.token.address, data, 120_000))


def deploy(engine: Engine, scenario: Scenario, parties: Parties, lead: int = LEAD_TIME) -> Market:
    """Give everyone coin for gas, and deploy the test currency and the exchange with its modules.

    Slot 0 begins `lead` seconds after that. Where gas costs nothing nobody is given coin.

    Raises CannotDeploy, before anything is sent, if the chain's time is too late for a calendar or
    the engine's account has too little coin for everyone.
    """
    sender = Sender(engine)
    if engine.now() + 2 * LEAD_TIME > LATEST_ORIGIN:
        problem = f"the chain's time is {engine.now()}, too late for a calendar to end within"
        raise CannotDeploy(f"{problem} the contract's time; start a chain at the time it is")
    if engine.fees().most:
        _hand_out_coin(engine, sender, scenario, parties)
    key = parties.deployer.key
    currency = scenario.currency
    token = token_code("Test currency", currency.symbol, currency.decimals)
    parameters = parameters_for(scenario.slot_length)
    token_address = _deployed(sender, key, token, _TOKEN_GAS)
    escrow = _deployed(sender, key, escrow_code(parameters), _MODULE_GAS)
    net = _deployed(sender, key, net_code(parameters), _MODULE_GAS)
    operators = tuple(each.address for each in parties.operators)
    exchange = exchange_code(
        operators, scenario.threshold, (token_address,), parameters, escrow, net
    )
    gas = min(TRANSACTION_GAS, _EXCHANGE_GAS + _OPERATOR_GAS * len(operators))
    return Market(
        engine,
        sender,
        parties.operators,
        scenario.threshold,
        token_address,
        _deployed(sender, key, exchange, gas),
        scenario.slot_length,
        lead,
    )


def _hand_out_coin(engine: Engine, sender: Sender, scenario: Scenario, parties: Parties) -> None:
    coins = dict.fromkeys(parties.everyone, _COINS)
    for party, spec in zip(parties.suppliers, scenario.suppliers, strict=True):
        coins[party] += len(spec.attested) // _SLOTS_A_COIN
    held = engine.native_balance(engine.funder.address)
    needed = sum(coins.values()) + 1  # one for the gas of handing them out
    if held < needed * _COIN:
        problem = f"{engine.funder.address} has {held / _COIN:g} coins and {needed} are needed"
        raise CannotDeploy(f"{problem} for gas; give it more, or run a smaller market")
    for party, coin in coins.items():
        sender.queue(Transaction(engine.funder, "fund", party.address, b"", 21_000, coin * _COIN))
    sender.must_succeed()  # a node takes no transaction of a sender whose coin is not mined yet


def open_board(market: Market, founder: Party, rhythm: Rhythm) -> BoardContract:
    """Deploy the board of a market whose participants are elsewhere, and say its rhythm there."""
    address = _deployed(market.sender, founder.key, board_code(), _TOKEN_GAS)
    board = BoardContract(market.engine, address)
    notice = Founding(founder.address, rhythm)
    signed = SignedNotice(notice, founder.key.sign(digest(market.domain, notice)))
    market.sender.queue(announcement(founder.key, board, encode(signed)))
    market.sender.must_succeed()
    return board


def _deployed(sender: Sender, key: Key, code: bytes, gas: int) -> str:
    """Deploy a contract and return its address."""
    sender.queue(Transaction(key, "deploy", None, code, gas))
    address = sender.must_succeed()[-1].contract
    if address is None:
        raise Bug("a deployment's receipt names no contract")
    return address


def offers_of(market: Market, party: Party, spec: Supplier) -> list[list[Move]]:
    """Return what a supplier orders to register, attest and list what it has, in three steps."""
    resource, unit = name_to_bytes32(spec.resource), name_to_bytes32(spec.unit)
    starts = range(0, len(spec.attested), _SLOTS_AT_ONCE)
    chunks = [(spec.attested[start : start + _SLOTS_AT_ONCE], start) for start in starts]
    reports = tuple(Report(resource, k, n) for k, n in enumerate(spec.listed) if n)
    parts = range(0, len(reports), _SLOTS_AT_ONCE)
    return [
        [market.registration(resource, unit)],
        [market.attestation(party.address, resource, unit, *chunk) for chunk in chunks],
        [List(reports[start : start + _SLOTS_AT_ONCE]) for start in parts],
    ]


def payers(scenario: Scenario, parties: Parties) -> tuple[Party, ...]:
    """Return who needs money in the exchange."""
    bonded = () if scenario.delivery == INSTANT else parties.suppliers
    return (*parties.demanders, *bonded)


def fill_purses(market: Market, scenario: Scenario, parties: Parties) -> Deposit:
    """Give every demander the same test money, enough for whoever may spend most.

    So to every supplier where it locks a bond. Each allows the exchange to take it; the deposit
    that each is to order is returned.
    """
    amount = deposit_of(scenario)
    for party in payers(scenario, parties):
        market.queue_token(parties.deployer.key, "mint", party.address, amount)
        market.queue_token(party.key, "approve", market.exchange.address, amount)
    market.sender.must_succeed()
    return Deposit(market.token.address, amount)
