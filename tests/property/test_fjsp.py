import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabmarket.scenario import (
    FjspInstance,
    InvalidScenario,
    MalformedFjsp,
    parse_fjsp,
    slotted,
)
from fabmarket.scenario.fjsp import Operation


@st.composite
def instances(draw: st.DrawFn) -> FjspInstance:
    machines = draw(st.integers(1, 6))

    def operation() -> Operation:
        chosen = draw(st.lists(st.integers(0, machines - 1), min_size=1, unique=True))
        return Operation(tuple((machine, draw(st.integers(0, 99))) for machine in chosen))

    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    return FjspInstance(tuple(tuple(operation() for _ in range(n)) for n in sizes), machines)


def lines_of(instance: FjspInstance, first_machine: int) -> list[list[str]]:
    lines = [[len(instance.jobs), instance.machines]]
    for job in instance.jobs:
        numbers = [len(job)]
        for operation in job:
            numbers.append(len(operation.alternatives))
            for machine, time in operation.alternatives:
                numbers += [machine + first_machine, time]
        lines.append(numbers)
    return [[str(number) for number in numbers] for numbers in lines]


@st.composite
def printed(draw: st.DrawFn, lines: list[list[str]]) -> str:
    blank = st.text(" \t", max_size=3)
    gap = st.text(" \t", min_size=1, max_size=3)
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    text = draw(st.sampled_from(["", end]))
    for tokens in lines:
        row = tokens[0]
        for token in tokens[1:]:
            row += draw(gap) + token
        text += draw(blank) + row + draw(blank) + end * draw(st.integers(1, 3))
    return text if draw(st.booleans()) else text.rstrip()


@given(st.data(), instances(), st.sampled_from(["", "1", "1.5", "2."]))
def test_an_instance_survives_printing_with_any_spacing(
    data: st.DataObject, instance: FjspInstance, average: str
) -> None:
    lines = lines_of(instance, 0)
    lines[0] += [average] * bool(average)
    used = {m for job in instance.jobs for op in job for m, _ in op.alternatives}
    text = data.draw(printed(lines))
    assert parse_fjsp(text, "shop.txt", 0) == instance
    if 0 in used:
        assert parse_fjsp(text, "shop.txt") == instance
    from_one = data.draw(printed(lines_of(instance, 1)))
    assert parse_fjsp(from_one, "shop.txt") == instance


@given(st.data(), st.integers(2, 6), st.integers(1, 4))
def test_a_plain_instance_survives_printing_with_any_spacing(
    data: st.DataObject, machines: int, count: int
) -> None:
    orders = [data.draw(st.permutations(range(machines))) for _ in range(count)]
    jobs = [[(machine, data.draw(st.integers(100, 999))) for machine in order] for order in orders]
    rows = [[count, machines], *([number for pair in job for number in pair] for job in jobs)]
    text = data.draw(printed([[str(number) for number in row] for row in rows]))
    expected = tuple(tuple(Operation((pair,)) for pair in job) for job in jobs)
    assert parse_fjsp(text, "shop.txt") == FjspInstance(expected, machines)


@given(st.data(), instances())
def test_a_damaged_file_is_read_or_refused_with_a_place_inside_it(
    data: st.DataObject, instance: FjspInstance
) -> None:
    text = "\n".join(" ".join(tokens) for tokens in lines_of(instance, 0))
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        stop = data.draw(st.integers(start, min(len(text), start + 4)))
        damage = data.draw(st.one_of(st.text(max_size=3), st.text("0123456789 -.\n", max_size=3)))
        text = text[:start] + damage + text[stop:]
    try:
        parse_fjsp(text, "shop.txt")
    except MalformedFjsp as error:
        line, column = error.line, error.column
    else:
        return
    assert 1 <= line <= text.count("\n") + text.count("\r") + 1
    assert 1 <= column <= len(text) + 1


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(MalformedFjsp):
        parse_fjsp(text, "shop.txt")


@given(instances(), st.integers(0, 2**32))
def test_every_instance_makes_a_market_that_can_run(instance: FjspInstance, seed: int) -> None:
    bought = {
        (f"job {j}", f"op {k}")
        for j, job in enumerate(instance.jobs, start=1)
        for k, operation in enumerate(job, start=1)
        if operation.takes_time
    }
    if not bought:
        with pytest.raises(InvalidScenario, match="there is nothing to buy"):
            slotted(instance, seed, "shop.txt")
        return
    market = slotted(instance, seed, "shop.txt")
    capacity = {supplier.resource: supplier.listed for supplier in market.suppliers}
    products = {each.name: each.product for each in market.demanders}
    assert {(name, step.name) for name, each in products.items() for step in each.operations} == (
        bought
    )
    for each in products.values():
        assert each.release + len(each.operations) <= each.due + 1 <= each.last + 1
        for step in each.operations:
            assert step.alternatives
            for way in step.alternatives:
                assert all(units >= way.quantity > 0 for units in capacity[way.resource])
