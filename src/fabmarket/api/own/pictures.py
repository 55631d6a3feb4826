"""Pictures of the owner's pages: products as a plan of machines, a negotiation by rounds."""

from collections.abc import Sequence

from fabmarket.api.pages.charts import Axis, Chart, Gantt, Job, Lane, Series, gantt, lines
from fabmarket.api.pages.clock import utc
from fabmarket.api.served import Currency
from fabmarket.market.units import MICRO
from fabmarket.node.planned import OperationStatus, ProductPlan
from fabmarket.node.rounds import Negotiated
from fabmarket.report.wording import number, one_line, plural, short

WORDS = {
    "waiting": "waits: nothing is found for it yet",
    "bid for": "bid for",
    "booked": "booked, to be signed",
    "signed": "signed, to settle",
    "bought": "bought, to be delivered",
    "overdue": "bought, delivery not stated in time",
    "delivered": "delivered, as the supplier states",
    "disputed": "bought, disputed",
    "lost": "lost: it will not be delivered",
}
"""How an operation stands, in words."""
_MARKS = {"bought": "", "overdue": "late", "delivered": "", "disputed": "late", "lost": "lost"}


def fate(one: OperationStatus, now: int) -> tuple[str, str]:
    """How an operation stands: the mark of a chart, and words."""
    words, mark = WORDS.get(one.state, one.state), _MARKS.get(one.state, "waits")
    if one.state == "bought" and one.ends is not None and one.ends <= now:
        words, mark = "bought, slot over, delivery not stated", "waits"
    if one.late and mark != "lost":
        return "late", f"{words}; it ends after the product is due"
    return mark, words


def plan(products: Sequence[ProductPlan], now: int) -> Gantt | None:
    """Which operation is done where and when; what is not planned stands on a lane of its own."""
    placed = [
        (kind, product, one, _lane(one))
        for kind, product in enumerate(products)
        for one in product.operations
    ]
    lanes = sorted({lane for *_, lane in placed}, key=lambda lane: (lane[1] == "", lane))
    jobs = [
        Job(
            lanes.index(lane),
            product.release if one.begins is None else one.begins,
            product.last if one.ends is None else one.ends,
            kind,
            one_line(one.operation),
            f"{one_line(product.status.name)}, {one_line(one.operation)}: {_told(one, now)}",
            f"/own/trades/{one.trade}" if one.trade else "",
            "open" if one.begins is None else fate(one, now)[0],
        )
        for kind, product, one, lane in placed
    ]
    return gantt(
        "Operations by machine",
        f"{plural(len(jobs), 'operation')} of {plural(len(products), 'product')}; what is not"
        " planned yet spans the time that it may be done in. The tables below have the same.",
        [Lane(one_line(name), owner) for name, owner in lanes],
        jobs,
        now,
    )


def _lane(one: OperationStatus) -> tuple[str, str]:
    if one.begins is None:
        return " or ".join(each.resource for each in one.ways), ""
    return one.resource, one.supplier


def _told(one: OperationStatus, now: int) -> str:
    words = fate(one, now)[1]
    if one.begins is None or one.units is None:
        return words
    return f"{number(one.units)} units of {short(one.supplier)} from {utc(one.begins)}; {words}"


def rounds(shown: Negotiated, currency: Currency) -> list[Chart]:
    """Price and quantities by round; nothing of one round, which the table says as well."""
    if len(shown.rounds) < 2:
        return []
    charts = (_prices(shown, currency), _quantities(shown))
    return [each for each in charts if each is not None]


def _prices(shown: Negotiated, currency: Currency) -> Chart | None:
    scale = 10**currency.decimals
    points = [(float(each.round), each.price / scale) for each in shown.rounds]
    unit = one_line(currency.symbol) if currency.decimals else "base units"
    return lines(
        "Price by round",
        f"{plural(len(points), 'price')} of a unit, one after another.",
        [Series("Price", points)],
        Axis("Round"),
        Axis(f"Price of a unit, {unit}", from_zero=False),
    )


def _quantities(shown: Negotiated) -> Chart | None:
    sums = [(float(each.round), each.sum / MICRO) for each in shown.rounds if each.sum is not None]
    series = [Series("All together", sums)] if sums else []
    own: dict[str, list[tuple[float, float]]] = {}
    for each in shown.rounds:
        for answer in each.answers:
            name = f"Ours, {one_line(answer.want)}" if answer.own else f"Seat {answer.seat}"
            own.setdefault(name, []).append((float(each.round), answer.quantity / MICRO))
    series += [Series(name, points) for name, points in own.items()][:7]
    return lines(
        "Wanted by round",
        "Units that were wanted at each price, as far as we heard it.",
        series,
        Axis("Round"),
        Axis("Units"),
    )
