"""A demander as a pure step: publish, compare offers, negotiate, sign, publish again."""

from fabmarket.negotiation.demander.state import DemanderState
from fabmarket.negotiation.demander.step import step

__all__ = ["DemanderState", "step"]
