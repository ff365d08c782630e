"""What a server counts, for Prometheus.

Nothing is counted by truth, and rewards only when an episode is done: with one client,
a counter that moves is an answer. Labels come from fixed sets, so a client can't make
the page grow.
"""

from __future__ import annotations

import json
import time
from functools import lru_cache
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest

from opensoc_env.server.problems import SCOPE_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from opensoc_env.finished import FinishedEpisode
    from opensoc_env.models import Mode, TaskName

# The rubrics pay between -1 and 1.2; edges lie between the values that they pay.
_REWARDS = (-0.9, -0.55, -0.25, 0.0, 0.5, 0.95, 1.0, 1.1, 1.2)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_ERROR_FRAME = '{"type":"error"'


class Metrics:
    """The counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("task", "mode")
        self._started = Counter(
            "opensoc_episodes_started",
            "Episodes that were started.",
            labels,
            registry=self.registry,
        )
        self._finished = Counter(
            "opensoc_episodes_finished",
            "Episodes that are done.",
            labels,
            registry=self.registry,
        )
        self._rewards = Histogram(
            "opensoc_reward",
            "Rewards of episodes that are done.",
            ("side",),
            buckets=_REWARDS,
            registry=self.registry,
        )
        # A histogram with values below zero shows no sum.
        self._earned = Gauge(
            "opensoc_reward_earned",
            "Sum of the rewards of episodes that are done.",
            ("side",),
            registry=self.registry,
        )
        self._refusals = Counter(
            "opensoc_refusals",
            "Calls that were refused, by code.",
            ("code",),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "opensoc_request_seconds",
            "How long a request took to be answered.",
            ("route",),
            buckets=_SECONDS,
            registry=self.registry,
        )

        # Labels are looked up under a lock, at every episode of every session.
        self._started_of = lru_cache(self._started.labels)
        self._finished_of = lru_cache(self._finished.labels)
        self._rewards_of = lru_cache(self._rewards.labels)
        self._earned_of = lru_cache(self._earned.labels)

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Show a number that something else keeps."""
        Gauge(name, text, registry=self.registry).set_function(value)

    def started(self, task: TaskName, mode: Mode) -> None:
        """Count an episode that began."""
        self._started_of(task, mode).inc()

    def finished(self, episode: FinishedEpisode) -> None:
        """Count an episode that is done, and what it paid."""
        self._finished_of(episode.task, episode.mode).inc()
        result = episode.result
        paid = {"defender": result.reward, "attacker": result.attacker_reward}
        for side, reward in paid.items():
            if reward is not None:
                self._rewards_of(side).observe(reward)
                self._earned_of(side).inc(reward)

    def refused(self, code: str) -> None:
        """Count a refusal."""
        self._refusals.labels(code).inc()

    def answered(self, route: str, seconds: float) -> None:
        """Count a request."""
        self._seconds.labels(route).observe(seconds)

    def page(self) -> bytes:
        """All of it, in the text format of Prometheus."""
        return generate_latest(self.registry)


class Measured:
    """An ASGI layer that counts answers and refusals of all layers behind it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on and count what came of it."""
        if scope["type"] == "http":
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = time.perf_counter()
        try:
            await self.app(scope, receive, send)
        except Exception:
            # The layer that answers it is in front of this one.
            self.metrics.refused("internal_error")
            raise
        finally:
            self.metrics.answered(_route_of(scope), time.perf_counter() - begun)
            self._count_problem(scope)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counted(message: Message) -> None:
            code = _code_of(message.get("text") or "")
            if code:
                self.metrics.refused(code)
            await send(message)

        try:
            await self.app(scope, receive, counted)
        finally:
            self._count_problem(scope)

    def _count_problem(self, scope: Scope) -> None:
        code = scope.get(SCOPE_KEY)
        if code is not None:
            self.metrics.refused(code)


def _route_of(scope: Scope) -> str:
    """The route's own pattern; paths that nobody serves are one."""
    return getattr(scope.get("route"), "path", "other")


def _code_of(frame: str) -> str:
    """The code of an error frame of `openenv`; empty for other frames."""
    if not frame.startswith(_ERROR_FRAME):
        return ""
    code = json.loads(frame).get("data", {}).get("code", "")
    return str(code).lower()
