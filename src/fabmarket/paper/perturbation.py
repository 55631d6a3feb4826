"""MRD3 raises its demand by a fifth at the equilibrium: the last experiment of section 5.2."""

from typing import Any

from fabmarket.game.dynamics import GaussSeidel, perturb
from fabmarket.paper.claim import Claim, Facts, amount, holds_if, percent, power, table
from fabmarket.paper.convergence import LEVELS
from fabmarket.paper.printed import PARTIES, market

WHO, PERCENT = 2, 20.0
"""MRD3, counted from 0. The paper does not print by how much it raises."""
_ROUNDS = 24
_SHOWN = 9


def measure() -> Facts:
    """Price, quantities and profits from the raise until play is back."""
    game = market()
    play = perturb(game, GaussSeidel(), WHO, PERCENT)
    while len(play.history) <= _ROUNDS:
        next(play)
    before = play.equilibrium
    return {
        "who": PARTIES[WHO],
        "percent": PERCENT,
        "before": {
            "price": before.price,
            "demand": before.demand.tolist(),
            "supply": before.supply,
            "profits": [*before.demander_profit.tolist(), before.supplier_profit],
        },
        "steps": [
            {
                "price": state.price,
                "demand": state.demand.tolist(),
                "supply": state.supply,
                "profits": [*state.profits(game)[0].tolist(), state.profits(game)[1]],
                "error": error,
            }
            for state, error in zip(play.history, play.errors, strict=True)
        ],
        "rounds_to": {power(level): play.rounds_to(level) for level in LEVELS},
    }


def changes(facts: Facts, step: int) -> list[float | None]:
    """Each party's profit after a step against the equilibrium, per cent; None where that is 0."""
    now = facts["steps"][step]["profits"]
    return [
        100 * (after / base - 1) if base else None
        for after, base in zip(now, facts["before"]["profits"], strict=True)
    ]


def _said(change: float | None) -> str:
    return "–" if change is None else percent(change)


def claims(facts: Facts) -> list[Claim]:
    """Five sentences of the experiment, one by one."""
    raised, answered = facts["steps"][0], facts["steps"][1]
    before = facts["before"]
    return [
        _price(before, raised, answered),
        _supplier(facts, before, answered),
        _pays(facts),
        _cuts(facts, before),
        _returns(facts),
    ]


_HOW = (
    "From the simultaneous equilibrium MRD3's demand is raised by 20 % (the paper prints no size) "
    "while all others stay; then the supplier answers; then best responses in turn go on. The "
    "price is q = aS − bw at every step."
)


def _price(before: Any, raised: Any, answered: Any) -> Claim:
    return Claim(
        id="raise-price",
        title="MRD3 asks for more: the price rises",
        place="Section 5.2",
        words="The increase in demand led to increased resource prices",
        verdict=holds_if(before["price"] < answered["price"] < raised["price"]),
        reason=f"From {amount(before['price'])} to {amount(raised['price'])}, and to "
        f"{amount(answered['price'])} once the supplier has answered.",
        got=(
            f"MRD3 goes from {amount(before['demand'][WHO], 3)} to "
            f"{amount(raised['demand'][WHO], 3)} units. Everybody then pays "
            f"{amount(raised['price'])} a unit instead of {amount(before['price'])}.",
        ),
        how=_HOW,
    )


def _supplier(facts: Facts, before: Any, answered: Any) -> Claim:
    first, second = changes(facts, 0)[-1], changes(facts, 1)[-1]
    gains = first is not None and second is not None and 0 < first < second
    return Claim(
        id="raise-supplier",
        title="The supplier gains and supplies more",
        place="Section 5.2",
        words="MRS gains more profit by hoping to increase the supply",
        verdict=holds_if(gains and answered["supply"] > before["supply"]),
        reason=f"{_said(first)} at the old supply, {_said(second)} at the new one.",
        got=(
            f"Supply goes from {amount(before['supply'])} to {amount(answered['supply'])} units "
            "and takes back half of the rise in price.",
        ),
        how=_HOW,
    )


