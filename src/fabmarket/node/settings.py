"""What an owner writes for its agent: `agent.toml`, one table after another, all of it checked."""

from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Literal

from eth_utils.address import is_checksum_address
from pydantic import Field, ValidationError

from fabmarket.errors import Refused
from fabmarket.market.cards import BadNotice, check_url
from fabmarket.market.exchange.state import WHOLE
from fabmarket.market.products import MOST_LINES
from fabmarket.market.units import (
    LARGEST_AMOUNT,
    LARGEST_QUANTITY,
    NAME,
    BadName,
    is_name,
    name_to_bytes32,
)
from fabmarket.negotiation.course import FEWEST
from fabmarket.negotiation.masked.cards import MOST_SEATS
from fabmarket.scenario import (
    LARGEST_FILE,
    LARGEST_STEP,
    MARKET_CONCEPTS,
    MalformedText,
    decode,
)
from fabmarket.scenario.schema import DeliveryTable, Number, Table, problem_of
from fabmarket.scenario.texts import parse_toml

Role = Literal["supplier", "demander", "operator"]
FILE = "agent.toml"
KEYSTORE = "keystore.json"
JOURNAL = "journal.sqlite"
EVENTS = "events.sqlite"
BOARD = "board.sqlite"
EVIDENCE = "evidence"
ENTRY = "api-token"
LOCK = "lock"
MOST_GAS_PRICE = 500 * 10**9
"""Wei that a unit of gas may cost at most, where the owner does not say otherwise."""
DEFAULT_LEAST = 5
"""Members of a masked session, where its owner does not say how many it wants at least."""
_DAY = 86_400
_LONGEST = 2**32 - 1


class BadSettings(Refused):
    """The settings cannot be used; names the key and what to do."""


class ChainTable(Table):
    """The nodes of one chain. `finality`: blocks below the head that may still be taken back;
    `poll`: seconds between looks at the chain; `most_gas_price`: the most for a unit of gas, wei.
    """

    urls: list[str] = Field(min_length=1)
    chain_id: int
    finality: int = 0
    poll: Number = Decimal(1)
    most_gas_price: int = MOST_GAS_PRICE


class MarketTable(Table):
    """The contracts of the market, and who deployed them."""

    exchange: str
    token: str
    board: str
    founder: str


class DoorTable(Table):
    """Where letters are taken, host and port, and the URL at which others reach that.

    Both are empty where nobody can: then letters come over the board. `certificate` and `key`:
    files with which the door speaks TLS. `announced_a_day`: the most letters a day, of chain time,
    that go out over the board; each costs gas.
    """

    listen: str = ""
    url: str = ""
    certificate: str = ""
    key: str = ""
    announced_a_day: int = 500


class PeersTable(Table):
    """The doors of others. `authorities`: a file with those whose certificates count beside those
    of the system.
    """

    authorities: str = ""


class NetTable(Table):
    """Net cycles: the account that coordinates them.

    Empty, a supplier's or demander's trades settle one by one, and an operator coordinates.
    """

    coordinator: str = ""


class CalendarTable(Table):
    """The slots of the resources: slot k begins `slot_length` · k seconds after `origin`."""

    origin: int
    slot_length: int


class SellsTable(Table):
    """What a supplier sells; `maintenance`, its least price, in base units per unit.

    Without terms of delivery it is paid at once. A clock sells `lots`, each demand whole or not at
    all, or units, and goes up by the `step`-th part of the last price. From `least` members on a
    session is masked, 0: none is; where nothing is said, see `masked_from`.
    """

    resource: str
    maintenance: int
    concept: str = "clock"
    lots: bool = True
    step: int = 4
    least: int | None = None
    a: Number = Decimal("0.8")
    b: Number = Decimal("0.2")
    delivery: DeliveryTable | None = None

    @property
    def masked_from(self) -> int:
        """From how many members on a session is masked; 0: none is."""
        if self.least is None:
            return 0 if self.concept == "bargaining" else DEFAULT_LEAST
        return self.least


class AcceptsTable(Table):
    """The terms of delivery that a demander accepts (`negotiation.accepting`)."""

    instant: bool = False
    deliver_within: int = 2 * _DAY
    dispute_within: int = _DAY // 2
    longest: int = 30 * _DAY
    late_share: int = 0
    silence_share: int = WHOLE
    undecided_share: int = WHOLE // 2
    bond_share: int = 0
    late_penalty: int = 0
    exit_penalty: int = 0


