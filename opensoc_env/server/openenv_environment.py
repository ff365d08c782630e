"""OpenSOC as an `openenv` environment: one episode a session, one role a session.

A session says at `reset` what it plays: a task and a seed or a row of a split, which
side, and against whom. What a client can read holds nothing of the truth before the
episode is done. After `close` every call fails: the package may go on calling.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.mcp_types import (
    CallToolAction,
    CallToolObservation,
    ListToolsAction,
    ListToolsObservation,
)
from openenv.core.env_server.types import EnvironmentMetadata

from opensoc_engine import InputError
from opensoc_env.episode import HUMAN, TURNS, Episode, EpisodeError
from opensoc_env.judge import default_judge
from opensoc_env.novelty import Archive
from opensoc_env.opponents.lineup import BUILT_IN
from opensoc_env.server import openenv_tools
from opensoc_env.server.one_at_a_time import OneAtATime
from opensoc_env.server.openenv_messages import (
    TriageAction,
    TriageObservation,
    TriageState,
)
from opensoc_env.server.openenv_rubric import EpisodeRubric
from opensoc_env.server.openenv_tasks import (
    SplitTasks,
    no_split,
    refuse_other_task,
    refuse_withheld,
)
from opensoc_env.server.reset_arguments import read_reset
from opensoc_env.server.tables import Seat, Tables
from opensoc_env.tasks import DEFAULT_TASK

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from opensoc_env.finished import FinishedEpisode
    from opensoc_env.judge import Judge
    from opensoc_env.models import EpisodeState
    from opensoc_env.opponents.lineup import Lineup
    from opensoc_env.server.reset_arguments import ResetArguments

    Playing: TypeAlias = Episode | Seat

_log = logging.getLogger(__name__)


@contextmanager
def _only_refusals() -> Iterator[None]:
    """Keep the text of our own bugs from clients, to whom the package sends it."""
    try:
        yield
    except EpisodeError:
        raise
    except Exception:  # noqa: BLE001 - the log has it
        _log.exception("a call of a session failed")
        text = "the server failed; its log has the reason"
        raise EpisodeError("internal_error", text) from None


class OpenSOCEnvironment(
    SplitTasks, Environment[TriageAction, TriageObservation, TriageState]
):
    """One session: `reset`, then one turn or two.

    Novelty of crafted incidents counts within the session, so no other session changes
    its rewards.

    Args:
        judge: The policies; the ones that ship with OpenSOC by default.
        lineup: Who can be played against.
        tables: Where sessions meet that play against each other.
        on_finish: Gets the record of each finished episode.
        finish_blocks: True if `on_finish` may wait, as for a disk.
        withheld: Splits that can't be played.
    """

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(
        self,
        judge: Judge | None = None,
        *,
        lineup: Lineup = BUILT_IN,
        tables: Tables | None = None,
        on_finish: Callable[[FinishedEpisode], None] | None = None,
        finish_blocks: bool = False,
        withheld: Collection[str] = (),
    ) -> None:
        self._judge = judge or default_judge()
        super().__init__()
        self._finish_blocks = finish_blocks
        self.withheld = withheld
        self._lineup = lineup
        self._tables = Tables() if tables is None else tables
        self._on_finish = on_finish
        self._archive = Archive()
        self._playing: Playing | None = None
        self._tools: tuple[str, ...] = tuple(TURNS)
        self._tree: EpisodeRubric | None = None
        self._ended: tuple[Mapping[str, Any], TriageObservation] | None = None
        self._closed = False
        # A session may be reached over its socket and over HTTP at once.
        self._calls = OneAtATime()

    def reset(
        self,
        seed: int | None = None,
        episode_id: str | None = None,
        **kwargs: Any,
    ) -> TriageObservation:
        """Start an episode, or come back to one that another session plays too.

        Args:
            seed: Determines the episode completely; 0 if not given.
            episode_id: Echoed in every message.
            **kwargs: The other fields of `ResetArguments`.

        Raises:
            EpisodeError: An argument is wrong, or the session was closed.
        """
        arguments = self._asked({"seed": seed, "episode_id": episode_id, **kwargs})
        with self._calls:
            return self._begin(arguments)

    async def reset_async(
        self,
        seed: int | None = None,
        episode_id: str | None = None,
        **kwargs: Any,
    ) -> TriageObservation:
        """`reset` without holding up other sessions for longer than it computes.

        Raises:
            EpisodeError: An argument is wrong, or the session was closed.
        """
        arguments = self._asked({"seed": seed, "episode_id": episode_id, **kwargs})
        with self._calls.at_once(wanted=arguments.is_alone) as is_mine:
            if is_mine:
                return self._begin(arguments)
        call = partial(self.reset, seed, episode_id, **kwargs)
        return await self._calls.in_thread(call)

    def step(
        self,
        action: TriageAction | ListToolsAction | CallToolAction,
        timeout_s: float | None = None,  # noqa: ARG002 - part of openenv's interface
        **kwargs: Any,  # noqa: ARG002 - same
    ) -> Any:
        """Take one turn, as an action or as the call of a tool.

        Raises:
            EpisodeError: There is no running episode, or the turn is not valid.
        """
        if isinstance(action, ListToolsAction):
            self._refuse_closed()
            return ListToolsObservation(tools=openenv_tools.described(self._tools))
        if isinstance(action, CallToolAction):
            seen = self.play(action.tool_name, action.arguments)
            return CallToolObservation(
                tool_name=action.tool_name,
                result=openenv_tools.told(seen),
                done=seen.done,
                reward=seen.reward,
            )
        return self._take(action.turn())

    async def step_async(
        self,
        action: TriageAction | ListToolsAction | CallToolAction,
        timeout_s: float | None = None,
        **kwargs: Any,
    ) -> Any:
        """`step` without holding up other sessions for longer than it computes.

        Raises:
            EpisodeError: There is no running episode, or the turn is not valid.
        """
        self._refuse_closed()
        if isinstance(action, TriageAction):
            with self._calls.at_once(wanted=self._only_grades(action)) as is_mine:
                if is_mine:
                    return self._taken(action.turn())
        call = partial(self.step, action, timeout_s, **kwargs)
        return await self._calls.in_thread(call)

    def play(self, tool: str, arguments: Any) -> TriageObservation:
        """Take the turn that a tool stands for.

        Raises:
            EpisodeError: This session has no such tool, or the turn is not valid.
        """
        self._refuse_closed()
        if tool not in self._tools:
            known = ", ".join(self._tools)
            raise EpisodeError(
                "wrong_role", f"this session has no tool `{tool[:64]}`; it has {known}"
            )
        return self._take({tool: arguments})

    @property
    def state(self) -> TriageState:
        """Where the episode stands.

        Raises:
            EpisodeError: The session was closed.
        """
        self._refuse_closed()
        if self._playing is None:
            return TriageState(episode_id=None, step_count=0)
        state: EpisodeState = self._playing.state()
        return TriageState(**state.model_dump())

    @property
    def rubric(self) -> EpisodeRubric:
        """The reward as a tree; scores are those of the last episode, if it is done.

        It is built when somebody looks: most sessions never do.
        """
        if self._tree is None:
            self._tree = EpisodeRubric(self._judge)
            if self._ended is not None:
                self._tree(*self._ended)
        return self._tree

    @rubric.setter
    def rubric(self, _: object) -> None:
        """The package's base class sets one of its own, which stays unused."""

    @property
    def mcp_server(self) -> Any:
        """The tools of this session's side, which the package's MCP routes call.

        Raises:
            EpisodeError: The session was closed.
        """
        self._refuse_closed()
        return openenv_tools.tool_server(self._tools, self.play)

    def get_metadata(self) -> EnvironmentMetadata:
        """What the environment is."""
        return EnvironmentMetadata(
            name="opensoc",
            description="SOC triage whose truth and reward come from rule files.",
            version="0.1.0",
        )

    def close(self) -> None:
        """End the session; every later call fails."""
        with self._calls:
            self._closed = True
            self._leave()
            self._calls.end()

    def _asked(self, given: Mapping[str, Any]) -> ResetArguments:
        self._refuse_closed()
        return read_reset(given)

    @_only_refusals()
    def _begin(self, arguments: ResetArguments) -> TriageObservation:
        """Start what was asked for; whoever calls holds the lock."""
        self._refuse_closed()
        playing: Playing
        if arguments.opponent == HUMAN:
            playing = seat = self._sit(arguments)
            observation = seat.look()
        else:
            mode, role = arguments.played_mode, arguments.role
            opponent = self._lineup.seated(mode, role, arguments.opponent)
            playing = episode = self._start(arguments, opponent)
            observation = episode.reset()
        if playing is not self._playing:
            self._leave()
        self._playing = playing
        self._tools = _tools_of(arguments)
        self._ended = None
        if self._tree is not None:
            self._tree.reset()
        return TriageObservation.of(observation)

    def _take(self, turn: Mapping[str, Any]) -> TriageObservation:
        with self._calls:
            return self._taken(turn)

    @_only_refusals()
    def _taken(self, turn: Mapping[str, Any]) -> TriageObservation:
        """Take a turn; whoever calls holds the lock."""
        self._refuse_closed()
        if self._playing is None:
            raise EpisodeError("not_reset", "call reset before step")
        observation = TriageObservation.of(self._playing.step(turn))
        if observation.done:
            self._ended = (turn, observation)
            if self._tree is not None:
                self._tree(*self._ended)
        return observation

    def _only_grades(self, action: TriageAction) -> bool:
        """True if a turn waits for nobody and computes for a moment only.

        An incident that a stranger crafts may take longer to read and to judge.
        """
        playing = self._playing
        return (
            not self._finish_blocks
            and action.model_fields_set == {"submit_triage"}
            and isinstance(playing, Episode)
            and playing.opponent is None
        )

    def _start(self, arguments: ResetArguments, opponent: Any) -> Episode:
        split, seed = arguments.split, arguments.seed
        refuse_withheld(self.withheld, split=split, seed=seed)
        try:
            episode = Episode(
                arguments.task or DEFAULT_TASK,
                arguments.played_mode,
                arguments.seed,
                arguments.index,
                split=arguments.split,
                role=arguments.role,
                opponent=opponent,
                judge=self._judge,
                archive=self._archive,
                episode_id=arguments.episode_id,
                on_finish=self._on_finish,
            )
        except InputError as error:
            raise no_split(error) from None
        refuse_other_task(arguments.task, episode.task)
        return episode

    def _sit(self, arguments: ResetArguments) -> Seat:
        """A side of the table that the episode's id names."""
        name, role = arguments.episode_id, arguments.role
        if name is None or role is None or arguments.played_mode != "self_play":
            expected = "`self_play`, a role, and the episode_id that both sessions give"
            text = f"`opponent`: two sessions can't meet so; expected {expected}"
            raise EpisodeError("bad_reset", text, field="opponent", expected=expected)
        seat, terms = self._playing, arguments.terms
        if isinstance(seat, Seat) and seat.is_at(name, role, terms):
            return seat
        return self._tables.sit(name, role, terms, lambda: self._start(arguments, None))

    def _leave(self) -> None:
        if isinstance(self._playing, Seat):
            self._playing.leave()
        self._playing = None

    def _refuse_closed(self) -> None:
        if self._closed:
            raise EpisodeError("not_reset", "the session was closed: connect again")


def _tools_of(arguments: ResetArguments) -> tuple[str, ...]:
    """The turns that a session has."""
    role = arguments.role
    if role is None and arguments.played_mode == "defender_only":
        role = "defender"
    return tuple(name for name, side in TURNS.items() if role in (None, side))
