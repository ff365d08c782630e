"""How a server starts episodes: with its policies, counted, and kept when they end."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from opensoc_engine import InputError
from opensoc_env.episode import HUMAN, Episode, EpisodeError
from opensoc_env.opponents.lineup import BUILT_IN, Lineup
from opensoc_env.server.openenv_environment import OpenSOCEnvironment
from opensoc_env.server.openenv_tasks import (
    no_split,
    refuse_other_task,
    refuse_withheld,
)
from opensoc_env.server.tables import Tables
from opensoc_env.store import StoreError
from opensoc_env.tasks import DEFAULT_TASK

if TYPE_CHECKING:
    from collections.abc import Collection

    from opensoc_env.finished import FinishedEpisode, Key
    from opensoc_env.judge import Judge
    from opensoc_env.models import Mode, Role, TaskName
    from opensoc_env.server.metrics import Metrics
    from opensoc_env.server.reset_arguments import ResetArguments
    from opensoc_env.store import EpisodeStore

_NOT_KEPT = (
    "the server could not keep the episode; nothing has changed: try again later"
)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Play:
    """What all episodes of one server share.

    Attributes:
        store: Where finished episodes are kept; None to keep none.
        lineup: Who can be played against.
        tables: Where sessions meet that play against each other.
        withheld: Splits that nobody can play here.
    """

    judge: Judge
    metrics: Metrics
    store: EpisodeStore | None = None
    lineup: Lineup = BUILT_IN
    tables: Tables = field(default_factory=Tables)
    withheld: Collection[str] = ()

    def start(
        self,
        task: TaskName | None,
        mode: Mode,
        seed: int,
        *,
        role: Role | None = None,
        opponent: str | None = None,
        asked: int | None = None,
        **more: Any,
    ) -> Episode:
        """An episode of the HTTP API, whose caller `asked` for a seed, or for none.

        Raises:
            EpisodeError: There is no such episode, or no such opponent.
        """
        refuse_withheld(self.withheld, split=more.get("split"), seed=seed)
        if opponent == HUMAN:
            expected = "an opponent of the server: two callers meet over `/ws`"
            text = f"`opponent`: nobody can join over HTTP; expected {expected}"
            raise EpisodeError("bad_reset", text, field="opponent", expected=expected)
        against = self.lineup.seated(mode, role, opponent)
        try:
            episode = Episode(
                task or DEFAULT_TASK,
                mode,
                seed,
                judge=self.judge,
                on_finish=lambda done: self.finish(done, (done.task, mode, asked)),
                role=role,
                opponent=against,
                **more,
            )
        except InputError as error:
            raise no_split(error) from None
        refuse_other_task(task, episode.task)
        self.metrics.started(episode.task, mode)
        return episode

    def environment(self) -> OpenSOCEnvironment:
        """An environment of one session."""
        return _Counted(self)

    def page(self) -> OpenSOCEnvironment:
        """An environment of a page: it comes back to a table instead of waiting."""
        return replace(self, tables=self.tables.at_once()).environment()

    def finish(self, episode: FinishedEpisode, key: Key | None = None) -> None:
        """Keep a finished episode, then count it.

        Args:
            episode: What came of it.
            key: What its caller had asked the HTTP API for.

        Raises:
            EpisodeError: It could not be kept, so it is not done.
        """
        if self.store is not None:
            try:
                self.store.record(episode, key)
            except StoreError as error:
                _log.error("an episode could not be kept: %s", error)
                raise EpisodeError("not_kept", _NOT_KEPT) from None
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
            withheld=play.withheld,
        )
        self._metrics = play.metrics

    def _start(self, arguments: ResetArguments, opponent: Any) -> Episode:
        """Start an episode, and count it: who comes back to a seat starts none."""
        episode = super()._start(arguments, opponent)
        self._metrics.started(episode.task, episode.mode)
        return episode
