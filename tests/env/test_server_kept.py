"""What a server with a store still knows of finished episodes, after a restart too."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("openenv", reason="needs the serve extra")

from served import served
from starlette.testclient import TestClient

from opensoc_env.generator import generate
from opensoc_env.server.app import build_app
from opensoc_env.store import EpisodeStore, Wanted

DISMISS = {"submit_triage": {"action": "dismiss"}}
MONITOR = {"submit_triage": {"action": "monitor", "cited_log_id": "L1-0"}}
SEVEN = {"task": "stage1_basic", "mode": "defender_only", "seed": 7}
Query = dict[str, Any]
Restart = Callable[..., TestClient]


@pytest.fixture
def restart(tmp_path: Path) -> Iterator[Restart]:
    """Starts a server over the same file as the ones before, which are gone."""
    opened: list[EpisodeStore] = []

    def start(**options: Any) -> TestClient:
        for store in opened:
            store.close()
        opened.append(EpisodeStore.open(tmp_path / "episodes.db"))
        return TestClient(build_app(store=opened[-1], **options))

    yield start
    opened[-1].close()


def play(client: Any, turns: list[Query], **query: Any) -> str:
    """The id of an episode that was played to its end."""
    name = str(client.post("/reset", params=query).json()["episode_id"])
    for turn in turns:
        told = client.post("/step", params={"episode_id": name}, json=turn)
    assert told.json()["done"]
    return name


def crafted() -> Query:
    incident = generate("stage1_basic", 5)
    names = ("target_label", "category", "events", "narrative")
    return {"craft_incident": {name: incident[name] for name in names}}


@pytest.mark.parametrize(
    ("query", "turns"),
    [
        (SEVEN, [MONITOR]),
        ({"task": "stage2_multi"}, [MONITOR]),
        ({"split": "flips", "index": 3}, [DISMISS]),
        ({"mode": "self_play", "seed": 5}, [crafted(), MONITOR]),
        ({"mode": "self_play", "seed": 5, "role": "attacker"}, [crafted()]),
        ({"mode": "self_play", "seed": 5, "role": "defender"}, [DISMISS]),
        ({"mode": "self_play", "seed": 5}, [{"craft_incident": {}}]),
    ],
)
def test_a_restart_changes_no_byte_of_grade_and_state(
    restart: Restart, query: Query, turns: list[Query]
) -> None:
    def told(client: TestClient, *asked: Query) -> list[bytes]:
        paths = ("/grade", "/state")
        answers = [client.get(p, params=q) for p in paths for q in asked]
        assert {answer.status_code for answer in answers} == {200}
        return [answer.content for answer in answers]

    client = restart()
    name = play(client, turns, **query)
    state = client.get("/state", params={"episode_id": name}).json()
    seed = {"seed": query["seed"]} if "seed" in query else {}
    by_key = {"task": state["task"], "mode": state["mode"], **seed}
    before = told(client, {"episode_id": name}, by_key)

    assert told(restart(), {"episode_id": name}, by_key) == before


def test_a_turn_after_the_end_is_refused_after_a_restart_too(restart: Restart) -> None:
    name = play(restart(), [DISMISS], **SEVEN)
    client = restart()
    by_id = client.post("/step", params={"episode_id": name}, json=DISMISS)
    by_key = client.post("/step", params=SEVEN, json=DISMISS)

    assert (by_id.status_code, by_id.json()["code"]) == (409, "already_done")
    assert (by_key.status_code, by_key.json()["code"]) == (409, "not_reset")


def test_of_several_the_newest_is_meant(restart: Restart) -> None:
    client = restart()
    older, newer = play(client, [MONITOR], **SEVEN), play(client, [DISMISS], **SEVEN)
    client = restart()

    for query, action in (
        (SEVEN, "dismiss"),
        ({"episode_id": older}, "monitor"),
        ({"episode_id": newer}, "dismiss"),
    ):
        answer = client.get("/grade", params=query).json()["answer"]
        assert answer["action"] == action


def test_what_the_book_forgot_for_want_of_places_is_still_known(
    restart: Restart,
) -> None:
    client = restart(max_episodes=1)
    name = play(client, [MONITOR], **SEVEN)
    client.post("/reset", params={"seed": 8})

    assert client.get("/grade", params={"episode_id": name}).status_code == 200
    assert client.get("/grade", params=SEVEN).status_code == 200


def test_an_episode_that_runs_is_graded_by_no_older_one(restart: Restart) -> None:
    play(restart(), [MONITOR], **SEVEN)
    client = restart()
    name = client.post("/reset", params=SEVEN).json()["episode_id"]

    for query in (SEVEN, {"episode_id": name}):
        answer = client.get("/grade", params=query)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_done")


def test_sessions_choose_ids_and_can_be_read_under_none(restart: Restart) -> None:
    client = restart()
    name = play(client, [MONITOR], **SEVEN)
    for asked in (name, "chosen"):
        with client.websocket_connect("/ws") as session:
            data = {"seed": 7, "episode_id": asked}
            session.send_json({"type": "reset", "data": data})
            session.receive_json()
            session.send_json({"type": "step", "data": DISMISS})
            assert session.receive_json()["data"]["done"]
    client = restart()

    own = client.get("/grade", params={"episode_id": name}).json()
    assert own["answer"]["action"] == "monitor"
    by_key = client.get("/grade", params=SEVEN).json()
    assert by_key["answer"]["action"] == "monitor"
    for path in ("/grade", "/state"):
        answer = client.get(path, params={"episode_id": "chosen"})
        assert answer.json()["code"] == "not_reset"


@pytest.mark.parametrize("query", [SEVEN, {"episode_id": "nil"}, {}])
def test_what_was_never_played_is_not_known(restart: Restart, query: Query) -> None:
    answer = restart().get("/grade", params=query)

    assert (answer.status_code, answer.json()["code"]) == (409, "not_reset")


def test_a_store_that_fails_leaves_the_episode_open_and_worth_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    payload = crafted()
    rewards = []
    with EpisodeStore.open(tmp_path / "episodes.db") as store:
        client = TestClient(build_app(store=store), raise_server_exceptions=False)
        for fails in (False, True):
            with client.websocket_connect("/ws") as session:
                data = {"seed": 5, "role": "attacker", "opponent": "always_dismiss"}
                session.send_json({"type": "reset", "data": data})
                session.receive_json()
                if fails:
                    store.close()
                    session.send_json({"type": "step", "data": payload})
                    refused = session.receive_json()
                    assert "nothing has changed" in refused["data"]["message"]
                    assert str(store.path) not in str(refused)
                    again = EpisodeStore.open(store.path)
                    monkeypatch.setattr(store, "_connection", again._connection)
                session.send_json({"type": "step", "data": payload})
                told = session.receive_json()["data"]
                rewards.append(told["reward"])

    assert told["done"]
    assert rewards[0] == rewards[1] > 1


def test_a_store_that_fails_is_told_to_callers_and_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with EpisodeStore.open(tmp_path / "episodes.db") as store:
        client = TestClient(build_app(store=store))
        client.post("/reset", params=SEVEN)
    refused = client.post("/step", params=SEVEN, json=MONITOR)

    assert (refused.status_code, refused.json()["code"]) == (503, "not_kept")
    assert not client.get("/state", params=SEVEN).json()["done"]
    assert f"could not be kept: {store.path}" in caplog.text
    assert f"{store.path}" not in refused.text


@pytest.mark.slow
def test_a_killed_server_grades_what_it_played_when_it_is_back(tmp_path: Path) -> None:
    path = tmp_path / "episodes.db"
    with served("--store", path) as (url, server), httpx.Client(base_url=url) as http:
        name = play(http, [MONITOR], **SEVEN)
        asked = ({"episode_id": name}, SEVEN)
        before = [http.get("/grade", params=query).content for query in asked]
        running = http.post("/reset", params={"seed": 9}).json()["episode_id"]
        os.kill(server.pid, signal.SIGKILL)
    with served("--store", path) as (url, _), httpx.Client(base_url=url) as http:
        after = [http.get("/grade", params=query).content for query in asked]
        lost = http.get("/grade", params={"episode_id": running}).json()

    assert after == before
    assert lost["code"] == "not_reset"
    with EpisodeStore.open(path) as store:
        assert store.count(Wanted(episode_id=name)) == 1
