"""The whole reproduction: run everything, judge every claim."""

from collections.abc import Callable

from fabmarket import __version__
from fabmarket.chain import Settings, open_engine
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
from fabmarket.paper.claim import VERDICTS, Claim, Facts, tell
from fabmarket.scenario import paper_market
from fabmarket.simulation import run_market

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

_VERDICTS: dict[str, Callable[[Facts], dict[str, str]]] = {
    "signature": signature.verdicts,
    "baseline": baseline.verdicts,
    "verification": verification.verdicts,
    "theory": theory.verdicts,
    "convergence": convergence.verdicts,
    "effort": effort.verdicts,
    "perturbation": perturbation.verdicts,
    "fairness": fairness.verdicts,
}
"""What judges the claims of each subject, in the order of the page."""


def reproduce(quick: bool = False, told: Told = lambda *_: None) -> Facts:
    """Every number and every claim, as a JSON value described in docs/reference/cli.md.

    The same on every run but for `timing`. `quick` signs fewer messages and times one run of the
    operator instead of several.
    """
    numbers, timing = _measured(quick, told)
    judged = claims(numbers)
    return {
        "fabmarket": __version__,
        "paper": PAPER,
        "quick": quick,
        "verdicts": {
            verdict: sum(one.verdict == verdict for one in judged) for verdict in VERDICTS
        },
        "claims": [one.as_json() for one in judged],
        "numbers": numbers,
        "timing": timing,
    }


def _measured(quick: bool, told: Told) -> tuple[Facts, Facts]:
    """What every subject measured, by its name, and apart from it the seconds."""
    numbers: Facts = {}

    def begin(what: str) -> None:
        told(what, len(numbers), len(_VERDICTS))

    begin("Table 1 and a market on chain")
    market = paper_market(_SEED)
    with open_engine("embedded", Settings()) as engine:
        outcome = run_market(market, engine, _SEED, lambda *_: None)
        try:
            numbers["verification"] = verification.measure(outcome)
            begin("One operator, plain database")
            numbers["baseline"], timing = baseline.measure(outcome, market, _REPEATS[quick])
            domain, key = outcome.market.domain, outcome.parties.demanders[1].key
        finally:
            outcome.store.close()
    begin("Equations 1 to 6")
    numbers["signature"] = signature.measure(domain, key, _SEED, _SAMPLES[quick])
    begin("Theorem 1, equations 11 to 19")
    numbers["theory"] = theory.measure()
    begin("Convergence")
    plays = convergence.plays()
    numbers["convergence"] = convergence.measure(plays)
    begin("Load, cost, balance, Table 2")
    numbers["effort"] = effort.measure(plays)
    begin("MRD3 raises its demand")
    numbers["perturbation"] = perturbation.measure()
    begin("Fairness")
    numbers["fairness"] = fairness.measure()
    begin("Done")
    return numbers, timing


def claims(numbers: Facts) -> list[Claim]:
    """Every claim, judged and told by what its subject measured."""
    return [
        tell(name, verdict, numbers[subject])
        for subject, judge in _VERDICTS.items()
        for name, verdict in judge(numbers[subject]).items()
    ]
