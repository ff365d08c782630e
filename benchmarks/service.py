"""Load the server with sessions: `python -m benchmarks.service`.

An episode is a reset and a step of openenv's own client over a WebSocket. 1, 8 and 64
sessions play at once against an environment that does nothing, and against OpenSOC:
with each seed used once (`fresh`), eight times as in groups of rollouts (`group of 8`),
and again and again (`kept`). Each load has a server in a process of its own, so none
keeps or forgets what another one needs; the client has one more, so on few cores they
share. Rounds are interleaved; printed are medians: episodes a second, how many times
those of the empty environment, and microseconds of the server's CPU for an episode.

With `--memory N` it plays N episodes over 64 sessions instead, with a store, and prints
how much memory the server needs: a flat column leaks nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import multiprocessing
import resource
import sys
import time
from contextlib import ExitStack, contextmanager
from itertools import count, cycle
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from openenv.core.env_server import HTTPEnvServer
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import (
    Action,
    ConcurrencyConfig,
    Observation,
    State,
)
from openenv.core.generic_client import GenericEnvClient

from opensoc_env.models import TASKS
from opensoc_env.server.app import build_app
from opensoc_env.server.listen import listener
from opensoc_env.store import EpisodeStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

    import uvicorn

SESSIONS = (1, 8, 64)
GROUP = 8
KEPT = 128
STEPS = 10
# Loads use no seed of each other.
_starts = count(KEPT, 10**6)
_ANSWER = {"submit_triage": {"action": "monitor", "cited_log_id": "L1-0"}}


class EmptyAction(Action):
    """A turn that says nothing."""

    word: str = ""


class EmptyObservation(Observation):
    """An observation that shows nothing."""


class EmptyEnvironment(Environment[EmptyAction, EmptyObservation, State]):
    """An environment that does nothing: what the package itself costs."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def reset(self, *_: Any, **__: Any) -> EmptyObservation:
        """Begin."""
        return EmptyObservation(done=False, reward=None)

    def step(self, *_: Any, **__: Any) -> EmptyObservation:
        """End."""
        return EmptyObservation(done=True, reward=0.0)

    @property
    def state(self) -> State:
        """Nothing to tell."""
        return State(episode_id=None, step_count=0)


class Used(NamedTuple):
    """What a server has used so far.

    Attributes:
        memory: In megabytes, at most.
        seconds: Of CPU.
    """

    memory: float
    seconds: float


class Server(NamedTuple):
    """A server in a process of its own."""

    url: str
    used: Callable[[], Used]


class Rate(NamedTuple):
    """How fast episodes were played.

    Attributes:
        speed: Episodes in a second of the clock.
        cost: Microseconds of the server's CPU for an episode.
    """

    speed: float
    cost: float


def empty_server() -> uvicorn.Server:
    """The empty environment, served as the package does."""
    from fastapi import FastAPI  # noqa: PLC0415 - the server's process alone

    app = FastAPI()
    server = HTTPEnvServer(
        EmptyEnvironment,
        EmptyAction,
        EmptyObservation,
        concurrency_config=ConcurrencyConfig(
            max_concurrent_envs=max(SESSIONS), session_timeout=600
        ),
    )
    server.register_routes(app, mode="production")
    return listener(app, port=0)


def opensoc_server(store: str | None) -> uvicorn.Server:
    """OpenSOC without the demo."""
    kept = None if store is None else EpisodeStore.open(store)
    return listener(build_app(max_sessions=max(SESSIONS), store=kept), port=0)


def _serve(make: Callable[..., uvicorn.Server], pipe: Connection, *given: Any) -> None:
    """Run a server: say the port, then what it has used whenever that is asked for."""
    server = make(*given)
    gc.collect()
    gc.freeze()

    async def run() -> None:
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        pipe.send(server.servers[0].sockets[0].getsockname()[1])
        asyncio.get_running_loop().add_reader(pipe.fileno(), _answer, server, pipe)
        await serving

    asyncio.run(run())


def _answer(server: uvicorn.Server, pipe: Connection) -> None:
    try:
        pipe.recv()
        pipe.send(_used())
    except (EOFError, OSError):  # whoever measures is gone
        asyncio.get_running_loop().remove_reader(pipe.fileno())
        server.should_exit = True


@contextmanager
def running(make: Callable[..., uvicorn.Server], *given: Any) -> Iterator[Server]:
    """A server for as long as it is needed."""
    context = multiprocessing.get_context("spawn")
    near, far = context.Pipe()
    process = context.Process(target=_serve, args=(make, far, *given), daemon=True)
    process.start()

    def used() -> Used:
        near.send(None)
        return Used(*near.recv())

    try:
        yield Server(f"http://127.0.0.1:{near.recv()}", used)
    finally:
        process.terminate()
        process.join()


