"""The name of a file becomes one incident: a JSON document, or a line of many.

A line may also be a row of a data set, which has its incident under `incident`.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opensoc_cli import reporting

if TYPE_CHECKING:
    from typing import BinaryIO

STDIN = "-"
# An incident of 512 events with long command lines has about two megabytes.
_MAX_BYTES = 16_000_000
_WITH_LINE = re.compile(r"(.+):([0-9]{1,9})")
_MANY = "name the line that you mean, such as"


def read_incident(name: str) -> dict[str, Any]:
    """The normal incident that a name stands for: `FILE`, `FILE:LINE` or `-`.

    Raises:
        typer.Exit: It can't be read or is no incident; the reason was written.
    """
    from opensoc_env.incident import (
        IncidentError,
        describe_problems,
        normalise_incident,
    )

    document = _read(name)
    if isinstance(document, dict) and "incident" in document:
        document = document["incident"]
    try:
        return normalise_incident(document)
    except IncidentError as error:
        found = "\n".join(f"  {line}" for line in describe_problems(error.problems))
        raise reporting.stop(
            f"`{name}` is not a valid incident:\n{found}",
            "an incident has `events` and `context`: see schemas/incident.schema.json",
        ) from None


def _read(name: str) -> Any:
    if name == STDIN:
        return _document(_decoded(_limited(sys.stdin.buffer, name), name), name)
    path, line = Path(name), 0
    with_line = _WITH_LINE.fullmatch(name)
    if with_line and not path.exists():
        path, line = Path(with_line[1]), int(with_line[2])
        if line == 0:
            raise reporting.stop(f"`{name}`: the first line of a file is line 1")
    try:
        with path.open("rb") as stream:
            if line:
                return _parsed(_decoded(_line(stream, line, name), name), name)
            return _document(_decoded(_limited(stream, name), name), name)
    except OSError as error:
        problem = error.strerror or type(error).__name__
        advice = "name a JSON file, a line of a JSONL file (`FILE:3`), or `-`"
        raise reporting.stop(f"`{path}` can't be read: {problem}", advice) from None


def _limited(stream: BinaryIO, name: str) -> bytes:
    data = stream.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        advice = f"{_MANY} `{name}:3`"
        raise reporting.stop(f"`{name}` is larger than {_MAX_BYTES} bytes", advice)
    return data


def _line(stream: BinaryIO, number: int, name: str) -> bytes:
    for at in range(1, number + 1):
        data = stream.readline(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise reporting.stop(f"line {at} of `{name}` is larger than {_MAX_BYTES}")
        if not data:
            raise reporting.stop(f"`{name}`: the file has {at - 1} lines")
    return data


def _decoded(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"not UTF-8 text at byte {error.start}"
        raise reporting.stop(f"`{name}`: {problem}") from None


def _document(text: str, name: str) -> Any:
    """One document, or the only line of a file of lines."""
    lines = [line for line in text.splitlines() if line.strip()]
    if len(lines) > 1 and all(line.lstrip().startswith("{") for line in lines[:2]):
        try:
            json.loads(lines[0])
        except (ValueError, RecursionError):
            return _parsed(text, name)
        advice = f"{_MANY} `{'FILE' if name == STDIN else name}:1`"
        raise reporting.stop(f"`{name}` holds {len(lines)} documents", advice)
    return _parsed(text, name)


def _parsed(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise reporting.stop(f"`{name}` is not JSON: {error.msg} at {place}") from None
    except (ValueError, RecursionError) as error:
        problem = "nested too deeply" if isinstance(error, RecursionError) else error
        raise reporting.stop(f"`{name}` is not JSON: {problem}") from None