def _pays(facts: Facts) -> Claim:
    alone, answered = changes(facts, 0)[WHO], changes(facts, 1)[WHO]
    end = changes(facts, len(facts["steps"]) - 1)[WHO]
    rows = []
    for at, step in enumerate(facts["steps"][:_SHOWN]):
        what = {0: "MRD3 raises", 1: "MRS answers"}.get(at, f"sweep {at - 1}")
        rows.append(
            (
                what,
                amount(step["price"], 3),
                *(_said(change) for change in changes(facts, at)),
                f"{step['error']:.1e}",
            )
        )
    return Claim(
        id="raise-pays",
        title="Asking for more earns MRD3 more",
        place="Section 5.2",
        words="MRD3 privately increased the demand to obtain higher returns",
        verdict=holds_if(alone is not None and alone > 0),
        reason=f"Alone it changes its profit by {_said(alone)}; that is what an equilibrium means. "
        "Only if it commits, and the supplier answers while MRD2 stays, does it gain.",
        got=(
            f"With everybody else unmoved MRD3's profit changes by {_said(alone)}. After the "
            f"supplier's answer it stands at {_said(answered)}: whoever can commit first, and let "
            f"the supplier follow, does gain (that is the concept demanders-lead). As play goes "
            f"on the gain is lost: {_said(end)} at the end.",
        ),
        how=_HOW,
        tables=(
            table(
                "Profits along the way, against the equilibrium (MRD1 earns nothing there)",
                ("step", "price", *PARTIES, "error"),
                rows,
            ),
        ),
        figures=("perturbation",),
    )


def _cuts(facts: Facts, before: Any) -> Claim:
    later = facts["steps"][2]
    cut = [
        now < base for now, base in zip(later["demand"][:WHO], before["demand"][:WHO], strict=True)
    ]
    loss = changes(facts, 0)[1], changes(facts, 1)[1]
    return Claim(
        id="raise-others-cut",
        title="The other two pay more and cut their demand",
        place="Section 5.2",
        words="It also increases the purchase cost of MRD3 and MRD2 … while MRD2 and MRD3 are "
        "forced to reduce resource demand",
        verdict=holds_if(all(cut)),
        reason="MRD2 does; MRD1, which must be meant, buys nothing and has nothing to cut.",
        got=(
            "MRD3 is the one who raised, so “MRD3 and MRD2” is a slip for MRD1 and MRD2.",
            f"MRD2 pays more, its profit changes by {_said(loss[0])} and then {_said(loss[1])}, "
            f"and it cuts from {amount(before['demand'][1], 3)} to "
            f"{amount(later['demand'][1], 3)}. MRD1's margin is 55, below every price on the way: "
            "it buys nothing before, during and after.",
        ),
        how=_HOW,
    )


def _returns(facts: Facts) -> Claim:
    back = facts["rounds_to"]
    return Claim(
        id="raise-returns",
        title="Play returns to the balance",
        place="Section 5.2",
        words="3 1 MRDs and 1 MRS return to the original supply and demand balance",
        verdict=holds_if(back["1e-9"] is not None),
        reason=f"Within 1e-3 of it in {back['1e-3']} steps, within 1e-9 in {back['1e-9']}.",
        got=(
            "The raise changes nobody's data, so the equilibrium is the old one, and best "
            "responses in turn lead back to it. “Balance” here is the equilibrium: supply is "
            f"{amount(facts['before']['supply'])} and demand "
            f"{amount(sum(facts['before']['demand']))} units before and after.",
        ),
        how=_HOW + " Steps count from the raise; the first is the supplier's answer.",
        tables=(
            table(
                "Steps until the error stays below a level",
                ("", *back),
                [("after the raise", *(str(at) for at in back.values()))],
            ),
        ),
    )
