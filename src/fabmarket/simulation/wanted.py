"""What the demanders of a scenario want, as participants know it: in chain time, under names."""

from fabmarket.identity import keccak
from fabmarket.market.units import NO_LIMIT, name_to_bytes32
from fabmarket.negotiation.products import plan
from fabmarket.negotiation.wants import Choice, Want
from fabmarket.scenario import Product, SubTask
from fabmarket.simulation.setup import Market


def want_of(task: SubTask, address: str, market: Market) -> Want:
    """Return a sub-task that is bought by itself."""
    start = market.origin + task.slot * market.slot_length
    return Want(
        id=keccak(f"{address}|{task.name}".encode()),
        start=start,
        end=start + market.slot_length,
        divisible=task.divisible,
        choices=tuple(
            Choice(
                name_to_bytes32(way.resource),
                NO_LIMIT if way.quantity is None else way.quantity,
                way.benefit - way.cost,
            )
            for way in task.alternatives
        ),
    )


def product_of(product: Product, name: str, address: str, market: Market) -> plan.Product:
    """Return a product that is bought whole."""
    origin, length = market.origin, market.slot_length
    return plan.Product(
        id=keccak(f"{address}|{name}".encode()),
        steps=tuple(
            tuple(
                plan.Way(name_to_bytes32(way.resource), way.quantity)
                for way in operation.alternatives
            )
            for operation in product.operations
        ),
        release=origin + product.release * length,
        due=origin + (product.due + 1) * length,
        last=origin + (product.last + 1) * length,
        value=product.value,
        lateness=product.lateness,
        late_every=length,
        partial=product.partial,
    )
