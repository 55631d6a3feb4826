"""From a game and the name of a concept to a certified equilibrium."""

from fabmarket.game.certificate import certificate_of
from fabmarket.game.closed_forms.balanced import balanced
from fabmarket.game.closed_forms.budgets import budgeted
from fabmarket.game.closed_forms.coupled import coupled as coupled_form
from fabmarket.game.closed_forms.demanders_lead import demanders_lead
from fabmarket.game.closed_forms.paper_literal import paper_literal
from fabmarket.game.closed_forms.simultaneous import simultaneous, simultaneous_price
from fabmarket.game.closed_forms.supplier_anticipates import supplier_anticipates
from fabmarket.game.errors import NotCertified, Unsupported
from fabmarket.game.model import CONCEPTS, TOLERANCE, Certificate, Equilibrium, Game, Outcome

_FORMS = {
    "simultaneous": simultaneous,
    "demanders-lead": demanders_lead,
    "supplier-anticipates": supplier_anticipates,
    "paper-literal": paper_literal,
    "balanced": balanced,
}
_ROUNDING = 1e-12


def solve(
    game: Game, concept: str, *, coupled: bool = False, compiled: bool | None = None
) -> Equilibrium:
    """The equilibrium of a game under one of CONCEPTS, with its certificate.

    Exact up to the rounding of float64. Price and certificate take O(m); O(m log m) with
    "supplier-anticipates" and "paper-literal", and where "balanced" shares at d_s under caps.
    Except under "balanced", demand and supply need not meet (`Equilibrium.unfunded`).

    >>> found = solve(Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2), "simultaneous")
    >>> found.price, found.demand.tolist(), found.certificate.holds
    (87.5, [0.0, 84.375, 121.875], True)

    Args:
        game: the data.
        concept: "simultaneous", all move at once; "demanders-lead", the supplier answers the
            demands; "supplier-anticipates", the demanders answer the supply; "paper-literal", the
            same by the paper's equation (19), with quantities that may be negative; "balanced",
            supply follows demand and the supplier is paid for what it delivers.
        coupled: impose S <= w, with one multiplier for all; "simultaneous" only.
        compiled: True for compiled loops (extra `fast`), False for NumPy, None for whichever is
            quicker; the prices agree to 1e-12.

    Raises:
        Unsupported: another concept; a finite bound under "demanders-lead" or "paper-literal"; a
            budget or the coupling elsewhere than under "simultaneous", or both; compiled loops
            that are not installed.
        NoEquilibrium: "balanced" with a <= b; "demanders-lead" too near the supply threshold;
            the coupling where the price falls below the supplier's cost.
        NotCertified: the certificate is above TOLERANCE (`Certificate.holds`). "paper-literal" is
            exempt: it is no equilibrium by construction, and its note says so.
    """
    outcome = _outcome(game, concept, coupled, compiled)
    certificate = certificate_of(game, concept, outcome, coupled)
    if concept != "paper-literal":
        require(certificate, concept)
    return stated(game, concept, outcome, certificate, coupled)


def equilibrium_price(game: Game, *, compiled: bool | None = None) -> float:
    """The price of "simultaneous" alone, in O(m): money per unit, no quantities, no certificate.

    >>> equilibrium_price(Game([100, 200, 200], [45, 45, 15], 10, 0.8, 0.2))
    87.5

    Raises:
        Unsupported: the game has budgets; use `solve`. Or `compiled` without numba.
    """
    if game.budgeted:
        raise Unsupported("a price alone is offered without budgets; use solve")
    return simultaneous_price(game, compiled)


def require(certificate: Certificate, concept: str) -> None:
    """Raise NotCertified unless the certificate holds."""
    if not certificate.holds:
        raise NotCertified(
            f"{NotCertified.OPENING}: under {concept} a party alone would gain"
            f" {certificate.max_unilateral_gain:.6g}, the largest gain is"
            f" {certificate.relative_gain:.1e} of the money at stake and the residual is"
            f" {certificate.residual:.1e}, where {TOLERANCE:g} is allowed; the numbers lie too far"
            " apart for float64, so choose other units or another concept"
        )


def _outcome(game: Game, concept: str, coupled: bool, compiled: bool | None) -> Outcome:
    if concept not in CONCEPTS:
        raise Unsupported(f"unknown concept {concept!r}; use one of {CONCEPTS}")
    if concept != "simultaneous" and (coupled or game.budgeted):
        what = "the coupling S <= w" if coupled else "a budget"
        raise Unsupported(f"{what} is offered under simultaneous, not under {concept}")
    if coupled and game.budgeted:
        raise Unsupported("the coupling S <= w is offered without budgets; leave one of them out")
    if coupled:
        return coupled_form(game, compiled)
    if game.budgeted:
        return budgeted(game, compiled)
    return _FORMS[concept](game, compiled)


def stated(
    game: Game, concept: str, outcome: Outcome, certificate: Certificate, coupled: bool = False
) -> Equilibrium:
    """An outcome with the profits it means and the certificate it has."""
    price, demand, supply, note, multiplier = outcome
    gain = float(certificate.gains[-1])
    profit = supply * (price - game.supplier_cost) + 0.0  # no -0.0 where nothing is sold
    if concept == "paper-literal" and gain > _ROUNDING * abs(profit):
        remark = (
            f"no equilibrium: with v >= 0 another supply would earn the supplier {gain:.6g} more"
        )
        note = f"{note}; {remark}" if note else remark
    demand.flags.writeable = False
    return Equilibrium(
        concept=concept,
        price=price,
        demand=demand,
        supply=supply,
        demander_profit=demand * (game.margin - price) + 0.0,
        supplier_profit=profit,
        total_demand=float(demand.sum()),
        certificate=certificate,
        note=note,
        coupled=coupled,
        multiplier=multiplier,
    )
