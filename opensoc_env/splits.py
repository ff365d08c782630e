"""The committed data sets as splits: a name and an index become one incident.

The splits are disjoint, and no row is a near-duplicate of one in another split (see
`opensoc_env.leaks`). A task says which row it is and how hard it is meant to be, never
what is true of it. Rows are read once and shared: whoever gets one must not change it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from opensoc_engine import InputError
from opensoc_env.datasets import PLANS, SFT, read_rows

if TYPE_CHECKING:
    from opensoc_env.models import TaskName

SPLITS: tuple[str, ...] = tuple(plan.name for plan in PLANS)
"""Names of the splits."""

_PLANS = {plan.name: plan for plan in PLANS}


class SplitNote(TypedDict):
    """A split as task providers describe it.

    Attributes:
        type: `train` for what may be learnt from, `test` for everything else.
    """

    name: str
    type: Literal["train", "test"]
    about: str
    tasks: int


class TaskSpec(TypedDict):
    """One row of a split, without anything that would answer it."""

    id: str
    split: str
    index: int
    task: TaskName


def split_notes() -> list[SplitNote]:
    """Every split, and what it is for."""
    return [
        SplitNote(
            name=plan.name,
            type="train" if plan is SFT else "test",
            about=plan.about,
            tasks=plan.size,
        )
        for plan in PLANS
    ]


def split_size(split: str) -> int:
    """How many rows a split has.

    Raises:
        InputError: There is no such split.
    """
    if split not in _PLANS:
        known = ", ".join(SPLITS)
        raise InputError(f"there is no split `{split[:64]}`; there are {known}")
    return _PLANS[split].size


def split_seed(split: str) -> int:
    """The seed that a split was drawn from."""
    return _PLANS[split].seed


def task_spec(split: str, index: int) -> TaskSpec:
    """What a client may know of a row before it is answered.

    Raises:
        InputError: There is no such split.
        IndexError: It has no such row.
    """
    row = split_row(split, index)
    return TaskSpec(id=row["id"], split=split, index=index, task=row["task"])


def split_row(split: str, index: int) -> dict[str, Any]:
    """A row as it is committed, shared by all who ask.

    Raises:
        InputError: There is no such split.
        IndexError: It has no such row.
    """
    size = split_size(split)
    if not 0 <= index < size:
        raise IndexError(f"`{split}` has rows 0 to {size - 1}, so no row {index}")
    return _rows(split)[index]


@cache
def _rows(split: str) -> tuple[dict[str, Any], ...]:
    return tuple(read_rows(_PLANS[split]))
