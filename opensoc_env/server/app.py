"""The server: OpenEnv's protocol and the original HTTP API in one app, on one port."""

from __future__ import annotations

from typing import TYPE_CHECKING

from openenv.core.env_server import create_fastapi_app
from openenv.core.env_server.types import ConcurrencyConfig

from opensoc_env.judge import Judge, default_judge
from opensoc_env.server import http_api, problems
from opensoc_env.server.body_limit import BodyLimit
from opensoc_env.server.episode_book import EpisodeBook
from opensoc_env.server.openenv_environment import (
    OpenSOCEnvironment,
    TriageAction,
    TriageObservation,
    TriageState,
)

if TYPE_CHECKING:
    from fastapi import FastAPI

# 32 events of a few kilobytes each fit; nothing that is larger is an incident.
MAX_BODY_BYTES = 1_000_000
SESSION_TIMEOUT_SECONDS = 600.0


def build_app(*, judge: Judge | None = None, max_sessions: int = 64) -> FastAPI:
    """The app; policies are compiled before it serves anything.

    Args:
        judge: The policies; the ones that ship with OpenSOC by default.
        max_sessions: WebSocket sessions at once; the next one is told so.
    """
    policies = judge or default_judge()
    app: FastAPI = create_fastapi_app(
        lambda: OpenSOCEnvironment(policies),
        TriageAction,
        TriageObservation,
        env_name="opensoc",
        state_cls=TriageState,
        concurrency_config=ConcurrencyConfig(
            max_concurrent_envs=max_sessions, session_timeout=SESSION_TIMEOUT_SECONDS
        ),
        # Leaves /reset, /step and /state to us: openenv's own build a new environment
        # for each call.
        mode="production",
    )
    app.title = "OpenSOC"
    app.include_router(http_api.build_router(EpisodeBook(policies)))
    problems.install(app)
    app.add_middleware(BodyLimit, limit=MAX_BODY_BYTES)
    return app
