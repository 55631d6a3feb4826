"""The chart of machines and slots, by its geometry."""

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from fabmarket.report.gantt import colour, gantt

SVG = "{http://www.w3.org/2000/svg}"


def drawn(facts, **how):
    return ElementTree.fromstring(gantt(facts, **how))  # noqa: S314 (our own output)


def bars(facts, **how) -> dict[str, tuple[float, float, float, str]]:
    """By what a bar says of itself: where it begins, its middle line, its width, its fill."""
    found = {}
    for group in drawn(facts, **how).iter(f"{SVG}g"):
        title = group.find(f"{SVG}title")
        if title is not None:
            first = group.find(f"{SVG}rect")
            x, y, width, height = (float(first.get(key)) for key in ("x", "y", "width", "height"))
            found[title.text] = x, y + height / 2, width, first.get("fill")
    return found


def texts(facts) -> list[str]:
    return [one.text for one in drawn(facts).iter(f"{SVG}text")]


def test_a_bar_is_as_wide_as_its_share_of_the_slot_and_stands_in_its_row_and_column(products_facts):
    found = bars(products_facts)
    first, second = found["job 1 / op 1: 5 minutes"], found["job 2 / op 1: 3 minutes"]
    full = found["job 1 / op 2: 10 minutes"]
    assert (first[2] + 1) / (full[2] + 1) == pytest.approx(0.5, abs=0.02)
    assert (second[2] + 1) / (full[2] + 1) == pytest.approx(0.3, abs=0.02)
    assert second[0] == pytest.approx(first[0] + first[2] + 1, abs=0.2)  # one after the other
    assert first[1] == second[1] < full[1]  # machine-0 above machine-1
    column = full[0] - first[0]
    late = found["job 2 / op 2: 4 minutes"]
    assert late[0] - first[0] == pytest.approx(3 * column, abs=0.2)


def test_a_products_bars_and_its_place_in_the_legend_have_its_colour_and_number(products_facts):
    found = bars(products_facts)
    assert found["job 1 / op 1: 5 minutes"][3] == found["job 1 / op 2: 10 minutes"][3] == colour(0)
    assert found["job 2 / op 1: 3 minutes"][3] == colour(1) != colour(0)
    shown = texts(products_facts)
    assert shown.count("1") == 4  # of the slot, of two bars, in the legend
    for entry in ("job 1: on time", "job 2: 1 slot late", "job 3: bought in part"):
        assert entry in shown
    assert "job 4: not bought" in shown
    assert shown[0] == "2 of 4 products complete"


def test_what_was_given_back_is_striped_and_explained(products_facts):
    root = drawn(products_facts)
    striped = [one for one in root.iter(f"{SVG}rect") if one.get("fill") == "url(#hatch)"]
    assert len(striped) == 2  # the bar, and the legend
    assert root.find(f".//{SVG}pattern").get("id") == "hatch"
    assert "striped: does not count any more" in texts(products_facts)
    for job in products_facts["products"]:
        job["steps"] = [step for step in job["steps"] if step["state"] == "sold"]
    assert "striped: does not count any more" not in texts(products_facts)


def test_how_much_of_a_machine_was_used_stands_beside_it_and_shades_its_slots(products_facts):
    assert texts(products_facts).count("35 %") == 2  # 14 of 40 minutes of either
    shades = {one.get("fill-opacity") for one in drawn(products_facts).iter(f"{SVG}rect")} - {None}
    assert {"0.05", "0.18"} <= shades  # empty, full


def test_slots_in_which_nothing_is_listed_are_a_narrow_gap(products_facts):
    before = bars(products_facts)
    for row in products_facts["utilisation"]:
        row["listed"] = [*row["listed"][:2], 0, 0, *row["listed"][2:]]
    for job in products_facts["products"]:
        for step in job["steps"]:
            step["slot"] += 2 * (step["slot"] >= 2)
    after = bars(products_facts)
    late = "job 2 / op 2: 4 minutes"
    assert after[late][0] - before[late][0] == pytest.approx(8, abs=0.2)
    assert "3" not in texts(products_facts)[2:6]