class Load:
    """Plays episodes against one server.

    Args:
        group: How many episodes in a row share a seed.
        seeds: After how many seeds the first one comes again; 0 for never.
        named: True if a reset names a task and a seed.
    """

    def __init__(
        self, server: Server, *, group: int = 1, seeds: int = 0, named: bool = True
    ) -> None:
        self._server = server
        self._group = group
        self._named = named
        self._seeds = cycle(range(seeds)) if seeds else count(next(_starts))

    def rate(self, sessions: int, episodes: int) -> Rate:
        """How fast so many sessions play episodes; connecting is not counted."""
        return asyncio.run(self._play(sessions, episodes))

    async def _play(self, sessions: int, episodes: int) -> Rate:
        url = self._server.url
        clients = [GenericEnvClient(base_url=url) for _ in range(sessions)]
        for client in clients:
            await client.connect()
        resets = self._resets()
        each = max(1, episodes // sessions)
        before, begin = self._server.used(), time.perf_counter()
        await asyncio.gather(*(self._session(c, each, resets) for c in clients))
        taken, after = time.perf_counter() - begin, self._server.used()
        await asyncio.gather(*(client.disconnect() for client in clients))
        played = each * sessions
        cost = (after.seconds - before.seconds) / played * 1e6
        return Rate(played / taken, cost)

    async def _session(
        self, client: GenericEnvClient, episodes: int, resets: Iterator[dict[str, Any]]
    ) -> None:
        action = _ANSWER if self._named else {"word": "monitor"}
        for _ in range(episodes):
            await client.reset(**next(resets))
            done = await client.step(action)
            assert done.done, "an episode ends with its answer"

    def _resets(self) -> Iterator[dict[str, Any]]:
        """Arguments of resets; sessions share them, so a group is played at once."""
        while not self._named:
            yield {}
        while True:
            seed = next(self._seeds)
            for _ in range(self._group):
                yield {"task": TASKS[seed % len(TASKS)], "seed": seed}


def table(episodes: int, rounds: int) -> Iterator[str]:
    """The rates of every load, line by line."""
    with ExitStack() as stack:

        def ours() -> Server:
            return stack.enter_context(running(opensoc_server, None))

        loads = {
            "empty": Load(stack.enter_context(running(empty_server)), named=False),
            f"group of {GROUP}": Load(ours(), group=GROUP),
            "fresh": Load(ours()),
            "kept": Load(ours(), seeds=KEPT),
        }
        for load in loads.values():
            load.rate(1, KEPT)
        yield f"{'sessions':>8} " + "".join(map(_head, loads))
        for sessions in SESSIONS:
            found: dict[str, list[Rate]] = {name: [] for name in loads}
            for _ in range(rounds):
                for name, load in loads.items():
                    found[name].append(load.rate(sessions, episodes))
            yield f"{sessions:>8} " + _cells(found)


def _head(name: str) -> str:
    return f"{name:>12} {'x':>5} {'us':>6}"


def _cells(found: dict[str, list[Rate]]) -> str:
    """Medians of speeds, of their ratios to the first in the same round, of costs."""
    first = next(iter(found.values()))
    cells = []
    for rates in found.values():
        speed, cost = map(median, zip(*rates, strict=True))
        ratio = median(a.speed / b.speed for a, b in zip(rates, first, strict=True))
        cells.append(f"{speed:>12.0f} {ratio:>5.2f} {cost:>6.0f}")
    return "".join(cells)


def memory(episodes: int) -> Iterator[str]:
    """How much memory the server has needed, line by line."""
    part = max(1, episodes // STEPS)
    with TemporaryDirectory() as folder:
        path = str(Path(folder) / "episodes.db")
        with running(opensoc_server, path) as ours:
            load = Load(ours, group=GROUP)
            for done in range(part, episodes + 1, part):
                speed = load.rate(max(SESSIONS), part).speed
                peak = ours.used().memory
                yield f"{done:>8} episodes {peak:8.1f} MB {speed:8.0f} a second"
            with EpisodeStore.open(path) as store:
                yield f"{store.count():>8} in the store"


def _used() -> Used:
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    return Used(peak, time.process_time())


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=960)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", type=int, default=0, metavar="N")
    given = parser.parse_args()
    lines = (
        memory(given.memory) if given.memory else table(given.episodes, given.rounds)
    )
    for line in lines:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
