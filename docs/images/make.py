"""Make the pictures of the dashboard that the README shows, light and dark.

    python docs/images/make.py [DIR]

Runs `fabmarket demo` on a job shop of the literature, serves what it left, and takes its products,
machine by machine, in Chromium (/usr/bin/chromium) into DIR, by default this folder. The same run
gives the same figures; how letters look depends on the fonts that are installed, so no test
compares bytes.

Needs the extra `dev`.
"""

import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from threading import Thread

from playwright.sync_api import Browser, sync_playwright

from fabmarket.api.app import make_app
from fabmarket.api.currencies import market_of
from fabmarket.api.runs import run_in
from fabmarket.api.served import Served
from fabmarket.api.server import listening, server_of
from fabmarket.ledger import Ledger

CHROMIUM = "/usr/bin/chromium"
THEMES = ("light", "dark")
FOLDER = Path(__file__).parent
_INSTANCE = FOLDER.parents[1] / "scenarios" / "fjsp" / "mk01.txt"
_MAIN = "from fabmarket.cli.main import main; main()"
_SIZE = {"width": 1400, "height": 800}


def take(browser: Browser, address: str, folder: Path) -> list[Path]:
    """Take the page at an address in both themes, as dashboard.png and dashboard-dark.png."""
    taken = []
    for theme in THEMES:
        dark = theme == "dark"
        context = browser.new_context(
            viewport=_SIZE,  # type: ignore[arg-type]
            device_scale_factor=1.5,
            color_scheme="dark" if dark else "light",
            timezone_id="UTC",
        )
        page = context.new_page()
        page.goto(address)
        page.locator("html[data-stream=up]").wait_for(state="attached")
        taken.append(folder / f"dashboard{'-dark' if dark else ''}.png")
        page.screenshot(path=taken[-1])
        context.close()
    return taken


def main(folder: Path) -> None:
    """Run a market, serve it, and take its picture."""
    with tempfile.TemporaryDirectory() as directory:
        out = Path(directory)
        demo = ["demo", "--fjsp", str(_INSTANCE), "--out", directory]
        command = [sys.executable, "-c", _MAIN, *demo]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        with (
            closing(Ledger.reading(out / "ledger.sqlite")) as ledger,
            closing(listening("127.0.0.1", 0)) as sock,
        ):
            market = market_of(ledger.engine)
            run = run_in(out, market)
            known = dict.fromkeys(market.tokens, run.currency) if market and run.currency else {}
            server = server_of(make_app(Served(ledger.engine, run=run, currencies=known)))
            thread = Thread(target=server.run, kwargs={"sockets": [sock]})
            thread.start()
            try:
                with sync_playwright() as playwright:
                    browser = playwright.chromium.launch(
                        executable_path=CHROMIUM, args=["--no-sandbox"]
                    )
                    address = f"http://127.0.0.1:{sock.getsockname()[1]}/products"
                    for path in take(browser, address, folder):
                        print(path)
                    browser.close()
            finally:
                server.should_exit = True
                thread.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
