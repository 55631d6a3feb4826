"""What an owner writes for its agent: `agent.toml`, one table after another, all of it checked."""

from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Literal

from eth_utils.address import is_checksum_address
from pydantic import Field, ValidationError

from fabmarket.errors import Refused
from fabmarket.market.cards import BadNotice, check_url
from fabmarket.market.units import LARGEST_AMOUNT, LARGEST_QUANTITY, BadName, name_to_bytes32
from fabmarket.scenario import LARGEST_FILE, MARKET_CONCEPTS, MalformedText, decode
from fabmarket.scenario.schema import Number, Table, problem_of
from fabmarket.scenario.texts import parse_toml

Role = Literal["supplier", "demander"]
FILE = "agent.toml"
KEYSTORE = "keystore.json"
JOURNAL = "journal.sqlite"
EVENTS = "events.sqlite"
BOARD = "board.sqlite"
LOCK = "lock"


class BadSettings(Refused):
    """The settings cannot be used; names the key and what to do."""


class ChainTable(Table):
    """The nodes of one chain. `finality`: blocks below the head that may still be taken back;
    `poll`: seconds between looks at the chain.
    """

    urls: list[str] = Field(min_length=1)
    chain_id: int
    finality: int = 0
    poll: Number = Decimal(1)


class MarketTable(Table):
    """The contracts of the market, and who deployed them."""

    exchange: str
    token: str
    board: str
    founder: str


class DoorTable(Table):
    """Where letters are taken, host and port, and the URL at which others reach that."""

    listen: str
    url: str


class CalendarTable(Table):
    """The slots of the resources: slot k begins `slot_length` · k seconds after `origin`."""

    origin: int
    slot_length: int


class SellsTable(Table):
    """What a supplier sells; `maintenance`, its least price, in base units per unit."""

    resource: str
    maintenance: int
    concept: str = "balanced"
    a: Number = Decimal("0.8")
    b: Number = Decimal("0.2")


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


class Settings(Table):
    """The whole file."""

    role: Role
    releases: int = 20
    chain: ChainTable
    market: MarketTable
    door: DoorTable
    calendar: CalendarTable
    sells: SellsTable | None = None
    wants: list[WantTable] = Field(default=[])


def template(role: Role) -> str:
    """Return the commented settings that a new agent begins with."""
    return files("fabmarket.node").joinpath(f"templates/{role}.toml").read_text("utf-8")


def read_settings(folder: Path) -> Settings:
    """Return the settings of an agent's directory. BadSettings if they cannot be used."""
    path = folder / FILE
    try:
        with path.open("rb") as file:
            text = decode(file.read(LARGEST_FILE + 1), str(path), LARGEST_FILE)
    except FileNotFoundError as error:
        raise BadSettings(f"{path}: there are no settings; run `fabmarket init` first") from error
    except OSError as error:
        raise BadSettings(f"{path}: cannot be read ({error.strerror})") from error
    return parse_settings(text, str(path))


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
        address = getattr(settings.market, key)
        if not is_checksum_address(address):
            problem = f"market.{key}: {address[:60]!r} is no address"
            raise BadSettings(f"{problem}; give 0x and 40 digits, in checksummed case")
    _within("chain.chain_id", chain.chain_id, 1, 2**53)
    _within("chain.finality", chain.finality, 0, 10_000)
    if not Decimal("0.05") <= chain.poll <= 60:
        raise BadSettings(f"chain.poll: {chain.poll} is not from 0.05 to 60")
    _within("calendar.origin", calendar.origin, 0, 2**40)
    _within("calendar.slot_length", calendar.slot_length, 1, 2**32)
    _within("releases", settings.releases, 1, 2**32)
    _check_door(settings.door)
    if (settings.sells is None) == (settings.role == "supplier"):
        raise BadSettings("sells: a supplier has this table, and nobody else")
    if bool(settings.wants) != (settings.role == "demander"):
        raise BadSettings("wants: a demander has at least one, and nobody else any")
    if settings.sells is not None:
        _check_sells(settings.sells)
    _check_wants(settings.wants)


def listening(door: DoorTable) -> tuple[str, int]:
    """Return host and port that a door listens at."""
    host, _, port = door.listen.rpartition(":")
    if not host or not (port.isascii() and port.isdigit() and int(port[:6]) < 1 << 16):
        raise BadSettings(f"door.listen: {door.listen[:60]!r} is no host:port; give 0.0.0.0:9100")
    return host.strip("[]"), int(port)


def _check_door(door: DoorTable) -> None:
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
    if not 0 < sells.b < sells.a <= 10**6:
        raise BadSettings(f"sells: a = {sells.a} and b = {sells.b}; 0 < b < a is needed")


def _check_wants(wants: list[WantTable]) -> None:
    if len({want.name for want in wants}) < len(wants):
        raise BadSettings("wants: two have one name; give each its own")
    for at, want in enumerate(wants):
        _within(f"wants.{at}.slot", want.slot, 0, 2**32)
        for number, way in enumerate(want.alternatives):
            place = f"wants.{at}.alternatives.{number}"
            _named(f"{place}.resource", way.resource)
            if way.quantity is not None:
                _within(f"{place}.quantity", way.quantity, 1, LARGEST_QUANTITY)
            _within(f"{place}.cost", way.cost, 0, LARGEST_AMOUNT)
            _within(f"{place}.benefit", way.benefit, way.cost, LARGEST_AMOUNT)


def _within(key: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise BadSettings(f"{key}: {value} is not from {least} to {most}")


def _named(key: str, name: str) -> None:
    try:
        name_to_bytes32(name)
    except BadName as error:
        raise BadSettings(f"{key}: {error}") from None
