"""`fabmarket solve` end to end: files in, tables, JSON and pictures out, refusals in one line."""

import io
import json
import sys

import pytest

from fabmarket.cli.game_file import read_game
from fabmarket.cli.main import main
from fabmarket.game import CONCEPTS
from fabmarket.report.wording import COVERED
from fabmarket.scenario import LARGEST_FILE

NUMBERS = "# supplier_cost = 10\n# a = 0.8\n# b = 0.2\n"
PAPER = NUMBERS + "benefit,cost\n100,45\n200,45\n200,15\n"
AS_JSON = {
    "benefit": [100, 200, 200],
    "cost": [45, 45, 15],
    "supplier_cost": 10,
    "a": 0.8,
    "b": 0.2,
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "game.csv").write_text(PAPER)
    return tmp_path


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["solve", *arguments])
    return ended.value.code


def answer(capsys, *arguments):
    assert run(*arguments, "--json") == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def test_json_has_the_papers_equilibrium(here, capsys):
    found = answer(capsys, "game.csv")
    assert found["concept"] == "simultaneous"
    assert found["price"] == pytest.approx(87.5, rel=1e-12)
    assert found["demand"] == pytest.approx([0, 84.375, 121.875], rel=1e-12)
    assert found["total_demand"] == pytest.approx(206.25, rel=1e-12)
    assert found["supply"] == pytest.approx(387.5, rel=1e-12)
    assert found["profit"]["demanders"] == pytest.approx([0, 5695.3125, 11882.8125], rel=1e-12)
    assert found["profit"]["supplier"] == pytest.approx(30031.25, rel=1e-12)
    assert found["unfunded"] == pytest.approx(15859.375, rel=1e-12)
    assert found["served"] == 2
    assert found["certificate"]["max_unilateral_gain"] < 1e-9
    assert found["certificate"]["residual"] < 1e-12
    assert len(found["certificate"]["deviations"]) == 2
    assert (found["coupled"], found["note"]) == (False, "")


def test_all_concepts_make_a_list_and_one_without_equilibrium_has_a_reason(here, capsys):
    found = answer(capsys, "game.csv", "--concept", "all", "--a", "0.2")
    assert [one["concept"] for one in found] == list(CONCEPTS)
    prices = {one["concept"]: one.get("price") for one in found}
    assert prices["simultaneous"] == pytest.approx(87.5)
    assert prices["supplier-anticipates"] == pytest.approx(185 / 3)
    assert prices["balanced"] is None
    (without,) = [one for one in found if one["concept"] == "balanced"]
    assert set(without) == {"concept", "reason"}
    assert "balanced needs a > b" in without["reason"]


def test_one_concept_without_equilibrium_is_refused(here, capsys):
    assert run("game.csv", "--concept", "balanced", "--a", "0.2", "--plot", "x.png") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("fabmarket: error: balanced needs a > b")
    assert err.count("\n") == 1
    assert not (here / "x.png").exists()


def test_the_coupling_is_passed_on(here, capsys):
    found = answer(capsys, "game.csv", "--coupled", "--a", "0.3", "--b", "0.2")
    assert found["coupled"] is True
    assert found["multiplier"] > 0
    assert found["total_demand"] == pytest.approx(found["supply"])
    assert run("game.csv", "--coupled", "--a", "0.2", "--b", "0.8") == 2
    assert "fabmarket: error:" in capsys.readouterr().err


def test_json_input_gives_the_same_answer(here, capsys):
    (here / "game.json").write_text(json.dumps(AS_JSON))
    assert answer(capsys, "game.json") == answer(capsys, "game.csv")


def test_bounds_from_both_formats(here, capsys):
    bounded = {**AS_JSON, "cap": [None, 50, 500], "supply_cap": 300}
    (here / "game.json").write_text(json.dumps(bounded))
    text = NUMBERS + "#supply_cap=300\n\nbenefit, cap, cost\n100,,45\n200,50,45\n200,500,15\n"
    (here / "capped.csv").write_text(text)
    found = answer(capsys, "game.json")
    assert found == answer(capsys, "capped.csv")
    assert found["demand"][1] == 50
    assert found["supply"] == 300


@pytest.mark.parametrize(
    "extra", [{"cap": None}, {"supply_cap": None}, {"budget": [None, None, None]}]
)
def test_null_is_no_bound(here, capsys, extra):
    (here / "game.json").write_text(json.dumps({**AS_JSON, **extra}))
    assert answer(capsys, "game.json")["price"] == pytest.approx(87.5)


