"""The picture of the README: the script that makes it takes what a reader would see."""

import importlib.util
import struct
from pathlib import Path

from playwright.sync_api import Browser

MAKE = Path(__file__).parents[2] / "docs" / "images" / "make.py"
PICTURES = {"dashboard.png", "dashboard-dark.png"}


def test_the_picture_is_taken_light_and_dark(browser: Browser, usual: str, tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("make", MAKE)
    assert spec is not None
    assert spec.loader is not None
    make = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make)
    taken = make.take(browser, f"{usual}/products", tmp_path)
    assert {path.name for path in taken} == PICTURES
    light, dark = (path.read_bytes() for path in taken)
    assert light != dark
    assert {struct.unpack(">II", each[16:24]) for each in (light, dark)} == {(2_100, 1_200)}


def test_the_pictures_stand_in_the_docs() -> None:
    assert {path.name for path in MAKE.parent.glob("*.png")} == PICTURES
