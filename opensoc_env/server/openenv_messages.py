"""Our messages on the base classes of the `openenv` package.

The fields are those of `opensoc_env.models`. Turns are carried as they come: whether
one fits is the episode's to say, which tells what was expected and what it costs.
"""

from __future__ import annotations

from typing import Annotated, Any, Self, cast

from openenv.core.env_server.mcp_types import CallToolAction, ListToolsAction
from openenv.core.env_server.types import Action as WireAction
from openenv.core.env_server.types import Observation as WireObservation
from openenv.core.env_server.types import State as WireState
from pydantic import Field, WithJsonSchema

from opensoc_env.models import (
    Alert,
    CraftIncident,
    EpisodeResult,
    LogLine,
    Mode,
    Observation,
    Role,
    SubmitTriage,
    TaskName,
)

_TOOL_ACTIONS = {"list_tools": ListToolsAction, "call_tool": CallToolAction}


class TriageAction(WireAction):
    """One turn: exactly one of the two."""

    submit_triage: Annotated[Any, WithJsonSchema(SubmitTriage.model_json_schema())] = (
        None
    )
    craft_incident: Annotated[
        Any, WithJsonSchema(CraftIncident.model_json_schema())
    ] = None

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """The action, or a call of a tool.

        The package hands tool calls only to environments without an action class of
        their own; here they are told apart by their `type`, so its clients for tools
        work too.
        """
        kind = obj.get("type") if isinstance(obj, dict) else None
        if isinstance(kind, str) and kind in _TOOL_ACTIONS:
            return cast("Self", _TOOL_ACTIONS[kind].model_validate(obj))
        return cast("Self", super().model_validate(obj, **options))

    def turn(self) -> dict[str, Any]:
        """The turn as an episode takes it."""
        said = {
            "submit_triage": self.submit_triage,
            "craft_incident": self.craft_incident,
        }
        return {
            name: part.model_dump() if hasattr(part, "model_dump") else part
            for name, part in said.items()
            if name in self.model_fields_set
        }


class TriageObservation(WireObservation):
    """What one side may see; see `opensoc_env.models.Observation`."""

    episode_id: str
    task: TaskName
    mode: Mode
    role: Role
    alert: Alert | None
    log_window: list[LogLine]
    context: list[str]
    instructions: str
    result: EpisodeResult | None = None
    errors: list[str] = Field(default_factory=list)

    @classmethod
    def of(cls, observation: Observation) -> Self:
        """An observation, which is valid already, on the wire's class."""
        return cls(**observation.__dict__)


class TriageState(WireState):
    """Where an episode stands; never its truth."""

    task: TaskName | None = None
    mode: Mode | None = None
    role: Role | None = None
    done: bool = False
