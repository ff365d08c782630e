"""How a server starts episodes: with its policies, counted, and kept when they end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opensoc_engine import InputError
from opensoc_env.episode import HUMAN, Episode, EpisodeError
from opensoc_env.opponents.lineup import BUILT_IN, Lineup
from opensoc_env.server.openenv_environment import OpenSOCEnvironment
from opensoc_env.server.openenv_tasks import no_split
from opensoc_env.server.tables import Tables

if TYPE_CHECKING:
    from opensoc_env.finished import FinishedEpisode
    from opensoc_env.judge import Judge
    from opensoc_env.models import Mode, Role, TaskName
    from opensoc_env.server.metrics import Metrics
    from opensoc_env.server.openenv_messages import TriageObservation
    from opensoc_env.server.reset_arguments import ResetArguments
    from opensoc_env.store import EpisodeStore


@dataclass(frozen=True, slots=True)
class Play:
    """What all episodes of one server share.

    Attributes:
        store: Where finished episodes are kept; None to keep none.
        lineup: Who can be played against.
        tables: Where sessions meet that play against each other.
    """

    judge: Judge
    metrics: Metrics
    store: EpisodeStore | None = None
    lineup: Lineup = BUILT_IN
    tables: Tables = field(default_factory=Tables)

    def start(
        self,
        task: TaskName,
        mode: Mode,
        seed: int,
        *,
        role: Role | None = None,
        opponent: str | None = None,
        **more: Any,
    ) -> Episode:
        """An episode of the HTTP API.

        Raises:
            EpisodeError: There is no such episode, or no such opponent.
        """
        if opponent == HUMAN:
            expected = "an opponent of the server: two callers meet over `/ws`"
            text = f"`opponent`: nobody can join over HTTP; expected {expected}"
            raise EpisodeError("bad_reset", text, field="opponent", expected=expected)
        against = self.lineup.seated(mode, role, opponent)
        try:
            episode = Episode(
                task,
                mode,
                seed,
                judge=self.judge,
                on_finish=self.finish,
                role=role,
                opponent=against,
                **more,
            )
        except InputError as error:
            raise no_split(error) from None
        self.metrics.started(episode.task, mode)
        return episode

    def environment(self) -> OpenSOCEnvironment:
        """An environment of one session."""
        return _Counted(self)

    def finish(self, episode: FinishedEpisode) -> None:
        """Keep a finished episode, then count it."""
        if self.store is not None:
            self.store.record(episode)
        self.metrics.finished(episode)


class _Counted(OpenSOCEnvironment):
    """An environment whose episodes are counted."""

    def __init__(self, play: Play) -> None:
        super().__init__(
            play.judge,
            lineup=play.lineup,
            tables=play.tables,
            on_finish=play.finish,
            finish_blocks=play.store is not None,
        )
        self._metrics = play.metrics

    def _begin(self, arguments: ResetArguments) -> TriageObservation:
        """Start an episode, as `OpenSOCEnvironment` does, and count it."""
        observation = super()._begin(arguments)
        self._metrics.started(observation.task, observation.mode)
        return observation
