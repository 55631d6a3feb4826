"""Fabmarket: a decentralised exchange for manufacturing capacity."""

__version__: str


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415 - slow, and seldom asked for

        return version("fabmarket")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
