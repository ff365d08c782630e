"""What a session waits for holds up no other session of the same event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from typing import Any

import pytest

pytest.importorskip("openenv", reason="needs the serve extra")

from opensoc_env.episode import EpisodeError
from opensoc_env.finished import FinishedEpisode
from opensoc_env.server.one_at_a_time import OneAtATime
from opensoc_env.server.openenv_environment import OpenSOCEnvironment
from opensoc_env.server.openenv_messages import TriageAction, TriageObservation
from opensoc_env.server.tables import Tables

DISMISS = TriageAction(submit_triage={"action": "dismiss"})
LONG = 20.0


async def episode(environment: OpenSOCEnvironment, **asked: Any) -> TriageObservation:
    await environment.reset_async(seed=1, task="stage1_basic", **asked)
    done: TriageObservation = await environment.step_async(DISMISS)
    return done


async def until(happened: Callable[[], object]) -> None:
    while not happened():  # noqa: ASYNC110 - it happens in a thread
        await asyncio.sleep(0.01)


def test_an_episode_is_the_same_whoever_waits() -> None:
    waiting = OpenSOCEnvironment()
    waiting.reset(seed=1, task="stage1_basic")

    assert asyncio.run(episode(OpenSOCEnvironment())) == waiting.step(DISMISS)


def test_a_session_at_a_table_holds_up_no_other() -> None:
    tables = Tables(wait=LONG)
    table = {"role": "defender", "opponent": "human", "episode_id": "t"}

    async def play() -> tuple[bool, TriageObservation]:
        seated = OpenSOCEnvironment(tables=tables)
        waits = asyncio.ensure_future(seated.reset_async(seed=1, **table))
        await until(lambda: len(tables))
        done = await episode(OpenSOCEnvironment())
        still_waits = not waits.done()
        other = OpenSOCEnvironment(tables=tables)
        craft = TriageAction(craft_incident={})
        await other.reset_async(seed=1, **(table | {"role": "attacker"}))
        await other.step_async(craft)
        return still_waits, (await waits) if done.done else done

    still_waits, seen = asyncio.run(play())

    assert still_waits
    assert seen.done


def test_a_store_that_waits_for_its_disk_holds_up_no_other() -> None:
    busy, disk = Event(), Event()

    def keep(_: FinishedEpisode) -> None:
        busy.set()
        assert disk.wait(LONG)

    async def play() -> bool:
        stored = OpenSOCEnvironment(on_finish=keep, finish_blocks=True)
        waits = asyncio.ensure_future(episode(stored))
        await until(busy.is_set)
        await episode(OpenSOCEnvironment())
        held_up = waits.done()
        disk.set()
        return (await waits).done and not held_up

    assert asyncio.run(play())


def test_a_session_that_is_busy_elsewhere_holds_up_no_other() -> None:
    busy, free = Event(), Event()

    def keep(_: FinishedEpisode) -> None:
        busy.set()
        assert free.wait(LONG)

    async def play() -> str:
        shared = OpenSOCEnvironment(on_finish=keep)
        shared.reset(seed=1, task="stage1_basic")
        with ThreadPoolExecutor() as pool:
            by_tool = pool.submit(shared.play, "submit_triage", {"action": "dismiss"})
            await until(busy.is_set)
            by_socket = asyncio.ensure_future(shared.step_async(DISMISS))
            await asyncio.sleep(0)
            await episode(OpenSOCEnvironment())
            free.set()
            with pytest.raises(EpisodeError) as refusal:
                await by_socket
            assert by_tool.result().done
        return refusal.value.code

    assert asyncio.run(play()) == "already_done"


@pytest.mark.parametrize("call", ["reset_async", "step_async"])
def test_after_close_every_call_fails(call: str) -> None:
    environment = OpenSOCEnvironment()
    asyncio.run(episode(environment))
    environment.close()
    given = () if call == "reset_async" else (DISMISS,)

    with pytest.raises(EpisodeError, match="the session was closed"):
        asyncio.run(getattr(environment, call)(*given))


def test_the_lock_is_taken_by_one_and_free_again_after_an_error() -> None:
    calls = OneAtATime()
    with calls.at_once(wanted=True) as first, calls.at_once(wanted=True) as second:
        assert (first, second) == (True, False)
    with pytest.raises(ZeroDivisionError), calls.at_once(wanted=True):
        _ = 1 / 0
    with calls.at_once(wanted=False) as unwanted, calls:
        assert not unwanted


def test_calls_in_the_thread_come_one_after_the_other() -> None:
    calls, inside, seen = OneAtATime(), Lock(), []

    def call() -> None:
        with calls:
            seen.append(inside.acquire(blocking=False))
            inside.release()

    async def both() -> None:
        await asyncio.gather(*(calls.in_thread(call) for _ in range(8)))

    asyncio.run(both())
    calls.end()

    assert seen == [True] * 8
