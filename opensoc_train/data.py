"""A data set file becomes examples that the current policies have labelled.

A file has one JSON object a line: `id, task, seed, index, incident, truth, digest`. The
label in the file is compared, never believed: truth is worked out again from the
incident by the judge at hand, and the data set says how many labels changed. Every line
is checked at this border; a bad one is named by file and line.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from opensoc_engine.errors import InputError
from opensoc_env.datasets import DATA_FOLDER, PLANS, render
from opensoc_env.incident import IncidentError, normalise_incident
from opensoc_env.judge import action_of, first_way
from opensoc_env.log_text import STYLES
from opensoc_env.match import Deal, deal_incident
from opensoc_env.models import TASKS
from opensoc_train.prompts import ChatMessage, render_prompt, render_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from opensoc_env.judge import Judge
    from opensoc_env.models import Action, TaskName

    Progress: TypeAlias = Callable[[int, int], None]

HOLDOUT = DATA_FOLDER / "holdout.jsonl"
SFT = DATA_FOLDER / "sft.jsonl"
# The committed sets have 600 lines of some 10 kB; these stop a wrong file early.
MAX_LINES = 100_000
MAX_LINE_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Example:
    """One incident with the truth about it.

    Attributes:
        dealt: The incident as a defender meets it, and the judge's truth.
        claimed: The label that the file gives.
    """

    id: str
    dealt: Deal
    claimed: str

    @property
    def action(self) -> Action:
        """The right action."""
        return action_of(self.dealt.truth)

    @property
    def prompt(self) -> list[ChatMessage]:
        """The chat that asks for triage."""
        return render_prompt(self.dealt.item.observation)

    @property
    def target(self) -> list[ChatMessage]:
        """The answer to learn."""
        return render_target(self.dealt.truth, first_way(self.dealt.truth))


@dataclass(frozen=True, slots=True)
class DataSet:
    """The examples of a file.

    Attributes:
        name: The file's name.
        digest: SHA-256 of the bytes that the examples were read from.
        policy_digest: Names the policies that labelled them just now.
        recorded: Digests of the policies that the file says labelled it.
    """

    name: str
    digest: str
    policy_digest: str
    recorded: tuple[str, ...]
    examples: tuple[Example, ...]

    @property
    def is_current(self) -> bool:
        """True if the file was labelled by the policies at hand."""
        return self.recorded == (self.policy_digest,)

    @property
    def changed(self) -> tuple[str, ...]:
        """Ids whose label in the file is not the right action any more."""
        return tuple(e.id for e in self.examples if e.claimed != e.action)

    def describe_labels(self) -> str:
        """One line that says whether the file's labels are those in use."""
        if self.is_current:
            return f"{self.name}: labels are by the current policies"
        return (
            f"{self.name}: labels were by other policies; labelled again by the "
            f"current ones, {len(self.changed)} of {len(self.examples)} changed"
        )


def find_data(name: str) -> Path:
    """The file of a data set: one of the committed ones by its name, or any file.

    Raises:
        InputError: It is neither.
    """
    known = {plan.name: DATA_FOLDER / f"{plan.name}.jsonl" for plan in PLANS}
    path = known.get(name, Path(name))
    if not path.is_file():
        names = ", ".join(known)
        raise InputError(f"`{name}` is no data set file; the committed ones: {names}")
    return path


def load_data(
    path: Path,
    judge: Judge,
    *,
    limit: int | None = None,
    tasks: Sequence[TaskName] = (),
) -> DataSet:
    """The examples of a file, labelled by a judge.

    Args:
        path: The data set file.
        judge: Decides the truth of each example.
        limit: Examples to take, spread evenly over the file; all by default.
        tasks: Stages to take; all by default.

    Raises:
        InputError: The file can't be read or a line is not an example.
    """
    rows, digest = _read(path)
    kept = [row for row in rows if not tasks or row[1].get("task") in tasks]
    if limit is not None and limit < len(kept):
        kept = [kept[at * len(kept) // limit] for at in range(limit)]
    if not kept:
        raise InputError(f"{path}: no example; expected one JSON object a line")
    examples = tuple(_example(row, f"{path}:{line}", judge) for line, row in kept)
    _refuse_twins(path, examples)
    recorded = sorted({str(row.get("digest", "none")) for _, row in kept})
    return DataSet(path.name, digest, judge.digest, tuple(recorded), examples)


def label_rows(name: str, rows: Sequence[dict[str, Any]], judge: Judge) -> DataSet:
    """The examples of rows that were just made.

    Raises:
        InputError: A row is not an example.
    """
    digest = hashlib.sha256(render(rows).encode()).hexdigest()
    recorded = sorted({row["digest"] for row in rows})
    examples = tuple(_example(r, f"{name}:{n}", judge) for n, r in enumerate(rows, 1))
    return DataSet(name, digest, judge.digest, tuple(recorded), examples)


def _read(path: Path) -> tuple[list[tuple[int, dict[str, Any]]], str]:
    """Line numbers and objects of a file, and the SHA-256 of its bytes."""
    rows: list[tuple[int, dict[str, Any]]] = []
    digest = hashlib.sha256()
    try:
        for number, line in _lines(path):
            digest.update(line)
            if line.strip():
                rows.append((number, _parse(line, f"{path}:{number}")))
    except OSError as error:
        why = error.strerror or "unreadable"
        raise InputError(f"{path}: {why}; name a data set file") from None
    return rows, digest.hexdigest()


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as stream:
        for number in range(1, MAX_LINES + 2):
            line = stream.readline(MAX_LINE_BYTES + 1)
            if not line:
                return
            if len(line) > MAX_LINE_BYTES or number > MAX_LINES:
                raise InputError(
                    f"{path}:{number}: too long; a data set has at most {MAX_LINES} "
                    f"lines of {MAX_LINE_BYTES} bytes"
                )
            yield number, line


def _parse(line: bytes, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise InputError(f"{place}: not JSON; expected one object a line") from None
    if not isinstance(row, dict):
        raise InputError(f"{place}: not an object; expected one object a line")
    return row


def _example(row: dict[str, Any], place: str, judge: Judge) -> Example:
    name, task, truth = row.get("id"), row.get("task"), row.get("truth")
    if not isinstance(name, str) or not name:
        raise InputError(f"{place}: `id` is missing; expected a name for the example")
    if task not in TASKS:
        raise InputError(f"{place}: `task` is none of {', '.join(TASKS)}")
    try:
        incident = normalise_incident(row.get("incident"))
    except IncidentError as error:
        raise InputError(f"{place}: incident: {error}") from None
    dealt = deal_incident(
        incident,
        task=cast("TaskName", task),
        episode_id=name,
        judge=judge,
        styles=_styles(row.get("styles"), place),
        pair=_pair(row.get("pair", ""), place),
    )
    claimed = truth.get("action") if isinstance(truth, dict) else None
    return Example(name, dealt, str(claimed))


def _styles(value: Any, place: str) -> dict[str, str] | None:
    """How sensors write; None if the row leaves it to its id."""
    if value is None:
        return None
    if not isinstance(value, dict) or not all(s in STYLES for s in value.values()):
        known = ", ".join(STYLES)
        raise InputError(f"{place}: `styles` names a style for each sensor: {known}")
    return value


def _pair(value: Any, place: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{place}: `pair` is no text; expected the name of a pair")
    return value


def _refuse_twins(path: Path, examples: Sequence[Example]) -> None:
    """Answers are kept by id, so two examples can't share one."""
    seen: set[str] = set()
    for example in examples:
        if example.id in seen:
            raise InputError(f"{path}: two examples have the id `{example.id}`")
        seen.add(example.id)
