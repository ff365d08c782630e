"""Servers on real ports, for the tests of the service."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

Serve = Callable[[Any], str]


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """The address of a server of an app, for as long as it is needed."""
    from opensoc_env.server.listen import listener  # noqa: PLC0415 - an extra

    server = listener(app, port=0, log="info")
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=15)


@pytest.fixture(scope="module")
def serve() -> Iterator[Serve]:
    """Starts servers, which stop after the module."""
    with ExitStack() as running:
        yield lambda app: running.enter_context(listening(app))


@pytest.fixture(scope="module")
def demo() -> Iterator[Any]:
    """The app, ready to be mounted; a process has one at a time."""
    pytest.importorskip("streamlit", reason="needs the app extra")
    from streamlit.runtime import Runtime  # noqa: PLC0415 - an extra

    from opensoc_app.mounted import mounted_app  # noqa: PLC0415 - an extra
    from opensoc_env.server.app import Demo  # noqa: PLC0415 - an extra

    page = mounted_app()
    yield Demo(page, page.lifespan())
    Runtime._instance = None
