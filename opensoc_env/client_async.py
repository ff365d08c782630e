"""The client of the HTTP API for asyncio: `opensoc_env.client` with `await`."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from opensoc_env import client_calls as calls
from opensoc_env.client_calls import DEFAULT_URL, Memory, Retries

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from opensoc_env.client_calls import Call
    from opensoc_env.models import EpisodeResult, EpisodeState, Observation

T = TypeVar("T")


class AsyncOpenSOCClient:
    """One caller of one server; remembers the episodes that it started.

    Tasks that share a client name the episode they mean in every call. Arguments and
    errors are those of `OpenSOCClient`.
    """

    def __init__(
        self,
        base_url: str = DEFAULT_URL,
        *,
        timeout: float = 30.0,
        api_key: str | None = None,
        retries: Retries | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._http = httpx.AsyncClient(
            base_url=base_url,
            timeout=timeout,
            headers=calls.headers_of(api_key),
            transport=transport,
        )
        self._retries = retries or Retries()
        self._memory = Memory()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def health(self) -> dict[str, Any]:
        """The server's state of health.

        Raises:
            ClientError: It can't be reached.
        """
        return await self._send(calls.health_call())

    async def ready(self) -> dict[str, Any]:
        """Says that the server can judge, and the digest of its policies.

        Raises:
            ClientError: It can't be reached, or is not ready.
        """
        return await self._send(calls.ready_call())

    async def tasks(self) -> list[dict[str, Any]]:
        """The curriculum.

        Raises:
            ClientError: The server can't be reached.
        """
        return await self._send(calls.tasks_call())

    async def reset(
        self,
        task: str = "stage1_basic",
        mode: str = "defender_only",
        seed: int | None = None,
        **more: str | int | None,
    ) -> Observation:
        """Start an episode; see `OpenSOCClient.reset`.

        Raises:
            ClientError: The server refused.
        """
        query = {"task": task, "mode": mode, "seed": seed, **more}
        observation = await self._send(calls.reset_call(query))
        self._memory.started(observation, seed)
        return observation

    async def step(
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
        return await self._send(calls.step_call(action, query))

    async def state(self, *, episode_id: str | None = None) -> EpisodeState:
        """Where an episode stands.

        Raises:
            ClientError: The server refused.
        """
        return await self._send(calls.state_call(self._memory.named(episode_id)))

    async def grade(self, *, episode_id: str | None = None) -> EpisodeResult:
        """The breakdown of a finished episode.

        Raises:
            ClientError: The server refused, for example because it is not done.
        """
        return await self._send(calls.grade_call(self._memory.named(episode_id)))

    async def _send(self, call: Call[T]) -> T:
        for tried in count(1):
            outcome: httpx.Response | httpx.HTTPError
            try:
                outcome = await self._http.request(**call.arguments())
            except httpx.HTTPError as error:
                outcome = error
            seconds = self._retries.wait(call, tried, outcome)
            if seconds is None:
                return call.finish(outcome)
            await asyncio.sleep(seconds)
        raise AssertionError("counting never ends")
