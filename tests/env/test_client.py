"""What the clients send, what they try again, and how they fail."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from opensoc_env import client_calls
from opensoc_env.client import (
    BusyError,
    ClientError,
    FieldError,
    OpenSOCClient,
    RefusedError,
    Retries,
    ServerError,
    UnreachableError,
)
from opensoc_env.client_async import AsyncOpenSOCClient
from opensoc_env.episode import Episode

TRIAGE = {"submit_triage": {"action": "monitor"}}
PROBLEM = {
    "type": "urn:opensoc:problem:bad_request",
    "title": "bad request",
    "status": 422,
    "code": "bad_request",
    "detail": "the request has fields that are wrong",
    "errors": [{"field": "query.task", "detail": "expected a stage"}],
}
Outcome = httpx.Response | type[httpx.HTTPError]


class Wire:
    """A server that says what it was told to, one thing after the other."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        outcome = self.outcomes[min(len(self.requests), len(self.outcomes)) - 1]
        if isinstance(outcome, httpx.Response):
            return outcome
        raise outcome("broken", request=request)


def observed(name: str = "e1", **more: Any) -> httpx.Response:
    seen = Episode("stage1_basic", "defender_only", 1, episode_id=name).reset()
    return httpx.Response(200, json={**seen.model_dump(mode="json"), **more})


