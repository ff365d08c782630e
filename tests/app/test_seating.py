"""Seats of people: how many there are, and when one is free again."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openenv", reason="needs the serve extra")

from starlette.applications import Starlette
from starlette.testclient import TestClient

from opensoc_app.seating import Chair, House, Room
from opensoc_env.episode import EpisodeError
from opensoc_env.server.app import Access, Demo, build_app
from opensoc_env.server.openenv_environment import OpenSOCEnvironment
from opensoc_env.server.tables import WAIT_SECONDS, Tables
from opensoc_env.store import EpisodeStore

TABLE = {"mode": "self_play", "opponent": "human", "episode_id": "t", "seed": 1}


def seated(room: Room, role: str = "defender", name: str = "t") -> Chair:
    chair = Chair(room)
    chair.come()
    chair.sit(**{**TABLE, "role": role, "episode_id": name})
    return chair


def room_at(tables: Tables, **more: float) -> Room:
    return Room(lambda: OpenSOCEnvironment(tables=tables), **more)  # type: ignore[arg-type]


def becomes(is_so: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.01)
    return is_so()


def test_a_browser_that_has_gone_frees_its_seat() -> None:
    tables = Tables(wait=0.0)
    room = room_at(tables, grace=0.01)
    seated(room).go()

    assert becomes(lambda: len(tables) == len(room) == 0)


def test_a_browser_that_comes_back_at_once_keeps_its_seat() -> None:
    tables = Tables(wait=0.0)
    chair = seated(room_at(tables, grace=0.05))
    chair.go()
    chair.come()
    time.sleep(0.2)

    assert len(tables) == 1
    assert chair.look().waits


def test_nobody_sits_down_for_a_browser_that_has_gone() -> None:
    tables = Tables(wait=0.0)
    room = room_at(tables)
    with pytest.raises(EpisodeError, match="the page has gone"):
        Chair(room).sit(**TABLE, role="defender")

    assert (len(tables), len(room)) == (0, 0)


def test_a_refused_reset_takes_no_seat() -> None:
    room = room_at(Tables(wait=0.0))
    with pytest.raises(EpisodeError, match="task"):
        seated(room).sit(**TABLE, role="defender", task="stage9")

    assert len(room) == 0


def test_seats_are_bounded_and_the_next_is_told_so() -> None:
    room = room_at(Tables(wait=0.0), limit=1)
    first = seated(room, name="a")
    with pytest.raises(EpisodeError, match="all 1 seats are taken"):
        seated(room, name="b")
    first.leave()

    assert seated(room, name="b").game


def test_an_idle_seat_goes_to_the_next_when_none_is_free() -> None:
    tables = Tables(wait=0.0)
    room = room_at(tables, limit=1, idle=0.0)
    idle = seated(room, name="a")
    seated(room, name="b")
    with pytest.raises(EpisodeError, match="was closed"):
        idle.look()

    assert len(tables) == 1


def test_to_leave_while_a_call_is_under_way_holds_up_nobody() -> None:
    entered, goes_on = threading.Event(), threading.Event()

    class Slow(OpenSOCEnvironment):
        def play(self, *_: object) -> None:
            with self._calls:
                entered.set()
                goes_on.wait(10)

    tables = Tables(wait=0.0)
    room = Room(lambda: Slow(tables=tables), grace=0.0)
    chair = seated(room)
    thread = threading.Thread(target=chair.play, args=("submit_triage", {}))
    thread.start()
    entered.wait(10)
    began = time.monotonic()
    chair.go()
    took = time.monotonic() - began
    goes_on.set()
    thread.join(10)

    assert took < 1
    assert becomes(lambda: len(tables) == 0)


@asynccontextmanager
async def while_it_serves(_: Any) -> AsyncIterator[None]:
    yield


def test_a_person_meets_the_callers_of_a_server_and_is_kept(tmp_path: Path) -> None:
    house = House()
    page = Demo(Starlette(), while_it_serves, house.use)
    with EpisodeStore.open(tmp_path / "kept.db") as store:
        app = build_app(demo=page, store=store)
        person = seated(house.room(), role="attacker")
        with TestClient(app).websocket_connect("/ws") as session:
            person.play("craft_incident", {})
            asked = {**TABLE, "role": "defender"}
            session.send_json({"type": "reset", "data": asked})
            told = session.receive_json()["data"]

        assert told["done"]
        assert [item.episode.episode_id for item in store.list()] == ["t"]
    assert person.look().seen.result is not None


def test_visitors_of_a_server_with_a_key_need_it() -> None:
    house = House()
    page = Demo(Starlette(), while_it_serves, house.use)
    build_app(demo=page, access=Access(api_key="tango"))

    assert house.room().lets_in("tango")
    assert not house.room().lets_in("")
    assert not house.room().lets_in("t\udcff")


def test_a_page_does_not_wait_where_a_socket_does() -> None:
    tables = Tables()
    began = time.monotonic()
    chair = seated(room_at(tables.at_once()))
    took = time.monotonic() - began

    assert chair.look().waits
    assert took < WAIT_SECONDS / 2 < 2.5
    assert len(tables) == 1