class WayTable(Table):
    """One way to serve a want; `benefit` and `cost` in base units per unit."""

    resource: str
    quantity: int | None = None
    benefit: int
    cost: int


class WantTable(Table):
    """What a demander wants done in one slot."""

    name: str
    slot: int
    divisible: bool = False
    alternatives: list[WayTable] = Field(min_length=1)


class WorkTable(Table):
    """One way to do an operation: so many units of a resource, in one slot."""

    resource: str
    quantity: int


class OperationTable(Table):
    """A step of a product; any one of the alternatives does it."""

    name: str
    alternatives: list[WorkTable] = Field(min_length=1)


class ProductTable(Table):
    """What a demander buys whole or not at all, its operations in this order, each in a later slot.

    Slots are the calendar's: from `release` to `last`, late after `due` (`last` without it), which
    takes `lateness` a slot from the `value`, base units. It is tried in `cycles` cycles of rounds.
    With `partial` a beginning is worth its share.
    """

    name: str
    value: int
    lateness: int = 0
    release: int = 0
    due: int | None = None
    last: int
    cycles: int = 20
    partial: bool = False
    operations: list[OperationTable] = Field(min_length=1)


class ProductFile(Table):
    """A file with one product, written as in the settings."""

    products: list[ProductTable]


class PolicyTable(Table):
    """What is signed without asking; amounts in base units. `budget` is a day's, a demander's.

    A demander's, too: whether it may `acknowledge` what suppliers report as used; how many members
    a masked session must have at `least`, and whether it sits in an `open` one. A supplier's: for
    how many seconds nothing is offered to whoever left an award unsigned, and whether what is sold
    and no longer attested is given back.
    """

    partners: list[str] = Field(default=[])
    approve_above: int | None = None
    budget: int | None = None
    acknowledge: bool = False
    least: int = DEFAULT_LEAST
    open: bool = True
    refuse_unsigned: int = 0
    refund_uncovered: bool = False
    accept_returns: bool = False


class Settings(Table):
    """The whole file."""

    role: Role
    releases: int = 20
    chain: ChainTable
    market: MarketTable
    door: DoorTable = DoorTable()
    peers: PeersTable = PeersTable()
    net: NetTable = NetTable()
    calendar: CalendarTable | None = None
    policy: PolicyTable | None = None
    sells: SellsTable | None = None
    accepts: AcceptsTable | None = None
    wants: list[WantTable] = Field(default=[])
    products: list[ProductTable] = Field(default=[])


def template(role: Role) -> str:
    """Return the commented settings that a new agent begins with."""
    return files("fabmarket.node").joinpath(f"templates/{role}.toml").read_text("utf-8")


def read_settings(folder: Path) -> Settings:
    """Return the settings of an agent's directory. BadSettings if they cannot be used."""
    path = folder / FILE
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise BadSettings(f"{path}: is no file; put the settings there")
    try:
        with path.open("rb") as file:
            text = decode(file.read(LARGEST_FILE + 1), str(path), LARGEST_FILE)
    except FileNotFoundError as error:
        raise BadSettings(f"{path}: there are no settings; run `fabmarket init` first") from error
    except OSError as error:
        raise BadSettings(f"{path}: cannot be read ({error.strerror})") from error
    return parse_settings(text, str(path))


def parse_product(text: str, name: str) -> ProductTable:
    """Return the product that a file describes. BadSettings names what is wrong with it."""
    try:
        products = ProductFile.model_validate(parse_toml(text, name)).products
    except MalformedText as error:
        raise BadSettings(str(error)) from None
    except ValidationError as error:
        raise BadSettings(f"{name}: {problem_of(error)}") from None
    if len(products) != 1:
        raise BadSettings(f"{name}: products: there are {len(products)}; give a file to each")
    try:
        check_product("products.0", products[0])
    except BadSettings as error:
        raise BadSettings(f"{name}: {error}") from None
    return products[0]


def parse_settings(text: str, name: str) -> Settings:
    """Return what a settings file says. BadSettings names what is wrong with it."""
    try:
        settings = Settings.model_validate(parse_toml(text, name))
    except MalformedText as error:
        raise BadSettings(str(error)) from None
    except ValidationError as error:
        raise BadSettings(f"{name}: {problem_of(error)}") from None
    try:
        _check(settings)
    except BadSettings as error:
        raise BadSettings(f"{name}: {error}") from None
    return settings


