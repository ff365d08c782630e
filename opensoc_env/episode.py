"""One seed becomes one episode: an incident, one or two turns, and what came of it.

In `defender_only` the generator makes the incident and the defender triages it. In
`self_play` the attacker first crafts the events on the estate of the seed:

* One that does not fit the schema costs the attacker a reward and ends the episode; the
  incident is dismissed without a defender, so the defender has no reward.
* One that is implausible goes to the defender like any other, who is graded against
  the verifier's truth: nobody tells a defender beforehand which alerts are sound. It
  earns the attacker nothing, whatever the defender says, and is not archived.

A malformed answer raises `EpisodeError` and costs nothing, so a client's mistake is no
grade; `forfeit` is how a caller says that a model's text could not be read at all.
Nothing but the seed, the actions and the policies decides what happens. One episode
belongs to one thread at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from opensoc_engine import OpenSocError
from opensoc_env.draws import fingerprint
from opensoc_env.generator import generate
from opensoc_env.incident import (
    IncidentError,
    craft_incident,
    describe_problems,
    place,
)
from opensoc_env.judge import (
    ATTACKER_RUBRIC,
    DEFENDER_RUBRIC,
    action_of,
    default_judge,
    fired_rules,
    reward_of,
    terms_of,
    violations_of,
)
from opensoc_env.log_text import styles_of
from opensoc_env.models import EpisodeResult, EpisodeState, SubmitTriage, Violation
from opensoc_env.novelty import Archive, pattern_of
from opensoc_env.observation import observe, observe_estate

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opensoc_engine import Decision, Problem
    from opensoc_env.judge import Judge
    from opensoc_env.models import Mode, Observation, Role, TaskName

TURNS: Mapping[str, Role] = {"craft_incident": "attacker", "submit_triage": "defender"}
_ONE_TURN = "one of `craft_incident` and `submit_triage`, alone"


class EpisodeError(OpenSocError):
    """A call that the episode can't take now; it changed nothing.

    Attributes:
        code: `not_reset`, `already_done`, `wrong_role`, `bad_action` or `not_done`.
        field: The part of the action that is wrong; empty unless `bad_action`.
        expected: What it should be.
    """

    def __init__(
        self, code: str, message: str, *, field: str = "", expected: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.field = field
        self.expected = expected


class Episode:
    """An incident and the turns on it.

    Args:
        seed: With `task`, `mode` and `index` it decides the whole episode.
        archive: Patterns that earlier episodes made; an empty one by default.
        episode_id: A name for clients; made from the seed by default.

    Raises:
        InputError: There is no such rubric for its side.
    """

    def __init__(
        self,
        task: TaskName,
        mode: Mode,
        seed: int,
        index: int = 0,
        *,
        judge: Judge | None = None,
        defender_rubric: str = DEFENDER_RUBRIC,
        attacker_rubric: str = ATTACKER_RUBRIC,
        archive: Archive | None = None,
        episode_id: str | None = None,
    ) -> None:
        self.task = task
        self.mode = mode
        self.seed = seed
        self.index = index
        self.episode_id = episode_id or episode_name(task, mode, seed, index)
        self._judge = judge or default_judge()
        self._judge.require_rubrics(defender_rubric, attacker_rubric)
        self._defender_rubric = defender_rubric
        self._attacker_rubric = attacker_rubric
        self._archive = Archive() if archive is None else archive
        self._incident: dict[str, Any] | None = None
        self._view: Observation | None = None
        self._plausible: Decision | None = None
        self._result: EpisodeResult | None = None
        self._role: Role = "defender"
        self._steps = 0

    def reset(self) -> Observation:
        """Begin, or begin again, and show the first side what it may see."""
        self._incident = generate(self.task, self.seed, self.index, judge=self._judge)
        self._result = self._plausible = None
        self._steps = 0
        self._role = "defender" if self.mode == "defender_only" else "attacker"
        return self._show(self._look if self._role == "defender" else observe_estate)

    def step(self, action: Mapping[str, Any]) -> Observation:
        """Take the turn of the side whose turn it is.

        Args:
            action: `{"craft_incident": {...}}` or `{"submit_triage": {...}}`.

        Raises:
            EpisodeError: The episode can't take this; it stays as it was.
        """
        self._require_turn()
        name, payload = _single(action)
        if TURNS[name] != self._role:
            raise EpisodeError(
                "wrong_role", f"`{name}` is out of turn: the {self._role} moves now"
            )
        if name == "craft_incident":
            return self._craft(payload)
        return self._triage(read_triage(payload))

    def forfeit(self) -> Observation:
        """Take the turn of a side whose text could not be read.

        Raises:
            EpisodeError: No turn is open.
        """
        self._require_turn()
        return self._triage(None) if self._role == "defender" else self._craft(None)

    def state(self) -> EpisodeState:
        """Where the episode stands, without a trace of the truth."""
        return EpisodeState(
            episode_id=self.episode_id,
            task=self.task,
            mode=self.mode,
            role=self._role,
            step_count=self._steps,
            done=self._result is not None,
        )

    def grade(self) -> EpisodeResult:
        """What came of the episode.

        Raises:
            EpisodeError: It is not done.
        """
        if self._result is None:
            raise EpisodeError("not_done", "the episode is not done: triage it first")
        return self._result

    def _require_turn(self) -> None:
        if self._view is None:
            raise EpisodeError("not_reset", "the episode has not begun: reset it first")
        if self._result is not None:
            raise EpisodeError("already_done", "the episode is done: reset it first")

    def _show(self, look: Callable[..., Observation]) -> Observation:
        self._view = look(
            self._incident, episode_id=self.episode_id, task=self.task, mode=self.mode
        )
        return self._view

    def _look(self, incident: dict[str, Any], **named: Any) -> Observation:
        """The defender's view; styles belong to the seed, not to a client's name."""
        key = episode_name(self.task, "defender_only", self.seed, self.index)
        sensors = {event["source"] for event in incident["events"]}
        return observe(incident, **named, styles=styles_of(key, sorted(sensors)))

    def _craft(self, payload: Any) -> Observation:
        assert self._incident is not None, "a turn is open only after reset"
        self._steps += 1
        try:
            incident = craft_incident(payload, self._incident["context"])
        except IncidentError as error:
            return self._refuse(error.problems)
        self._incident = incident
        self._plausible = self._judge.check_plausible(incident)
        self._role = "defender"
        return self._show(self._look)

    def _refuse(self, problems: Sequence[Problem]) -> Observation:
        """End an episode whose incident does not fit the schema."""
        grade = self._judge.grade_attacker(
            schema_valid=False,
            plausible=False,
            defender_correct=False,
            novelty=0.0,
            rubric=self._attacker_rubric,
        )
        result = EpisodeResult(
            truth_action="dismiss",
            fired=[],
            answer=None,
            reward=None,
            terms=[],
            plausible=False,
            violations=[_violation(problem) for problem in problems],
            attacker_reward=reward_of(grade),
            policy_digest=self._judge.digest,
        )
        return self._finish(result, result.attacker_reward, describe_problems(problems))

    def _triage(self, answer: SubmitTriage | None) -> Observation:
        assert self._incident is not None, "a turn is open only after reset"
        self._steps += 1
        judge, plausible = self._judge, self._plausible
        truth = judge.truth(self._incident)
        grade = judge.grade_defender(truth, answer, self._defender_rubric)
        result = EpisodeResult(
            truth_action=action_of(truth),
            fired=fired_rules(truth),
            answer=answer,
            reward=reward_of(grade),
            terms=terms_of(grade),
            plausible=None if plausible is None else not plausible.findings,
            violations=violations_of(plausible) if plausible else [],
            attacker_reward=self._attacker_reward(truth, answer),
            policy_digest=judge.digest,
        )
        return self._finish(result, result.reward, [])

    def _attacker_reward(
        self, truth: Decision, answer: SubmitTriage | None
    ) -> float | None:
        """The attacker's part; None if nobody crafted the incident."""
        if self._plausible is None or self._incident is None:
            return None
        plausible = not self._plausible.findings
        pattern = pattern_of(self._incident, truth)
        grade = self._judge.grade_attacker(
            schema_valid=True,
            plausible=plausible,
            defender_correct=answer is not None and answer.action == truth.outcome,
            novelty=self._archive.add(pattern) if plausible else 0.0,
            rubric=self._attacker_rubric,
        )
        return reward_of(grade)

    def _finish(
        self, result: EpisodeResult, reward: float | None, errors: list[str]
    ) -> Observation:
        assert self._view is not None, "a turn is open only after reset"
        self._result = result
        self._view = self._view.model_copy(
            update={"done": True, "reward": reward, "result": result, "errors": errors}
        )
        return self._view


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
        first = error.errors(include_url=False, include_input=False)[0]
        field = place(("submit_triage", *first["loc"]))
        expected = first["msg"][:1].lower() + first["msg"][1:]
        raise EpisodeError(
            "bad_action", f"`{field}`: {expected}", field=field, expected=expected
        ) from None


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


def _violation(problem: Problem) -> Violation:
    message = problem.message
    if problem.expected:
        message += f"; expected {problem.expected}"
    return Violation(rule="schema", message=message, field=place(problem.path))
