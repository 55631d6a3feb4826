"""A supplier as a pure step: check demands, offer, host the listings' sessions, countersign."""

from fabmarket.negotiation.supplier.state import SupplierState
from fabmarket.negotiation.supplier.step import step

__all__ = ["SupplierState", "step"]
