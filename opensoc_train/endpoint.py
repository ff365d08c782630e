"""Chats become completions of a model behind an OpenAI-compatible endpoint.

Requests go out a few at a time and come back in order. Only what may pass by itself is
tried again: 429 and 5xx, after the pause that the server asks for. Everything else ends
the run with one line that names the endpoint and what to do. Replies are read up to a
bound, and no key, header or body is ever part of an error.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from opensoc_engine.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opensoc_train.prompts import ChatMessage

KEY_VARIABLE = "OPENSOC_API_KEY"
MAX_REPLY_BYTES = 1_000_000
_RETRIES = 4
_MAX_PAUSE = 30.0
_TOO_MANY = 429
_SERVER_ERRORS = range(500, 600)
_OK = 200
_HELP = {
    400: "the endpoint refused the request; does it know the model and `max_tokens`?",
    401: f"set {KEY_VARIABLE} to a valid key",
    403: f"the key in {KEY_VARIABLE} may not use this model",
    404: "no such address or model; the endpoint mostly ends with `/v1`",
}


@dataclass(frozen=True, slots=True)
class EndpointModel:
    """A model behind `URL/chat/completions`.

    Attributes:
        url: The endpoint, such as `http://127.0.0.1:8000/v1`.
        model: The model's name there.
        key: Sent as a bearer token if it is not empty.
        timeout: Seconds that one request may take.
        workers: Requests under way at once.
        pause: How to wait; tests give their own.
    """

    url: str
    model: str
    key: str = field(default="", repr=False)
    max_tokens: int = 512
    timeout: float = 120.0
    workers: int = 4
    pause: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise InputError(
                f"endpoint `{self.url}` is no address; expected one such as "
                "`http://127.0.0.1:8000/v1`"
            )

    @property
    def name(self) -> str:
        """The model's name."""
        return self.model

    def complete(self, chats: Sequence[Sequence[ChatMessage]]) -> list[str]:
        """One completion for each chat.

        Raises:
            InputError: The endpoint can't be reached, refuses or talks nonsense.
        """
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        limits = httpx.Timeout(self.timeout, connect=min(10.0, self.timeout))
        with (
            httpx.Client(headers=headers, timeout=limits) as client,
            ThreadPoolExecutor(self.workers) as pool,
        ):
            return list(pool.map(lambda chat: self._ask(client, chat), chats))

    def _ask(self, client: httpx.Client, chat: Sequence[ChatMessage]) -> str:
        body = {
            "model": self.model,
            "messages": list(chat),
            "temperature": 0,
            "max_tokens": self.max_tokens,
        }
        for attempt in range(_RETRIES + 1):
            status, content, wait = self._post(client, body)
            if status == _OK:
                return self._text_of(content)
            passing = status == _TOO_MANY or status in _SERVER_ERRORS
            if not passing or attempt == _RETRIES:
                break
            self.pause(min(_MAX_PAUSE, wait if wait is not None else 2.0**attempt))
        advice = _HELP.get(status, "try again later" if passing else "check the URL")
        raise self._error(f"answered with HTTP status {status}", advice)

    def _post(
        self, client: httpx.Client, body: dict[str, Any]
    ) -> tuple[int, bytes, float | None]:
        """Status, bounded content and the pause that the server asks for."""
        target = f"{self.url.rstrip('/')}/chat/completions"
        try:
            with client.stream("POST", target, json=body) as response:
                content = bytearray()
                for chunk in response.iter_bytes():
                    content += chunk
                    if len(content) > MAX_REPLY_BYTES:
                        raise self._error(
                            f"sent more than {MAX_REPLY_BYTES} bytes",
                            "is this a chat completions endpoint?",
                        )
                wait = _seconds(response.headers.get("retry-after", ""))
                return response.status_code, bytes(content), wait
        except httpx.TimeoutException:
            advice = "is it overloaded? Allow more with `--timeout`"
            raise self._error(f"gave no answer in {self.timeout:g} s", advice) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            reason = type(error).__name__
            advice = "is the server running, and is the URL right?"
            raise self._error(f"can't be reached ({reason})", advice) from None

    def _read(self, response: httpx.Response) -> bytes:
        """The content, bounded in bytes and, against a trickle, in time."""
        deadline = time.monotonic() + self.timeout
        content = bytearray()
        for chunk in response.iter_bytes():
            content += chunk
            if len(content) > MAX_REPLY_BYTES:
                what = f"sent more than {MAX_REPLY_BYTES} bytes"
                raise self._error(what, "is this a chat completions endpoint?")
            if time.monotonic() > deadline:
                raise TimeoutError
        return bytes(content)

    def _text_of(self, content: bytes) -> str:
        try:
            text = json.loads(content)["choices"][0]["message"]["content"]
        except (ValueError, RecursionError, LookupError, TypeError):
            text = 0
        if text is None:
            return ""  # a model that ran out of tokens while it thought
        if not isinstance(text, str):
            raise self._error(
                "sent something other than a chat completion",
                "the endpoint must speak the OpenAI chat completions protocol",
            )
        return text

    def _error(self, what: str, advice: str) -> InputError:
        return InputError(f"endpoint `{self.url}` {what}; {advice}")


def _seconds(text: str) -> float | None:
    """A pause in seconds; a date, which servers may send too, is not followed."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None  # noqa: PLR2004
