"""The HTTP API of the original system: /reset /step /state /grade /tasks.

Bodies are read here and not by the framework, so that a huge or deeply nested one gets
a plain answer. `docs/environment.md` has the commands.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request

from opensoc_env.models import (
    CraftIncident,
    EpisodeResult,
    EpisodeState,
    Mode,
    Observation,
    SubmitTriage,
    TaskName,
)
from opensoc_env.server.problems import ApiError
from opensoc_env.tasks import TASK_NOTES

if TYPE_CHECKING:
    from opensoc_env.server.episode_book import EpisodeBook

Task = Annotated[TaskName, Query(description="Stage of the curriculum.")]
ModeName = Annotated[Mode, Query(description="Who takes a turn.")]
Seed = Annotated[
    int | None, Query(ge=0, lt=2**53, description="Determines the episode completely.")
]
EpisodeId = Annotated[
    str | None, Query(max_length=64, description="As `/reset` returned it.")
]
MAX_DEPTH = 32

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": 1,
                    "additionalProperties": False,
                    "properties": {
                        "submit_triage": SubmitTriage.model_json_schema(),
                        "craft_incident": CraftIncident.model_json_schema(),
                    },
                },
                "example": {
                    "submit_triage": {
                        "action": "monitor",
                        "cited_log_id": "L1-0",
                        "rationale": "smoke",
                    }
                },
            }
        },
    }
}


def build_router(book: EpisodeBook) -> APIRouter:
    """The routes over one book of episodes."""
    router = APIRouter(tags=["OpenSOC"])

    @router.post("/reset")
    async def reset(
        task: Task = "stage1_basic", mode: ModeName = "defender_only", seed: Seed = None
    ) -> Observation:
        """Start an episode; its `episode_id` names it in later calls."""
        return book.reset(task, mode, seed)

    @router.post("/step", openapi_extra=_BODY)
    async def step(
        request: Request,
        task: Task = "stage1_basic",
        mode: ModeName = "defender_only",
        seed: Seed = None,
        episode_id: EpisodeId = None,
    ) -> Observation:
        """Take one turn: `submit_triage`, or `craft_incident` in self-play."""
        episode = book.find(episode_id, (task, mode, seed))
        return episode.step(read_action(await request.body()))

    @router.get("/state")
    async def state(
        task: Task = "stage1_basic",
        mode: ModeName = "defender_only",
        seed: Seed = None,
        episode_id: EpisodeId = None,
    ) -> EpisodeState:
        """Where an episode stands; never its truth."""
        return book.find(episode_id, (task, mode, seed)).state()

    @router.get("/grade")
    async def grade(
        task: Task = "stage1_basic",
        mode: ModeName = "defender_only",
        seed: Seed = None,
        episode_id: EpisodeId = None,
    ) -> EpisodeResult:
        """The full breakdown of a finished episode."""
        return book.find(episode_id, (task, mode, seed), done=True).grade()

    @router.get("/tasks")
    async def tasks() -> dict[Literal["tasks"], list[dict[str, Any]]]:
        """The curriculum."""
        return {"tasks": [dict(note) for note in TASK_NOTES]}

    return router


def read_action(body: bytes) -> dict[str, Any]:
    """The JSON object of a request body.

    Raises:
        ApiError: It is not a JSON object, or is nested too deeply.
    """
    try:
        if _depth(body) > MAX_DEPTH:
            raise ApiError(422, "bad_action", f"nested deeper than {MAX_DEPTH} levels")
        action = json.loads(body)
    except ValueError as error:
        text = f"the body is not JSON: {error}"
        raise ApiError(400, "bad_json", text) from None
    if not isinstance(action, dict):
        expected = 'expected an object such as {"submit_triage": {"action": "monitor"}}'
        raise ApiError(422, "bad_action", expected)
    return action


def _depth(body: bytes) -> int:
    """An upper bound of how deep brackets nest; those in strings count too."""
    deepest = depth = 0
    for byte in body:
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest
