"""What a lie earns in a negotiation on the paper's data: every other margin, really played.

    python benchmarks/lies.py [--json]

One demander answers every quote as if its margin (benefit less cost) were another; the
others answer with their own. Profit is counted with the true margin, on whole units at the agreed
price. Tried are all whole margins up to MOST; nothing is drawn and nothing timed, so the same comes
out everywhere.
"""

import argparse
import json
from collections.abc import Iterator, Sequence

from fabmarket.identity import keccak
from fabmarket.market.delivery import INSTANT
from fabmarket.market.messages import Member, Opening, PriceTerms, Reply
from fabmarket.market.units import MICRO, NO_LIMIT
from fabmarket.negotiation.course import best_reply
from fabmarket.negotiation.hosting import Hosted, hear, host, next_word, roster_of, said
from fabmarket.scenario import Scenario, paper_market

CONCEPTS = ("demanders-lead", "balanced", "simultaneous")
MOST = 400
RICH = 2**256 - 1
"""A budget that no demand exceeds."""


def address(number: int) -> str:
    """An account; nothing in a session depends on which."""
    return f"0x{number:040x}"


def margins(market: Scenario) -> list[int]:
    """What a unit is worth to each demander less what using it costs, base units."""
    alternatives = [one.sub_tasks[0].alternatives[0] for one in market.demanders]
    return [one.benefit - one.cost for one in alternatives]


def opened(market: Scenario, concept: str) -> Hosted:
    """The session of the paper's one listing, its three demanders without a limit."""
    supplier = market.suppliers[0]
    weights = [round(weight * MICRO) for weight in (supplier.a, supplier.b)]
    terms = PriceTerms(concept, *weights, supplier.maintenance, supplier.listed[0], address(0))
    members = tuple(
        Member(
            demander=address(seat + 1),
            selection=bytes([seat]) * 32,
            sub_task=bytes([seat]) * 32,
            quantity=NO_LIMIT,
            divisible=True,
            supplier_nonce=seat,
        )
        for seat in range(len(market.demanders))
    )
    roster, _ = roster_of(members)
    opening = Opening(address(0), b"l" * 32, 0, 1, terms, INSTANT, len(members), roster.hash, 1, 1)
    return host(opening, named(opening), members)


def named(message: object) -> bytes:
    """Stands for the signed digest: a session chains digests, and does not read them."""
    return keccak(repr(message).encode())


def answers(session: Hosted, stated: Sequence[int]) -> Iterator[Reply]:
    """What members that play these margins say to the last quote."""
    last = session.rounds[-1]
    for seat, (member, margin) in enumerate(zip(session.members, stated, strict=True)):
        about = (member.demander, session.id, seat, last.digest)
        reply = best_reply(session.opening.terms, member, margin, last.quote.price, RICH)
        yield Reply(*about, reply)


def profits(session: Hosted, stated: Sequence[int], true: Sequence[int]) -> list[int]:
    """What each demander earns in the end, counted with its true margin."""
    while (word := next_word(session)) is not None:
        session = said(session, word, named(word.message))
        if session.close is not None:
            sold = zip(true, session.awards, session.payments, strict=True)
            return [margin * units - payment for margin, units, payment in sold]
        for answer in answers(session, stated):
            session = hear(session, answer, named(answer))
    raise SystemExit("a session ended without its close")


def table() -> list[dict[str, int | str]]:
    """For each concept and demander: honest profit, the best lie and its profit."""
    market = paper_market(1)
    true = margins(market)
    rows: list[dict[str, int | str]] = []
    for concept in CONCEPTS:
        session = opened(market, concept)
        honest = profits(session, true, true)
        for who, own in enumerate(true):
            tried = {
                lie: profits(session, [*true[:who], lie, *true[who + 1 :]], true)[who]
                for lie in range(MOST + 1)
            }
            # Several lies may be equally good: the one nearest to the truth stands for them.
            best = max(tried, key=lambda lie: (tried[lie], -abs(lie - own)))
            rows.append(
                {
                    "concept": concept,
                    "demander": who + 1,
                    "margin": own,
                    "honest": honest[who],
                    "lie": best,
                    "profit": tried[best],
                }
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = table()
    if args.json:
        print(json.dumps(rows, indent=2))
        return
    print("concept          demander  margin  honest  answers as  profit    gain")
    for row in rows:
        honest, profit = int(row["honest"]), int(row["profit"])
        gain = f"{100 * (profit / honest - 1):+.1f} %" if honest else f"{profit - honest:+d}"
        print(
            f"{row['concept']:<16} {row['demander']:>8} {row['margin']:>7} {honest:>7,}"
            f" {row['lie']:>11} {profit:>7,} {gain:>7}"
        )


if __name__ == "__main__":
    main()
