"""Settings as `fabmarket init` writes them, filled in for a market."""

import re
from dataclasses import dataclass

from fabmarket.chain.endpoints import urls_of
from fabmarket.errors import Bug
from fabmarket.market.parameters import parameters_for
from fabmarket.node.settings import template
from fabmarket.scenario import Demander, Operation, Product, SubTask, Supplier

_WANTS = "[[wants]]"
_PRODUCT = "# A product"
_OPERATIONS = "[[products.operations]]"
_COMMENT = re.compile(r"^(\S.*?) +# ", re.MULTILINE)
"""Behind a value, in a column of its own."""


@dataclass(frozen=True)
class Places:
    """Where a market is: its node, its contracts, its calendar (seconds of chain time).

    `url` is that of one node, or of several with commas between them.
    """

    url: str
    chain_id: int
    exchange: str
    token: str
    board: str
    founder: str
    origin: int
    slot_length: int


def operator_settings(places: Places, port: int) -> str:
    """Return an operator's `agent.toml`, its door at a port of this machine."""
    return _filled(template("operator"), _market(places, port))


def supplier_settings(places: Places, port: int, supplier: Supplier, concept: str) -> str:
    """Return a supplier's, who gives delivery the least windows that the market allows."""
    windows = parameters_for(places.slot_length)
    sold = {
        'resource = "S"': f'resource = "{supplier.resource}"',
        "maintenance = 10 ": f"maintenance = {supplier.maintenance} ",
        'concept = "clock" ': f'concept = "{concept}" ',
        "lots = true ": f"lots = {str(supplier.lots).lower()} ",
        "step = 4 ": f"step = {supplier.step} ",
        "\na = 0.8 ": f"\na = {float(supplier.a)} ",
        "\nb = 0.2": f"\nb = {float(supplier.b)}",
        "deliver_within = 86400 ": f"deliver_within = {windows.delivery_window} ",
        "dispute_within = 259200 ": f"dispute_within = {windows.dispute_window} ",
        "decide_within = 864000 ": f"decide_within = {windows.hearing + windows.decision_window} ",
    }
    return _filled(template("supplier"), _market(places, port) | _calendar(places) | sold)


def demander_settings(places: Places, port: int, demander: Demander, releases: int) -> str:
    """Return a demander's, its product under the template's name.

    Of the alternatives of a sub-task or an operation the first counts.
    """
    wants, mark, product = template("demander").partition(_PRODUCT)
    head, table, one = wants.partition(_WANTS)
    own = {
        "releases = 20 ": f"releases = {releases} ",
        "dispute_within = 43200 ": (
            f"dispute_within = {parameters_for(places.slot_length).dispute_window} "
        ),
    }
    head = _filled(head, _market(places, port) | _calendar(places) | own)
    tables = [table + _filled(one.rstrip("\n"), _wanted(task)) for task in demander.sub_tasks]
    if demander.product is None:
        tables.append(mark + product)
    else:
        tables.append(_product(product, demander.product))
    return head + "\n\n".join(tables)


def _product(comment: str, product: Product) -> str:
    """The product of the template's comment, filled in; its first line says what the rest is."""
    lines = comment.splitlines(keepends=True)[1:]
    head, mark, one = "".join(line.removeprefix("# ") for line in lines).partition(_OPERATIONS)
    values = {
        "value = 5000 ": f"value = {product.value} ",
        "lateness = 100 ": f"lateness = {product.lateness} ",
        "release = 1 ": f"release = {product.release} ",
        "due = 4 ": f"due = {product.due} ",
        "last = 8 ": f"last = {product.last} ",
        "partial = false": f"partial = {str(product.partial).lower()}",
    }
    tables = [_filled(mark + one, _operation(each)) for each in product.operations]
    return _filled(head, values) + "\n".join(tables)


def _operation(operation: Operation) -> dict[str, str]:
    way = operation.alternatives[0]
    return {
        '"milling"': f'"{operation.name}"',
        '"S"': f'"{way.resource}"',
        "quantity = 10": f"quantity = {way.quantity}",
    }


def _market(places: Places, port: int) -> dict[str, str]:
    return {
        'exchange = "0x"': f'exchange = "{places.exchange}"',
        'token = "0x"': f'token = "{places.token}"',
        'board = "0x"': f'board = "{places.board}"',
        'founder = "0x"': f'founder = "{places.founder}"',
        '"http://127.0.0.1:8545"': ", ".join(f'"{url}"' for url in urls_of(places.url)),
        "chain_id = 31337": f"chain_id = {places.chain_id}",
        "9100": str(port),
    }


def _calendar(places: Places) -> dict[str, str]:
    return {
        "origin = 1767225600": f"origin = {places.origin}",
        "slot_length = 86400": f"slot_length = {places.slot_length}",
    }


def _wanted(task: SubTask) -> dict[str, str]:
    way = task.alternatives[0]
    return {
        '"milling"': f'"{task.name}"',
        "slot = 0 ": f"slot = {task.slot} ",
        "divisible = false": f"divisible = {str(task.divisible).lower()}",
        '"S"': f'"{way.resource}"',
        "quantity = 10 ": f"quantity = {way.quantity} ",
        "benefit = 100 ": f"benefit = {way.benefit} ",
        "cost = 45 ": f"cost = {way.cost} ",
    }


def _filled(text: str, given: dict[str, str]) -> str:
    """Fill all blanks in at once: what is filled in, an address say, may look like one itself."""
    for blank in given:
        if blank not in text:
            raise Bug(f"the template of the settings has no {blank!r} to fill in")
    blanks = re.compile("|".join(map(re.escape, sorted(given, key=len, reverse=True))))
    text = blanks.sub(lambda found: given[found[0]], text)
    return _COMMENT.sub(lambda found: f"{found[1]:<33} # ", text)
