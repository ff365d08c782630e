"""The server: OpenEnv's protocol, the original HTTP API and the demo, on one port."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from openenv.core.env_server import HTTPEnvServer
from openenv.core.env_server.types import ConcurrencyConfig

from opensoc_env.judge import default_judge
from opensoc_env.opponents.lineup import built_in
from opensoc_env.server import http_api, openapi, probes, problems
from opensoc_env.server.access import ApiKey, Origins, RateLimit
from opensoc_env.server.body_limit import BodyLimit
from opensoc_env.server.buckets import Buckets
from opensoc_env.server.episode_book import MAX_EPISODES, EpisodeBook
from opensoc_env.server.frame_guard import FrameGuard
from opensoc_env.server.metrics import Measured, Metrics
from opensoc_env.server.openenv_messages import (
    TriageAction,
    TriageObservation,
    TriageState,
)
from opensoc_env.server.play import Play

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection
    from contextlib import AbstractAsyncContextManager

    from starlette.types import ASGIApp

    from opensoc_env.judge import Judge
    from opensoc_env.opponents.lineup import Lineup
    from opensoc_env.server.openenv_environment import OpenSOCEnvironment
    from opensoc_env.store import EpisodeStore

# 32 events of a few kilobytes each fit; nothing that is larger is an incident.
MAX_BODY_BYTES = 1_000_000
SESSION_TIMEOUT_SECONDS = 600.0
DEMO_PATH = "/demo"
VERSION = "0.1.0"
_ABOUT = (
    "SOC triage whose truth and reward come from rule files. `/ws` speaks the protocol "
    "of the `openenv` package; the routes here are the same episodes over plain HTTP."
)


@dataclass(frozen=True, slots=True)
class Access:
    """Who may call.

    Attributes:
        api_key: What every call must bring; None if anybody may call.
        rate: Calls a second that each client may make; 0 for no limit.
        origins: Other sites whose pages may call.
    """

    api_key: str | None = None
    rate: float = 0.0
    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Demo:
    """A page that is served beside the environment.

    Attributes:
        app: Served under `/demo`.
        lifespan: Runs while the server does.
        join: Told how a page starts a session, and the key that visitors then need.
        shows: Splits whose verdicts it shows; nobody can play them on this server.
    """

    app: ASGIApp
    lifespan: Callable[[Any], AbstractAsyncContextManager[None]]
    join: Callable[[Callable[[], OpenSOCEnvironment], str | None], None] | None = None
    shows: Collection[str] = ()


def build_app(
    *,
    judge: Judge | None = None,
    max_sessions: int = 64,
    max_episodes: int = MAX_EPISODES,
    store: EpisodeStore | None = None,
    access: Access | None = None,
    demo: Demo | None = None,
    lineup: Lineup | None = None,
) -> FastAPI:
    """The app; policies are compiled before it serves anything.

    Args:
        judge: The policies; the ones that ship with OpenSOC by default.
        max_sessions: WebSocket sessions at once; the next one is told so.
        max_episodes: Episodes of the HTTP API that are kept.
        store: Where finished episodes are kept.
        access: Who may call; everybody who can reach the port by default.
        demo: The page under `/demo`.
        lineup: Who can be played against; by default those that need no model.
    """
    policies = judge or default_judge()
    # Scenarios are read when the first incident is made: better now than for a caller.
    probes.self_check(policies)
    metrics = Metrics()
    withheld = demo.shows if demo else ()
    known = lineup or built_in(policies)
    play = Play(policies, metrics, store, known, withheld=withheld)
    kept = store.served if store else None
    book = EpisodeBook(play.start, max_episodes, kept=kept)
    app = FastAPI(title="OpenSOC", version=VERSION, description=_ABOUT)
    app.include_router(http_api.build_router(book))
    app.include_router(probes.build_router(policies, metrics))
    sessions = _add_openenv(app, play, max_sessions)
    metrics.watch(
        "opensoc_sessions", "WebSocket sessions.", lambda: sessions.active_sessions
    )
    metrics.watch(
        "opensoc_episodes_running", "Running HTTP episodes.", lambda: book.running
    )
    problems.install(app)
    openapi.install(app)
    access = access or Access()
    if demo is not None:
        _mount(app, demo)
        if demo.join is not None:
            demo.join(play.page, access.api_key)
    _guard(app, access, metrics)
    return app


def _add_openenv(app: FastAPI, play: Play, max_sessions: int) -> HTTPEnvServer:
    """Add the routes of the `openenv` package."""
    server = HTTPEnvServer(
        play.environment,
        TriageAction,
        TriageObservation,
        concurrency_config=ConcurrencyConfig(
            max_concurrent_envs=max_sessions, session_timeout=SESSION_TIMEOUT_SECONDS
        ),
        env_name="opensoc",
        state_cls=TriageState,
    )
    # Leaves /reset, /step and /state to us: openenv's own build a new environment
    # for each call.
    server.register_routes(app, mode="production")
    return server


def _mount(app: FastAPI, demo: Demo) -> None:
    """Serve a page under `/demo`, for as long as the app runs."""
    app.mount(DEMO_PATH, demo.app)
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def both(server: FastAPI) -> AsyncIterator[None]:
        async with inner(server), demo.lifespan(server):
            yield

    app.router.lifespan_context = both


def _guard(app: FastAPI, access: Access, metrics: Metrics) -> None:
    """Put the layers around the app; the last one added is the first to be asked."""
    app.add_middleware(FrameGuard)
    app.add_middleware(BodyLimit, limit=MAX_BODY_BYTES)
    if access.api_key:
        app.add_middleware(ApiKey, key=access.api_key)
    # Asked before the key, so that nobody can guess it faster.
    if access.rate:
        app.add_middleware(RateLimit, buckets=Buckets(access.rate))
    if access.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=access.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type"],
        )
    app.add_middleware(Origins, allowed=access.origins)
    app.add_middleware(Measured, metrics=metrics)
