"""How the app listens: the limits of connections, in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvicorn

from opensoc_env.server.app import MAX_BODY_BYTES

if TYPE_CHECKING:
    from fastapi import FastAPI

# A client whose model is generating may not answer a ping for minutes: it keeps its
# session. One whose process ends is noticed at once, by its closed connection.
PING_SECONDS = 30.0
PONG_SECONDS = 300.0
# Frames that wait unread in a session: a client sends one and waits for its answer.
QUEUED_FRAMES = 4
STOP_SECONDS = 5


def listener(
    app: FastAPI, *, host: str = "127.0.0.1", port: int = 7860, log: str = "warning"
) -> uvicorn.Server:
    """A server of the app; `run` blocks until it is told to stop.

    Args:
        app: As `build_app` made it.
        host: Address to listen on.
        port: Port to listen on.
        log: Level of the log; `info` logs each request's line.
    """
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level=log,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
        ws_max_size=MAX_BODY_BYTES,
        # Frames are a few kilobytes: to deflate one takes as long as to grade it.
        ws_per_message_deflate=False,
        ws_max_queue=QUEUED_FRAMES,
        ws_ping_interval=PING_SECONDS,
        ws_ping_timeout=PONG_SECONDS,
    )
    return uvicorn.Server(config)
