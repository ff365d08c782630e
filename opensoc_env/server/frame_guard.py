"""An ASGI layer that answers WebSocket frames which are no message, in their protocol.

`openenv` ends a session over some of them. Here the client is told, and the session
goes on. What passes is a JSON object in text, not deep, of characters that exist.

A reply to a client that has gone is dropped: `openenv` would answer the failure with
another frame, which fails too and fills the log with both.
"""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from opensoc_env.server.json_text import fault_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SHOWN = 200
# As `openenv` writes its own frames.
_COMPACT = (",", ":")


class FrameGuard:
    """Watches the sockets of the paths that speak JSON; others pass untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a connection on, without the frames that are no message."""
        answer = _ANSWERS.get(scope["path"]) if scope["type"] == "websocket" else None
        if answer is None:
            await self.app(scope, receive, send)
            return

        async def tell(message: Message) -> None:
            # What servers raise when nobody is there; the next frame says so as well.
            with suppress(OSError):
                await send(message)

        async def checked() -> Message:
            while True:
                message = await receive()
                fault = _fault(message)
                if fault is None:
                    return message
                text = json.dumps(answer(fault), separators=_COMPACT)
                await tell({"type": "websocket.send", "text": text})

        await self.app(scope, checked, tell)


def _fault(message: Message) -> str | None:
    """What is wrong with a frame; None if nothing is, or if it is none."""
    if message["type"] != "websocket.receive":
        return None
    text = message.get("text")
    if text is None:
        return "expected a text frame, this one is binary"
    fault = fault_of(text.encode("utf-8", "surrogatepass"))
    if fault is not None:
        return fault
    try:
        is_object = isinstance(json.loads(text), dict)
    except ValueError as error:
        return f"Invalid JSON: {str(error)[:_SHOWN]}"
    return None if is_object else "expected a JSON object with a `type`"


def _ws_error(fault: str) -> Mapping[str, Any]:
    return {"type": "error", "data": {"message": fault, "code": "INVALID_JSON"}}


def _rpc_error(fault: str) -> Mapping[str, Any]:
    error = {"code": -32700, "message": fault}
    return {"jsonrpc": "2.0", "id": None, "error": error}


_ANSWERS: Mapping[str, Callable[[str], Mapping[str, Any]]] = {
    "/ws": _ws_error,
    "/mcp": _rpc_error,
}
