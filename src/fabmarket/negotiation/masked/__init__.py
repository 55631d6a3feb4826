"""Masked sessions: how their supplier hosts them, and how their members follow."""
