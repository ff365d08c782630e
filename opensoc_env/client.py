"""A thin client of the HTTP API; it needs only httpx and the messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import httpx

from opensoc_engine.errors import OpenSocError
from opensoc_env.models import EpisodeResult, EpisodeState, Observation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

DEFAULT_URL = "http://127.0.0.1:7860"


class ClientError(OpenSocError):
    """The server refused a call, or can't be reached.

    Attributes:
        status: HTTP status; 0 if there was no answer.
        code: The problem's code, such as `already_done`.
    """

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code


class OpenSOCClient:
    """One caller of one server; remembers the episode that it started last.

    Example:
        >>> client = OpenSOCClient("http://127.0.0.1:7860")  # doctest: +SKIP
        >>> observation = client.reset(task="stage1_basic", seed=1)  # doctest: +SKIP
        >>> client.step({"submit_triage": {"action": "monitor"}})  # doctest: +SKIP
    """

    def __init__(self, base_url: str = DEFAULT_URL, *, timeout: float = 30.0) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=timeout)
        self._episodes: dict[tuple[str, str, int | None], str] = {}
        self._latest: str | None = None

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
        return dict(self._call("GET", "/health"))

    def tasks(self) -> list[dict[str, Any]]:
        """The curriculum.

        Raises:
            ClientError: The server can't be reached.
        """
        return list(self._call("GET", "/tasks")["tasks"])

    def reset(
        self,
        task: str = "stage1_basic",
        mode: str = "defender_only",
        seed: int | None = None,
    ) -> Observation:
        """Start an episode.

        Raises:
            ClientError: The server refused.
        """
        answer = self._call("POST", "/reset", task=task, mode=mode, seed=seed)
        observation = Observation.model_validate(answer)
        self._latest = observation.episode_id
        self._episodes[task, mode, seed] = observation.episode_id
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
        wanted = episode_id or self._known(task, mode, seed)
        answer = self._call("POST", "/step", body=dict(action), episode_id=wanted)
        return Observation.model_validate(answer)

    def state(self, *, episode_id: str | None = None) -> EpisodeState:
        """Where an episode stands.

        Raises:
            ClientError: The server refused.
        """
        answer = self._call("GET", "/state", episode_id=episode_id or self._latest)
        return EpisodeState.model_validate(answer)

    def grade(self, *, episode_id: str | None = None) -> EpisodeResult:
        """The breakdown of a finished episode.

        Raises:
            ClientError: The server refused, for example because it is not done.
        """
        answer = self._call("GET", "/grade", episode_id=episode_id or self._latest)
        return EpisodeResult.model_validate(answer)

    def _known(
        self, task: str | None, mode: str | None, seed: int | None
    ) -> str | None:
        if task is None or mode is None:
            return self._latest
        return self._episodes.get((task, mode, seed), self._latest)

    def _call(
        self, method: str, path: str, *, body: Any = None, **query: str | int | None
    ) -> Any:
        given = {name: value for name, value in query.items() if value is not None}
        try:
            answer = self._http.request(method, path, params=given, json=body)
        except httpx.HTTPError as error:
            text = f"no answer from {self._http.base_url}: {error}"
            raise ClientError(0, "unreachable", text) from None
        if answer.is_success:
            return answer.json()
        raise _refusal(answer)


def _refusal(answer: httpx.Response) -> ClientError:
    try:
        told = answer.json()
        return ClientError(answer.status_code, told["code"], told["detail"])
    except (ValueError, KeyError, TypeError):
        return ClientError(answer.status_code, "http_error", answer.text[:200])
