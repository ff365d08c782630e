"""The committed splits by the task protocol of the `openenv` package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opensoc_engine import InputError
from opensoc_env import splits
from opensoc_env.episode import EpisodeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class SplitTasks:
    """What an environment offers so that clients find its tasks."""

    def list_splits(self) -> Sequence[Mapping[str, Any]]:
        """The splits, and what each is for."""
        return splits.split_notes()

    def num_tasks(self, split: str) -> int:
        """How many rows a split has.

        Raises:
            EpisodeError: There is no such split.
        """
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


def no_split(error: InputError) -> EpisodeError:
    """That there is no such split, as an error of reset."""
    expected = f"one of {', '.join(splits.SPLITS)}"
    return EpisodeError(
        "bad_reset", f"`split`: {error}", field="split", expected=expected
    )