def test_an_option_goes_before_the_file(here, capsys):
    found = answer(capsys, "game.csv", "--supplier-cost", "30", "--supply-cap", "100")
    assert found["supply"] == 100
    assert found["profit"]["supplier"] == pytest.approx(100 * (found["price"] - 30))


def test_standard_input_with_a_byte_order_mark_and_windows_line_ends(here, capsys, monkeypatch):
    data = b"\xef\xbb\xbf" + PAPER.replace("\n", "\r\n").encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert answer(capsys, "-")["price"] == pytest.approx(87.5)


def test_remarks_without_an_equals_sign_say_nothing(here, capsys):
    (here / "game.csv").write_text("# a remark, with a comma\n#\n" + PAPER)
    assert answer(capsys, "game.csv")["price"] == pytest.approx(87.5)


def test_tables_show_every_concept_and_what_must_be_said(here, capsys):
    assert run("game.csv", "--concept", "all", "--a", "0.2") == 0
    out, err = capsys.readouterr()
    assert err == ""
    for part in ("87.5", "simultaneous", "2 of 3", "825", "balanced: none. balanced needs a > b"):
        assert part in out
    assert "paper-literal: no equilibrium" in out


def test_a_table_of_reasons_alone(here, capsys):
    (here / "game.csv").write_text(PAPER + "\n")
    assert run("game.csv", "--concept", "all", "--coupled", "--a", "0.2", "--b", "0.8") == 0
    out = capsys.readouterr().out
    assert "Equilibria" not in out
    assert out.count(": none. ") == len(CONCEPTS)


def test_a_long_table_says_how_many_more_there_are(here, capsys):
    (here / "game.csv").write_text(NUMBERS + "benefit,cost\n" + "90,1\n" * 33)
    assert run("game.csv") == 0
    assert "... and 13 more; --json has them all" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("name", "start"), [("x.png", b"\x89PNG\r\n\x1a\n"), ("x.svg", b"<?xml")])
def test_the_picture_is_of_the_kind_its_name_says(here, capsys, name, start):
    assert run("game.csv", "--concept", "all", "--plot", name) == 0
    assert (here / name).read_bytes().startswith(start)
    assert sorted(one.name for one in here.iterdir()) == ["game.csv", name]


def test_the_picture_sums_up_those_it_has_no_room_for_and_names_its_concept(here, capsys):
    (here / "game.csv").write_text(NUMBERS + "benefit,cost\n" + "90,1\n" * 33)
    assert run("game.csv", "--plot", "x.svg") == 0
    text = (here / "x.svg").read_text()
    assert "3 more" in text
    assert "simultaneous: price" in text


