"""The app under `/demo`: one process, one port, no browser needed to prove it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

pytest.importorskip("openenv", reason="needs the serve extra")
pytest.importorskip("streamlit", reason="needs the app extra")

from starlette.testclient import TestClient
from streamlit_page import drawn

from opensoc_env.client import OpenSOCClient
from opensoc_env.server.app import Access, build_app

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
