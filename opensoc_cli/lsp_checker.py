"""Rule files checked in a process of their own, so that an editor never waits for it.

A thread would do the same work, but hold up every answer meanwhile. The process keeps
what it found out, and ends when the server does, however that ends.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import TypeAlias

from opensoc_engine.diagnostics import Diagnostic
from opensoc_engine.editing.findings import find
from opensoc_engine.editing.workspace import Workspace

Found: TypeAlias = Mapping[Path, tuple[Diagnostic, ...]]

_WORKSPACE = Workspace()


class Checker:
    """The process, from the first file on, and a new one should it break."""

    def __init__(self) -> None:
        self._pool = _new_pool()

    def find(
        self, texts: Mapping[Path, str], path: Path, *, cases: bool
    ) -> asyncio.Future[Found]:
        """What is wrong with a file and those beside it, later.

        Args:
            texts: What the editor holds.
            path: The file.
            cases: True if the cases run too.
        """
        loop, words = asyncio.get_running_loop(), (dict(texts), path, cases)
        try:
            return loop.run_in_executor(self._pool, _find, *words)
        except BrokenProcessPool:
            self._pool = _new_pool()
            return loop.run_in_executor(self._pool, _find, *words)

    def stop(self) -> None:
        """End the process, without waiting for what nobody will see."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _new_pool() -> ProcessPoolExecutor:
    # A new interpreter: a copy of this one would have its threads' locks.
    context = get_context("spawn")
    return ProcessPoolExecutor(1, mp_context=context, initializer=_end_with_parent)


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(0)

    Thread(target=watch, daemon=True).start()


def _find(texts: dict[Path, str], path: Path, cases: bool) -> Found:
    _WORKSPACE.texts = texts
    return find(_WORKSPACE, path, cases=cases)
