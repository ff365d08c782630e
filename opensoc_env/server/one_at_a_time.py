"""Calls of one session, one at a time, that hold up no other session by waiting.

What only computes for a moment is done at once, where it was called: to hand it to a
thread and back costs as much as the call itself. What may wait for a disk, a model or a
person gets the session's own thread.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    Told = TypeVar("Told")


class OneAtATime:
    """The lock of a session, as a context manager, and its thread."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._thread: ThreadPoolExecutor | None = None

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()

    @contextmanager
    def at_once(self, *, wanted: bool) -> Iterator[bool]:
        """Take the lock if that is wanted and nobody holds it; true if it was taken."""
        is_mine = wanted and self._lock.acquire(blocking=False)
        try:
            yield is_mine
        finally:
            if is_mine:
                self._lock.release()

    async def in_thread(self, call: Callable[[], Told]) -> Told:
        """Make a call that may wait; it takes the lock itself.

        Raises:
            RuntimeError: The thread was ended.
        """
        if self._thread is None:
            self._thread = ThreadPoolExecutor(max_workers=1)
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def end(self) -> None:
        """End the thread, after what it is at."""
        if self._thread is not None:
            self._thread.shutdown(wait=False)
