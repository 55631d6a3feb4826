"""The dashboard: pages made by the server, which work without a script."""

from fabmarket.api.pages.routes import add_pages
from fabmarket.api.pages.shell import Link, Shell

__all__ = ["Link", "Shell", "add_pages"]
