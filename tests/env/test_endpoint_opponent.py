"""A frozen model behind a real address plays the other side, or fails to.

Everything here runs against the server in this process, and in the long form against
`opensoc serve --endpoint` as well, which waits for a model as it does for users.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("openenv", reason="needs the serve extra")

from served import served
from websockets.sync.client import connect

from opensoc_cli import opponent_models
from opensoc_env.episode import Episode
from opensoc_env.generator import generate
from opensoc_env.models import SubmitTriage
from opensoc_env.opponents.lineup import BUILT_IN
from opensoc_env.server.app import build_app
from opensoc_env.store import EpisodeStore

Serve = Callable[[Any], str]
Message = dict[str, Any]
PATIENCE = 0.5
SEED = 3
ANSWER = SubmitTriage(action="escalate", cited_log_id="L1-0", rationale="so it is")


def crafted() -> Message:
    incident = generate("stage1_basic", SEED)
    names = ("target_label", "category", "events", "narrative")
    return {name: incident[name] for name in names}


class Model(ThreadingHTTPServer):
    """Says one thing, or misbehaves in one way."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Speaker)
        self.behave: Callable[[Speaker], None] = says("")
        self.asked = 0
        self.over = threading.Event()

    @property
    def named(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1#toy"

    def handle_error(self, *_: Any) -> None:
        """Say nothing of callers that hang up."""


class Speaker(BaseHTTPRequestHandler):
    server: Model

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.server.asked += 1
        self.server.behave(self)

    def send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def says(text: str) -> Callable[[Speaker], None]:
    content = {"choices": [{"message": {"content": text}}]}
    return lambda speaker: speaker.send(200, json.dumps(content).encode())


def hangs(speaker: Speaker) -> None:
    speaker.server.over.wait(90)


def trickles(speaker: Speaker) -> None:
    speaker.send_response(200)
    speaker.end_headers()
    while not speaker.server.over.wait(PATIENCE / 10):
        speaker.wfile.write(b" ")


def is_busy(speaker: Speaker) -> None:
    speaker.send(429, b"")


def refuses(speaker: Speaker) -> None:
    speaker.send(401, b"secret")


def floods(speaker: Speaker) -> None:
    speaker.send(200, b" " * 10_000_000)


def mumbles(speaker: Speaker) -> None:
    speaker.send(200, b"<html>secret</html>")


def hangs_up(speaker: Speaker) -> None:
    speaker.connection.close()


FAILURES = (hangs, trickles, is_busy, refuses, floods, mumbles, hangs_up)


@dataclass(frozen=True)
class Setting:
    """A server, the model that it lets callers play against, and what it keeps."""

    url: str
    model: Model
    store: Path
    patience: float

    @property
    def opponent(self) -> str:
        return f"endpoint:{self.model.named}"

    def asked(self, role: str) -> Message:
        sides = {"mode": "self_play", "role": role, "opponent": self.opponent}
        return {"seed": SEED, "task": "stage1_basic", **sides}


@pytest.fixture(scope="module")
def model() -> Iterator[Model]:
    found = Model()
    threading.Thread(target=found.serve_forever, args=(0.05,), daemon=True).start()
    yield found
    found.over.set()
    found.shutdown()
    found.server_close()


@pytest.fixture(
    scope="module", params=["here", pytest.param("process", marks=pytest.mark.slow)]
)
def setting(
    request: pytest.FixtureRequest,
    model: Model,
    serve: Serve,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Setting]:
    path = tmp_path_factory.mktemp("kept") / "episodes.db"
    if request.param == "process":
        with served("--endpoint", model.named, "--store", path) as (url, _):
            yield Setting(url, model, path, 45.0)
        return
    with (
        pytest.MonkeyPatch.context() as patched,
        EpisodeStore.open(path) as store,
    ):
        patched.setattr(opponent_models, "SECONDS", PATIENCE)
        lineup = opponent_models.lineup_with([model.named])
        url = serve(build_app(lineup=lineup, store=store))
        yield Setting(url, model, path, PATIENCE)


class Frozen:
    """What the model is when it answers."""

    name = "toy"

    def answer(self, items: Any) -> list[SubmitTriage | None]:
        return [ANSWER for _ in items]


def expected() -> Message:
    episode = Episode(
        "stage1_basic", "self_play", SEED, role="attacker", opponent=Frozen()
    )
    episode.reset()
    result = episode.step({"craft_incident": crafted()}).result
    assert result is not None
    return result.model_dump()


@contextmanager
def session(setting: Setting) -> Iterator[Callable[..., Message]]:
    """Sends a message of the `openenv` protocol and returns the reply."""
    with connect(setting.url.replace("http", "ws") + "/ws") as client:

        def tell(kind: str, **data: Any) -> Message:
            client.send(json.dumps({"type": kind, "data": data}))
            return dict(json.loads(client.recv(timeout=60)))

        yield tell


def test_a_model_defends_over_http(setting: Setting) -> None:
    setting.model.behave = says(f"I see. {ANSWER.model_dump_json()}")
    with httpx.Client(base_url=setting.url, timeout=60) as http:
        seen = http.post("/reset", params=setting.asked("attacker")).json()
        query = {"episode_id": seen["episode_id"]}
        turn = {"craft_incident": crafted()}
        done = http.post("/step", params=query, json=turn).json()
        graded = http.get("/grade", params=query).json()

    assert done["done"]
    assert done["result"] == graded == expected()
    assert done["reward"] == graded["attacker_reward"]


def test_a_model_defends_over_a_socket(setting: Setting) -> None:
    setting.model.behave = says(ANSWER.model_dump_json())
    with session(setting) as tell:
        tell("reset", **setting.asked("attacker"))
        done = tell("step", craft_incident=crafted())["data"]

    assert done["done"]
    assert done["observation"]["result"] == expected()


def test_a_model_attacks(setting: Setting) -> None:
    setting.model.behave = says(f"Here: {json.dumps(crafted())}")
    with session(setting) as tell:
        seen = tell("reset", **setting.asked("defender"))["data"]["observation"]
        done = tell("step", submit_triage={"action": "dismiss"})["data"]

    assert len(seen["log_window"]) == len(crafted()["events"])
    result = done["observation"]["result"]
    assert (result["plausible"], result["violations"]) == (True, [])


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.__name__)
def test_a_model_that_fails_costs_nothing_over_http(
    setting: Setting, failure: Callable[[Speaker], None]
) -> None:
    turn = {"craft_incident": crafted()}
    with httpx.Client(base_url=setting.url, timeout=60) as http:
        name = http.post("/reset", params=setting.asked("attacker")).json()
        query = {"episode_id": name["episode_id"]}
        before = http.get("/state", params=query).content
        setting.model.behave = failure
        started = time.monotonic()
        refused = http.post("/step", params=query, json=turn)
        waited = time.monotonic() - started
        after = http.get("/state", params=query).content
        setting.model.behave = says(ANSWER.model_dump_json())
        done = http.post("/step", params=query, json=turn).json()

    told = refused.json()
    assert (refused.status_code, told["code"]) == (502, "opponent_failed")
    assert "the opponent `toy` gave no answer" in told["detail"]
    assert "secret" not in refused.text
    assert waited < setting.patience + 5
    assert after == before
    assert done["result"] == expected()


