"""Rows for other programs are the same from every database."""

import pytest

from fabmarket.ledger import Ledger
from fabmarket.ledger.queries.snapshot import snapshot
from fabmarket.report.tables import rows
from tests.filled_ledger import fill


@pytest.fixture
def ledger(place):
    ledger = Ledger(place)
    fill(ledger.engine, 60)
    yield ledger
    ledger.close()


def test_every_table_is_read_alike_page_by_page(ledger, monkeypatch):
    monkeypatch.setattr(rows, "PAGE", 7)
    memory = Ledger()
    fill(memory.engine, 60)
    with snapshot(ledger.engine) as here, snapshot(memory.engine) as there:
        for table in rows.SOURCES:
            assert list(rows.rows_of(here, table)) == list(rows.rows_of(there, table)), table
    memory.close()
