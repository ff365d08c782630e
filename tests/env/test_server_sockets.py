"""Hostile WebSocket clients against the real server: it answers, and goes on."""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import httpx
import pytest

pytest.importorskip("openenv", reason="needs the serve extra")

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from opensoc_env.opponents.attackers import CraftItem, TemplateAttacker
from opensoc_env.opponents.lineup import BUILT_IN
from opensoc_env.server.app import MAX_BODY_BYTES, build_app

Serve = Callable[[Any], str]
RESET = {"type": "reset", "data": {"seed": 1}}
DISMISS = {"type": "step", "data": {"submit_triage": {"action": "dismiss"}}}
LARGE_RESET = {"type": "reset", "data": {"seed": 1, "task": "stage4_adversarial"}}
PLACES = 4


class Thinker(TemplateAttacker):
    """An attacker that needs a while."""

    def craft(self, item: CraftItem) -> Any:
        time.sleep(0.5)
        return super().craft(item)


FUZZ = settings(
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
names = st.sampled_from(["reset", "step", "state", "mcp", "no-such-type", "", 7, None])
messages = st.fixed_dictionaries({"type": names}, optional={"data": json_values}).map(
    json.dumps
)
calls = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0"), "id": st.integers() | st.text(max_size=5)},
    optional={
        "method": st.sampled_from(["tools/list", "tools/call", "x", "\ud800"]),
        "params": json_values,
    },
).map(json.dumps)
broken = st.text(max_size=50) | st.binary(max_size=50)


@pytest.fixture(scope="module")
def url(serve: Serve) -> str:
    lineup = BUILT_IN.joined_by({"thinker": Thinker}, {})
    return serve(build_app(max_sessions=PLACES, lineup=lineup))


@pytest.fixture
def no_faults(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fails a test that makes the server log an exception."""
    caplog.set_level(logging.WARNING)
    server = logging.getLogger("uvicorn")
    propagates, server.propagate = server.propagate, True
    yield
    server.propagate = propagates
    faults = [record for record in caplog.get_records("call") if record.exc_info]
    assert faults == []


@contextmanager
def session(url: str, path: str = "/ws", **more: Any) -> Iterator[ClientConnection]:
    address = url.replace("http", "ws") + path
    with connect(address, max_size=None, open_timeout=20, **more) as open_socket:
        yield open_socket


def ask(client: ClientConnection, message: Any) -> Any:
    client.send(message if isinstance(message, str | bytes) else json.dumps(message))
    return json.loads(client.recv(timeout=20))


def plays(url: str) -> bool:
    """True if somebody else can play an episode."""
    with session(url) as other:
        ask(other, RESET)
        return bool(ask(other, DISMISS)["data"]["done"])


def check_answers(url: str, path: str, frames: Any, examples: int) -> None:
    """Every frame gets one JSON answer, and its session goes on."""
    with session(url, path) as client:

        @settings(FUZZ, max_examples=examples)
        @given(frame=frames)
        def exchange(frame: str | bytes) -> None:
            assert isinstance(ask(client, frame), dict)

        exchange()


@pytest.mark.usefixtures("no_faults")
@pytest.mark.parametrize(
    ("path", "frames"), [("/ws", messages | broken), ("/mcp", calls | broken)]
)
def test_every_frame_is_answered(url: str, path: str, frames: Any) -> None:
    check_answers(url, path, frames, 60)

    assert plays(url)


@pytest.mark.slow
@pytest.mark.usefixtures("no_faults")
@pytest.mark.parametrize(
    ("path", "frames"), [("/ws", messages | broken), ("/mcp", calls | broken)]
)
def test_many_frames_are_answered(url: str, path: str, frames: Any) -> None:
    check_answers(url, path, frames, 5000)

    assert plays(url)


@pytest.mark.usefixtures("no_faults")
@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        "null",
        b"\xff\xfe",
        b'{"type": "state"}',
        "[" * 100_000,
        '{"type": "reset", "data": {"seed": ' + "9" * 5000 + "}}",
        '{"type": "reset", "data": {"seed": NaN}}',
        '{"type": "\\ud800"}',
        '{"type": "step", "data": {"submit_triage": {"action": "\\udfff"}}}',
        '{"type": "step", "data": "dismiss"}',
        '{"type": "step", "data": {"submit_triage": {"action": "dismiss", '
        '"cited_log_ids": ["' + '", "'.join(f"L{n}-0" for n in range(40)) + '"]}}}',
        '{"type": "reset", "data": {"task": ["stage1_basic"]}}',
        '{"type": "reset", "data": {"mode": {}}}',
        '{"type": "reset", "data": {"index": -1}}',
        '{"type": "reset", "data": {"seed": "one"}}',
        '{"type": "reset", "data": {"episode_id": 7}}',
        '{"type": "reset", "data": {"split": ["holdout"], "index": 0}}',
        '{"type": "reset", "data": {"opponent": 3}}',
    ],
)
def test_a_bad_frame_costs_only_itself(url: str, frame: str | bytes) -> None:
    with session(url) as client:
        ask(client, RESET)
        answer = ask(client, frame)
        done = ask(client, DISMISS)

    assert answer["type"] == "error"
    assert answer["data"]["message"]
    assert done["data"]["done"]


@pytest.mark.usefixtures("no_faults")
def test_a_huge_frame_ends_only_its_session(url: str) -> None:
    with session(url) as client:
        client.send('{"type": "' + "x" * MAX_BODY_BYTES + '"}')
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=20)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009
    assert plays(url)


@pytest.mark.usefixtures("no_faults")
def test_a_slow_reader_holds_up_nobody(url: str) -> None:
    port = int(url.rsplit(":", 1)[1])
    with socket.socket() as narrow:
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        narrow.connect(("127.0.0.1", port))
        with session(url, sock=narrow, max_queue=1, close_timeout=0.1) as slow:
            for _ in range(1500):
                slow.send(json.dumps(LARGE_RESET))

            assert plays(url)
            assert httpx.get(f"{url}/healthz").json() == {"status": "alive"}


@pytest.mark.usefixtures("no_faults")
def test_clients_that_vanish_leave_their_places(url: str) -> None:
    for _ in range(3 * PLACES):
        with session(url) as client:
            ask(client, RESET)
            client.socket.shutdown(socket.SHUT_RDWR)

    assert sessions_left(url) == 0


@pytest.mark.usefixtures("no_faults")
def test_a_client_that_vanishes_before_its_answer_is_no_fault(url: str) -> None:
    data = {"role": "defender", "opponent": "thinker"}
    with session(url) as client:
        client.send(json.dumps({"type": "reset", "data": data}))
        client.socket.shutdown(socket.SHUT_RDWR)

    assert sessions_left(url) == 0


@pytest.mark.usefixtures("no_faults")
def test_whoever_comes_too_late_is_told(url: str) -> None:
    with ExitStack() as held:
        for _ in range(PLACES):
            ask(held.enter_context(session(url)), RESET)
        with session(url) as late:
            told = json.loads(late.recv(timeout=20))

    assert told["data"]["code"] == "CAPACITY_REACHED"
    assert told["data"]["max_sessions"] == PLACES


def sessions(url: str) -> float:
    lines = httpx.get(f"{url}/metrics").text.splitlines()
    return float(
        next(line for line in lines if line.startswith("opensoc_sessions ")).split()[1]
    )


def sessions_left(url: str) -> float:
    """Sessions that are still open after some seconds."""
    deadline = time.monotonic() + 5
    while (left := sessions(url)) > 0 and time.monotonic() < deadline:
        time.sleep(0.05)
    return left