def test_a_picture_without_an_equilibrium_says_so(here, capsys):
    options = ("--concept", "all", "--coupled", "--a", "0.2", "--b", "0.8")
    assert run("game.csv", *options, "--plot", "x.svg") == 0
    assert "No equilibrium." in (here / "x.svg").read_text()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "bad: empty; give a game as JSON or CSV, see fabmarket solve --help"),
        (" \n\n", "bad: empty; give a game as JSON or CSV, see fabmarket solve --help"),
        (NUMBERS, "bad: no header; give the columns benefit,cost[,cap]"),
        (NUMBERS + "benefit,cost\n", "bad: no row below the header; give one for each demander"),
        (
            PAPER.replace("200,45", "200,nan"),
            "bad: row 2 (line 6), column cost: 'nan' is not allowed; give a finite number >= 0",
        ),
        (
            PAPER.replace("200,45", "-200,45"),
            "bad: row 2 (line 6), column benefit: '-200' is not allowed; give a finite number >= 0",
        ),
        (
            PAPER.replace("200,45", "200,"),
            "bad: row 2 (line 6), column cost: an empty cell is not allowed;"
            " give a finite number >= 0",
        ),
        (
            PAPER.replace("200,45", "inf,45"),
            "bad: row 2 (line 6), column benefit: 'inf' is not allowed; give a finite number >= 0",
        ),
        (
            NUMBERS + "benefit,cost,cap\n1,1,-2\n",
            "bad: row 1 (line 5), column cap: '-2' is not allowed;"
            " give a number >= 0, or nothing for no bound",
        ),
        (
            PAPER.replace("200,45", "200"),
            "bad: row 2 (line 6) has 1 cells for 2 columns; give one for each",
        ),
        (
            PAPER.replace("200,45", "200,45,7"),
            "bad: row 2 (line 6) has 3 cells for 2 columns; give one for each",
        ),
        (
            PAPER.replace("benefit,", "profit,"),
            "bad: line 4: unknown column 'profit'; use benefit, cost, cap, budget",
        ),
        (PAPER.replace("benefit,", "cost,"), "bad: line 4: column 'cost' twice; leave one out"),
        (
            PAPER + "# b = 3\n",
            "bad: line 8 is a remark below the header; put it above",
        ),
        (
            "# c = 3\n" + PAPER,
            "bad: line 1 gives unknown 'c'; use supplier_cost, a, b, supply_cap",
        ),
        ("# a = 3\n" + PAPER, "bad: line 3 gives 'a' a second time; leave one out"),
        (
            PAPER.replace("0.8", "much"),
            "bad: line 2, a: 'much' is not allowed; give a finite number >= 0",
        ),
        (PAPER.replace("0.8", "0"), "bad: a is 0.0; give a finite number > 0"),
        (
            PAPER.replace("# a = 0.8", "#"),
            "bad: a is missing; give --a, the JSON key, or above the CSV header a line # a = 1",
        ),
        (
            NUMBERS + "cost\n1\n",
            "bad: benefit is missing; give it as a column or list",
        ),
        (NUMBERS + 'benefit,cost\n1,"2\n' + "x" * 140000, "bad: line 6 is not CSV"),
        ('{"benefit": [1, 2}', "bad:1:18: Expecting ',' delimiter; correct the JSON"),
        ("[" * 100000, "bad:1: nested more than 50 deep; correct the file"),
        ("[1]", "bad: JSON but not one object; give {'benefit': [...], ...}"),
        ('{"a": 1, "a": 2}', "bad: the key 'a' stands twice in one object; leave one out"),
        (
            '{"c": 1}',
            "bad: unknown key 'c'; use benefit, cost, cap, budget, supplier_cost, a, b, supply_cap",
        ),
        ('{"benefit": 5}', "bad: benefit is not a list; give one number per demander"),
        ('{"benefit": [1, "2"]}', "bad: benefit[1] is '2'; give a number"),
        ('{"benefit": [1, true]}', "bad: benefit[1] is true; give a number"),
        ('{"benefit": [null]}', "bad: benefit[0] is null; give a number"),
        ('{"a": null}', "bad: a is null; give a number"),
        (
            json.dumps({**AS_JSON, "cost": [45, -45, 15]}),
            "bad: cost[1] is -45.0; give a finite number >= 0",
        ),
        (
            json.dumps({**AS_JSON, "cost": [45, float("nan"), 15]}),
            "bad: NaN is no number in JSON; write a number or null",
        ),
        (
            json.dumps({**AS_JSON, "cost": [45, 45]}),
            "bad: cost has 2 numbers but benefit has 3; ",
        ),
        (
            json.dumps({**AS_JSON, "benefit": [], "cost": []}),
            "bad: benefit is empty; ",
        ),
    ],
)
def test_a_bad_file_is_refused_in_one_line_and_nothing_is_written(here, capsys, text, message):
    (here / "bad").write_text(text)
    assert run("bad", "--plot", "x.png") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"fabmarket: error: {message}")
    assert err.count("\n") == 1
    assert not (here / "x.png").exists()


def test_a_file_that_is_not_there_or_not_text(here, capsys):
    assert run("nowhere.csv") == 2
    assert "nowhere.csv: cannot be read (No such file or directory)" in capsys.readouterr().err
    (here / "odd.csv").write_bytes(b"benefit\xff")
    assert run("odd.csv") == 2
    assert "odd.csv: byte 8 is not UTF-8 text; give a text file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("plot", "message"),
    [
        ("x.pdf", "'x.pdf' must end in .png or .svg"),
        ("no/x.png", "no/x.png: cannot be written (No such file or directory)"),
    ],
)
def test_a_picture_that_cannot_be_written(here, capsys, plot, message):
    assert run("game.csv", "--plot", plot) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err


def test_a_picture_does_not_replace_a_directory(here, capsys):
    (here / "x.png").mkdir()
    assert run("game.csv", "--plot", "x.png") == 2
    assert "x.png: cannot be written (Is a directory)" in capsys.readouterr().err
    assert sorted(one.name for one in here.iterdir()) == ["game.csv", "x.png"]


