"""An operator as a pure step: requests and disputes wait for its owner, who signs or does not."""

from fabmarket.negotiation.operator.state import OperatorState
from fabmarket.negotiation.operator.step import step

__all__ = ["OperatorState", "step"]
