"""Who may call the server, how often, and how much it reads."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("openenv", reason="needs the serve extra")

from starlette.testclient import TestClient, WebSocketDenialResponse

from opensoc_env import client_calls as calls
from opensoc_env.episode import Episode
from opensoc_env.finished import Key
from opensoc_env.server.app import Access, build_app
from opensoc_env.server.body_limit import BodyLimit
from opensoc_env.server.buckets import MAX_CLIENTS, Buckets
from opensoc_env.server.episode_book import IDLE_SECONDS, EpisodeBook
from opensoc_env.server.json_text import MAX_DEPTH, fault_of
from opensoc_env.server.problems import ApiError

BEARER = {"Authorization": "Bearer tango"}
ELSEWHERE = {"Origin": "https://elsewhere.example"}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def served(access: Access | None = None) -> TestClient:
    return TestClient(build_app(access=access))


def refused_socket(client: TestClient, headers: dict[str, str]) -> int:
    with (
        pytest.raises(WebSocketDenialResponse) as denied,
        client.websocket_connect("/ws", headers=headers),
    ):
        pass
    assert denied.value.json()["code"]
    return denied.value.status_code


class TestOrigins:
    def test_a_page_of_another_site_may_not_call(self) -> None:
        client = served()
        answer = client.post("/reset", headers=ELSEWHERE)

        assert answer.status_code == 403
        assert answer.json()["code"] == "wrong_origin"
        assert refused_socket(client, ELSEWHERE) == 403

    @pytest.mark.parametrize("origin", ["null", "http://[", "testserver"])
    def test_an_origin_that_is_none_may_not_call(self, origin: str) -> None:
        assert served().get("/tasks", headers={"Origin": origin}).status_code == 403

    def test_the_servers_own_pages_may(self) -> None:
        client = served()
        own = {"Origin": "http://testserver"}

        assert client.get("/tasks", headers=own).status_code == 200
        with client.websocket_connect("/ws", headers=own) as socket:
            socket.send_json({"type": "state"})
            assert socket.receive_json()["type"] == "state"

    @pytest.mark.parametrize(
        ("address", "name", "status"),
        [
            ("127.0.0.1", "localhost:7860", 200),
            ("[::1]", "127.0.0.1:7860", 200),
            ("127.0.0.1", "elsewhere.example:7860", 403),
            ("127.0.0.1", "[", 403),
            ("10.0.0.7", "soc.example:7860", 200),
        ],
    )
    def test_on_loopback_a_page_is_its_own_only_by_a_name_of_loopback(
        self, address: str, name: str, status: int
    ) -> None:
        client = TestClient(build_app(), base_url=f"http://{address}:7860")
        page = {"Host": name, "Origin": f"http://{name}"}

        assert client.post("/reset", headers=page).status_code == status
        assert client.post("/reset", headers={"Host": name}).status_code == 200

    def test_no_site_is_told_that_it_may_read(self) -> None:
        answer = served().get("/tasks")

        assert not [name for name in answer.headers if name.startswith("access-")]

    def test_a_site_that_is_allowed_may_read(self) -> None:
        client = served(Access(origins=(ELSEWHERE["Origin"],)))
        answer = client.get("/tasks", headers=ELSEWHERE)
        asked = {**ELSEWHERE, "Access-Control-Request-Method": "POST"}

        allowed = "access-control-allow-origin"
        assert answer.headers[allowed] == ELSEWHERE["Origin"]
        assert client.options("/step", headers=asked).status_code == 200


class TestKey:
    @pytest.mark.parametrize(
        "given", [{}, {"Authorization": "Bearer"}, {"Authorization": "Basic tango"}]
    )
    def test_without_the_key_nothing_is_played(self, given: dict[str, str]) -> None:
        client = served(Access(api_key="tango"))
        answer = client.post("/reset", headers=given)

        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "Authorization: Bearer" in answer.json()["detail"]
        assert refused_socket(client, given) == 401

    def test_with_the_key_all_is_open(self) -> None:
        client = served(Access(api_key="tango"))

        assert client.post("/reset", headers=BEARER).status_code == 200
        with client.websocket_connect("/ws", headers=BEARER) as socket:
            socket.send_json({"type": "reset", "data": {"seed": 1}})
            assert socket.receive_json()["type"] == "observation"

    def test_a_key_may_have_any_letters(self) -> None:
        client = served(Access(api_key="schlüssel"))
        answers = [
            client.get("/tasks", headers=dict(calls.headers_of(key).raw))
            for key in ("schlüssel", "schlussel")
        ]

        assert [answer.status_code for answer in answers] == [200, 401]

    def test_every_route_but_the_probes_asks_for_it(self) -> None:
        app = build_app(access=Access(api_key="tango"))
        client = TestClient(app)
        paths = [*app.openapi()["paths"], "/docs", "/redoc", "/openapi.json", "/nil"]
        is_open = {path for path in paths if client.get(path).status_code != 401}

        assert is_open == {"/health", "/healthz", "/readyz"}

    def test_a_path_that_only_begins_like_a_probe_is_closed(self) -> None:
        client = served(Access(api_key="tango"))

        assert client.get("/healthz/../tasks").status_code == 401
        assert client.get("/healthzz").status_code == 401


class TestRate:
    def test_a_client_that_asks_too_often_is_told_when_to_come_back(self) -> None:
        client = served(Access(rate=1))
        codes = [client.get("/tasks").status_code for _ in range(6)]
        told = client.get("/tasks")

        assert codes[:2] == [200, 200]
        assert told.status_code == 429
        assert told.json()["code"] == "too_many_requests"
        assert int(told.headers["retry-after"]) >= 1

    def test_who_guesses_keys_is_slowed_down_too(self) -> None:
        client = served(Access(api_key="tango", rate=1))
        codes = {client.get("/tasks").status_code for _ in range(6)}

        assert codes == {401, 429}

    def test_a_bucket_refills(self) -> None:
        clock = Clock()
        buckets = Buckets(2, clock=clock)
        burst = [buckets.take("a") for _ in range(5)]
        clock.now += burst[-1]

        assert burst[:4] == [0, 0, 0, 0]
        assert burst[4] == 0.5
        assert buckets.take("a") == 0
        assert buckets.take("a") > 0

    def test_clients_have_a_bucket_each(self) -> None:
        buckets = Buckets(0.5, clock=Clock())

        assert [buckets.take("a"), buckets.take("b")] == [0, 0]
        assert buckets.take("a") > 0

    def test_a_flood_of_clients_costs_no_memory(self) -> None:
        buckets = Buckets(1, clock=Clock())
        for number in range(2 * MAX_CLIENTS):
            buckets.take(str(number))

        assert len(buckets._levels) == MAX_CLIENTS

    def test_frames_of_a_socket_wait_their_turn(self) -> None:
        buckets = Buckets(20.0)

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.receive", "text": "{}"}

        async def take(frames: int) -> float:
            loop = asyncio.get_running_loop()
            begun, paced = loop.time(), buckets.paced("a", receive)
            for _ in range(frames):
                await paced()
            return loop.time() - begun

        assert asyncio.run(take(44)) > 0.15


class TestBodies:
    def test_one_that_does_not_arrive_is_given_up(self) -> None:
        sent: list[dict[str, Any]] = []

        async def trickle() -> dict[str, Any]:
            await asyncio.sleep(0.01)
            return {"type": "http.request", "body": b" ", "more_body": True}

        async def send(message: Any) -> None:
            sent.append(message)

        async def never(*_: Any) -> None:
            raise AssertionError("the body was passed on")

        limit = BodyLimit(never, limit=1000, seconds=0.05)
        asyncio.run(limit({"type": "http"}, trickle, send))

        assert sent[0]["status"] == 408

    @pytest.mark.parametrize(
        "text",
        [
            b"[" * MAX_DEPTH + b"]" * MAX_DEPTH,
            b'"' + b"[" * 1000 + b'"',
            b'{"a": "\\"' + b"[" * 1000 + b'"}',
            b"[{}," + b"[]," * 1000 + b"{}]",
            b'"\\ud83d\\ude00"',
            b'"\\\\ud800"',
            b"no json",
        ],
    )
    def test_what_can_be_read_passes(self, text: bytes) -> None:
        assert fault_of(text) is None

    @pytest.mark.parametrize(
        "text",
        [
            b"[" * (MAX_DEPTH + 1),
            b'{"a":' * (MAX_DEPTH + 1),
            b'"a" ' + b"[" * 1000,
            b'"\\ud800"',
            b'{"a": ["\\uDFFF\\uD800"]}',
        ],
    )
    def test_what_can_not_is_named(self, text: bytes) -> None:
        assert fault_of(text)

    def test_a_megabyte_of_quotes_takes_no_time(self) -> None:
        hostile = b"[" * 40 + b'"' + b'\\"' * 500_000

        assert fault_of(hostile)


KEY: Key = ("stage1_basic", "defender_only", 1)


def started(*given: Any, asked: int | None, **more: Any) -> Episode:
    assert asked == given[2]
    return Episode(*given, **more)


class TestPlaces:
    def book(self, clock: Clock) -> EpisodeBook:
        return EpisodeBook(started, capacity=2, clock=clock)

    def start(self, book: EpisodeBook, seed: int = 1) -> str:
        return book.reset("stage1_basic", "defender_only", seed).episode_id

    def test_a_running_episode_is_not_forgotten(self) -> None:
        book = self.book(Clock())
        names = [self.start(book) for _ in range(2)]
        with pytest.raises(ApiError, match="all 2 places") as refused:
            self.start(book)

        assert refused.value.status == 429
        assert refused.value.headers["Retry-After"]
        for name in names:
            assert not book.state(name, KEY).done

    def test_a_finished_one_makes_room(self) -> None:
        book = self.book(Clock())
        first, second = self.start(book), self.start(book)
        book.step(second, KEY, {"submit_triage": {"action": "dismiss"}})
        third = self.start(book)

        assert book.running == 2
        assert book.state(first, KEY)
        assert book.state(third, KEY)

    def test_one_that_nobody_came_back_to_makes_room(self) -> None:
        clock = Clock()
        book = self.book(clock)
        first, second = self.start(book), self.start(book)
        clock.now += IDLE_SECONDS
        book.state(first, KEY)
        clock.now += 1
        self.start(book)

        assert book.state(first, KEY)
        with pytest.raises(Exception, match=second):
            book.state(second, KEY)

    def test_one_that_nobody_came_back_to_makes_no_turn_ambiguous(self) -> None:
        clock = Clock()
        book = self.book(clock)
        book.reset(*KEY)
        clock.now += IDLE_SECONDS + 1
        second = book.reset(*KEY, index=1).episode_id
        turn = {"submit_triage": {"action": "dismiss"}}

        assert book.step(None, KEY, turn).episode_id == second

    def test_turns_stay_ambiguous_when_nobody_came_back_to_any(self) -> None:
        clock = Clock()
        book = self.book(clock)
        for index in range(2):
            book.reset(*KEY, index=index)
        clock.now += IDLE_SECONDS + 1

        for _ in range(2):
            assert not book.has_opponent(None, KEY)
            with pytest.raises(ApiError, match="2 different episodes"):
                book.step(None, KEY, {"submit_triage": {"action": "dismiss"}})

    def test_one_that_is_being_started_has_its_place(self) -> None:
        def start(*given: Any, asked: int | None, **more: Any) -> Episode:
            if not within:
                within.append(True)
                for _ in range(2):
                    book.reset(*KEY)
            return started(*given, asked=asked, **more)

        within: list[bool] = []
        book = EpisodeBook(start, capacity=2)
        with pytest.raises(ApiError, match="all 2 places"):
            book.reset(*KEY)

        assert book.running == 1
        assert self.start(book)

    def test_names_can_not_be_guessed(self) -> None:
        names = {self.start(EpisodeBook(started), 1) for _ in range(20)}

        assert len(names) == 20
        assert all(len(name) == 16 for name in names)