def _check(settings: Settings) -> None:
    chain, calendar = settings.chain, settings.calendar
    for at, url in enumerate(chain.urls):
        if not url.startswith(("http://", "https://")):
            raise BadSettings(f"chain.urls.{at}: is no URL; begin it with http:// or https://")
    for key in ("exchange", "token", "board", "founder"):
        _check_address(f"market.{key}", getattr(settings.market, key))
    _within("chain.chain_id", chain.chain_id, 1, 2**53)
    _within("chain.finality", chain.finality, 0, 10_000)
    if not Decimal("0.05") <= chain.poll <= 60:
        raise BadSettings(f"chain.poll: {chain.poll} is not from 0.05 to 60")
    _within("chain.most_gas_price", chain.most_gas_price, 1, 2**62)
    if (calendar is None) == (settings.role != "operator"):
        raise BadSettings("calendar: suppliers and demanders have this table, an operator has none")
    if calendar is not None:
        _within("calendar.origin", calendar.origin, 0, 2**40)
        _within("calendar.slot_length", calendar.slot_length, 1, 2**32)
    _within("releases", settings.releases, 1, 2**32)
    _check_door(settings.door)
    if settings.net.coordinator:
        _check_address("net.coordinator", settings.net.coordinator)
    if (settings.sells is None) == (settings.role == "supplier"):
        raise BadSettings("sells: a supplier has this table, and nobody else")
    if bool(settings.wants or settings.products) != (settings.role == "demander"):
        raise BadSettings("wants: a demander has at least one, or a product, and nobody else any")
    if settings.accepts is not None and settings.role != "demander":
        raise BadSettings("accepts: a demander has this table, and nobody else")
    if settings.sells is not None:
        _check_sells(settings.sells)
    if settings.accepts is not None:
        _check_delivery("accepts", settings.accepts)
    _check_wants(settings.wants)
    for at, product in enumerate(settings.products):
        check_product(f"products.{at}", product)
    names = [want.name for want in settings.wants]
    names += [product.name for product in settings.products]
    if len(set(names)) < len(names):
        raise BadSettings("products: two, or one and a want, have one name; give each its own")
    if settings.policy is not None:
        _check_policy(settings.policy, settings.role)


def listening(door: DoorTable) -> tuple[str, int]:
    """Return host and port that a door listens at."""
    host, _, port = door.listen.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and int(port[:6]) < 1 << 16):
        raise BadSettings(f"door.listen: {door.listen[:60]!r} is no host:port; give 0.0.0.0:9100")
    return host.strip("[]"), int(port)


def _check_door(door: DoorTable) -> None:
    _within("door.announced_a_day", door.announced_a_day, 0, 2**32)
    if bool(door.certificate) != bool(door.key):
        raise BadSettings("door: certificate and key belong together; give both, or neither")
    if door.certificate and not door.url.startswith("https://"):
        raise BadSettings("door.url: a door with a certificate has one that begins with https://")
    if not door.listen and not door.url:
        return
    if not door.url:
        raise BadSettings(
            "door.url: a door that listens has one; give it, or empty door.listen as well"
        )
    listening(door)
    try:
        check_url(door.url)
    except BadNotice as error:
        raise BadSettings(f"door.url: {error}") from None


def _check_sells(sells: SellsTable) -> None:
    _named("sells.resource", sells.resource)
    _within("sells.maintenance", sells.maintenance, 0, LARGEST_AMOUNT)
    if sells.concept not in (*MARKET_CONCEPTS, "bargaining"):
        known = ", ".join((*MARKET_CONCEPTS, "bargaining"))
        raise BadSettings(f"sells.concept: {sells.concept[:60]!r} is none; use one of {known}")
    _within("sells.step", sells.step, 1, LARGEST_STEP)
    if sells.least:
        _within("sells.least", sells.least, FEWEST, MOST_SEATS)
        if sells.concept == "bargaining":
            raise BadSettings("sells.least: a bargain has two parties and hides nothing; give 0")
    if not 0 < sells.b < sells.a <= 10**6:
        raise BadSettings(f"sells: a = {sells.a} and b = {sells.b}; 0 < b < a is needed")
    if sells.delivery is not None:
        _check_delivery("sells.delivery", sells.delivery)


def _check_delivery(place: str, table: DeliveryTable | AcceptsTable) -> None:
    for key, value in table:
        is_time = key.endswith("_within") or key == "longest"
        _within(f"{place}.{key}", value, 0, _LONGEST if is_time else WHOLE)


def _check_wants(wants: list[WantTable]) -> None:
    if len({want.name for want in wants}) < len(wants):
        raise BadSettings("wants: two have one name; give each its own")
    for at, want in enumerate(wants):
        check_want(f"wants.{at}", want)


