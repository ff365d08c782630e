"""The client of the HTTP API; it needs only httpx and the messages.

`opensoc_env.client_async` has the same for asyncio. `docs/environment.md` says what is
tried again and which errors there are.
"""

from __future__ import annotations

import time
from itertools import count
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from opensoc_env import client_calls as calls
from opensoc_env.client_calls import (
    DEFAULT_URL,
    BusyError,
    ClientError,
    FieldError,
    Memory,
    RefusedError,
    Retries,
    ServerError,
    UnreachableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from opensoc_env.client_calls import Call
    from opensoc_env.models import EpisodeResult, EpisodeState, Observation

__all__ = [
    "DEFAULT_URL",
    "BusyError",
    "ClientError",
    "FieldError",
    "OpenSOCClient",
    "RefusedError",
    "Retries",
    "ServerError",
    "UnreachableError",
]

T = TypeVar("T")


class OpenSOCClient:
    """One caller of one server; remembers the episodes that it started.

    Threads that share a client name the episode they mean in every call.

    Args:
        base_url: Where the server listens.
        timeout: Seconds to wait for a connection, and for each part of an answer.
        api_key: The server's key, if it has one.
        retries: What is tried again; see `Retries`.
        transport: How requests travel; over the network by default.

    Example:
        >>> client = OpenSOCClient("http://127.0.0.1:7860")  # doctest: +SKIP
        >>> observation = client.reset(task="stage1_basic", seed=1)  # doctest: +SKIP
        >>> client.step({"submit_triage": {"action": "monitor"}})  # doctest: +SKIP
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        timeout: float = 30.0,
        api_key: str | None = None,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=base_url,
            timeout=timeout,
            headers=calls.headers_of(api_key),
            transport=transport,
        )
        self._retries = retries or Retries()
        self._memory = Memory()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def health(self) -> dict[str, Any]:
        """The server's state of health.

        Raises:
            ClientError: It can't be reached.
        """
        return self._send(calls.health_call())

    def ready(self) -> dict[str, Any]:
        """Says that the server can judge, and the digest of its policies.

        Raises:
            ClientError: It can't be reached, or is not ready.
        """
        return self._send(calls.ready_call())

    def tasks(self) -> list[dict[str, Any]]:
        """The curriculum.

        Raises:
            ClientError: The server can't be reached.
        """
        return self._send(calls.tasks_call())

    def reset(
        self,
        task: str = "stage1_basic",
        mode: str = "defender_only",
        seed: int | None = None,
        **more: str | int | None,
    ) -> Observation:
        """Start an episode.

        Args:
            task: Stage of the curriculum.
            mode: Who takes a turn.
            seed: Determines the episode; the server counts its own by default.
            **more: `index`, `split`, `role` and `opponent`, as `/reset` takes them.

        Raises:
            ClientError: The server refused.
        """
        query = {"task": task, "mode": mode, "seed": seed, **more}
        observation = self._send(calls.reset_call(query))
        self._memory.started(observation, seed)
        return observation

    def step(
        self,
        action: Mapping[str, Any],
        task: str | None = None,
        mode: str | None = None,
        seed: int | None = None,
        *,
        episode_id: str | None = None,
    ) -> Observation:
        """Take one turn in the episode that was started last, or in the one named.

        Raises:
            ClientError: The server refused.
        """
        named = {"episode_id": episode_id}
        is_named = episode_id is not None
        query = named if is_named else self._memory.meant(task, mode, seed)
        return self._send(calls.step_call(action, query))

    def state(self, *, episode_id: str | None = None) -> EpisodeState:
        """Where an episode stands.

        Raises:
            ClientError: The server refused.
        """
        return self._send(calls.state_call(self._memory.named(episode_id)))

    def grade(self, *, episode_id: str | None = None) -> EpisodeResult:
        """The breakdown of a finished episode.

        Raises:
            ClientError: The server refused, for example because it is not done.
        """
        return self._send(calls.grade_call(self._memory.named(episode_id)))

    def _send(self, call: Call[T]) -> T:
        for tried in count(1):
            outcome: httpx.Response | httpx.HTTPError
            try:
                outcome = self._http.request(**call.arguments())
            except httpx.HTTPError as error:
                outcome = error
            seconds = self._retries.wait(call, tried, outcome)
            if seconds is None:
                return call.finish(outcome)
            time.sleep(seconds)
        raise AssertionError("counting never ends")
