"""A demander on a real chain, with its participant, its journal and its outbox."""

from fabmarket.node import Journal, Outbox
from fabmarket.scenario import paper_market
from fabmarket.simulation.setup import deploy, fill_purses, parties_of
from tests.unit.node.town import Town


class House:
    """A demander of the paper's market with money in its purse, before it has ordered anything."""

    def __init__(self, engine):
        scenario = paper_market(1)
        self.parties = parties = parties_of(scenario, 1)
        self.engine, self.ended = engine, []
        self.market = deploy(engine, scenario, parties)
        self.deposit = fill_purses(self.market, scenario, parties)
        self.key = parties.demanders[0].key
        town = Town()
        self.town = town
        town.keys["anne"] = self.key
        town.states["anne"] = town._demander("anne", 150, 40)
        self.journal = Journal()
        self.restart()

    def restart(self):
        """A new process: participant and outbox from what was committed."""
        self.journal = Journal.restored(self.journal.dump())
        self.participant = self.town.start("anne", self.journal)
        self.outbox = Outbox(
            self.key, self.journal, self.engine, self.market.exchange, tell=self.tell
        )

    def tell(self, *ended):
        self.ended.append(ended)

    def balance(self):
        token = self.market.token.address
        return self.market.exchange.balance_of(self.key.address, token)

    def nonces(self):
        return [each.nonce for each in self.journal.moves()]
