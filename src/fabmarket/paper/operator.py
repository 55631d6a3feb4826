"""The paper's Fig. 2: one platform operator, a plain database, no chain and no signatures.

    python -m fabmarket.paper.operator DATABASE

reads one JSON request a line and answers each with one line, until its input ends. It trusts what
it is told, and whoever asks it must trust what it answers: that is the architecture.
"""

import json
import sqlite3
import sys
from math import ceil, floor
from pathlib import Path
from typing import Any, TextIO

from fabmarket.errors import Refused
from fabmarket.game import Game, solve

_SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
  name TEXT PRIMARY KEY, deposited INTEGER NOT NULL, balance INTEGER NOT NULL CHECK (balance >= 0)
) STRICT;
CREATE TABLE IF NOT EXISTS offer (
  resource TEXT PRIMARY KEY, supplier TEXT NOT NULL REFERENCES account, units INTEGER NOT NULL,
  maintenance REAL NOT NULL, a REAL NOT NULL, b REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS demand (
  id INTEGER PRIMARY KEY, demander TEXT NOT NULL REFERENCES account, resource TEXT NOT NULL,
  benefit REAL NOT NULL, cost REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS trade (
  id INTEGER PRIMARY KEY, demander TEXT NOT NULL REFERENCES account,
  supplier TEXT NOT NULL REFERENCES account, resource TEXT NOT NULL,
  quantity INTEGER NOT NULL, unit_price INTEGER NOT NULL, payment INTEGER NOT NULL
) STRICT;
"""


class OperatorRefused(Refused):
    """The operator cannot do what a request asks; the message names the value."""


class Operator:
    """The operator's database and what it does with it. Money in whole base units."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path)
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def deposit(self, name: str, amount: int) -> None:
        """Open an account with so much money."""
        with self._db:
            self._db.execute("INSERT INTO account VALUES (?, ?, ?)", (name, amount, amount))

    def offer(
        self, supplier: str, resource: str, units: int, maintenance: float, a: float, b: float
    ) -> None:
        """Register what a supplier has, and its price rule."""
        row = (resource, supplier, units, maintenance, a, b)
        with self._db:
            self._db.execute("INSERT INTO offer VALUES (?, ?, ?, ?, ?, ?)", row)

    def demand(self, demander: str, resource: str, benefit: float, cost: float) -> None:
        """Register what a unit is worth to a demander, and what it costs it."""
        with self._db:
            self._db.execute(
                "INSERT INTO demand VALUES (NULL, ?, ?, ?, ?)", (demander, resource, benefit, cost)
            )

    def clear(self, resource: str) -> None:
        """Allocate a resource at the demanders-lead equilibrium, in one transaction.

        Quantities are rounded down to whole units, the price up to a whole base unit.

        Raises:
            OperatorRefused: nobody offers the resource, or more is asked for than is offered.
        """
        offers = self._db.execute("SELECT * FROM offer WHERE resource = ?", (resource,)).fetchall()
        if not offers:
            raise OperatorRefused(f"nobody offers {resource!r}; register an offer first")
        _, supplier, units, maintenance, a, b = offers[0]
        demands = self._db.execute(
            "SELECT demander, benefit, cost FROM demand WHERE resource = ? ORDER BY id", (resource,)
        ).fetchall()
        worth, cost = [each[1] for each in demands], [each[2] for each in demands]
        found = solve(Game(worth, cost, maintenance, a, b), "demanders-lead")
        quantities = [floor(each) for each in found.demand.tolist()]
        if sum(quantities) > units:
            raise OperatorRefused(
                f"{sum(quantities)} units of {resource!r} are asked for, {units} are offered;"
                " raise the offer"
            )
        self._book(supplier, resource, ceil(found.price), [each[0] for each in demands], quantities)

    def _book(
        self, supplier: str, resource: str, price: int, demanders: list[str], quantities: list[int]
    ) -> None:
        with self._db:
            for demander, quantity in zip(demanders, quantities, strict=True):
                if quantity == 0:
                    continue
                payment = quantity * price
                self._db.execute(
                    "INSERT INTO trade VALUES (NULL, ?, ?, ?, ?, ?, ?)",
                    (demander, supplier, resource, quantity, price, payment),
                )
                move = "UPDATE account SET balance = balance + ? WHERE name = ?"
                self._db.execute(move, (-payment, demander))
                self._db.execute(move, (payment, supplier))

    def trades(self) -> list[dict[str, Any]]:
        """All trades, in order."""
        columns = ("demander", "supplier", "resource", "quantity", "unit_price", "payment")
        rows = self._db.execute(f"SELECT {', '.join(columns)} FROM trade ORDER BY id")  # noqa: S608
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def balances(self) -> dict[str, int]:
        """What every account holds."""
        return dict(self._db.execute("SELECT name, balance FROM account ORDER BY name"))


def serve(operator: Operator, requests: TextIO, answers: TextIO) -> None:
    """Answer requests [name, argument, ...] line by line until they end."""
    actions = {
        "deposit": operator.deposit,
        "offer": operator.offer,
        "demand": operator.demand,
        "clear": operator.clear,
        "trades": operator.trades,
        "balances": operator.balances,
    }
    for line in requests:
        name, *values = json.loads(line)
        answer = actions[name](*values)  # type: ignore[operator]
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    _operator = Operator(Path(sys.argv[1]))
    serve(_operator, sys.stdin, sys.stdout)
    _operator.close()