def test_a_sub_task_of_no_product_is_grey_and_explained(products_facts):
    single = products_facts["trades"][0] | {"id": "0x1", "subtask": "repair / press", "slot": 3}
    products_facts["trades"].append(single)
    assert bars(products_facts)["repair / press: 5 minutes"][3] == "#8a94a0"
    assert "sub-tasks bought singly" in texts(products_facts)


def test_a_large_plant_stays_within_the_picture_and_no_bars_overlap(plant_facts):
    root = drawn(plant_facts)
    width, height = float(root.get("width")), float(root.get("height"))
    assert width < 1050
    rows: dict[float, list[tuple[float, float]]] = {}
    for x, y, wide, _ in bars(plant_facts).values():
        rows.setdefault(y, []).append((x, x + wide))
        assert 0 < x < x + wide < width
        assert 0 < y < height
    assert len(bars(plant_facts)) == 200
    for row in rows.values():
        assert all(end <= start for (_, end), (start, _) in pairwise(sorted(row)))
    assert all(float(one.get("y")) < height for one in root.iter(f"{SVG}text"))
    colours = {fill for *_, fill in bars(plant_facts).values()}
    assert len(colours) == 20


def longer(facts, times):
    """Every slot is followed by so many less one, and every sixth and seventh have nothing."""
    for row in facts["utilisation"]:
        slots = range(times * len(row["listed"]))
        row["listed"] = [0 if slot % 7 > 4 else row["listed"][slot // times] for slot in slots]
    for product in facts["products"]:
        for step in product["steps"]:
            step["slot"] = 7 * (times * step["slot"] // 7)
    return facts


def test_regression_two_weeks_of_slots_fit_a_page(plant_facts):
    """At 1,200 pixels the chart was cut at slot 27 of 69, and what was used was out of sight."""
    facts = longer(plant_facts, 7)
    root = drawn(facts, fits=True)
    width = float(root.get("width"))
    assert width <= 1040 < float(drawn(facts).get("width"))
    assert all(0 < x < x + wide < width for x, _, wide, _ in bars(facts, fits=True).values())
    listed = [one for one in root.iter(f"{SVG}rect") if one.get("fill-opacity")]
    assert min(float(one.get("width")) for one in listed) >= 4
    numbers = [
        (float(one.get("x")), one.text) for one in root.iter(f"{SVG}text") if one.get("y") == "58"
    ]
    slots = [(x, 6.1 * len(text)) for x, text in numbers if text.isdecimal()]
    assert len(slots) > 20
    assert all(
        one + wide / 2 < other - more / 2 for (one, wide), (other, more) in pairwise(sorted(slots))
    )


def test_a_slot_is_no_narrower_than_can_be_seen_however_many_there_are(plant_facts):
    facts = longer(plant_facts, 40)
    root = drawn(facts, fits=True)
    listed = [one for one in root.iter(f"{SVG}rect") if one.get("fill-opacity")]
    assert min(float(one.get("width")) for one in listed) >= 4
    assert float(root.get("width")) > 1040


@pytest.mark.parametrize("fits", [False, True])
def test_every_label_in_a_bar_fits_it(plant_facts, fits):
    for group in drawn(plant_facts, fits=fits).iter(f"{SVG}g"):
        label, bar = group.find(f"{SVG}text"), group.find(f"{SVG}rect")
        if group.find(f"{SVG}title") is not None and label is not None:
            assert 6 * len(label.text) <= float(bar.get("width")) + 1


def test_a_run_without_products_has_a_picture_that_says_so(paper_facts):
    assert texts(paper_facts) == ["No product was asked for."]


def test_the_same_facts_give_the_same_bytes_and_hostile_names_are_text(products_facts):
    products_facts["products"][0]["name"] = '<b onload="x">\n&amp;'
    products_facts["participants"][-1]["name"] = "工場 </text>"
    assert gantt(products_facts) == gantt(products_facts)
    shown = texts(products_facts)
    assert '<b onload="x"> …: on time' in shown
    assert "工場 </text>" in shown
    assert '<b onload="x"> &amp; / op 1: 5 minutes' in bars(products_facts)
