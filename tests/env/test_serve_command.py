"""`opensoc serve`: what its options make of the server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openenv", reason="needs the serve extra")

import typer
from starlette.testclient import TestClient
from typer.testing import CliRunner

from opensoc_cli import serve as verb
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


def test_a_store_is_written_while_it_serves(listener: Listener, tmp_path: Path) -> None:
    path = tmp_path / "episodes.db"
    serve("--store", str(path))

    assert path.is_file()
