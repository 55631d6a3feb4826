"""The dashboard: pages made by the server, which work without a script."""

from fabmarket.api.pages.routes import STATIC, pages
from fabmarket.api.pages.shell import Currency, Link, Shell, Standing

__all__ = ["STATIC", "Currency", "Link", "Shell", "Standing", "pages"]
