"""Built-in defenders: floors, a shortcut, chance and the ceiling.

They show what a number is worth: a model that can't beat the keyword list has learnt
nothing of the estate. Only the oracle looks at the incident; all others see what a
model sees. Each is a pure function of the item, so order and batches don't matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from opensoc_engine import InputError
from opensoc_env.draws import stream
from opensoc_env.judge import action_of, default_judge, first_way
from opensoc_env.models import ACTIONS, Action, SubmitTriage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opensoc_env.judge import Judge
    from opensoc_env.models import LogLine, Observation

# What an analyst in a hurry greps for, with what they would then do; strongest first.
# It sees words alone: no tier, record, count or order.
KEYWORDS: Mapping[Action, tuple[str, ...]] = {
    "escalate": (
        "ntds",
        "dcsync",
        "replication",
        "stoplogging",
        "deletetrail",
        "createaccesskey",
        "attachuserpolicy",
        "updateassumerolepolicy",
        "mail_rule_created",
        "domain admins",
    ),
    "quarantine_host": (
        "lsass",
        "mimikatz",
        "comsvcs",
        "-enc",
        "frombase64string",
        "downloadstring",
        "psexesvc",
        "psexec",
        "rclone",
        "vssadmin",
        "shadowcopy",
        "readme_to_decrypt",
        ".locked",
    ),
    "block_ip": (
        "outcome=failure",
        "dmarc=fail",
    ),
    "monitor": (
        "powershell",
        "certutil",
        "mshta",
        "regsvr32",
        "rundll32",
        "bitsadmin",
        "currentversion\\run",
        "\\temp\\",
        "\\appdata\\",
        "scheduled_job.creation",
        "service.creation",
        "log.clear",
        "add-mppreference",
        "accessdenied",
    ),
}


@dataclass(frozen=True, slots=True)
class TriageItem:
    """One alert to triage. Only the oracle may look at `incident`."""

    observation: Observation
    incident: Mapping[str, Any]


class Defender(Protocol):
    """Answers alerts in batches; None is an answer that could not be read."""

    @property
    def name(self) -> str:
        """How score tables call it."""

    def answer(self, items: Sequence[TriageItem]) -> list[SubmitTriage | None]:
        """One answer for each item, in order."""


@dataclass(frozen=True, slots=True)
class ConstantDefender:
    """Gives one action to everything and cites nothing."""

    action: Action

    @property
    def name(self) -> str:
        """How score tables call it."""
        return f"always_{self.action}"

    def answer(self, items: Sequence[TriageItem]) -> list[SubmitTriage | None]:
        """The one action, for each item."""
        return [SubmitTriage(action=self.action) for _ in items]


@dataclass(frozen=True, slots=True)
class KeywordDefender:
    """Looks for words in the log lines; the strongest action that a word stands for."""

    name: str = "keyword_heuristic"

    def answer(self, items: Sequence[TriageItem]) -> list[SubmitTriage | None]:
        """The answer of the first keyword found, citing its line."""
        return [_match_keywords(item.observation.log_window) for item in items]


@dataclass(frozen=True, slots=True)
class RandomDefender:
    """Draws an action and a line; what it draws depends on the item alone."""

    name: str = "random"

    def answer(self, items: Sequence[TriageItem]) -> list[SubmitTriage | None]:
        """A draw for each item."""
        return [_draw(item.observation) for item in items]


@dataclass(frozen=True, slots=True)
class OracleDefender:
    """Gives the verifier's own answer and proof: the ceiling."""

    name: str = "verifier_oracle"
    judge: Judge = field(default_factory=default_judge)

    def answer(self, items: Sequence[TriageItem]) -> list[SubmitTriage | None]:
        """The truth about each item."""
        return [self._decide(item.incident) for item in items]

    def _decide(self, incident: Mapping[str, Any]) -> SubmitTriage:
        truth = self.judge.truth(incident)
        cited = list(first_way(truth))
        return SubmitTriage(action=action_of(truth), cited_log_ids=cited)


BASELINES: Mapping[str, Callable[[], Defender]] = {
    **{f"always_{action}": partial(ConstantDefender, action) for action in ACTIONS},
    "keyword_heuristic": KeywordDefender,
    "random": RandomDefender,
    "verifier_oracle": OracleDefender,
}


def make_defender(name: str, judge: Judge | None = None) -> Defender:
    """A built-in defender.

    Args:
        name: One of `BASELINES`.
        judge: Whom one that knows the truth has it from; the shipped rules by default.

    Raises:
        InputError: There is none of that name.
    """
    if name not in BASELINES:
        known = ", ".join(BASELINES)
        raise InputError(f"there is no defender `{name}`; there are {known}")
    make = BASELINES[name]
    if judge is not None and make is OracleDefender:
        return OracleDefender(judge=judge)
    return make()


def _match_keywords(window: Sequence[LogLine]) -> SubmitTriage:
    # Quoted values double their backslashes.
    lines = [(w.log_id, w.line.lower().replace("\\\\", "\\")) for w in window]
    for action, words in KEYWORDS.items():
        for log_id, text in lines:
            word = next((word for word in words if word in text), None)
            if word is not None:
                return SubmitTriage(
                    action=action, cited_log_id=log_id, rationale=f"the line has {word}"
                )
    return SubmitTriage(action="dismiss", rationale="no keyword")


def _draw(observation: Observation) -> SubmitTriage:
    draws = stream("random", observation.episode_id)
    action = draws.choice(ACTIONS)
    ids = [line.log_id for line in observation.log_window]
    return SubmitTriage(action=action, cited_log_id=draws.choice(ids) if ids else "")