@pytest.mark.parametrize("failure", [trickles, refuses, floods, mumbles])
def test_a_model_that_fails_costs_nothing_over_a_socket(
    setting: Setting, failure: Callable[[Speaker], None]
) -> None:
    with session(setting) as tell:
        tell("reset", **setting.asked("attacker"))
        before = tell("state")
        setting.model.behave = failure
        refused = tell("step", craft_incident=crafted())
        after = tell("state")
        setting.model.behave = says(ANSWER.model_dump_json())
        done = tell("step", craft_incident=crafted())["data"]

    assert refused["type"] == "error"
    assert "the opponent `toy` gave no answer" in refused["data"]["message"]
    assert after == before
    assert done["observation"]["result"] == expected()


def test_who_runs_the_server_finds_the_reason_in_its_log(
    model: Model, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    model.behave = refuses
    lineup = opponent_models.lineup_with([model.named])
    query = {"mode": "self_play", "role": "defender"}
    query |= {"opponent": f"endpoint:{model.named}"}
    url = serve(build_app(lineup=lineup))
    httpx.post(f"{url}/reset", params=query, timeout=60)

    assert "answered with HTTP status 401" in caplog.text
    assert "set OPENSOC_OPPONENT_KEY to a valid key" in caplog.text
    assert "secret" not in caplog.text


def test_an_attacker_that_fails_starts_nothing(setting: Setting) -> None:
    setting.model.behave = refuses
    query = setting.asked("defender") | {"seed": 77}
    refused = httpx.post(f"{setting.url}/reset", params=query, timeout=60)
    meant = {"task": "stage1_basic", "mode": "self_play", "seed": 77}
    state = httpx.get(f"{setting.url}/state", params=meant)

    assert refused.json()["code"] == "opponent_failed"
    assert state.json()["code"] == "not_reset"


class Sleeper:
    """An attacker that thinks until it is told to stop."""

    name = "sleeper"
    thinking = threading.Semaphore(0)
    enough = threading.Event()

    def craft(self, _: Any) -> Any:
        self.thinking.release()
        self.enough.wait(60)
        return crafted()


def test_callers_that_wait_for_a_model_hold_up_nobody_else(serve: Serve) -> None:
    lineup = BUILT_IN.joined_by({"sleeper": Sleeper}, {})
    query = {"mode": "self_play", "role": "defender", "opponent": "sleeper"}
    many = 60
    limits = httpx.Limits(max_connections=None)
    with (
        httpx.Client(
            base_url=serve(build_app(lineup=lineup)), timeout=60, limits=limits
        ) as http,
        ThreadPoolExecutor(many) as pool,
    ):
        waiting = [pool.submit(http.post, "/reset", params=query) for _ in range(many)]
        for _ in range(many):
            assert Sleeper.thinking.acquire(timeout=30)
        others = [
            http.get("/tasks"),
            http.post("/reset", params={"seed": 1}),
            http.post("/step", json={"submit_triage": {"action": "dismiss"}}),
        ]
        assert not any(call.done() for call in waiting)
        Sleeper.enough.set()

    assert [answer.status_code for answer in others] == [200, 200, 409]
    assert {call.result().status_code for call in waiting} == {200}


WEIRD = (
    "",
    "no json",
    '{"action": "dance"}',
    '{"events": [' + "[" * 900 + "]" * 900 + "]}",
    "{" + '"a": {' * 5000,
    '{"events": [{"log_id": "\\ud800"}], "narrative": "\\udfff"}',
    '{"action": "monitor", "rationale": "\\ud800"}',
    '{"target_label": NaN, "events": [Infinity, -Infinity, 1e400]}',
    '{"events": ' + "9" * 4000 + "}",
    '{"events": ' + "9" * 5000 + "}",
    '{"\\u0000": "\\u0000"}',
    "}{",
    "\u202e{}\u0000",
)


@pytest.mark.parametrize("text", WEIRD, ids=range(len(WEIRD)))
@pytest.mark.parametrize("role", ["attacker", "defender"])
def test_whatever_a_model_says_is_a_turn_and_is_kept(
    setting: Setting, role: str, text: str
) -> None:
    setting.model.behave = says(text)
    turn = {"craft_incident": crafted()}
    with httpx.Client(base_url=setting.url, timeout=60) as http:
        started = http.post("/reset", params=setting.asked(role))
        query = {"episode_id": started.json().get("episode_id")}
        if role == "attacker":
            http.post("/step", params=query, json=turn)
        graded = http.get("/grade", params=query)
        running = http.get("/metrics").text

    assert (started.status_code, graded.status_code) == (200, 200)
    result = graded.json()
    assert "opensoc_episodes_running 0.0" in running
    assert (result["answer"], result["plausible"]) == (None, role == "attacker")
    with EpisodeStore.open(setting.store) as store:
        kept = list(store.list())[-1].episode
    assert kept.result.model_dump() == result
