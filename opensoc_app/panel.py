"""Who stands on the two sides of the app: recorded models and live built-in defenders.

A recorded side is a file of answers that `opensoc eval -o` wrote over the hold-out.
What an answer is worth is never recorded: it is graded when it is shown.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from opensoc_env.defenders import TriageItem, make_defender
from opensoc_env.models import SubmitTriage
from opensoc_env.observation import view_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent / "answers"
# Recorded sides by file name; a file of another name is shown by that name.
_RECORDED = {
    "before": "Base model, untrained",
    "after": "The same model after 54 steps of SFT",
}
# Live sides, and what a visitor reads. The oracle is the truth itself: not a side.
_LIVE = {
    "keyword_heuristic": "Keyword list",
    "always_dismiss": "Dismiss everything",
    "always_escalate": "Escalate everything",
    "random": "Guess",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one side said about an incident.

    Attributes:
        triage: None if its text could not be read as an answer.
        text: What a model wrote, word for word; empty for built-in defenders.
    """

    triage: SubmitTriage | None
    text: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two defenders on the screen.

    Attributes:
        recorded: Answers by what was seen (`view_digest`); None for a live defender.
    """

    key: str
    title: str
    recorded: Mapping[str, Answer] | None = None

    def knows(self, item: TriageItem) -> bool:
        """True if the side has an answer to an incident."""
        seen = view_digest(item.observation)
        return self.recorded is None or seen in self.recorded

    def answer(self, item: TriageItem) -> Answer:
        """The side's answer to an incident that it knows."""
        if self.recorded is not None:
            return self.recorded[view_digest(item.observation)]
        return Answer(make_defender(self.key).answer([item])[0])


@cache
def sides(folder: Path = FOLDER) -> tuple[Side, ...]:
    """All sides: recorded models by file name, then live defenders."""
    recorded = tuple(_read(path) for path in sorted(folder.glob("*.jsonl")))
    return (*recorded, *(Side(key, title) for key, title in _LIVE.items()))


def _read(path: Path) -> Side:
    """A recorded side: one answer a line, as `opensoc eval -o` writes them."""
    lines = path.read_text("utf-8").splitlines()
    answers = {row["view"]: _answer(row) for row in map(json.loads, lines)}
    return Side(path.stem, _RECORDED.get(path.stem, path.stem), answers)


def _answer(row: Mapping[str, str]) -> Answer:
    try:
        triage = SubmitTriage(
            action=row["action"],  # type: ignore[arg-type]
            cited_log_id=row.get("cited_log_id") or "",
        )
    except ValidationError:
        return Answer(None, row.get("text", ""))
    return Answer(triage, row.get("text", ""))
