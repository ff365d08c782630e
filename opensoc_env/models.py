"""What the two sides say and see, as typed messages that refuse unknown fields.

These are the only shapes that cross the border of the environment. No message that an
agent gets before its episode is done has a field that could hold the truth.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

Action: TypeAlias = Literal[
    "dismiss", "monitor", "quarantine_host", "block_ip", "escalate"
]
TaskName: TypeAlias = Literal[
    "stage1_basic", "stage2_multi", "stage3_mixed", "stage4_adversarial"
]
Mode: TypeAlias = Literal["defender_only", "self_play"]
Role: TypeAlias = Literal["attacker", "defender"]

ACTIONS: tuple[Action, ...] = get_args(Action)
TASKS: tuple[TaskName, ...] = get_args(TaskName)
MODES: tuple[Mode, ...] = get_args(Mode)

# The same limits as in schemas/actions.schema.json.
MAX_EVENTS = 32
MAX_CITED = 32
MAX_LOG_ID = 64
MAX_TEXT = 4000
# Every reader of JSON keeps smaller integers as they are.
MAX_SEED = 2**53


LogId: TypeAlias = Annotated[str, Field(min_length=1, max_length=MAX_LOG_ID)]


class Message(BaseModel):
    """A message whose fields are all named here."""

    # Validators are built when they are first used: labelling telemetry needs none.
    model_config = ConfigDict(extra="forbid", defer_build=True)


class SubmitTriage(Message):
    """The defender's turn.

    Lines may be cited one by one or as a list; afterwards both fields say the same.

    Attributes:
        cited_log_id: The first line that proves the answer; empty for none.
        cited_log_ids: All lines that prove it together, each once.
        rationale: Why, in words. Never graded.
    """

    action: Action
    cited_log_id: str = Field(default="", max_length=MAX_LOG_ID)
    cited_log_ids: list[LogId] = Field(default_factory=list, max_length=MAX_CITED)
    rationale: str = Field(default="", max_length=MAX_TEXT)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        """The one line stands first in the list, and none stands there twice."""
        first = [self.cited_log_id] if self.cited_log_id else []
        cited = list(dict.fromkeys([*first, *self.cited_log_ids]))
        if len(cited) > MAX_CITED:
            raise ValueError(f"at most {MAX_CITED} log ids can be cited")
        if cited != self.cited_log_ids:
            self.cited_log_ids = cited
        if cited and cited[0] != self.cited_log_id:
            self.cited_log_id = cited[0]
        return self


class CraftIncident(Message):
    """The attacker's turn. The label, the category and the story are claims."""

    target_label: Action
    category: str
    events: list[dict[str, Any]] = Field(min_length=1, max_length=MAX_EVENTS)
    narrative: str = Field(max_length=MAX_TEXT)


class LogLine(Message):
    """One event as the defender reads it; views of one incident share it.

    Attributes:
        text: The event's fields in the style of its sensor, see `opensoc_env.log_text`.
    """

    model_config = ConfigDict(frozen=True)

    log_id: str
    timestamp: str
    source: str
    event_type: str
    text: str

    @property
    def line(self) -> str:
        """The whole line as a product writes it, without the log id."""
        return f"{self.timestamp} {self.source} {self.event_type} {self.text}"


class Alert(Message):
    """The head of the log window: where and when, but not how bad or of what kind."""

    title: str
    first_seen: str
    last_seen: str
    hosts: list[str]
    users: list[str]
    event_count: int


class FiredRule(Message):
    """A verifier rule that holds for the incident.

    Attributes:
        technique: ATT&CK techniques, separated by `, `; empty if there is none.
    """

    rule: str
    policy: str
    version: str
    title: str
    action: Action
    evidence: list[str]
    technique: str = ""


class RewardTerm(Message):
    """One named part of a reward."""

    rule: str
    value: float


class Violation(Message):
    """Why a crafted incident was refused: by a plausibility rule, or by the schema.

    Attributes:
        rule: Id of the plausibility rule, or `schema`.
        field: The part of the incident that is objected to.
    """

    rule: str
    message: str
    field: str = ""


class EpisodeResult(Message):
    """What came of an episode, told only when it is done.

    Attributes:
        answer: None if the defender had no turn or its answer could not be parsed.
        reward: The defender's; None if it had no turn.
        terms: The parts of the defender's reward.
        attacker_terms: The parts of the attacker's reward.
        plausible: None if nobody crafted the incident.
        attacker_reward: None if nobody crafted the incident.
        policy_digest: Names the rules that decided all of this.
    """

    truth_action: Action
    fired: list[FiredRule]
    answer: SubmitTriage | None
    reward: float | None
    terms: list[RewardTerm]
    plausible: bool | None = None
    violations: list[Violation] = Field(default_factory=list)
    attacker_reward: float | None = None
    attacker_terms: list[RewardTerm] = Field(default_factory=list)
    policy_digest: str


class Observation(Message):
    """What the side whose turn it is may see.

    Attributes:
        role: Whose turn it is; when the episode is done, whose view it is.
        alert: None on the attacker's turn.
        context: One sentence for each fact of the estate that concerns the window.
        reward: Of the side whose view it is; None until the episode is done.
        errors: What was wrong with a refused incident.
    """

    episode_id: str
    task: TaskName
    mode: Mode
    role: Role
    alert: Alert | None
    log_window: list[LogLine]
    context: list[str]
    instructions: str
    done: bool = False
    reward: float | None = None
    result: EpisodeResult | None = None
    errors: list[str] = Field(default_factory=list)


class EpisodeState(Message):
    """Where an episode stands. Sent to clients, so it holds nothing of the truth."""

    episode_id: str
    task: TaskName
    mode: Mode
    role: Role
    step_count: int
    done: bool
