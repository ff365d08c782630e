"""Chats become completions of a model behind an OpenAI-compatible endpoint.

Requests go out a few at a time and come back in order. Only what may pass by itself is
tried again: 429 and 5xx, after the pause that the server asks for. Everything else ends
the run with one line that names the endpoint and what to do. Replies are bounded in
bytes and time, however they trickle, and no key, header or body is part of an error.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from anyio.from_thread import start_blocking_portal

from opensoc_engine.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

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
    401: "set {key} to a valid key",
    403: "the key in {key} may not use this model",
    404: "no such address or model; the endpoint mostly ends with `/v1`",
}


@dataclass(frozen=True, slots=True)
class EndpointModel:
    """A model behind `URL/chat/completions`.

    Attributes:
        url: The endpoint, such as `http://127.0.0.1:8000/v1`.
        model: The model's name there.
        key: Sent as a bearer token if it is not empty.
        key_variable: Where the key came from, for advice.
        timeout: Seconds that one request may take.
        patience: Seconds that a chat may take with all its requests and pauses, if
            there is a limit.
        workers: Requests under way at once.
        pause: How to wait; tests give their own.
    """

    url: str
    model: str
    key: str = field(default="", repr=False)
    key_variable: str = KEY_VARIABLE
    max_tokens: int = 512
    timeout: float = 120.0
    patience: float | None = None
    workers: int = 4
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

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
        # An event loop of its own, since the caller may be in one already.
        with start_blocking_portal() as portal:
            return portal.call(self._complete, chats)

    async def _complete(self, chats: Sequence[Sequence[ChatMessage]]) -> list[str]:
        """A completion for each chat, a few at a time; the first failure ends all."""
        turns = asyncio.Semaphore(self.workers)
        limits = httpx.Timeout(self.timeout, connect=min(10.0, self.timeout))
        async with httpx.AsyncClient(headers=self._headers(), timeout=limits) as client:

            async def ask(chat: Sequence[ChatMessage]) -> str:
                async with turns:
                    return await self._ask(client, chat)

            asked = [asyncio.create_task(ask(chat)) for chat in chats]
            try:
                return await asyncio.gather(*asked)
            finally:
                for task in asked:
                    task.cancel()

    def _headers(self) -> dict[str, str]:
        """The headers; a compressed reply could be larger than its bound."""
        plain = {"Accept-Encoding": "identity"}
        return plain | ({"Authorization": f"Bearer {self.key}"} if self.key else {})

    async def _ask(self, client: httpx.AsyncClient, chat: Sequence[ChatMessage]) -> str:
        body = {
            "model": self.model,
            "messages": list(chat),
            "temperature": 0,
            "max_tokens": self.max_tokens,
        }
        try:
            async with asyncio.timeout(self.patience):
                return await self._asked(client, body)
        except TimeoutError:
            raise self._late(self.patience or 0.0) from None

    async def _asked(self, client: httpx.AsyncClient, body: dict[str, Any]) -> str:
        for attempt in range(_RETRIES + 1):
            status, content, wait = await self._post(client, body)
            if status == _OK:
                return self._text_of(content)
            passing = status == _TOO_MANY or status in _SERVER_ERRORS
            if not passing or attempt == _RETRIES:
                break
            pause = wait if wait is not None else 2.0**attempt
            await self.pause(min(_MAX_PAUSE, pause))
        advice = _HELP.get(status, "try again later" if passing else "check the URL")
        advice = advice.format(key=self.key_variable)
        raise self._error(f"answered with HTTP status {status}", advice)

    async def _post(
        self, client: httpx.AsyncClient, body: dict[str, Any]
    ) -> tuple[int, bytes, float | None]:
        """Status, bounded content and the pause that the server asks for."""
        target = f"{self.url.rstrip('/')}/chat/completions"
        try:
            async with (
                asyncio.timeout(self.timeout),
                client.stream("POST", target, json=body) as response,
            ):
                content = await self._read(response)
        except (TimeoutError, httpx.TimeoutException):
            raise self._late(self.timeout) from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            reason = type(error).__name__
            advice = "is the server running, and is the URL right?"
            raise self._error(f"can't be reached ({reason})", advice) from None
        wait = _seconds(response.headers.get("retry-after", ""))
        return response.status_code, content, wait

    async def _read(self, response: httpx.Response) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_raw():
            content += chunk
            if len(content) > MAX_REPLY_BYTES:
                what = f"sent more than {MAX_REPLY_BYTES} bytes"
                raise self._error(what, "is this a chat completions endpoint?")
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

    def _late(self, seconds: float) -> InputError:
        what = f"gave no answer in {seconds:g} s"
        return self._error(what, "is it overloaded, or is that too short for it?")

    def _error(self, what: str, advice: str) -> InputError:
        return InputError(f"endpoint `{self.url}` {what}; {advice}")


def _seconds(text: str) -> float | None:
    """A pause in seconds; a date, which servers may send too, is not followed."""
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None  # noqa: PLR2004
