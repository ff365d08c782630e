"""Time whole processes of `opensoc`: `python -m benchmarks.startup`.

Each command runs once to fill the cache and is then timed; printed are medians of the
wall clock and of the CPU time of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

OPENSOC = (sys.executable, "-m", "opensoc_cli.main")
CHECK = (*OPENSOC, "check")
# One call of a cloud's control plane.
RECORD = {
    "eventSource": "s3.amazonaws.com",
    "eventName": "ListBuckets",
    "eventTime": "2024-08-01T13:29:57Z",
    "recipientAccountId": "111122223333",
    "awsRegion": "eu-west-1",
    "readOnly": True,
    "userIdentity": {"type": "IAMUser", "userName": "ana"},
}


@dataclass(frozen=True, slots=True)
class Times:
    """Medians in seconds."""

    wall: float
    cpu: float
    runs: int

    def __str__(self) -> str:
        return f"{self.wall:7.3f} s wall {self.cpu:7.3f} s CPU, median of {self.runs}"


def timed(command: Sequence[str], runs: int) -> Times:
    """How long a command takes; what it prints is dropped.

    Raises:
        CalledProcessError: It failed.
    """
    found = [_once(command) for _ in range(runs)]
    wall, cpu = zip(*found, strict=True)
    return Times(median(wall), median(cpu), runs)


def run(command: Sequence[str]) -> str:
    """Run a command; what it wrote to stdout.

    Raises:
        CalledProcessError: It failed.
    """
    # The command is one of this module, run by this very Python.
    found = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    return found.stdout


def _once(command: Sequence[str]) -> tuple[float, float]:
    before, start = os.times(), time.perf_counter()
    run(command)
    wall, after = time.perf_counter() - start, os.times()
    user = after.children_user - before.children_user
    return wall, user + after.children_system - before.children_system


def commands(folder: Path) -> dict[str, tuple[str, ...]]:
    """What is timed, by name."""
    records = folder / "records.jsonl"
    records.write_text(json.dumps({"incident_id": "one", "events": [RECORD]}) + "\n")
    incident = str(Path("opensoc_env/data/holdout.jsonl")) + ":1"
    return {
        "--help": (*OPENSOC, "--help"),
        "label FILE": (*OPENSOC, "label", str(records)),
        "check": CHECK,
        "test": (*OPENSOC, "test"),
        "lint": (*OPENSOC, "lint"),
        "explain INCIDENT": (*OPENSOC, "explain", incident),
        "explain-code E301": (*OPENSOC, "explain-code", "E301"),
    }


def main() -> None:
    """Print the times of each command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    with TemporaryDirectory() as place:
        os.environ["OPENSOC_CACHE"] = f"{place}/cache"
        for name, command in commands(Path(place)).items():
            run(command)
            sys.stdout.write(f"opensoc {name:<20}{timed(command, runs)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
