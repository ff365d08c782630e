"""Before an episode ends, nothing that a client can read depends on its truth.

Every route of the app is walked while episodes are open, before two judges that
disagree about everything, of whom one has words of its own. What clients are told is
searched for these words, and the two walks are compared byte for byte.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx
import pytest

pytest.importorskip("openenv", reason="needs the serve extra")
pytest.importorskip("streamlit", reason="needs the app extra")

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount
from streamlit_page import drawn
from websockets.sync.client import ClientConnection, connect

from opensoc_engine import Decision, Finding
from opensoc_env import situation
from opensoc_env.generator import generate
from opensoc_env.judge import Judge, default_judge
from opensoc_env.models import TASKS
from opensoc_env.server.app import build_app

Serve = Callable[[Any], str]

CLAIMS = {
    "category": "canary-category",
    "narrative": "canary-narrative of the scenario canary-template",
    "incident_id": "canary-incident",
}
# From this seed on, incidents keep their claims: they are crafted again in self-play.
PLAIN = 1000
CANARY = re.compile(r"canary-[a-z]+")
# What differs between two walks for reasons that have nothing to do with the truth.
CHANCE = re.compile(
    r"\b[0-9a-f]{16}\b|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|opensoc_request_seconds\S* \S+|_created\S* \S+"
)
DANCE = {"submit_triage": {"action": "dance"}}
DISMISS = {"submit_triage": {"action": "dismiss"}}
NO_TASK = {"split": "holdout", "index": 10**6}


class OtherVerifier:
    """A verifier that says something else, in words that nobody else uses."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def evaluate(self, incident: Any) -> Decision:
        said: Decision = self._real.evaluate(incident)
        outcome = "monitor" if said.outcome != "monitor" else "block_ip"
        proof = (incident["events"][0]["log_id"],)
        fired = Finding(
            rule="canary-rule",
            policy="canary-policy",
            version="1.0.0",
            title="canary-title",
            outcome=outcome,
            value=None,
            message=None,
            field=None,
            evidence=proof,
            alternatives=(proof,),
            metadata={},
        )
        return replace(said, outcome=outcome, findings=(fired,))


def other_judge() -> Judge:
    real = default_judge()
    return replace(real, verifier=OtherVerifier(real.verifier))  # type: ignore[arg-type]


