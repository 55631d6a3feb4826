"""Fabmarket: a decentralised exchange for manufacturing capacity."""

from importlib.metadata import version

__version__ = version("fabmarket")
