"""Whole products bought in rounds: what a buyer plans and bids, what a seller holds and books."""
