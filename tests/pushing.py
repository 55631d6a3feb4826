"""A participant in a process of its own, with its journal and outbox, that stops where it is told.

`python -m tests.pushing URL EXCHANGE TOKEN JOURNAL [--order AMOUNT] [--stop signed|sent]`: it may
be ordered a deposit, pushes until nothing is left, and prints what the chain said of each move. At
the stop it prints "stopped" and waits to be killed.
"""

import argparse
import os
import signal
import time
from pathlib import Path

from rpds import HashTrieMap

from fabmarket.chain import ExchangeContract, Settings, open_engine
from fabmarket.identity import Key
from fabmarket.market.exchange import Deposit
from fabmarket.market.rhythm import Rhythm
from fabmarket.market.trade import market_domain
from fabmarket.negotiation import demander
from fabmarket.negotiation.demander import DemanderState
from fabmarket.node import Journal, Outbox, Participant

KEY = Key.derive("pushing", "somebody")


def stop() -> None:
    print("stopped", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)


def participant_of(engine, exchange: str, token: str, journal: Journal) -> Participant:
    """A demander that wants nothing; it does what its owner orders."""
    domain = market_domain(engine.chain_id, exchange)
    state = DemanderState(KEY.address, token, domain, Rhythm(0, 60), HashTrieMap(), 0)
    return Participant(KEY, domain, demander.step, state, journal)


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("url", "exchange", "token", "journal"):
        parser.add_argument(name)
    parser.add_argument("--order", type=int)
    parser.add_argument("--stop", choices=["signed", "sent"])
    given = parser.parse_args()
    with open_engine(given.url, Settings()) as engine:
        journal = Journal(Path(given.journal))
        participant = participant_of(engine, given.exchange, given.token, journal)
        if given.order:
            participant.order(Deposit(given.token, given.order))
        send = engine.send

        def sending(raw: bytes) -> bytes:
            if given.stop == "signed":
                stop()
            place = send(raw)
            if given.stop == "sent":
                stop()
            return place

        engine.send = sending
        outbox = Outbox(KEY, journal, engine, ExchangeContract(engine, given.exchange))
        while journal.moves():
            for each, receipt in outbox.push():
                print(each.nonce, receipt.status, receipt.transaction.hex(), flush=True)
            time.sleep(0.02)


if __name__ == "__main__":
    main()
