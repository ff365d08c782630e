"""An incident with what the judge and a defender see in it, each worked out once.

One seed is reset again and again: by every rollout of a group, by every defender of a
match. So the situations of the last seeds are kept. They are shared by episodes and
threads: nobody changes one, and `look` hands out a view that is the caller's own.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

from opensoc_env.cut_offs import cut_offs_of
from opensoc_env.generator import generate_judged, scope_of
from opensoc_env.log_text import styles_of
from opensoc_env.observation import observe
from opensoc_env.splits import split_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opensoc_engine import Decision
    from opensoc_env.judge import Judge
    from opensoc_env.models import Mode, Observation, TaskName

KEPT = 512
"""How many situations are kept; each takes up to 0.1 MB."""


class Situation:
    """A normal incident before a judge.

    Args:
        incident: Whoever hands it over leaves it alone from then on.
        styles_key: Draws the styles of the log lines.
        styles: Those that are not drawn, by the sensor.
        truth: What the judge says of it, if that is known.
    """

    def __init__(
        self,
        incident: dict[str, Any],
        judge: Judge,
        styles_key: str,
        *,
        styles: Mapping[str, str] | None = None,
        truth: Decision | None = None,
    ) -> None:
        self.incident = incident
        self._judge = judge
        self._styles_key = styles_key
        self._styles = styles or {}
        self._known = truth

    @cached_property
    def truth(self) -> Decision:
        """The right action, and every rule that says so."""
        return self._known or self._judge.truth(self.incident)

    @cached_property
    def plausibility(self) -> Decision:
        """Whether it could have happened, and what objects to it."""
        return self._judge.check_plausible(self.incident)

    def look(self, *, episode_id: str, task: TaskName, mode: Mode) -> Observation:
        """A defender's view, free to be changed."""
        seen = self._view
        alert = seen.alert
        if alert is not None:
            own = {"hosts": list(alert.hosts), "users": list(alert.users)}
            alert = alert.model_copy(update=own)
        return seen.model_copy(
            update={
                "episode_id": episode_id,
                "task": task,
                "mode": mode,
                "alert": alert,
                "log_window": list(seen.log_window),
                "context": list(seen.context),
                "errors": [],
            }
        )

    @cached_property
    def _view(self) -> Observation:
        sensors = {event["source"] for event in self.incident["events"]}
        return observe(
            self.incident,
            episode_id="",
            task="stage1_basic",
            mode="defender_only",
            cut_offs=cut_offs_of(self._judge.verifier),
            styles={**styles_of(self._styles_key, sorted(sensors)), **self._styles},
        )


@lru_cache(maxsize=KEPT)
def situation_of_row(split: str, index: int, judge: Judge) -> Situation:
    """The situation of a row of a data set.

    Raises:
        InputError: There is no such split.
        IndexError: It has no such row.
    """
    row = split_row(split, index)
    return Situation(row["incident"], judge, row["id"], styles=row.get("styles"))


@lru_cache(maxsize=KEPT)
def situation_of(
    task: TaskName, seed: int, index: int, styles_key: str, judge: Judge
) -> Situation:
    """The generated situation that a task, a seed and an index name.

    Raises:
        InputError: There is no such task.
    """
    incident, truth = generate_judged(task, seed, index, judge, scope_of(seed))
    return Situation(incident, judge, styles_key, truth=truth)
