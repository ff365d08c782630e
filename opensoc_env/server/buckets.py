"""How often each client may call: each has a bucket of tokens, which refills."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Message, Receive

# A full bucket is worth as many seconds of calls, so that a burst is no offence.
BURST_SECONDS = 2.0
MAX_CLIENTS = 4096


class Buckets:
    """Tokens by client; the clients that were quiet longest are forgotten.

    Args:
        rate: Calls a second that each client may make.
        clock: Seconds that only grow.
    """

    def __init__(
        self, rate: float, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        self.size = max(1.0, rate * BURST_SECONDS)
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> float:
        """Take a token; what is returned are seconds to wait if there was none."""
        now = self._clock()
        level, then = self._levels.pop(client, (self.size, now))
        level = min(self.size, level + (now - then) * self.rate)
        taken = 1.0 if level >= 1.0 else 0.0
        self._levels[client] = (level - taken, now)
        if len(self._levels) > MAX_CLIENTS:
            self._levels.popitem(last=False)
        return 0.0 if taken else (1.0 - level) / self.rate

    def paced(self, client: str, receive: Receive) -> Receive:
        """A socket's `receive` that lets its client wait for a token for each frame."""

        async def wait() -> Message:
            message = await receive()
            if message["type"] == "websocket.receive":
                await self._token(client)
            return message

        return wait

    async def _token(self, client: str) -> None:
        """Wait for a token; other sockets of the client may be quicker."""
        seconds = self.take(client)
        while seconds > 0:
            await asyncio.sleep(seconds)
            seconds = self.take(client)
