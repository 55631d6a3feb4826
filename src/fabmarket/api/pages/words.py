"""The words of the pages that not everybody knows, explained in one place."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from fabmarket.api.pages.shell import Shell

WORDS = (
    (
        "attested",
        "Counted and signed by the operators: so many units of a machine in a slot. What is not"
        " attested cannot be sold.",
    ),
    (
        "base unit",
        "The smallest amount of a token. If the token has two decimals, 100 base units are 1.00 of"
        " its currency, as 100 cents are a euro.",
    ),
    (
        "block",
        "A page of the chain's book. A chain writes one after the other, and what is in none of"
        " them has not happened.",
    ),
    (
        "bond",
        "Money that a supplier puts beside a payment in escrow, and loses in part or whole if it"
        " does not deliver as agreed.",
    ),
    (
        "deposit",
        "In escrow, money that buyer and supplier each put up beside payment and bond: it pays for"
        " a dispute, and whoever is right gets it back.",
    ),
    (
        "escrow",
        "The contract holds a payment until delivery. It goes to the supplier once the buyer"
        " accepts or says nothing in time, and back to the buyer if nothing was delivered.",
    ),
    (
        "exchange",
        "The contract on the chain that keeps accounts, settles trades and holds escrows.",
    ),
    (
        "final",
        "So deep below the newest block that nothing takes it back any more.",
    ),
    (
        "listing",
        "What a supplier offers of an attested slot. It names no price: that is found in a"
        " session.",
    ),
    (
        "net cycle",
        "Many trades settled together as what each account gains or loses by all of them, so that"
        " the chain shows neither prices nor who bought of whom.",
    ),
    (
        "operator",
        "One of those who count capacity and rule on disputes. Several must sign together.",
    ),
    (
        "product",
        "Several operations that are bought together or not at all.",
    ),
    (
        "reorganisation",
        "The chain replaces its newest blocks by others. What was in them did not happen, unless"
        " it is in the new ones as well; the pages then follow.",
    ),
    (
        "session",
        "A negotiation over the units of one slot: the supplier calls prices round by round,"
        " buyers answer how much they want, and all of it is signed.",
    ),
    (
        "slot",
        "A span of time of one machine, such as an hour or a shift. Capacity is sold by slots.",
    ),
    (
        "token",
        "The money that is paid with on the chain.",
    ),
)
"""Each word and what it means, for somebody who runs a plant."""


def add(router: APIRouter, shell: Shell) -> None:
    """Put the page of words on the router."""

    @router.get("/words")
    def words(request: Request) -> HTMLResponse:
        """What the words mean."""
        with shell.connect() as connection:
            return shell.page(request, connection, "words.html", words=WORDS)
