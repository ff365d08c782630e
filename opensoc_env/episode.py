"""One seed, or one row of a data set, becomes one episode.

In `defender_only` the incident is given and the defender triages it. In `self_play` the
attacker first crafts the events on the estate of that incident:

* One that does not fit the schema costs the attacker a reward and ends the episode; the
  incident is dismissed without a defender, so the defender has no reward.
* One that is implausible goes to the defender like any other, who is graded against
  the verifier's truth: nobody tells a defender beforehand which alerts are sound. It
  earns the attacker nothing, whatever the defender says, and is not archived.

Whoever calls plays both sides, or one `role` of them. The other side's turn is then
taken by an `opponent` at once, or stays open for another caller of the same episode:
`view` shows each side its own.

A malformed answer raises `EpisodeError` and costs nothing, so a client's mistake is no
grade; `forfeit` is how a caller says that a model's text could not be read at all.
Nothing but the seed, the actions, the archive and the policies decides what happens.
One episode belongs to one thread at a time.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from opensoc_engine import OpenSocError
from opensoc_env.defenders import TriageItem
from opensoc_env.draws import fingerprint
from opensoc_env.finished import FinishedEpisode
from opensoc_env.incident import (
    IncidentError,
    craft_incident,
    describe_problems,
    place,
)
from opensoc_env.judge import ATTACKER_RUBRIC, DEFENDER_RUBRIC, default_judge
from opensoc_env.models import EpisodeState, SubmitTriage
from opensoc_env.novelty import Archive, pattern_of
from opensoc_env.observation import observe_estate
from opensoc_env.opponents.attackers import CraftItem
from opensoc_env.results import Crafted, Rubrics, refusal_result, triage_result
from opensoc_env.situation import Situation, situation_of, situation_of_row
from opensoc_env.splits import split_row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opensoc_engine import Problem
    from opensoc_env.defenders import Defender
    from opensoc_env.judge import Judge
    from opensoc_env.models import (
        EpisodeResult,
        Mode,
        Observation,
        Role,
        TaskName,
    )
    from opensoc_env.opponents.attackers import Attacker

TURNS: Mapping[str, Role] = {"craft_incident": "attacker", "submit_triage": "defender"}
HUMAN = "human"
"""How records call another caller who plays the other side."""

WAITING: Mapping[Role, str] = {
    "attacker": "Wait: the attacker has not crafted its incident yet.",
    "defender": "Wait: the defender has not answered yet.",
}
"""What a side is told while the other one has its turn."""

_ONE_TURN = "one of `craft_incident` and `submit_triage`, alone"
# What an opponent has to have, by the role of the caller.
_OPPOSES: Mapping[Role, str] = {"attacker": "answer", "defender": "craft"}
_numbers = count(1)
_log = logging.getLogger(__name__)


class EpisodeError(OpenSocError):
    """A call that the episode can't take now; it changed nothing.

    Attributes:
        code: `not_reset`, `already_done`, `wrong_role`, `bad_action`, `bad_reset`,
            `not_done` or `opponent_failed`.
        field: The part of the action, or the argument of reset, that is wrong.
        expected: What it should be.
    """

    def __init__(
        self, code: str, message: str, *, field: str = "", expected: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.expected = expected


@dataclass(slots=True)
class _Run:
    """What happened since the last reset.

    Attributes:
        situation: Given at first; the attacker's after its turn.
        role: Whose turn it is.
        views: What each side has been shown.
        payload: What the attacker sent, read or not.
    """

    situation: Situation
    role: Role
    views: dict[Role, Observation] = field(default_factory=dict)
    payload: Any = None
    crafted: Crafted | None = None
    result: EpisodeResult | None = None
    errors: list[str] = field(default_factory=list)
    steps: int = 0
    number: int = field(default_factory=lambda: next(_numbers))


class Episode:
    """An incident and the turns on it.

    Args:
        task: The stage; that of the row if a split is named.
        seed: With `task`, `mode` and `index` it decides the whole episode.
        split: The data set that `index` counts in, see `opensoc_env.splits`.
        role: The side that the caller plays; both if it is None.
        opponent: Who plays the other side: a defender for the role `attacker`, an
            attacker for the role `defender`; another caller if it is None.
        archive: Patterns that earlier episodes made; an empty one by default.
        episode_id: A name for clients; made from the seed by default.
        on_finish: Gets the record of each finished run before anybody is told of it.

    Raises:
        InputError: There is no such rubric for its side, or no such split.
        EpisodeError: The split has no such row, or role and opponent don't fit.
    """

    def __init__(
        self,
        task: TaskName,
        mode: Mode,
        seed: int,
        index: int = 0,
        *,
        split: str | None = None,
        role: Role | None = None,
        opponent: Attacker | Defender | None = None,
        judge: Judge | None = None,
        defender_rubric: str = DEFENDER_RUBRIC,
        attacker_rubric: str = ATTACKER_RUBRIC,
        archive: Archive | None = None,
        episode_id: str | None = None,
        on_finish: Callable[[FinishedEpisode], None] | None = None,
    ) -> None:
        _require_sides(mode, role, opponent)
        self._judge = judge or default_judge()
        self._judge.require_rubrics(defender_rubric, attacker_rubric)
        self._rubrics = Rubrics(defender_rubric, attacker_rubric)
        self._row = None if split is None else _row_of(split, index)
        self.task: TaskName = task if self._row is None else self._row["task"]
        self.mode = mode
        self.seed = seed
        self.index = index
        self.split = split
        self.role = role
        self.opponent = opponent
        self.episode_id = episode_id or _name_of(self)
        self._archive = Archive() if archive is None else archive
        self._on_finish = on_finish
        self._run: _Run | None = None

    def reset(self) -> Observation:
        """Begin, or begin again, and show the caller what its side may see.

        Raises:
            EpisodeError: The opponent that moves first failed.
        """
        situation = self._given()
        role: Role = "defender" if self.mode == "defender_only" else "attacker"
        run = _Run(situation, role)
        look = self._look if role == "defender" else self._look_at_estate
        run.views[role] = look(situation)
        if role == "attacker" and self.role == "defender" and self.opponent:
            self._craft(run, self._crafted_by_opponent(run))
        self._run = run
        return self.view()

    def step(self, action: Mapping[str, Any]) -> Observation:
        """Take the turn of the side whose turn it is, and show the caller what is next.

        Args:
            action: `{"craft_incident": {...}}` or `{"submit_triage": {...}}`.

        Raises:
            EpisodeError: The episode can't take this; it stays as it was.
        """
        run = self._next_run()
        name, payload = _single(action)
        if TURNS[name] != run.role:
            raise EpisodeError(
                "wrong_role", f"`{name}` is out of turn: the {run.role} moves now"
            )
        if name == "craft_incident":
            self._craft(run, payload)
        else:
            self._triage(run, read_triage(payload))
        self._run = run
        return self.view()

    def forfeit(self) -> Observation:
        """Take the turn of a side whose text could not be read.

        Raises:
            EpisodeError: No turn is open.
        """
        run = self._next_run()
        if run.role == "defender":
            self._triage(run, None)
        else:
            self._craft(run, None)
        self._run = run
        return self.view()

    def view(self, role: Role | None = None) -> Observation:
        """What a side may see now; by default the caller's, or whose turn it is.

        Raises:
            EpisodeError: The episode has not begun.
        """
        run = self._begun()
        role = role or self.role or run.role
        seen = run.views.get(role) or self._nothing_yet(run, role)
        if run.result is not None:
            result = run.result
            paid = result.reward if role == "defender" else result.attacker_reward
            told = {"done": True, "reward": paid, "result": result}
            return seen.model_copy(update={"errors": run.errors, **told})
        if role == run.role:
            return seen
        waits = {"role": run.role, "instructions": WAITING[run.role]}
        return seen.model_copy(update=waits)

    def craft_item(self) -> CraftItem:
        """The attacker's turn as attackers in this process meet it.

        Raises:
            EpisodeError: It is not the attacker's turn.
        """
        run = self._open_run()
        if run.role != "attacker":
            raise EpisodeError("wrong_role", "the defender moves now")
        return self._craft_item(run)

    def state(self) -> EpisodeState:
        """Where the episode stands, without a trace of the truth."""
        run = self._run
        return EpisodeState(
            episode_id=self.episode_id,
            task=self.task,
            mode=self.mode,
            role=run.role if run else self.role or "defender",
            step_count=run.steps if run else 0,
            done=run is not None and run.result is not None,
        )

    def grade(self) -> EpisodeResult:
        """What came of the episode.

        Raises:
            EpisodeError: It is not done.
        """
        if self._run is None or self._run.result is None:
            raise EpisodeError("not_done", "the episode is not done: triage it first")
        return self._run.result

    def _begun(self) -> _Run:
        if self._run is None:
            raise EpisodeError("not_reset", "the episode has not begun: reset it first")
        return self._run

    def _open_run(self) -> _Run:
        run = self._begun()
        if run.result is not None:
            raise EpisodeError("already_done", "the episode is done: reset it first")
        return run

    def _next_run(self) -> _Run:
        """The run one step on, to take a turn in: if that fails, nothing happened."""
        run = self._open_run()
        return replace(run, views=dict(run.views), steps=run.steps + 1)

    def _given(self) -> Situation:
        """The situation that seed or row name; it is shared."""
        if self.split is not None:
            return situation_of_row(self.split, self.index, self._judge)
        key = self._style_key()
        return situation_of(self.task, self.seed, self.index, key, self._judge)

    def _crafted(self, incident: dict[str, Any]) -> Situation:
        """A new situation; its styles are those of seed or row."""
        styles = self._row.get("styles") if self._row else None
        return Situation(incident, self._judge, self._style_key(), styles=styles)

    def _look(self, situation: Situation) -> Observation:
        """The defender's view; styles belong to seed or row, not to a client's name."""
        return situation.look(**self._named())

    def _look_at(self, incident: dict[str, Any]) -> Observation:
        """The defender's view of what an attacker may craft."""
        return self._look(self._crafted(incident))

    def _look_at_estate(self, situation: Situation) -> Observation:
        return observe_estate(situation.incident, **self._named())

    def _named(self) -> dict[str, Any]:
        return {"episode_id": self.episode_id, "task": self.task, "mode": self.mode}

    def _style_key(self) -> str:
        if self._row is not None:
            return str(self._row["id"])
        return episode_name(self.task, "defender_only", self.seed, self.index)

    def _nothing_yet(self, run: _Run, role: Role) -> Observation:
        """The view of a side that has been shown nothing."""
        other = next(iter(run.views.values()))
        empty: dict[str, Any] = {"alert": None, "log_window": [], "context": []}
        told = {"role": role, "instructions": WAITING[run.role]}
        return other.model_copy(update={**empty, **told})

    def _craft_item(self, run: _Run) -> CraftItem:
        key = fingerprint("opponent", _name_of(self), self.seed)
        incident = run.situation.incident
        return CraftItem(run.views["attacker"], incident, self._look_at, key)

    def _crafted_by_opponent(self, run: _Run) -> Any:
        attacker = cast("Attacker", self.opponent)
        try:
            return attacker.craft(self._craft_item(run))
        except OpenSocError as error:
            raise _failed(attacker.name, error) from error

    def _answered_by_opponent(self, run: _Run) -> SubmitTriage | None:
        defender = cast("Defender", self.opponent)
        item = TriageItem(run.views["defender"], run.situation.incident)
        try:
            (answer,) = defender.answer([item])
        except (OpenSocError, ValueError) as error:
            raise _failed(defender.name, error) from error
        return answer

    def _craft(self, run: _Run, payload: Any) -> None:
        """Take the attacker's turn, and the defender's if an opponent plays it."""
        try:
            incident = craft_incident(payload, run.situation.incident["context"])
        except IncidentError as error:
            self._refuse(run, payload, error.problems)
            return
        situation = self._crafted(incident)
        run.payload, run.situation = payload, situation
        run.crafted = Crafted(situation.plausibility, novelty=0.0)
        run.views["defender"], run.role = self._look(situation), "defender"
        if self.role == "attacker" and self.opponent is not None:
            self._triage(run, self._answered_by_opponent(run))

    def _refuse(self, run: _Run, payload: Any, problems: Sequence[Problem]) -> None:
        """End an episode whose incident does not fit the schema."""
        run.payload = payload
        run.errors = describe_problems(problems)
        result = refusal_result(self._judge, self._rubrics, problems)
        self._finish(run, result, answered=False)

    def _triage(self, run: _Run, answer: SubmitTriage | None) -> None:
        """Grade the defender's turn, which ends the episode."""
        if run.crafted is None or run.crafted.plausibility.findings:
            self._grade(run, answer)
            return
        pattern = pattern_of(run.situation.incident, run.situation.truth)
        with self._archive.counting(pattern) as novelty:
            run.crafted = run.crafted._replace(novelty=novelty)
            self._grade(run, answer)

    def _grade(self, run: _Run, answer: SubmitTriage | None) -> None:
        truth, crafted = run.situation.truth, run.crafted
        result = triage_result(self._judge, self._rubrics, truth, answer, crafted)
        self._finish(run, result, answered=True)

    def _finish(self, run: _Run, result: EpisodeResult, *, answered: bool) -> None:
        if self._on_finish is not None:
            self._on_finish(self._record(run, result, answered=answered))
        run.result = result

    def _record(
        self, run: _Run, result: EpisodeResult, *, answered: bool
    ) -> FinishedEpisode:
        other = self.opponent.name if self.opponent else HUMAN
        return FinishedEpisode(
            episode_id=self.episode_id,
            task=self.task,
            mode=self.mode,
            role=self.role,
            opponent=other if self.role and self.mode == "self_play" else "",
            seed=self.seed,
            index=self.index,
            split=self.split,
            incident=run.situation.incident,
            crafted=run.payload,
            answer=result.answer,
            answered=answered,
            novelty=run.crafted.novelty if run.crafted else 0.0,
            result=result,
            policy_digest=self._judge.digest,
            defender_rubric=self._rubrics.defender,
            attacker_rubric=self._rubrics.attacker,
            steps=run.steps,
            sequence=run.number,
        )


