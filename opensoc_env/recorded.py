"""Recorded telemetry becomes rows of a data set, labelled by the rules.

The recordings are not ours to ship, so this set is built where they are. Windows that
hold more events than an alert may have are left out; what their authors say of them is
kept beside the incident and never shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opensoc_env.datasets import labelled_row
from opensoc_env.models import MAX_EVENTS
from opensoc_env.telemetry.labeller import Label, label_recording
from opensoc_env.telemetry.library import load_mapping, mapping_names
from opensoc_env.telemetry.reader import Fault
from opensoc_env.telemetry.recordings import read_recordings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opensoc_env.judge import Judge

_TASK = "stage3_mixed"
"""The stage that a recording is nearest to: other work stands between the events."""


def read_recorded(path: Path, judge: Judge) -> Iterator[dict[str, Any]]:
    """A row for each window of a file that an alert can show, in order.

    Raises:
        OSError: The file can't be read.
    """
    mappings = [load_mapping(name) for name in mapping_names()]
    with path.open("rb") as stream:
        for item in read_recordings(stream, path.name):
            if isinstance(item, Fault):
                continue
            for number, label in enumerate(label_recording(item, mappings, judge)):
                if isinstance(label, Label) and _is_small(label):
                    yield _row(label, number, judge)


def _is_small(label: Label) -> bool:
    return label.incident is not None and 0 < label.events <= MAX_EVENTS


def _row(label: Label, number: int, judge: Judge) -> dict[str, Any]:
    assert label.incident is not None, "only windows with an incident become rows"
    return {
        "id": f"{label.name}-{label.line}-{number}",
        "task": _TASK,
        "recording": label.name,
        "techniques": list(label.published.techniques),
        **labelled_row(label.incident, judge),
    }
