"""OpenSOC as an `openenv` environment: one episode a session, one role a turn.

The messages are ours (`opensoc_env.models`) on openenv's base classes. What a client
can read holds nothing of the truth before the episode is done.
"""

from __future__ import annotations

from typing import Any

from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action as WireAction
from openenv.core.env_server.types import EnvironmentMetadata
from openenv.core.env_server.types import Observation as WireObservation
from openenv.core.env_server.types import State as WireState
from pydantic import Field

from opensoc_env.episode import Episode, EpisodeError
from opensoc_env.judge import Judge, default_judge
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


class TriageAction(WireAction):
    """One turn: exactly one of the two."""

    submit_triage: SubmitTriage | None = None
    craft_incident: CraftIncident | None = None


class TriageObservation(WireObservation):
    """What the side whose turn it is may see; see `opensoc_env.models.Observation`."""

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


class TriageState(WireState):
    """Where an episode stands; never its truth."""

    task: TaskName | None = None
    mode: Mode | None = None
    role: Role | None = None
    done: bool = False


class OpenSOCEnvironment(Environment[TriageAction, TriageObservation, TriageState]):
    """One session: `reset`, then one turn or two."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, judge: Judge | None = None) -> None:
        super().__init__()
        self._judge = judge or default_judge()
        self._episode: Episode | None = None
        self._closed = False

    def reset(
        self,
        seed: int | None = None,
        episode_id: str | None = None,
        **kwargs: Any,
    ) -> TriageObservation:
        """Start an episode.

        Args:
            seed: Determines the episode completely; 0 if not given.
            episode_id: Echoed in every message.
            **kwargs: `task`, `mode` and `index`, as in `opensoc_env.episode.Episode`.

        Raises:
            EpisodeError: An argument is wrong, or the session was closed.
        """
        self._refuse_closed()
        unknown = sorted(kwargs.keys() - {"task", "mode", "index"})
        if unknown:
            text = (
                f"`reset` has no argument `{unknown[0]}`; it has task, mode and index"
            )
            raise EpisodeError("bad_action", text)
        self._episode = Episode(
            kwargs.get("task", "stage1_basic"),
            kwargs.get("mode", "defender_only"),
            0 if seed is None else seed,
            kwargs.get("index", 0),
            judge=self._judge,
            episode_id=episode_id,
        )
        return _to_wire(self._episode.reset())

    def step(
        self,
        action: TriageAction,
        timeout_s: float | None = None,  # noqa: ARG002 - part of openenv's interface
        **kwargs: Any,  # noqa: ARG002 - same
    ) -> TriageObservation:
        """Take one turn.

        Raises:
            EpisodeError: There is no running episode, or the turn is not valid.
        """
        self._refuse_closed()
        if self._episode is None:
            raise EpisodeError("not_reset", "call reset before step")
        return _to_wire(self._episode.step(_turn(action)))

    @property
    def state(self) -> TriageState:
        """Where the episode stands."""
        if self._episode is None:
            return TriageState(episode_id=None, step_count=0)
        return TriageState(**self._episode.state().model_dump())

    def get_metadata(self) -> EnvironmentMetadata:
        """What the environment is."""
        return EnvironmentMetadata(
            name="opensoc",
            description="SOC triage whose truth and reward come from rule files.",
            version="0.1.0",
        )

    def close(self) -> None:
        """End the session; every later call fails."""
        self._closed = True
        self._episode = None

    def _refuse_closed(self) -> None:
        # openenv can go on stepping an environment that it has closed.
        if self._closed:
            raise EpisodeError("not_reset", "the session was closed: connect again")


def _turn(action: TriageAction) -> dict[str, Any]:
    sides = {
        "submit_triage": action.submit_triage,
        "craft_incident": action.craft_incident,
    }
    return {name: said.model_dump() for name, said in sides.items() if said is not None}


def _to_wire(observation: Observation) -> TriageObservation:
    return TriageObservation(**observation.model_dump())