def episode_name(task: TaskName, mode: Mode, seed: int, index: int) -> str:
    """A short name for an episode, which tells nothing of it."""
    return fingerprint("episode", task, mode, seed, index)[:16]


def read_triage(payload: Any) -> SubmitTriage:
    """A defender's answer.

    Raises:
        EpisodeError: It does not fit; `field` and `expected` say where and what.
    """
    try:
        return SubmitTriage.model_validate(payload)
    except ValidationError as error:
        raise refusal_of(error, "bad_action", "submit_triage") from None


def refusal_of(error: ValidationError, code: str, *path: str) -> EpisodeError:
    """The first fault of a message that does not fit, as an error with its place."""
    first = error.errors(include_url=False, include_input=False)[0]
    name = place((*path, *first["loc"]))
    expected = first["msg"][:1].lower() + first["msg"][1:]
    return EpisodeError(code, f"`{name}`: {expected}", field=name, expected=expected)


def _name_of(episode: Episode) -> str:
    if episode.split is not None:
        parts = (episode.split, episode.mode, episode.index)
        return fingerprint("episode", *parts)[:16]
    return episode_name(episode.task, episode.mode, episode.seed, episode.index)


def _single(action: Any) -> tuple[str, Any]:
    """The one turn that an action holds."""
    if not isinstance(action, dict) or len(action) != 1 or not TURNS.keys() & action:
        raise EpisodeError(
            "bad_action",
            f"an action holds {_ONE_TURN}",
            field="action",
            expected=_ONE_TURN,
        )
    return next(iter(action.items()))