def check_want(place: str, want: WantTable) -> None:
    """Raise BadSettings where a want cannot be."""
    _called(f"{place}.name", want.name)
    _within(f"{place}.slot", want.slot, 0, 2**32)
    for number, way in enumerate(want.alternatives):
        one = f"{place}.alternatives.{number}"
        _named(f"{one}.resource", way.resource)
        if way.quantity is not None:
            _within(f"{one}.quantity", way.quantity, 1, LARGEST_QUANTITY)
        _within(f"{one}.cost", way.cost, 0, LARGEST_AMOUNT)
        _within(f"{one}.benefit", way.benefit, way.cost, LARGEST_AMOUNT)


def check_product(place: str, product: ProductTable) -> None:
    """Raise BadSettings where a product cannot be."""
    _called(f"{place}.name", product.name)
    _within(f"{place}.value", product.value, 0, LARGEST_AMOUNT)
    _within(f"{place}.lateness", product.lateness, 0, LARGEST_AMOUNT)
    _within(f"{place}.cycles", product.cycles, 1, 2**32)
    operations = len(product.operations)
    _within(f"{place}.operations: their number", operations, 1, MOST_LINES)
    if len({each.name for each in product.operations}) < operations:
        raise BadSettings(f"{place}.operations: two have one name; give each its own")
    for at, operation in enumerate(product.operations):
        _check_operation(f"{place}.operations.{at}", operation)
    _within(f"{place}.release", product.release, 0, 2**32)
    _within(f"{place}.last", product.last, product.release, 2**32)
    if product.last - product.release + 1 < operations:
        problem = f"{product.last} leaves fewer slots from release {product.release} on than the"
        least = product.release + operations - 1
        raise BadSettings(f"{place}.last: {problem} {operations} operations; give {least} or more")
    if product.due is not None:
        _within(f"{place}.due", product.due, product.release, product.last)


def _check_operation(place: str, operation: OperationTable) -> None:
    _called(f"{place}.name", operation.name)
    if len({way.resource for way in operation.alternatives}) < len(operation.alternatives):
        raise BadSettings(f"{place}: {operation.name!r} names one resource twice; give each once")
    for number, way in enumerate(operation.alternatives):
        _named(f"{place}.alternatives.{number}.resource", way.resource)
        _within(f"{place}.alternatives.{number}.quantity", way.quantity, 1, LARGEST_QUANTITY)


def _check_policy(policy: PolicyTable, role: Role) -> None:
    if role == "operator":
        raise BadSettings("policy: an operator signs what its owner says, and has no such table")
    for at, partner in enumerate(policy.partners):
        _check_address(f"policy.partners.{at}", partner)
    if policy.approve_above is not None:
        _within("policy.approve_above", policy.approve_above, 0, LARGEST_AMOUNT)
    if policy.acknowledge and role == "supplier":
        raise BadSettings("policy.acknowledge: is a demander's, who hears the reports")
    if policy.refuse_unsigned and role == "demander":
        raise BadSettings("policy.refuse_unsigned: is a supplier's, who makes the awards")
    if policy.accept_returns and role == "demander":
        raise BadSettings("policy.accept_returns: is a supplier's, who takes back what it sold")
    if policy.refund_uncovered and role == "demander":
        raise BadSettings("policy.refund_uncovered: is a supplier's, who gives payments back")
    if role == "supplier" and (policy.least != DEFAULT_LEAST or not policy.open):
        raise BadSettings("policy: least and open are a demander's; a supplier has sells.least")
    _within("policy.least", policy.least, FEWEST, MOST_SEATS)
    _within("policy.refuse_unsigned", policy.refuse_unsigned, 0, _LONGEST)
    if policy.budget is not None:
        if role == "supplier":
            raise BadSettings("policy.budget: is a demander's, who pays; a supplier has none")
        _within("policy.budget", policy.budget, 0, LARGEST_AMOUNT)


def _check_address(key: str, address: str) -> None:
    if not is_checksum_address(address):
        problem = f"{key}: {address[:60]!r} is no address"
        raise BadSettings(f"{problem}; give 0x and 40 digits, in checksummed case")


def _within(key: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise BadSettings(f"{key}: {value} is not from {least} to {most}")


def _called(key: str, name: str) -> None:
    if not is_name(name):
        raise BadSettings(f"{key}: {name[:40]!r} is no name; write {NAME}")


def _named(key: str, name: str) -> None:
    try:
        name_to_bytes32(name)
    except BadName as error:
        raise BadSettings(f"{key}: {error}") from None
