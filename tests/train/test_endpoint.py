"""The client meets a real HTTP server on this machine that speaks the protocol."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

pytest.importorskip("httpx", reason="needs the client extra")

from opensoc_engine.errors import InputError
from opensoc_env.judge import Judge
from opensoc_train.data import DataSet
from opensoc_train.endpoint import MAX_REPLY_BYTES, EndpointModel
from opensoc_train.evaluate import evaluate
from opensoc_train.replies import ModelDefender

CHAT = [{"role": "user", "content": "hello"}]


class Server(ThreadingHTTPServer):
    """Answers with the scripted replies, then echoes the last message."""

    script: list[tuple[int, dict[str, str], bytes]]
    seen: list[tuple[str, dict[str, str], dict[str, Any]]]
    delay = 0.0
    trickle = 0.0


class Speaker(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        size = int(self.headers["content-length"])
        body = json.loads(self.rfile.read(size))
        self.server.seen.append((self.path, dict(self.headers), body))
        time.sleep(self.server.delay)
        said = completion(body["messages"][-1]["content"])
        script = self.server.script
        status, headers, content = script.pop(0) if script else (200, {}, said)
        self.send_response(status)
        for key, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        for at in range(len(content) if self.server.trickle else 1):
            rest = content[at : at + 1] if self.server.trickle else content
            self.wfile.write(rest)
            time.sleep(self.server.trickle)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def completion(text: str | None) -> bytes:
    return json.dumps({"choices": [{"message": {"content": text}}]}).encode()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server(("127.0.0.1", 0), Speaker)
    found.script, found.seen = [], []
    thread = threading.Thread(target=found.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield found
    found.shutdown()
    found.server_close()


async def no_pause(_: float) -> None:
    """Go on at once."""


def model(server: Server, **options: Any) -> EndpointModel:
    url = f"http://127.0.0.1:{server.server_port}/v1"
    return EndpointModel(url, "toy", **{"pause": no_pause, **options})


def test_completions_come_back_in_order(server: Server) -> None:
    chats = [[{"role": "user", "content": str(at)}] for at in range(9)]

    assert model(server).complete(chats) == [str(at) for at in range(9)]


def test_the_request_is_the_protocols_and_carries_the_key(server: Server) -> None:
    model(server, key="secret").complete([CHAT])
    path, headers, body = server.seen[0]

    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer secret"
    assert (body["model"], body["temperature"], body["messages"]) == ("toy", 0, CHAT)


def test_busy_servers_are_asked_again_after_the_pause_they_name(
    server: Server,
) -> None:
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)

    server.script = [(429, {"Retry-After": "7"}, b""), (503, {}, b"")]

    assert model(server, pause=pause).complete([CHAT]) == ["hello"]
    assert pauses == [7, 2]


@pytest.mark.parametrize(
    ("status", "requests", "advice"),
    [
        (400, 1, "does it know the model"),
        (401, 1, "OPENSOC_API_KEY"),
        (404, 1, "/v1"),
        (302, 1, "check the URL"),
        (500, 5, "try again later"),
    ],
)
def test_a_refusal_is_explained_and_only_5xx_is_tried_again(
    server: Server, status: int, requests: int, advice: str
) -> None:
    server.script = [(status, {}, b"key=secret")] * 9

    with pytest.raises(InputError, match=f"HTTP status {status}") as caught:
        model(server, key="secret").complete([CHAT])

    assert len(server.seen) == requests
    assert advice in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b'{"choices": []}', b"[" * 100_000]
)
def test_what_is_no_completion_is_refused(server: Server, content: bytes) -> None:
    server.script = [(200, {}, content)]

    with pytest.raises(InputError, match="chat completions protocol"):
        model(server).complete([CHAT])


def test_an_empty_completion_is_an_empty_text(server: Server) -> None:
    server.script = [(200, {}, completion(None))]

    assert model(server).complete([CHAT]) == [""]


def test_a_flood_is_cut_off(server: Server) -> None:
    server.script = [(200, {}, b" " * (MAX_REPLY_BYTES + 1))]

    with pytest.raises(InputError, match="sent more than"):
        model(server).complete([CHAT])


def test_a_slow_server_runs_into_the_timeout(server: Server) -> None:
    server.delay = 0.6

    with pytest.raises(InputError, match=r"no answer in 0\.2 s"):
        model(server, timeout=0.2).complete([CHAT])


def test_a_trickle_runs_into_the_timeout(server: Server) -> None:
    server.trickle = 0.1

    with pytest.raises(InputError, match=r"no answer in 0\.3 s"):
        model(server, timeout=0.3).complete([CHAT])


def test_patience_bounds_all_requests_and_pauses_together(server: Server) -> None:
    server.script = [(503, {"Retry-After": "20"}, b"")] * 9
    patient = model(server, patience=0.3, pause=asyncio.sleep)
    before = time.monotonic()

    with pytest.raises(InputError, match=r"no answer in 0\.3 s"):
        patient.complete([CHAT])
    assert time.monotonic() - before < 3


def test_what_is_sent_compressed_is_not_unpacked(server: Server) -> None:
    flood = gzip.compress(b" " * 100 * MAX_REPLY_BYTES, 1)
    server.script = [(200, {"Content-Encoding": "gzip"}, flood)]

    with pytest.raises(InputError, match="chat completions protocol"):
        model(server).complete([CHAT])


def test_it_can_be_asked_where_an_event_loop_runs(server: Server) -> None:
    async def ask() -> list[str]:
        return model(server).complete([CHAT])

    assert asyncio.run(ask()) == ["hello"]


def test_a_server_that_is_not_there_is_named(server: Server) -> None:
    gone = model(server)
    server.server_close()

    with pytest.raises(InputError, match="can't be reached"):
        gone.complete([CHAT])


def test_an_evaluation_runs_over_the_wire(
    server: Server, data: DataSet, judge: Judge
) -> None:
    answer = completion('Fine. {"action": "monitor", "cited_log_id": "L1-0"}')
    server.script = [(200, {}, answer)] * len(data.examples)
    score = evaluate(ModelDefender(model(server)), data, judge).score

    assert score.format_ok == 1
    assert all(row["monitor"] == sum(row.values()) for row in score.confusion.values())
