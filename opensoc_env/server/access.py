"""ASGI layers that decide who may call: which page, which key, how often.

Each answers with a problem, to requests and to the handshake of a WebSocket alike, and
lets the rest through untouched.
"""

from __future__ import annotations

import hmac
import math
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from opensoc_env.server.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Receive, Scope, Send

    from opensoc_env.server.buckets import Buckets

# Probes and the demo hold nothing of anybody's episode; browsers can't send a key.
OPEN_PATHS = ("/health", "/healthz", "/readyz", "/demo")
_CONNECTIONS = ("http", "websocket")
_WRONG_ORIGIN = (
    "pages of other sites may not call this server; if the page is its own, whoever "
    "runs it names the page's site with `--allow-origin`"
)


class Origins:
    """Refuses calls that a browser makes for a page of another site.

    Without it, any page that a user visits could talk to a server on loopback. There,
    a page counts as the server's own only if it was loaded by a name of loopback: any
    other name may be one that a hostile site has pointed at it.

    Args:
        allowed: Origins that may call beside the server's own pages.
    """

    def __init__(self, app: ASGIApp, allowed: Collection[str] = ()) -> None:
        self.app = app
        self.allowed = frozenset(allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on, unless another site's page makes it."""
        if scope["type"] in _CONNECTIONS and not self._is_allowed(scope):
            await Problem(403, "wrong_origin", _WRONG_ORIGIN)(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _is_allowed(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is None or origin in self.allowed:
            return True
        called = headers.get("host", "")
        return _host_of(origin) == called and _is_own_name(scope, called)


class ApiKey:
    """Asks for a key on every path that can touch an episode."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self.app = app
        self.key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on, if it has the key or needs none."""
        if scope["type"] in _CONNECTIONS and not self._may_pass(scope):
            text = (
                "expected the header `Authorization: Bearer KEY` with the server's key"
            )
            headers = {"WWW-Authenticate": "Bearer"}
            refusal = Problem(401, "no_key", text, headers=headers)
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _may_pass(self, scope: Scope) -> bool:
        given = Headers(scope=scope).get("authorization", "")
        scheme, _, key = given.partition(" ")
        # Headers are bytes, which are read as Latin-1.
        is_right = hmac.compare_digest(key.strip().encode("latin-1"), self.key)
        return (scheme.lower() == "bearer" and is_right) or _is_open(scope["path"])


class RateLimit:
    """Answers 429 to a client that asks too often; a socket's frames wait instead."""

    def __init__(self, app: ASGIApp, buckets: Buckets) -> None:
        self.app = app
        self.buckets = buckets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on, if its client has not made too many."""
        if scope["type"] not in _CONNECTIONS:
            await self.app(scope, receive, send)
            return
        client = (scope.get("client") or ("unknown",))[0]
        seconds = self.buckets.take(client)
        if seconds > 0:
            text = f"too many requests; expected at most {self.buckets.rate:g} a second"
            headers = {"Retry-After": str(math.ceil(seconds))}
            refusal = Problem(429, "too_many_requests", text, headers=headers)
            await refusal(scope, receive, send)
            return
        is_socket = scope["type"] == "websocket"
        paced = self.buckets.paced(client, receive) if is_socket else receive
        await self.app(scope, paced, send)


def _host_of(origin: str) -> str:
    """Host and port of an origin; empty if it has none."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


def _is_own_name(scope: Scope, called: str) -> bool:
    """True unless a server on loopback is called by a name of somewhere else."""
    address = (scope.get("server") or ("",))[0]
    try:
        name = urlsplit(f"//{called}").hostname or ""
    except ValueError:
        return False
    return is_loopback(name) or not is_loopback(address)


def is_loopback(host: str) -> bool:
    """True for what this machine calls itself."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_open(path: str) -> bool:
    return any(path == known or path.startswith(f"{known}/") for known in OPEN_PATHS)