def _row_of(split: str, index: int) -> dict[str, Any]:
    try:
        return split_row(split, index)
    except IndexError as error:
        expected = f"a row of the split: {error}"
        text = f"`index`: expected {expected}"
        raise EpisodeError(
            "bad_reset", text, field="index", expected=expected
        ) from None


def _require_sides(
    mode: Mode, role: Role | None, opponent: Attacker | Defender | None
) -> None:
    """Refuse a side that the mode has no turn for, and an opponent for no side."""
    if mode == "defender_only" and role == "attacker":
        expected = "`self_play`, where the attacker has a turn"
        raise _unfit("role", "in `defender_only` nobody attacks", expected)
    if opponent is None:
        return
    if mode == "defender_only" or role is None:
        expected = "none, or `self_play` and a role for the caller"
        raise _unfit("opponent", "there is no other side to play", expected)
    if not hasattr(opponent, _OPPOSES[role]):
        other = "a defender" if role == "attacker" else "an attacker"
        raise _unfit("opponent", f"`{opponent.name}` plays the {role} itself", other)


def _unfit(name: str, problem: str, expected: str) -> EpisodeError:
    text = f"`{name}`: {problem}; expected {expected}"
    return EpisodeError("bad_reset", text, field=name, expected=expected)


def _failed(name: str, error: Exception) -> EpisodeError:
    """What a caller is told; whoever runs the opponent finds the reason in the log."""
    _log.warning("opponent `%s` gave no answer: %s", name, error)
    text = f"the opponent `{name}` gave no answer; nothing has changed: try again"
    return EpisodeError("opponent_failed", text)
