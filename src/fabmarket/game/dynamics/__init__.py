"""How the parties of a `simultaneous` game might find its equilibrium, one algorithm a file."""

from fabmarket.game.dynamics.aggregate_newton import AggregateNewton
from fabmarket.game.dynamics.anderson import Anderson
from fabmarket.game.dynamics.extragradient import Extragradient
from fabmarket.game.dynamics.gauss_seidel import GaussSeidel
from fabmarket.game.dynamics.gradient import Gradient
from fabmarket.game.dynamics.jacobi import Jacobi
from fabmarket.game.dynamics.jacobi_then_supplier import JacobiThenSupplier
from fabmarket.game.dynamics.nesterov import Nesterov
from fabmarket.game.dynamics.perturbation import perturb
from fabmarket.game.dynamics.play import DivergenceWarning, Diverges, Dynamic, Play, Stepped
from fabmarket.game.dynamics.relaxed import Relaxed
from fabmarket.game.dynamics.state import Interior, State, interior, start_at
from fabmarket.game.dynamics.tatonnement import Tatonnement

DYNAMICS: dict[str, type[Dynamic]] = {
    dynamic.name: dynamic
    for dynamic in (
        GaussSeidel,
        Jacobi,
        JacobiThenSupplier,
        Relaxed,
        Gradient,
        Extragradient,
        Nesterov,
        Anderson,
        Tatonnement,
        AggregateNewton,
    )
}
"""Every dynamic by its name."""

__all__ = [
    "DYNAMICS",
    "AggregateNewton",
    "Anderson",
    "DivergenceWarning",
    "Diverges",
    "Dynamic",
    "Extragradient",
    "GaussSeidel",
    "Gradient",
    "Interior",
    "Jacobi",
    "JacobiThenSupplier",
    "Nesterov",
    "Play",
    "Relaxed",
    "State",
    "Stepped",
    "Tatonnement",
    "interior",
    "perturb",
    "start_at",
]
