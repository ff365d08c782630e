"""The HTTP API of the original system: /reset /step /state /grade /tasks.

`docs/environment.md` has the commands.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request

from opensoc_env.models import (
    CraftIncident,
    EpisodeResult,
    EpisodeState,
    Mode,
    Observation,
    Role,
    SubmitTriage,
    TaskName,
)
from opensoc_env.server.episode_book import Key
from opensoc_env.server.problems import ApiError
from opensoc_env.tasks import TASK_NOTES

if TYPE_CHECKING:
    from opensoc_env.server.episode_book import EpisodeBook

MAX_SEED = 2**53
_MAX_NAME = 64

Task = Annotated[TaskName, Query(description="Stage of the curriculum.")]
ModeName = Annotated[Mode, Query(description="Who takes a turn.")]
Seed = Annotated[
    int | None,
    Query(ge=0, lt=MAX_SEED, description="Determines the episode completely."),
]
Index = Annotated[
    int, Query(ge=0, lt=MAX_SEED, description="Counts incidents of a seed or a split.")
]
Split = Annotated[
    str | None,
    Query(max_length=_MAX_NAME, description="A committed data set to play from."),
]
RoleName = Annotated[
    Role | None, Query(description="The side you play; every turn by default.")
]
OpponentName = Annotated[
    str | None,
    Query(max_length=_MAX_NAME, description="Who plays the other side, by name."),
]
EpisodeId = Annotated[
    str | None, Query(max_length=_MAX_NAME, description="As `/reset` returned it.")
]

_ACTION_SCHEMA = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 1,
    "additionalProperties": False,
    "properties": {
        "submit_triage": SubmitTriage.model_json_schema(),
        "craft_incident": CraftIncident.model_json_schema(),
    },
}
_ACTION_EXAMPLE = {
    "submit_triage": {
        "action": "monitor",
        "cited_log_id": "L1-0",
        "rationale": "smoke",
    }
}
_STEP_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _ACTION_SCHEMA, "example": _ACTION_EXAMPLE}
        },
    }
}


def _key(
    task: Task = "stage1_basic", mode: ModeName = "defender_only", seed: Seed = None
) -> Key:
    return task, mode, seed


async def read_action(request: Request) -> dict[str, Any]:
    """The JSON object of a request's body.

    Raises:
        ApiError: It is not a JSON object.
    """
    try:
        action = json.loads(await request.body())
    except ValueError as error:
        text = f"the body is not JSON: {error}"
        raise ApiError(400, "bad_json", text) from None
    if not isinstance(action, dict):
        expected = 'expected an object such as {"submit_triage": {"action": "monitor"}}'
        raise ApiError(422, "bad_action", expected)
    return action


Meant = Annotated[Key, Depends(_key)]
ActionBody = Annotated[dict[str, Any], Depends(read_action)]


def build_router(book: EpisodeBook) -> APIRouter:
    """The routes over one book of episodes.

    They are plain functions, so each runs in a thread and none holds up the rest.
    """
    router = APIRouter(tags=["OpenSOC"])

    @router.post("/reset")
    def reset(
        meant: Meant,
        index: Index = 0,
        split: Split = None,
        role: RoleName = None,
        opponent: OpponentName = None,
    ) -> Observation:
        """Start an episode; its `episode_id` names it in later calls."""
        return book.reset(
            *meant, index=index, split=split, role=role, opponent=opponent
        )

    @router.post("/step", openapi_extra=_STEP_BODY)
    def step(
        action: ActionBody, meant: Meant, episode_id: EpisodeId = None
    ) -> Observation:
        """Take one turn: `submit_triage`, or `craft_incident` in self-play."""
        return book.find(episode_id, meant).step(action)

    @router.get("/state")
    def state(meant: Meant, episode_id: EpisodeId = None) -> EpisodeState:
        """Where an episode stands; never its truth."""
        return book.find(episode_id, meant).episode.state()

    @router.get("/grade")
    def grade(meant: Meant, episode_id: EpisodeId = None) -> EpisodeResult:
        """The full breakdown of a finished episode."""
        return book.find(episode_id, meant, done=True).episode.grade()

    @router.get("/tasks")
    def tasks() -> dict[Literal["tasks"], list[dict[str, Any]]]:
        """The curriculum."""
        return {"tasks": [dict(note) for note in TASK_NOTES]}

    return router
