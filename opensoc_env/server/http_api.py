"""The HTTP API of the original system: /reset /step /state /grade /tasks.

`docs/environment.md` has the commands.
"""

from __future__ import annotations

import json
from collections import Counter
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Query, Request

from opensoc_env.finished import Key
from opensoc_env.models import (
    MAX_SEED,
    CraftIncident,
    EpisodeResult,
    EpisodeState,
    Mode,
    Observation,
    Role,
    SubmitTriage,
    TaskName,
)
from opensoc_env.server.problems import ApiError
from opensoc_env.tasks import DEFAULT_TASK, TASK_NOTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from opensoc_env.server.episode_book import EpisodeBook

_MAX_NAME = 64
# The name of a model holds its address.
_MAX_OPPONENT = 255
# Calls that wait for an opponent at once; a model may take its time.
_MAX_WAITING = 256
_RETRY_SECONDS = 5
# Wrong fields that an answer names.
_MAX_SHOWN = 20

Task = Annotated[TaskName, Query(description="Stage of the curriculum.")]
TaskOrRow = Annotated[
    TaskName | None,
    Query(description=f"`{DEFAULT_TASK}` by default, or the one of the row."),
]
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
    Query(max_length=_MAX_OPPONENT, description="Who plays the other side, by name."),
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
_EXAMPLES = {
    "triage": {
        "summary": "The defender answers.",
        "value": {
            "submit_triage": {
                "action": "monitor",
                "cited_log_id": "L1-0",
                "rationale": "smoke",
            }
        },
    },
    "craft": {
        "summary": "The attacker crafts, in self_play; hosts are those of seed 0.",
        "value": {
            "craft_incident": {
                "target_label": "monitor",
                "category": "data_exfiltration",
                "narrative": "An upload that the firewall stopped.",
                "events": [
                    {
                        "log_id": "L1-0",
                        "timestamp": "2026-09-05T14:18:30Z",
                        "event_type": "network.connection",
                        "source": "firewall",
                        "fields": {
                            "host": {"name": "mil-ws-53"},
                            "process": {"name": "winscp.exe"},
                            "source": {"ip": "10.17.1.53", "bytes": 564014751},
                            "destination": {"ip": "203.0.113.244", "port": 443},
                            "network": {"direction": "outbound"},
                            "disposition": "blocked",
                        },
                    }
                ],
            }
        },
    },
}
_STEP_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _ACTION_SCHEMA, "examples": _EXAMPLES}
        },
    }
}


async def _key(
    task: Task = DEFAULT_TASK, mode: ModeName = "defender_only", seed: Seed = None
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


class OnlyNames:
    """Refuses arguments that a call does not have: to ignore one would mislead."""

    def __init__(self, *names: str) -> None:
        self._names = names

    async def __call__(self, request: Request) -> None:
        """Look at the names in the query.

        Raises:
            ApiError: One is unknown, or is there twice.
        """
        given = Counter(name for name, _ in request.query_params.multi_items())
        known = f"expected one of {', '.join(self._names)}"
        unknown = {f"query.{n}": known for n in given if n not in self._names}
        twice = {f"query.{n}": "expected it once" for n in given if given[n] > 1}
        fields = twice | unknown
        if fields:
            shown = dict(islice(fields.items(), _MAX_SHOWN))
            text = "the request has arguments that are wrong"
            raise ApiError(422, "bad_request", text, shown)


async def _no_body(request: Request) -> None:
    """Refuse arguments in a body, where they would be ignored.

    Raises:
        ApiError: There are some.
    """
    if (await request.body()).strip() not in {b"", b"{}"}:
        text = "the arguments of this call go into the query: /reset?seed=1"
        raise ApiError(422, "bad_request", text, {"body": "expected none"})


_MEANT = ("task", "mode", "seed")
_OF_RESET = OnlyNames(*_MEANT, "index", "split", "role", "opponent")
_OF_EPISODE = OnlyNames(*_MEANT, "episode_id")
Meant = Annotated[Key, Depends(_key)]
ActionBody = Annotated[dict[str, Any], Depends(read_action)]


def build_router(book: EpisodeBook) -> APIRouter:
    """The routes over one book of episodes.

    Each call runs in a thread, so none holds up the rest. Those that may wait for a
    model have threads of their own: however many wait, the others find one.
    """
    router = APIRouter(tags=["OpenSOC"])
    waiting = CapacityLimiter(_MAX_WAITING)

    async def in_thread(call: Callable[[], Observation], *, waits: bool) -> Observation:
        if waits and not waiting.available_tokens:
            raise ApiError(
                429,
                "capacity_reached",
                f"{_MAX_WAITING} calls are waiting for opponents already; try again",
                headers={"Retry-After": str(_RETRY_SECONDS)},
            )
        return await to_thread.run_sync(call, limiter=waiting if waits else None)

    @router.post("/reset", dependencies=[Depends(_OF_RESET), Depends(_no_body)])
    async def reset(
        task: TaskOrRow = None,
        mode: ModeName = "defender_only",
        seed: Seed = None,
        index: Index = 0,
        split: Split = None,
        role: RoleName = None,
        opponent: OpponentName = None,
    ) -> Observation:
        """Start an episode; its `episode_id` names it in later calls."""
        more = {"split": split, "role": role, "opponent": opponent}
        call = partial(book.reset, task, mode, seed, index=index, **more)
        return await in_thread(call, waits=opponent is not None)

    named = [Depends(_OF_EPISODE)]

    @router.post("/step", openapi_extra=_STEP_BODY, dependencies=named)
    async def step(
        action: ActionBody, meant: Meant, episode_id: EpisodeId = None
    ) -> Observation:
        """Take one turn: `submit_triage`, or `craft_incident` in self-play."""
        call = partial(book.step, episode_id, meant, action)
        return await in_thread(call, waits=book.has_opponent(episode_id, meant))

    @router.get("/state", dependencies=named)
    def state(meant: Meant, episode_id: EpisodeId = None) -> EpisodeState:
        """Where an episode stands; never its truth."""
        return book.state(episode_id, meant)

    @router.get("/grade", dependencies=named)
    def grade(meant: Meant, episode_id: EpisodeId = None) -> EpisodeResult:
        """The full breakdown of a finished episode."""
        return book.grade(episode_id, meant)

    @router.get("/tasks")
    def tasks() -> dict[Literal["tasks"], list[dict[str, Any]]]:
        """The curriculum."""
        return {"tasks": [dict(note) for note in TASK_NOTES]}

    return router
