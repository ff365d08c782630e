"""A replier and a data set become a score and one row for each incident.

The score is that of `opensoc_env.metrics`, with bootstrap intervals. A row holds the
words, what they say and what that is worth: what the app shows as before and after, and
what can be scored again under other policies without asking the model again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opensoc_engine.errors import InputError
from opensoc_env.match import outcome_of
from opensoc_env.metrics import Outcome, Score, score
from opensoc_env.observation import view_digest
from opensoc_train.replies import SavedReplies

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from opensoc_env.judge import Judge
    from opensoc_train.data import DataSet, Example, Progress
    from opensoc_train.replies import Replier, Reply

# Small enough that a stop loses little, large enough that a model can batch.
BATCH = 16
_MAX_ANSWER_FILE = 256_000_000


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One incident, one reply, one outcome.

    Attributes:
        view: Names what the defender saw, so that the reply is never taken for one to
            another incident.
    """

    id: str
    view: str
    reply: Reply
    outcome: Outcome

    def to_json(self) -> dict[str, Any]:
        """The row as JSON values."""
        answer = self.reply.answer
        return {
            "id": self.id,
            "view": self.view,
            "text": self.reply.text,
            "action": None if answer is None else answer.action,
            "cited_log_id": "" if answer is None else answer.cited_log_id,
            "cited_log_ids": [] if answer is None else answer.cited_log_ids,
            "rationale": "" if answer is None else answer.rationale,
            "truth": self.outcome.truth,
            "cited_ok": self.outcome.cited_ok,
            "evidence_f1": self.outcome.evidence,
            "reward": self.outcome.reward,
        }


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How a replier did on a data set, and by which policies that was judged."""

    score: Score
    data: DataSet
    rubric: str

    def to_json(self) -> dict[str, Any]:
        """The evaluation as JSON values."""
        return {
            "score": self.score.to_json(),
            "data": self.data.name,
            "data_digest": self.data.digest,
            "policy_digest": self.data.policy_digest,
            "rubric": self.rubric,
            "labels_changed": len(self.data.changed),
        }


def evaluate(
    replier: Replier,
    data: DataSet,
    judge: Judge,
    *,
    rubric: str = "defender.v2",
    keep: Callable[[AnswerRow], None] | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """The score of a replier on a data set.

    Args:
        replier: Answers the alerts.
        data: The alerts, labelled by `judge`.
        judge: Grades the answers.
        rubric: The policy that grades.
        keep: Called with every row as soon as it is there.
        progress: Called with the number of rows done and in all.

    Raises:
        InputError: There is no such rubric, or a replier gave too few or many replies.
    """
    outcomes: list[Outcome] = []
    for row in _rows(replier, data, judge, rubric):
        outcomes.append(row.outcome)
        if keep:
            keep(row)
        if progress:
            progress(len(outcomes), len(data.examples))
    return Evaluation(score(outcomes, replier.name), data, rubric)


def load_answers(path: Path) -> SavedReplies:
    """The replies that `opensoc eval -o` wrote.

    Raises:
        InputError: The file can't be read or a line is no saved answer.
    """
    try:
        if path.stat().st_size > _MAX_ANSWER_FILE:
            raise InputError(f"{path}: too large for a file of answers")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InputError(f"{path}: {why}; name a file of answers") from None
    pairs = [_saved(line, f"{path}:{at}") for at, line in enumerate(lines, 1) if line]
    return SavedReplies(path.name, dict(pairs))


def _rows(
    replier: Replier, data: DataSet, judge: Judge, rubric: str
) -> Iterator[AnswerRow]:
    for start in range(0, len(data.examples), BATCH):
        batch = data.examples[start : start + BATCH]
        replies = replier.reply([example.dealt.item for example in batch])
        if len(replies) != len(batch):
            raise InputError(
                f"`{replier.name}` gave {len(replies)} replies to {len(batch)} alerts"
            )
        for example, reply in zip(batch, replies, strict=True):
            yield _row(example, reply, judge, rubric)


def _row(example: Example, reply: Reply, judge: Judge, rubric: str) -> AnswerRow:
    outcome = outcome_of(example.dealt, reply.answer, judge=judge, rubric=rubric)
    view = view_digest(example.dealt.item.observation)
    return AnswerRow(example.id, view, reply, outcome)


def _saved(line: str, place: str) -> tuple[str, str]:
    try:
        row = json.loads(line)
        name, text = row["id"], row["text"]
    except (ValueError, RecursionError, KeyError, TypeError):
        raise InputError(f"{place}: expected an object with `id` and `text`") from None
    if not isinstance(name, str) or not isinstance(text, str):
        raise InputError(f"{place}: `id` and `text` must be text")
    return name, text
