"""An ASGI layer that reads a request's body once, and refuses what nobody should read.

Behind it, a body is whole, no larger than the limit, not deep, and arrived in time.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from opensoc_env.server.json_text import fault_of
from opensoc_env.server.problems import Problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# A client that needs longer for a body of this size is broken or hostile.
BODY_SECONDS = 20.0


class BodyLimit:
    """Answers 413 to bodies over `limit` bytes, and 408 to those that are slow."""

    def __init__(self, app: ASGIApp, limit: int, seconds: float = BODY_SECONDS) -> None:
        self.app = app
        self.limit = limit
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, if its body is fit to be read."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.seconds):
                messages = await self._read(receive)
        except TimeoutError:
            text = f"the body did not arrive within {self.seconds:g} seconds"
            await Problem(408, "too_slow", text)(scope, receive, send)
            return
        refusal = self._refusal(messages)
        if refusal is not None:
            await refusal(scope, receive, send)
            return

        async def replay() -> Message:
            return messages.pop(0) if messages else await receive()

        await self.app(scope, replay, send)

    async def _read(self, receive: Receive) -> list[Message]:
        """The messages of a body, up to the one that makes it too large."""
        messages: list[Message] = []
        size, more = 0, True
        while more and size <= self.limit:
            message = await receive()
            messages.append(message)
            size += len(message.get("body", b""))
            more = bool(message.get("more_body", False))
        return messages

    def _refusal(self, messages: list[Message]) -> Problem | None:
        body = b"".join(message.get("body", b"") for message in messages)
        if len(body) > self.limit:
            text = f"the body is larger than {self.limit} bytes"
            return Problem(413, "too_large", text)
        fault = fault_of(body)
        return Problem(422, "bad_json", f"the body: {fault}") if fault else None
