"""The app under `/demo`: one process, one port, no browser needed to prove it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

pytest.importorskip("openenv", reason="needs the serve extra")
pytest.importorskip("streamlit", reason="needs the app extra")

from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit_page import drawn

from opensoc_app.desk import SHOWN, holdout
from opensoc_env.client import OpenSOCClient
from opensoc_env.datasets import HOLDOUT
from opensoc_env.server.app import Access, Demo, build_app
from opensoc_env.splits import SPLITS, split_row, split_size

Serve = Callable[[Any], str]


@pytest.fixture(scope="module")
def url(serve: Serve, demo: Any) -> str:
    return serve(build_app(demo=demo, access=Access(api_key="tango")))


def test_the_page_is_served_beside_the_environment(url: str) -> None:
    page = httpx.get(f"{url}/demo", follow_redirects=True)
    healthy = httpx.get(f"{url}/demo/_stcore/health")

    assert page.headers["content-type"].startswith("text/html")
    assert healthy.text == "ok"
    assert OpenSOCClient(url, api_key="tango").reset(seed=1).alert


def test_its_scripts_are_found_under_its_path(url: str) -> None:
    page = httpx.get(f"{url}/demo/").text
    script = page.split('src="./', 1)[1].split('"', 1)[0]

    assert httpx.get(f"{url}/demo/{script}").status_code == 200


def test_the_page_runs_over_its_socket(url: str) -> None:
    frames = drawn(f"{url}/demo", until=b"who triages better?")

    assert b"who triages better?" in frames[-1].SerializeToString()


def test_it_sends_nothing_about_visitors_to_anybody(url: str) -> None:
    opening = drawn(f"{url}/demo", until=b"who triages better?")
    session = next(f.new_session for f in opening if f.new_session.config)

    assert not session.config.gather_usage_stats
    assert not httpx.get(f"{url}/demo/_stcore/host-config").json()["metricsUrl"]


def test_a_server_without_it_says_that_there_is_none() -> None:
    told = TestClient(build_app()).get("/demo")

    assert told.status_code == 404
    assert told.json()["code"] == "not_found"


@asynccontextmanager
async def _while_it_serves(_: Any) -> AsyncIterator[None]:
    yield


@pytest.fixture(scope="module")
def beside() -> TestClient:
    """A server beside a page that shows what the app shows."""
    page = Demo(Starlette(), _while_it_serves, shows=SHOWN)
    return TestClient(build_app(demo=page))


def reset(client: TestClient, **data: Any) -> Any:
    with client.websocket_connect("/ws") as session:
        session.send_json({"type": "reset", "data": data})
        return session.receive_json()


def test_the_app_shows_verdicts_of_these_splits_only() -> None:
    rows = [split_row(*SHOWN, at) for at in range(split_size(*SHOWN))]

    assert [item.observation.episode_id for item in holdout()] == [
        row["id"] for row in rows
    ]
    assert [item.incident for item in holdout()] == [row["incident"] for row in rows]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"split": "holdout", "index": 3}, "split"),
        ({"seed": HOLDOUT.seed, "index": 3, "task": "stage2_multi"}, "seed"),
    ],
)
def test_nobody_plays_beside_the_page_what_it_shows(
    beside: TestClient, asked: dict[str, Any], field: str
) -> None:
    by_socket = reset(beside, **asked)
    by_http = beside.post("/reset", params=asked)

    told = by_http.json()
    assert by_http.status_code == 422
    assert told["code"] == "bad_reset"
    assert told["errors"][0]["field"] == field
    for text in (told["detail"], by_socket["data"]["message"]):
        assert "/demo shows the verdicts of `holdout`" in text
        assert "`--no-demo`" in text


def test_lists_of_splits_leave_out_what_the_page_shows(beside: TestClient) -> None:
    names = {split["name"] for split in beside.get("/opensoc/splits").json()}
    refused = [
        beside.post(f"/opensoc/{path}", json={"split": "holdout", "index": 3})
        for path in ("tasks", "num_tasks", "task", "task_range")
    ]

    assert names == set(SPLITS) - {"holdout"}
    assert all(answer.is_error for answer in refused)
    assert all("holdout-" not in answer.text for answer in refused)


def test_the_rest_is_played_beside_the_page(beside: TestClient) -> None:
    assert reset(beside, split="flips", index=3)["type"] == "observation"
    assert beside.post("/reset", params={"seed": 1}).status_code == 200


def test_without_the_page_the_same_rows_are_played() -> None:
    client = TestClient(build_app())

    assert reset(client, split="holdout", index=3)["type"] == "observation"
    assert client.post("/reset", params={"split": "holdout"}).status_code == 200
    assert client.get("/opensoc/splits").text.count("holdout") > 0