SPREADSHEETS = {
    "Excel fills remarks up": "# supplier_cost = 10,\n# a = 0.8,\n# b = 0.2,\n",
    "and to the widest line": "# W, c, d,,,\n# supplier_cost = 10,,,\n# a = 0.8,,,\n# b = 0.2,,,\n",
    "LibreOffice quotes texts": '"# supplier_cost = 10",\n"# a = 0.8",\n"# b = 0.2",\n',
    "spaces and tabs behind": "# supplier_cost = 10 \t\n# a = 0.8 ,\n# b = 0.2\t,\n",
}
ROWS = {
    "plain": "benefit,cost\n100,45\n200,45\n200,15\n",
    "filled up": "benefit,cost,,\n100,45,,\n200,45,,\n200,15,,\n,,,\n",
    "quoted": '"benefit","cost"\n"100","45"\n"200","45"\n"200","15"\n',
    "spaces and tabs": "benefit , cost\t\n100, 45 \n200\t,45\n200,15\n\n",
}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("remarks", SPREADSHEETS)
def test_a_game_saved_again_by_a_spreadsheet_is_the_same_game(here, remarks, rows, end):
    text = "\ufeff" + (SPREADSHEETS[remarks] + ROWS[rows]).replace("\n", end)
    (here / "saved.csv").write_bytes(text.encode())
    saved, plain = (read_game(here / name, {}) for name in ("saved.csv", "game.csv"))
    assert (saved.a, saved.b, saved.supplier_cost) == (plain.a, plain.b, plain.supplier_cost)
    assert saved.margin.tolist() == plain.margin.tolist()


def test_an_empty_last_bound_is_no_filling(here):
    (here / "capped.csv").write_text(NUMBERS + "benefit,cost,cap,\n100,45,,\n200,45,7,\n")
    assert read_game(here / "capped.csv", {}).cap.tolist() == [float("inf"), 7]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("benefit;cost\n1;2\n", "odd: line 1: cells are separated by semicolons; put commas"),
        ("# a = 0,8;;\nbenefit;cost;\n", "odd: line 1: cells are separated by semicolons"),
        ("# a = 0,8\n" + PAPER, "odd: line 1, a: '0,8' is not allowed"),
    ],
)
def test_semicolons_between_cells_are_named(here, capsys, text, message):
    (here / "odd").write_text(text)
    assert run("odd") == 2
    assert capsys.readouterr().err.startswith(f"fabmarket: error: {message}")


def test_what_a_spreadsheet_calls_unicode_text_is_named(here, capsys):
    (here / "odd").write_bytes(PAPER.encode("utf-16"))
    assert run("odd") == 2
    assert capsys.readouterr().err == "fabmarket: error: odd: UTF-16 text; save it as UTF-8\n"


LOOSE = [
    "1_000",
    "1_0",
    "\u0661\u0662",
    "\uff11",
    "0x10",
    "1e",
    ".5",
    "5.",
    "+5",
    "1,5",
    "Infinity",
]


@pytest.mark.parametrize("text", [*LOOSE, "nan", "1e999"])
def test_a_number_is_read_in_one_strict_form(here, capsys, text):
    cell = text if "," not in text else f'"{text}"'
    (here / "loose.csv").write_text(PAPER.replace("200,45", f"{cell},45"), encoding="utf-8")
    assert run("loose.csv") == 2
    assert "row 2 (line 6), column benefit" in capsys.readouterr().err
    for option in ("--a", "--supply-cap"):
        assert run("game.csv", option, text) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(f"fabmarket: error: Invalid value for '{option}': {text!r} is ")


def test_spaces_around_a_number_are_a_cells_and_no_options(here, capsys):
    assert run("game.csv", "--a", " 5 ") == 2
    assert "' 5 ' is not a number" in capsys.readouterr().err


def test_an_object_of_many_keys_is_read_at_once(here, capsys):
    keys = ",".join(f'"k{j}":1' for j in range(200_000))  # in time that grows as its square: hours
    (here / "many").write_text("{" + keys + "}")
    assert run("many") == 2
    assert "many: unknown key 'k0'" in capsys.readouterr().err
    (here / "many").write_text("{" + keys + ',"k199999":1}')
    assert run("many") == 2
    assert "many: the key 'k199999' stands twice in one object" in capsys.readouterr().err


def test_a_file_too_large_to_read_is_refused(here, capsys, monkeypatch):
    with (here / "large").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    assert run("large") == 2
    assert "large: larger than the 64 MiB that are read" in capsys.readouterr().err


def test_a_closed_standard_input_is_said(here, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert run("-") == 2
    assert "standard input is closed; give a file" in capsys.readouterr().err


def test_a_path_the_system_cannot_take_is_refused(here, capsys):
    assert run("n" * 300) == 2
    assert "cannot be read (File name too long)" in capsys.readouterr().err


def test_the_tables_say_what_the_gain_is_of_and_what_a_lie_earns(here, capsys):
    assert run("game.csv", "--concept", "all") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"Best gain: {COVERED}" in said


def test_names_of_concepts_are_not_cut_on_eighty_columns(here, capsys):
    assert run("game.csv", "--concept", "all") == 0
    out = capsys.readouterr().out
    assert "…" not in out
    assert "simultaneous" in out
