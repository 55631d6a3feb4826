"""The paper's market, run once on the embedded chain."""

import pytest

from fabmarket.chain import Settings, open_engine
from fabmarket.scenario import paper_market
from fabmarket.simulation import run_market


@pytest.fixture(scope="package")
def paper():
    """The outcome, its progress reports, and the engine still running."""
    heard = []
    with open_engine("embedded", Settings()) as engine:
        outcome = run_market(paper_market(1), engine, 1, lambda *step: heard.append(step))
        yield outcome, heard
        outcome.store.close()
