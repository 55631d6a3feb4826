"""The whole reproduction: run everything, judge every claim."""

from collections.abc import Callable
from typing import Any

from fabmarket import __version__
from fabmarket.chain import Settings, open_engine
from fabmarket.node import run_market
from fabmarket.paper import (
    baseline,
    convergence,
    effort,
    fairness,
    perturbation,
    signature,
    theory,
    verification,
)
from fabmarket.paper.claim import VERDICTS, Claim, Facts
from fabmarket.scenario import paper_market

PAPER = {
    "title": "Blockchain-Based Cloud Resource Allocation Mechanism for Privacy Preservation",
    "authors": "N. R. Nayak, A. Kumar, S. Ray, A. K. Tamrakar",
    "published": "EasyChair preprint, 14 February 2023",
}
_SEED = 1
_SAMPLES = {False: 20, True: 3}
_REPEATS = {False: 9, True: 1}

Told = Callable[[str, int, int], None]
"""Called with (what is being done, steps done, steps in all)."""

_STEPS = (
    "Table 1 and a market on chain",
    "One operator, plain database",
    "Equations 1 to 6",
    "Theorem 1, equations 11 to 19",
    "Convergence",
    "Load, cost, balance, Table 2",
    "MRD3 raises its demand",
    "Fairness",
)


def reproduce(quick: bool = False, told: Told = lambda *_: None) -> Facts:
    """Every number and every claim, as a JSON value described in docs/explanation/paper.md.

    The same on every run but for `timing`. `quick` signs fewer messages and times one run of the
    operator instead of several.
    """
    steps = iter(_STEPS)
    done = 0

    def begin() -> None:
        nonlocal done
        told(next(steps, "Done"), done, len(_STEPS))
        done += 1

    market = paper_market(_SEED)
    begin()
    with open_engine("embedded", Settings()) as engine:
        outcome = run_market(market, engine, _SEED, lambda *_: None)
        try:
            tests = verification.measure(outcome)
            begin()
            compared, timing = baseline.measure(outcome, market, _REPEATS[quick])
            domain, key = outcome.market.domain, outcome.parties.demanders[1].key
        finally:
            outcome.store.close()
    begin()
    signed = signature.measure(domain, key, _SEED, _SAMPLES[quick])
    begin()
    proved = theory.measure()
    begin()
    iterated = convergence.measure()
    begin()
    weighed = effort.measure()
    begin()
    raised = perturbation.measure()
    begin()
    shared = fairness.measure()
    begin()
    facts: dict[str, Any] = {
        "verification": tests,
        "baseline": compared,
        "signature": signed,
        "theory": proved,
        "convergence": iterated,
        "effort": weighed,
        "perturbation": raised,
        "fairness": shared,
    }
    judged = claims(facts)
    return {
        "fabmarket": __version__,
        "paper": PAPER,
        "quick": quick,
        "verdicts": {
            verdict: sum(one.verdict == verdict for one in judged) for verdict in VERDICTS
        },
        "claims": [one.as_json() for one in judged],
        "numbers": facts,
        "timing": timing,
    }


def claims(facts: Facts) -> list[Claim]:
    """Every claim, in the order of the paper."""
    return [
        *signature.claims(facts["signature"]),
        *baseline.claims(facts["baseline"]),
        *theory.claims(facts["theory"]),
        *verification.claims(facts["verification"]),
        *convergence.claims(facts["convergence"]),
        *effort.claims(facts["effort"]),
        *perturbation.claims(facts["perturbation"]),
        *fairness.claims(facts["fairness"]),
    ]