@pytest.fixture
def _claims(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Gives every generated incident claims that can be recognised."""
    real = situation.generate_judged

    def claimed(task: Any, seed: int, *more: Any) -> tuple[dict[str, Any], Decision]:
        incident, truth = real(task, seed, *more)
        return ({**incident, **CLAIMS} if seed < PLAIN else incident), truth

    monkeypatch.setattr(situation, "generate_judged", claimed)
    situation.situation_of.cache_clear()
    yield
    situation.situation_of.cache_clear()


@dataclass(frozen=True)
class Visit:
    """One client of one server, with episodes open."""

    url: str
    http: httpx.Client
    defended: str
    crafted: str

    def ask(self, method: str, path: str, **more: Any) -> str:
        answer = self.http.request(method, path, **more)
        headers = {**answer.headers, "date": "", "content-length": ""}
        return f"{method} {path} {answer.status_code} {headers}\n{answer.text}"

    @contextmanager
    def socket(self, path: str) -> Iterator[ClientConnection]:
        with connect(self.url.replace("http", "ws") + path) as client:
            yield client


def crafted() -> dict[str, Any]:
    events = generate("stage2_multi", PLAIN)["events"]
    named = {"target_label": "monitor", "category": "malware_execution"}
    return {"craft_incident": {**named, "events": events, "narrative": "canary-story"}}


def visit(url: str) -> Visit:
    http = httpx.Client(base_url=url, timeout=60, follow_redirects=True)
    defended = http.post("/reset", params={"seed": 1}).json()["episode_id"]
    attacked = {"task": "stage2_multi", "mode": "self_play", "seed": PLAIN}
    name = http.post("/reset", params=attacked).json()["episode_id"]
    return Visit(url, http, defended, name)


def frames(client: ClientConnection, *messages: Any) -> list[str]:
    told = []
    for message in messages:
        client.send(message if isinstance(message, str) else json.dumps(message))
        told.append(str(client.recv(timeout=60)))
    return told


def rpc(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


TOOLS = (
    rpc("tools/list"),
    rpc("tools/call", name="submit_triage", arguments={"action": "dance"}),
    rpc("tools/call", name="no_such_tool", arguments={}),
    rpc("no/such/method"),
)


def walk_get(path: str) -> Callable[[Visit], list[str]]:
    return lambda visit: [visit.ask("GET", path)]


def walk_reset(visit: Visit) -> list[str]:
    queries: list[dict[str, Any]] = [{"task": task, "seed": 2} for task in TASKS]
    queries += [
        {"mode": "self_play", "seed": PLAIN},
        {"mode": "self_play", "seed": PLAIN, "role": "defender"},
        {"mode": "self_play", "seed": PLAIN, "role": "defender", "opponent": "nobody"},
        {"split": "holdout", "index": 3},
        {"split": "flips", "index": 0},
        {"split": "nothing"},
        {"task": "stage9"},
    ]
    return [visit.ask("POST", "/reset", params=query) for query in queries]


def walk_step(visit: Visit) -> list[str]:
    own, attacked = {"episode_id": visit.defended}, {"episode_id": visit.crafted}
    bodies = (DANCE, crafted(), {}, [], {"submit_triage": {"action": 1}})
    told = [visit.ask("POST", "/step", params=own, json=body) for body in bodies]
    told.append(visit.ask("POST", "/step", params=attacked, json=crafted()))
    told.append(visit.ask("POST", "/step", params=attacked, json=DANCE))
    told.append(visit.ask("POST", "/step", params={"episode_id": "nil"}, json=DISMISS))
    return told


def walk_both(path: str) -> Callable[[Visit], list[str]]:
    def walk(visit: Visit) -> list[str]:
        by_seed = {"task": "stage1_basic", "mode": "defender_only", "seed": 1}
        named = ({"episode_id": name} for name in (visit.defended, visit.crafted))
        return [visit.ask("GET", path, params=query) for query in (*named, by_seed)]

    return walk


def walk_task(path: str, **arguments: Any) -> Callable[[Visit], list[str]]:
    def walk(visit: Visit) -> list[str]:
        asked = {"split": "holdout", **arguments}
        bodies = (asked, {**asked, "split": "nothing"}, NO_TASK)
        return [visit.ask("POST", path, json=body) for body in bodies]

    return walk


def walk_socket(visit: Visit) -> list[str]:
    told: list[str] = []
    for data in (
        {"seed": 2},
        {"seed": 3, "task": "stage4_adversarial"},
        {"split": "holdout", "index": 5},
        {"seed": PLAIN, "role": "defender", "mode": "self_play"},
    ):
        with visit.socket("/ws") as client:
            calls = [{"type": "mcp", "data": call} for call in TOOLS]
            told += frames(
                client,
                {"type": "reset", "data": data},
                {"type": "state"},
                {"type": "step", "data": DANCE},
                {"type": "step", "data": crafted()},
                {"type": "nothing"},
                "{",
                *calls,
                {"type": "state"},
            )
    with visit.socket("/ws") as client:
        told += frames(
            client,
            {"type": "reset", "data": {"seed": PLAIN, "mode": "self_play"}},
            {"type": "step", "data": crafted()},
            {"type": "state"},
            {"type": "step", "data": DANCE},
        )
    return told


def walk_rpc_socket(visit: Visit) -> list[str]:
    with visit.socket("/mcp") as client:
        return frames(client, *TOOLS, "{", rpc("openenv/session/create"))


def walk_rpc(visit: Visit) -> list[str]:
    made = visit.http.post("/mcp", json=rpc("openenv/session/create")).json()
    name = made["result"]["session_id"]
    with visit.socket(f"/ws?session_id={name}") as client:
        told = frames(client, {"type": "reset", "data": {"seed": 4}}, {"type": "state"})
    for call in TOOLS:
        for extra in ({}, {"session_id": name}):
            body = {**call, "params": {**call["params"], **extra}}
            told.append(visit.ask("POST", "/mcp", json=body))
    close = rpc("openenv/session/close", session_id=name)
    return [*told, visit.ask("POST", "/mcp", json=close)]


def walk_demo(visit: Visit, until: bytes = b"Next incident") -> list[str]:
    page = [visit.ask("GET", "/demo/"), visit.ask("GET", "/demo/_stcore/health")]
    sent = drawn(f"{visit.url}/demo", until)
    return [*page, *("".join(map(chr, frame.SerializeToString())) for frame in sent)]


WALKS: Mapping[str, Callable[[Visit], list[str]]] = {
    "GET /openapi.json": walk_get("/openapi.json"),
    "GET /docs": walk_get("/docs"),
    "GET /docs/oauth2-redirect": walk_get("/docs/oauth2-redirect"),
    "GET /redoc": walk_get("/redoc"),
    "POST /reset": walk_reset,
    "POST /step": walk_step,
    "GET /state": walk_both("/state"),
    "GET /grade": walk_both("/grade"),
    "GET /tasks": walk_get("/tasks"),
    "GET /healthz": walk_get("/healthz"),
    "GET /readyz": walk_get("/readyz"),
    "GET /list_environments": walk_get("/list_environments"),
    "GET /{env_name}/splits": walk_get("/opensoc/splits"),
    "POST /{env_name}/tasks": walk_task("/opensoc/tasks"),
    "POST /{env_name}/num_tasks": walk_task("/opensoc/num_tasks"),
    "POST /{env_name}/task": walk_task("/opensoc/task", index=2),
    "POST /{env_name}/task_range": walk_task("/opensoc/task_range", start=2, stop=9),
    "GET /metadata": walk_get("/metadata"),
    "GET /health": walk_get("/health"),
    "GET /schema": walk_get("/schema"),
    "WEBSOCKET /ws": walk_socket,
    "WEBSOCKET /mcp": walk_rpc_socket,
    "POST /mcp": walk_rpc,
    "MOUNT /demo": walk_demo,
    # Last, so that it has counted everything.
    "GET /metrics": walk_get("/metrics"),
}
"""How each route is called while episodes are open."""


def routes_of(app: FastAPI) -> set[str]:
    """Every way into an app, by method and path."""
    found = set()
    for route in iter_route_contexts(app.routes):
        if route.methods:
            found |= {f"{method} {route.path}" for method in route.methods - {"HEAD"}}
        else:
            is_mount = isinstance(route.original_route, Mount)
            found.add(f"{'MOUNT' if is_mount else 'WEBSOCKET'} {route.path}")
    return found


def walk(url: str, skip: str = "") -> dict[str, str]:
    """What each route tells while episodes are open."""
    client = visit(url)
    told = {
        name: "\n".join(call(client)) for name, call in WALKS.items() if name != skip
    }
    client.http.close()
    return told


def blurred(told: Mapping[str, str]) -> dict[str, str]:
    return {name: CHANCE.sub("", text) for name, text in told.items()}


@pytest.fixture(scope="module")
def app(demo: Any) -> FastAPI:
    return build_app(judge=other_judge(), demo=demo)


@pytest.fixture(scope="module")
def url(serve: Serve, app: FastAPI) -> str:
    return serve(app)


@pytest.mark.usefixtures("_claims")
def test_no_route_tells_the_truth_before_the_end(
    url: str, app: FastAPI, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for name in ("uvicorn", "uvicorn.access"):
        logging.getLogger(name).propagate = True
    told = walk(url)
    logged = caplog.text

    assert set(WALKS) == routes_of(app), "a route is not walked, or is gone"
    assert {name for name, text in told.items() if CANARY.search(text)} == set()
    assert '"POST /step?episode_id=' in logged, "the access log was not looked at"
    assert CANARY.findall(logged) == []

    with httpx.Client(base_url=url) as http:
        name = http.post("/reset", params={"seed": 1}).json()["episode_id"]
        done = http.post("/step", params={"episode_id": name}, json=DISMISS).text
        graded = http.get("/grade", params={"episode_id": name}).text
    words = {"canary-rule", "canary-policy", "canary-title"}
    assert set(CANARY.findall(done)) == set(CANARY.findall(graded)) == words


@pytest.mark.slow
@pytest.mark.usefixtures("_claims")
def test_the_whole_page_tells_nothing_of_open_episodes(url: str) -> None:
    page = "".join(walk_demo(visit(url), until=b""))

    assert "Verdict" in page
    assert CANARY.findall(page) == []


@pytest.mark.usefixtures("_claims")
def test_two_judges_that_disagree_are_told_apart_by_nothing(serve: Serve) -> None:
    judges = (default_judge(), other_judge())
    urls = [serve(build_app(judge=judge)) for judge in judges]
    one, other = (
        {
            name: text.replace(url, "").replace(url.removeprefix("http://"), "")
            for name, text in blurred(walk(url, skip="MOUNT /demo")).items()
        }
        for url in urls
    )

    incident = generate("stage1_basic", 2)
    assert judges[0].truth(incident).outcome != judges[1].truth(incident).outcome
    for name, text in one.items():
        assert text == other[name], name
    assert one["POST /reset"].count('"log_window":[{') >= 6
    assert one["WEBSOCKET /ws"].count('"log_window":[{') >= 5
