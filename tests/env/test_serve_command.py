"""`opensoc serve`: what its options make of the server."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openenv", reason="needs the serve extra")

import typer
from small_rules import first_guessed, set_threshold, small_rules
from starlette.applications import Starlette
from starlette.testclient import TestClient
from typer.testing import CliRunner

from opensoc_cli import serve as verb
from opensoc_env.judge import Judge
from opensoc_env.server.buckets import Buckets

cli = typer.Typer()
cli.command()(verb.run)


class Listener:
    """Stands for the server that would listen."""

    def __init__(self) -> None:
        self.app: Any = None
        self.where: tuple[str, int] = ("", 0)
        self.ran = False

    def __call__(self, app: Any, *, host: str, port: int) -> Listener:
        self.app, self.where = app, (host, port)
        return self

    def run(self) -> None:
        self.ran = True


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    found = Listener()
    monkeypatch.setattr("opensoc_env.server.listen.listener", found)
    monkeypatch.delenv("OPENSOC_API_KEY", raising=False)
    return found


def serve(*options: str, **environment: str) -> Any:
    return CliRunner().invoke(cli, ["--no-demo", *options], env=environment)


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The limits that were set."""
    found: list[float] = []

    def limit(rate: float) -> Buckets:
        found.append(rate)
        return Buckets(rate)

    monkeypatch.setattr("opensoc_env.server.app.Buckets", limit)
    return found


def test_it_listens_on_loopback_without_a_limit(
    listener: Listener, rates: list[float]
) -> None:
    told = serve()

    assert told.exit_code == 0
    assert listener.ran
    assert listener.where == ("127.0.0.1", 7860)
    assert "no key is set" not in told.stderr
    assert rates == []


def test_beyond_loopback_it_limits_strangers_and_says_that_they_may_play(
    listener: Listener, rates: list[float]
) -> None:
    told = serve("--host", "0.0.0.0")  # noqa: S104 - nothing listens

    assert "no key is set" in told.stderr
    assert rates == [100.0]


@pytest.mark.parametrize(("limit", "found"), [("0", []), ("7.5", [7.5])])
def test_a_limit_may_be_named(
    listener: Listener, rates: list[float], limit: str, found: list[float]
) -> None:
    serve("--host", "0.0.0.0", "--rate-limit", limit)  # noqa: S104 - same

    assert rates == found


@pytest.mark.parametrize("host", ["localhost", "127.0.0.2", "::1"])
def test_these_are_loopback_too(listener: Listener, host: str) -> None:
    assert "no key is set" not in serve("--host", host).stderr


def test_a_key_comes_from_the_environment(listener: Listener) -> None:
    told = serve("--host", "0.0.0.0", OPENSOC_API_KEY="tango")  # noqa: S104 - same
    client = TestClient(listener.app)

    assert "no key is set" not in told.stderr
    assert client.get("/tasks").status_code == 401
    bearer = {"Authorization": "Bearer tango"}
    assert client.get("/tasks", headers=bearer).status_code == 200


def test_a_site_may_be_let_in(listener: Listener) -> None:
    site = {"Origin": "https://soc.example"}
    serve("--allow-origin", site["Origin"])

    assert TestClient(listener.app).get("/tasks", headers=site).status_code == 200


def test_a_store_that_can_not_be_opened_is_named(
    listener: Listener, tmp_path: Path
) -> None:
    path = tmp_path / "nowhere" / "episodes.db"
    told = serve("--store", str(path))

    assert told.exit_code == 2
    assert str(path) in told.stderr
    assert not listener.ran


def test_a_store_is_one_file_again_after_a_server_that_was_told_to_stop(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "episodes.db"

    def stopped() -> None:
        client = TestClient(listener.app)
        name = client.post("/reset").json()["episode_id"]
        turn = {"submit_triage": {"action": "dismiss"}}
        client.post("/step", params={"episode_id": name}, json=turn)
        assert len(list(tmp_path.iterdir())) > 1
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(listener, "run", stopped)
    before = signal.getsignal(signal.SIGTERM)
    told = serve("--store", str(path))

    assert told.exit_code == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == [path]
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_store_is_written_while_it_serves(listener: Listener, tmp_path: Path) -> None:
    path = tmp_path / "episodes.db"
    serve("--store", str(path))

    assert path.is_file()


def test_view_and_verdict_are_by_the_rules_that_are_named(
    listener: Listener, tmp_path: Path
) -> None:
    root = small_rules(tmp_path)
    set_threshold(root, "min_failures", "10", "31")
    row = first_guessed()
    told = serve("--rules", str(root))
    with TestClient(listener.app) as http:
        seen = http.post("/reset", params={"split": "holdout", "index": row}).json()
        dismissed = {"submit_triage": {"action": "dismiss"}}
        found = http.post(
            "/step", params={"episode_id": seen["episode_id"]}, json=dismissed
        ).json()

    assert told.exit_code == 0
    assert any("Guessing is 31 failures" in line for line in seen["context"])
    assert found["result"]["truth_action"] == "dismiss"
    assert found["result"]["policy_digest"] == Judge.load(root).digest


def test_rules_that_do_not_compile_are_not_served(
    listener: Listener, tmp_path: Path
) -> None:
    root = small_rules(tmp_path)
    set_threshold(root, "min_failures", "10", "many")
    told = serve("--rules", str(root))

    assert told.exit_code == 2
    assert "brute-force.yaml" in told.stderr
    assert not listener.ran


class Page(Starlette):
    """Stands for the app, of which a process has one at a time."""

    @staticmethod
    def lifespan() -> Any:
        """Never entered: nothing listens."""


def test_beside_the_app_nobody_plays_what_it_shows(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("streamlit", reason="needs the app extra")
    monkeypatch.setattr("opensoc_app.mounted.mounted_app", Page)
    asked = {"split": "holdout", "index": 3}
    answers = []
    for option in ("--demo", "--no-demo"):
        CliRunner().invoke(cli, [option])
        answers.append(TestClient(listener.app).post("/reset", params=asked))

    assert [answer.status_code for answer in answers] == [422, 200]
    assert "/demo shows the verdicts" in answers[0].json()["detail"]
