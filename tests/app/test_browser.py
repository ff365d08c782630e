"""The app in a real browser, where Chromium is installed (`make test-browser`)."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser
playwright = pytest.importorskip(
    "playwright.sync_api", reason="needs the browser extra"
)

CHROMIUM = shutil.which("chromium")
ROOT = Path(__file__).parents[2]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/_stcore/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    entry = str(ROOT / "app_streamlit.py")
    command = [sys.executable, "-m", "streamlit", "run", entry, "--server.port", port]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while not is_up(address) and time.monotonic() < deadline:
        time.sleep(0.2)
    yield address
    process.terminate()
    process.wait(timeout=10)


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_visitor_reads_two_incidents(url: str, tmp_path: Path) -> None:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 1100})
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(url)
        page.locator(".os-verdict").wait_for(timeout=60_000)
        first = page.locator(".os-log").inner_text()
        page.get_by_role("button", name="Next incident").click()
        page.wait_for_function(
            "seen => document.querySelector('.os-log').innerText !== seen", arg=first
        )
        page.screenshot(path=tmp_path / "app.png")
        cards = page.locator(".os-card .os-action").count()
        score = page.get_by_role("table").inner_text()
        browser.close()

    assert cards == 2
    assert "mean reward" in score
    assert faults == []
