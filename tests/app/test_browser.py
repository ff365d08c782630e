"""The app in a real browser, where Chromium is installed (`make test-browser`)."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from opensoc_app.crafting import workbench

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
        with urllib.request.urlopen(url, timeout=1) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def running(*command: str, flag: str, health: str) -> Iterator[str]:
    """The address of a server that a command starts; the flag takes its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    words = [sys.executable, "-m", *command, flag, port]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 60
    while not is_up(f"{address}{health}") and time.monotonic() < deadline:
        time.sleep(0.2)
    yield address
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    entry = str(ROOT / "app_streamlit.py")
    command = ("streamlit", "run", entry)
    with running(*command, flag="--server.port", health="/_stcore/health") as address:
        yield address


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    pytest.importorskip("openenv", reason="needs the serve extra")
    command = ("opensoc_cli.main", "serve")
    with running(*command, flag="--port", health="/readyz") as address:
        yield address


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


class Socket:
    """A session of the environment, beside the browser."""

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection

    def say(self, kind: str, **data: Any) -> dict[str, Any]:
        self._connection.send(json.dumps({"type": kind, "data": data}))
        reply: dict[str, Any] = json.loads(self._connection.recv(timeout=30))
        return reply


@contextmanager
def session(url: str) -> Iterator[Socket]:
    with connect(url.replace("http", "ws", 1) + "/ws") as connection:
        yield Socket(connection)


def table(role: str) -> dict[str, Any]:
    asked = {"mode": "self_play", "opponent": "human", "episode_id": "browser"}
    return {**asked, "task": "stage2_multi", "seed": 1, "role": role}


def sit_down(page: Any, url: str) -> None:
    """Load the page and take the defender's seat of the table."""
    page.goto(f"{url}/demo/")
    page.get_by_role("link", name="Play").click()
    name = page.get_by_role("textbox", name="Table")
    name.wait_for(timeout=60_000)
    pick(page, "Stage", "stage2_multi")
    name.fill("browser")
    name.press("Enter")
    page.get_by_role("button", name="Sit down").click()
    page.locator(".os-waits").wait_for(timeout=30_000)


def pick(page: Any, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.get_by_role("option", name=option, exact=True).click()


def answer(page: Any) -> None:
    """Say *escalate*, citing a line, when the alert has come."""
    page.locator(".os-log").wait_for(timeout=30_000)
    page.get_by_text("Escalate", exact=True).click()
    pick(page, "Lines that prove it", "L1-0")
    page.keyboard.press("Escape")
    page.get_by_role("textbox", name="Why").fill("it looks <b>bad</b>")
    page.get_by_role("button", name="Send").click()


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_person_defends_against_a_session_of_the_server(
    served: str, tmp_path: Path
) -> None:
    with (
        playwright.sync_playwright() as driver,
        session(served) as attacker,
        session(served) as other,
    ):
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 1100})
        sit_down(page, served)
        page.screenshot(path=tmp_path / "waits.png")
        attacker.say("reset", **table("attacker"))
        turn = json.loads(workbench("stage2_multi", 1).text)
        attacker.say("step", craft_incident=turn)
        before = page.locator(".os-verdict").count()
        answer(page)
        page.locator(".os-verdict").wait_for(timeout=30_000)
        page.screenshot(path=tmp_path / "verdict.png", full_page=True)
        shown = page.inner_text("body")
        told = attacker.say("reset", **table("attacker"))["data"]
        taken = other.say("reset", **table("defender"))
        page.close()
        freed = becomes(
            lambda: other.say("reset", **table("defender"))["type"] == "observation"
        )
        browser.close()

    result = told["observation"]["result"]
    assert (before, taken["type"], freed) == (0, "error", True)
    assert result["answer"]["action"] == "escalate"
    assert result["answer"]["cited_log_ids"] == ["L1-0"]
    assert result["answer"]["rationale"] == "it looks <b>bad</b>"
    assert f"{result['reward']:+.2f}" in shown


def becomes(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True
