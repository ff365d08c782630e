"""What the clients send and how they read answers; nothing here touches a network.

A call says whether it may be sent again: reading may, and so may a `/reset` with a
seed, since the same seed starts the same episode. A turn may not, unless nothing of it
was sent or the server says that it did nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeAlias, TypeVar

import httpx

from opensoc_engine.errors import OpenSocError
from opensoc_env.models import EpisodeResult, EpisodeState, Observation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Outcome: TypeAlias = httpx.Response | httpx.HTTPError
    Query: TypeAlias = Mapping[str, str | int | None]

T = TypeVar("T")
DEFAULT_URL = "http://127.0.0.1:7860"
_MAX_SHOWN = 200
_BUSY = 429
_SERVER_FAULTS = 500
# A proxy says these when the server did not answer it.
_PASSING = frozenset({502, 503, 504})
# Nothing of the request has left when these happen.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# What reading an answer raises if no server of OpenSOC wrote it.
_UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
# As many as the server keeps.
_REMEMBERED = 1024


class FieldError(NamedTuple):
    """A field that was wrong, and what was expected of it."""

    field: str
    detail: str


class ClientError(OpenSocError):
    """A call that brought nothing.

    Attributes:
        status: HTTP status; 0 if there was no answer.
        code: The problem's code, such as `already_done`.
        detail: What was wrong, in words.
        errors: Each field that was wrong.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: tuple[FieldError, ...] = (),
    ) -> None:
        named = "".join(f"; {error.field}: {error.detail}" for error in errors)
        super().__init__(f"{code}: {detail}{named}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors


class UnreachableError(ClientError):
    """There was no answer. A turn may have been taken all the same: ask for `state`."""


class RefusedError(ClientError):
    """The server refused; the call is wrong, or it is not its time."""


class BusyError(RefusedError):
    """The server has no place, or the client asks too often; it did nothing."""


class ServerError(ClientError):
    """The server failed, or answered what no server of OpenSOC answers."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request.

    Attributes:
        read: Makes the result from the JSON of the answer.
        is_repeatable: True if sending it twice does no harm.
    """

    method: str
    path: str
    read: Callable[[Any], T]
    query: Query = field(default_factory=dict)
    body: Any = None
    is_repeatable: bool = True

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of httpx's `request`."""
        given = {name: value for name, value in self.query.items() if value is not None}
        return {
            "method": self.method,
            "url": self.path,
            "params": given,
            "json": self.body,
        }

    def finish(self, outcome: Outcome) -> T:
        """The result.

        Raises:
            ClientError: There is none.
        """
        if isinstance(outcome, httpx.HTTPError):
            raise UnreachableError(0, "unreachable", _describe(outcome)) from outcome
        if not outcome.is_success:
            raise _refusal(outcome)
        try:
            return self.read(outcome.json())
        except _UNREADABLE:
            text = "the answer is not one of OpenSOC; is this the right address?"
            raise ServerError(outcome.status_code, "bad_answer", text) from None


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a call is sent again, and how long to wait before.

    Attributes:
        attempts: How often a call is sent at most; 1 for no retries.
        first_wait: Seconds before the second attempt; they double each time.
        longest_wait: More is never waited, whatever the server asks for.
    """

    attempts: int = 4
    first_wait: float = 0.2
    longest_wait: float = 5.0

    def wait(self, call: Call[Any], tried: int, outcome: Outcome) -> float | None:
        """Seconds to wait before the next attempt; None if there is to be none.

        Args:
            call: What was sent.
            tried: How often it was sent.
            outcome: What came of it the last time.
        """
        if tried >= self.attempts or not _may_repeat(call, outcome):
            return None
        doubled = self.first_wait * 2.0 ** (tried - 1)
        return min(self.longest_wait, max(doubled, _asked_wait(outcome)))


class Memory:
    """Which episodes a client has started."""

    def __init__(self) -> None:
        self._latest: str | None = None
        self._by_key: OrderedDict[tuple[str, str, int | None], str] = OrderedDict()

    def started(self, observation: Observation, seed: int | None) -> None:
        """Remember an episode by what it was asked for."""
        self._latest = observation.episode_id
        key = (observation.task, observation.mode, seed)
        self._by_key[key] = observation.episode_id
        self._by_key.move_to_end(key)
        if len(self._by_key) > _REMEMBERED:
            self._by_key.popitem(last=False)

    def named(self, episode_id: str | None) -> str:
        """The id that a caller gave, or else that of the episode started last.

        The server would take no id for the oldest episode of anybody.

        Raises:
            RefusedError: None was started here.
        """
        name = self._latest if episode_id is None else episode_id
        if name is None:
            text = "no episode was started here: call reset, or name one by episode_id"
            raise RefusedError(0, "not_reset", text)
        return name

    def meant(self, task: str | None, mode: str | None, seed: int | None) -> Query:
        """How to name the episode of a task, mode and seed to the server.

        Without a task it is the one that was started last. One that was not started
        here is left to the server, which knows it or says so.

        Raises:
            RefusedError: Neither a task is given nor was an episode started here.
        """
        if task is None:
            return {"episode_id": self.named(None)}
        mode = mode or "defender_only"
        known = self._by_key.get((task, mode, seed))
        asked: Query = {"task": task, "mode": mode, "seed": seed}
        return {"episode_id": known} if known else asked


def health_call() -> Call[dict[str, Any]]:
    """Whether the server answers."""
    return Call("GET", "/health", dict)


def ready_call() -> Call[dict[str, Any]]:
    """Whether it can judge, and by which policies."""
    return Call("GET", "/readyz", dict)


def tasks_call() -> Call[list[dict[str, Any]]]:
    """The curriculum."""
    return Call("GET", "/tasks", lambda told: list(told["tasks"]))


def reset_call(query: Query) -> Call[Observation]:
    """Start an episode."""
    seeded = query.get("seed") is not None
    return Call(
        "POST",
        "/reset",
        Observation.model_validate,
        query=query,
        is_repeatable=seeded,
    )


def step_call(action: Mapping[str, Any], query: Query) -> Call[Observation]:
    """Take a turn."""
    return Call(
        "POST",
        "/step",
        Observation.model_validate,
        query=query,
        body=dict(action),
        is_repeatable=False,
    )


def state_call(episode_id: str) -> Call[EpisodeState]:
    """Where an episode stands."""
    named = {"episode_id": episode_id}
    return Call("GET", "/state", EpisodeState.model_validate, query=named)


def grade_call(episode_id: str) -> Call[EpisodeResult]:
    """What came of an episode."""
    named = {"episode_id": episode_id}
    return Call("GET", "/grade", EpisodeResult.model_validate, query=named)


def headers_of(api_key: str | None) -> httpx.Headers:
    """The headers of every request."""
    named = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    return httpx.Headers(named, encoding="utf-8")


def _may_repeat(call: Call[Any], outcome: Outcome) -> bool:
    if isinstance(outcome, _UNSENT):
        return True
    if isinstance(outcome, httpx.HTTPError):
        is_passing = isinstance(outcome, httpx.TransportError) and not isinstance(
            outcome, httpx.UnsupportedProtocol
        )
        return is_passing and call.is_repeatable
    if outcome.status_code == _BUSY:
        return True
    return outcome.status_code in _PASSING and call.is_repeatable


def _asked_wait(outcome: Outcome) -> float:
    """Seconds that the server asks for; 0 if it asks for none."""
    if isinstance(outcome, httpx.HTTPError):
        return 0.0
    told = outcome.headers.get("retry-after", "")
    return float(told) if told.isdecimal() else 0.0


def _describe(error: httpx.HTTPError) -> str:
    kind = type(error).__name__
    return f"no answer from {error.request.url.copy_with(query=None)}: {error or kind}"


def _kind_of(status: int) -> type[ClientError]:
    if status >= _SERVER_FAULTS:
        return ServerError
    return BusyError if status == _BUSY else RefusedError


def _refusal(answer: httpx.Response) -> ClientError:
    status = answer.status_code
    kind = _kind_of(status)
    try:
        told = answer.json()
        errors = tuple(
            FieldError(item["field"], item["detail"]) for item in told.get("errors", ())
        )
        return kind(status, told["code"], told["detail"], errors)
    except _UNREADABLE:
        said = answer.text[:_MAX_SHOWN] or answer.reason_phrase
        return kind(status, "http_error", f"status {status}: {said}")
