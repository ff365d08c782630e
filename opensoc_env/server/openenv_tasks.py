"""The committed splits by the task protocol of the `openenv` package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opensoc_engine import InputError
from opensoc_env import splits
from opensoc_env.episode import EpisodeError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from opensoc_env.models import TaskName


class SplitTasks:
    """What an environment offers so that clients find its tasks.

    Attributes:
        withheld: Splits that can't be played here.
    """

    withheld: Collection[str] = ()

    def list_splits(self) -> Sequence[Mapping[str, Any]]:
        """The splits that can be played, and what each is for."""
        notes = splits.split_notes()
        return [note for note in notes if note["name"] not in self.withheld]

    def num_tasks(self, split: str) -> int:
        """How many rows a split has.

        Raises:
            EpisodeError: There is no such split, or it is withheld.
        """
        refuse_withheld(self.withheld, split=split)
        try:
            return splits.split_size(split)
        except InputError as error:
            raise no_split(error) from None

    def get_task(self, split: str, index: int) -> Mapping[str, Any]:
        """One row of a split, without anything that would answer it.

        Raises:
            EpisodeError: There is no such split.
            IndexError: It has no such row.
        """
        self.num_tasks(split)
        return splits.task_spec(split, index)

    def get_task_range(
        self, split: str, start: int | None = None, stop: int | None = None
    ) -> Sequence[Mapping[str, Any]]:
        """Rows of a split, by the bounds of a Python slice.

        Raises:
            EpisodeError: There is no such split.
        """
        rows = range(self.num_tasks(split))[start:stop]
        return [splits.task_spec(split, index) for index in rows]

    def list_tasks(self, split: str) -> Sequence[Mapping[str, Any]]:
        """All rows of a split.

        Raises:
            EpisodeError: There is no such split.
        """
        return self.get_task_range(split)


def refuse_withheld(
    withheld: Collection[str], *, split: str | None = None, seed: int | None = None
) -> None:
    """Refuse incidents whose verdicts this server shows to everybody.

    Args:
        withheld: The splits that they are rows of.
        split: What a caller asks for.
        seed: Likewise: rows of a split can be drawn again from the split's seed.

    Raises:
        EpisodeError: It is withheld; the text says what to do.
    """
    name = "split" if split is not None else "seed"
    for shown in withheld:
        if split == shown or (split is None and seed == splits.split_seed(shown)):
            expected = f"another {name}, or a server started with `--no-demo`"
            text = f"`{name}`: /demo shows the verdicts of `{shown}`"
            text = f"{text}; expected {expected}"
            raise EpisodeError("bad_reset", text, field=name, expected=expected)


def refuse_other_task(asked: TaskName | None, task: TaskName) -> None:
    """Refuse a task that the row of a split is not of.

    Raises:
        EpisodeError: That task was asked for.
    """
    if asked not in (None, task):
        expected = f"`{task}`, or none: the row says it"
        text = f"`task`: the row is not of `{asked}`; expected {expected}"
        raise EpisodeError("bad_reset", text, field="task", expected=expected)


def no_split(error: InputError) -> EpisodeError:
    """That there is no such split, as an error of reset."""
    expected = f"one of {', '.join(splits.SPLITS)}"
    return EpisodeError(
        "bad_reset", f"`split`: {error}", field="split", expected=expected
    )
