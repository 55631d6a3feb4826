"""Any small job shop runs from its text to an audited settlement, and adds up."""

import io
import json
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabmarket.cli.main import main


@st.composite
def shops(draw: st.DrawFn) -> str:
    machines = draw(st.integers(1, 4))
    first = draw(st.integers(0, 1))

    def operation() -> list[int]:
        chosen = draw(st.lists(st.integers(0, machines - 1), min_size=1, unique=True))
        pairs = [(machine + first, draw(st.integers(1, 40))) for machine in chosen]
        return [len(pairs), *(number for pair in pairs for number in pair)]

    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    lines = [[len(sizes), machines]]
    lines += [[size, *(n for _ in range(size) for n in operation())] for size in sizes]
    gap = draw(st.sampled_from([" ", "  ", "\t"]))
    end = draw(st.sampled_from(["\n", "\r\n", "\n\n"]))
    return end.join(gap.join(map(str, line)) for line in lines)


@settings(max_examples=15)
@given(text=shops(), seed=st.integers(0, 2**64))
def test_a_random_shop_reconciles(text: str, seed: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "shop.txt"
        file.write_text(text, newline="")
        with redirect_stdout(io.StringIO()) as printed, pytest.raises(SystemExit) as ended:
            main(["demo", "--fjsp", str(file), "--seed", str(seed), "--json"])
    assert ended.value.code == 0
    facts = json.loads(printed.getvalue())
    jobs = [line.split() for line in text.splitlines() if line.strip()][1:]
    assert facts["subtasks"] == sum(int(job[0]) for job in jobs)
    decided = [row["subtask"] for row in (*facts["trades"], *facts["unserved"])]
    assert len(set(decided)) == len(decided) == facts["subtasks"]
    change = {row["address"]: row["after"] - row["before"] for row in facts["accounts"]}
    for trade in facts["trades"]:
        assert trade["payment"] == trade["quantity"] * trade["unit_price"] > 0
        change[trade["demander"]] += trade["payment"]
        change[trade["supplier"]] -= trade["payment"]
    assert set(change.values()) == {0}
    assert facts["paid_total"] == sum(trade["payment"] for trade in facts["trades"])
    assert facts["audit"]["ok"]
    assert facts["messages"]["ignored"] == 0
