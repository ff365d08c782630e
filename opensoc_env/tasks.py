"""The curriculum: what each stage adds. Actions and rewards stay the same."""

from __future__ import annotations

from typing import TypedDict

from opensoc_env.models import MODES, Mode, TaskName

DEFAULT_TASK: TaskName = "stage1_basic"
"""What is played if nobody says which."""


class TaskNote(TypedDict):
    """A stage as `/tasks` describes it."""

    task: TaskName
    title: str
    description: str
    decoys: int
    modes: list[Mode]


_STAGES: tuple[tuple[TaskName, str, str, int], ...] = (
    ("stage1_basic", "Single events", "A few events that belong together.", 0),
    ("stage2_multi", "Windows", "Windows of several events with one decoy.", 1),
    ("stage3_mixed", "Mixed", "Benign decoys stand between the events.", 2),
    (
        "stage4_adversarial",
        "Adversarial",
        "Three decoys, evasions, and what an attacker would try.",
        3,
    ),
)

TASK_NOTES: tuple[TaskNote, ...] = tuple(
    TaskNote(
        task=task,
        title=title,
        description=description,
        decoys=decoys,
        modes=list(MODES),
    )
    for task, title, description, decoys in _STAGES
)