def client_of(wire: Wire, **more: Any) -> OpenSOCClient:
    return OpenSOCClient("http://soc", transport=httpx.MockTransport(wire), **more)


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the client slept; it does not in tests."""
    slept: list[float] = []
    monkeypatch.setattr("opensoc_env.client.time.sleep", slept.append)
    return slept


Reading = Callable[[OpenSOCClient], Any]
READINGS: list[Reading] = [
    lambda client: client.tasks(),
    lambda client: client.reset(seed=1),
]


class TestWhatIsTriedAgain:
    @pytest.mark.parametrize("call", READINGS)
    @pytest.mark.parametrize(
        "failure",
        [
            httpx.ConnectError,
            httpx.ReadTimeout,
            httpx.RemoteProtocolError,
            httpx.Response(503),
            httpx.Response(429),
        ],
    )
    def test_what_does_no_harm_twice(
        self, call: Reading, failure: Outcome, waits: list[float]
    ) -> None:
        told = observed(tasks=[]) if call is READINGS[0] else observed()
        wire = Wire(failure, failure, told)
        call(client_of(wire))

        assert len(wire.requests) == 3
        assert waits == [0.2, 0.4]

    @pytest.mark.parametrize(
        "failure", [httpx.ReadTimeout, httpx.WriteError, httpx.Response(503)]
    )
    def test_a_turn_is_not(self, failure: Outcome, waits: list[float]) -> None:
        wire = Wire(observed(), failure, observed())
        client = client_of(wire)
        client.reset(seed=1)
        with pytest.raises(ClientError):
            client.step(TRIAGE)

        assert len(wire.requests) == 2
        assert waits == []

    @pytest.mark.usefixtures("waits")
    def test_a_start_without_a_seed_is_not(self) -> None:
        wire = Wire(httpx.ReadTimeout, observed())
        with pytest.raises(UnreachableError):
            client_of(wire).reset()

        assert len(wire.requests) == 1

    @pytest.mark.usefixtures("waits")
    @pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ConnectTimeout])
    def test_a_turn_that_never_left_is(self, failure: Outcome) -> None:
        wire = Wire(failure, observed())
        client_of(wire).step(TRIAGE, episode_id="e1")

        assert len(wire.requests) == 2

    def test_a_turn_that_the_server_had_no_time_for_is(
        self, waits: list[float]
    ) -> None:
        busy = httpx.Response(429, headers={"Retry-After": "3"})
        wire = Wire(busy, observed())
        client_of(wire).step(TRIAGE, episode_id="e1")

        assert waits == [3]

    def test_nobody_waits_longer_than_they_said(self, waits: list[float]) -> None:
        busy = httpx.Response(429, headers={"Retry-After": "3600"}, json={})
        with pytest.raises(BusyError):
            client_of(Wire(busy), retries=Retries(3, longest_wait=7)).tasks()

        assert waits == [7, 7]

    @pytest.mark.parametrize("asked", ["soon", "-1", "1e9", ""])
    def test_a_wait_that_is_no_number_is_none(
        self, asked: str, waits: list[float]
    ) -> None:
        busy = httpx.Response(429, headers={"Retry-After": asked})
        client_of(Wire(busy, observed(tasks=[]))).tasks()

        assert waits == [0.2]

    @pytest.mark.usefixtures("waits")
    def test_a_refusal_is_not(self) -> None:
        wire = Wire(httpx.Response(422, json=PROBLEM))
        with pytest.raises(RefusedError):
            client_of(wire).reset(seed=1)

        assert len(wire.requests) == 1

    def test_an_address_that_is_none_is_not(self, waits: list[float]) -> None:
        with pytest.raises(UnreachableError, match="unsupported protocol"):
            OpenSOCClient("localhost:7860").tasks()

        assert waits == []

    def test_it_ends(self, waits: list[float]) -> None:
        wire = Wire(httpx.ConnectError)
        with pytest.raises(UnreachableError, match="no answer from http://soc/tasks"):
            client_of(wire).tasks()

        assert len(wire.requests) == Retries().attempts
        assert waits == [0.2, 0.4, 0.8]


class TestErrors:
    def test_a_problem_names_its_fields(self) -> None:
        with pytest.raises(RefusedError) as caught:
            client_of(Wire(httpx.Response(422, json=PROBLEM))).reset(task="stage9")

        told = caught.value
        assert (told.status, told.code) == (422, "bad_request")
        assert told.detail == PROBLEM["detail"]
        assert told.errors == (FieldError("query.task", "expected a stage"),)
        assert "query.task: expected a stage" in str(told)

    @pytest.mark.usefixtures("waits")
    def test_each_kind_has_its_class(self) -> None:
        kinds = {401: RefusedError, 409: RefusedError, 429: BusyError, 500: ServerError}
        for status, kind in kinds.items():
            with pytest.raises(kind) as caught:
                client_of(Wire(httpx.Response(status, json=PROBLEM))).tasks()

            assert caught.value.status == status

    @pytest.mark.usefixtures("waits")
    @pytest.mark.parametrize(
        "body", [b"<h1>Bad Gateway</h1>", b"[]", b'{"code": 1}', b"\xff", b"null"]
    )
    def test_an_error_of_somebody_else_is_quoted(self, body: bytes) -> None:
        answer = httpx.Response(404, content=body)
        with pytest.raises(RefusedError, match="http_error"):
            client_of(Wire(answer)).tasks()

    @pytest.mark.usefixtures("waits")
    def test_an_error_without_words_has_its_status(self) -> None:
        with pytest.raises(ServerError, match="status 502: Bad Gateway"):
            client_of(Wire(httpx.Response(502))).tasks()

    @pytest.mark.parametrize(
        "body",
        [b"hello", b"[]", b'{"episode_id": 1}', b"null", b"[" * 100_000],
        ids=["text", "list", "other", "null", "deep"],
    )
    def test_an_answer_of_somebody_else_says_so(self, body: bytes) -> None:
        answer = httpx.Response(200, content=body)
        with pytest.raises(ServerError, match="right address"):
            client_of(Wire(answer)).reset(seed=1)


class TestWhichEpisode:
    def asked(self, wire: Wire) -> dict[str, str]:
        return dict(wire.requests[-1].url.params)

    def test_the_last_one_by_default(self) -> None:
        wire = Wire(observed("e1"), observed("e2"), observed("e2"))
        client = client_of(wire)
        client.reset(seed=1)
        client.reset(seed=2)
        client.step(TRIAGE)

        assert self.asked(wire) == {"episode_id": "e2"}

    def test_the_one_of_its_seed(self) -> None:
        wire = Wire(observed("e1"), observed("e2"), observed("e1"))
        client = client_of(wire)
        client.reset(seed=1)
        client.reset(seed=2)
        client.step(TRIAGE, task="stage1_basic", seed=1)

        assert self.asked(wire) == {"episode_id": "e1"}

    def test_one_of_another_caller_is_never_guessed(self) -> None:
        wire = Wire(observed("e1"), observed("e7"))
        client = client_of(wire)
        client.reset(seed=1)
        client.step(TRIAGE, task="stage1_basic", mode="defender_only", seed=7)

        assert self.asked(wire)["seed"] == "7"
        assert "episode_id" not in self.asked(wire)

    def test_the_one_that_is_named(self) -> None:
        wire = Wire(observed("e1"))
        client = client_of(wire)
        client.step(TRIAGE, task="stage1_basic", episode_id="e9")

        assert self.asked(wire) == {"episode_id": "e9"}

    @pytest.mark.parametrize(
        "call",
        [
            lambda client: client.state(),
            lambda client: client.grade(),
            lambda client: client.step(TRIAGE),
        ],
        ids=["state", "grade", "step"],
    )
    def test_none_of_a_stranger(self, call: Reading) -> None:
        wire = Wire(observed("e1"))
        with pytest.raises(RefusedError, match="call reset") as refused:
            call(client_of(wire))

        assert refused.value.code == "not_reset"
        assert wire.requests == []

    def test_many_episodes_cost_no_memory(self) -> None:
        memory = client_calls.Memory()
        seen = Episode("stage1_basic", "defender_only", 1).reset()
        for seed in range(5000):
            memory.started(seen, seed)

        assert len(memory._by_key) == client_calls._REMEMBERED


@pytest.mark.parametrize("key", ["tango", "schlüssel"])
def test_a_key_is_sent_with_every_call(key: str) -> None:
    wire = Wire(observed(tasks=[]))
    client_of(wire, api_key=key).tasks()

    sent = dict(wire.requests[0].headers.raw)
    assert sent[b"Authorization"] == f"Bearer {key}".encode()


class TestAsync:
    @pytest.fixture
    def waits(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
        slept: list[float] = []

        async def sleep(seconds: float) -> None:
            slept.append(seconds)

        monkeypatch.setattr("opensoc_env.client_async.asyncio.sleep", sleep)
        return slept

    def test_it_plays_an_episode_and_tries_again(self, waits: list[float]) -> None:
        done = observed("e1", done=True, reward=1.0)
        wire = Wire(httpx.ConnectError, observed("e1"), done)

        async def play() -> Any:
            transport = httpx.MockTransport(wire)
            async with AsyncOpenSOCClient("http://soc", transport=transport) as client:
                await client.reset(seed=1)
                return await client.step(TRIAGE)

        assert asyncio.run(play()).reward == 1.0
        assert waits == [0.2]
        assert dict(wire.requests[-1].url.params) == {"episode_id": "e1"}

    def test_it_fails_as_the_other_does(self) -> None:
        wire = Wire(httpx.Response(422, json=PROBLEM))

        async def ask() -> None:
            transport = httpx.MockTransport(wire)
            async with AsyncOpenSOCClient("http://soc", transport=transport) as client:
                await client.grade(episode_id="e1")

        with pytest.raises(RefusedError, match=r"query\.task"):
            asyncio.run(ask())

    def test_it_has_the_same_methods(self) -> None:
        def methods(kind: type) -> dict[str, list[str]]:
            return {
                name: list(inspect.signature(method).parameters)
                for name, method in inspect.getmembers(kind, inspect.isfunction)
                if not name.startswith("__")
            }

        assert methods(AsyncOpenSOCClient) == methods(OpenSOCClient)
