"""`opensoc serve` as a process of its own, for tests of what only a process does."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest


@contextmanager
def served(*options: str | Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address of a server that is ready, and its process, which ends afterwards."""
    port = _free_port()
    command = [sys.executable, "-m", "opensoc_cli.main", "serve", "--no-demo"]
    with subprocess.Popen([*command, "--port", f"{port}", *options]) as server:
        url = f"http://127.0.0.1:{port}"
        try:
            _wait_for(url)
            yield url, server
        finally:
            server.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/readyz").is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    pytest.fail("the server did not start")
