"""`make fuzz`: hunt each law in turn until the time is up, and print a table.

    python tests/property/hunting/hunt.py

OPENSOC_HUNT_SECONDS is the time for all laws together, an hour by default. Case files
of findings are printed below the table. The status is 1 if there is any finding.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from hunting.book import Law, laws_of
from hunting.cases import incidents_of_cases
from hunting.compared import values_of_fields
from hunting.constants import numbers
from hunting.laws import BrokenLawError
from hypothesis import HealthCheck, given, seed, settings

from opensoc_env.judge import ATTACKER_RUBRIC, DEFENDER_RUBRIC

# Examples of one round of one law: enough for `target` to climb, few enough to stop by.
_ROUND_LEAST, _ROUND_MOST = 20, 300
_PER_SECOND = 4
DEEP = settings(
    deadline=None,
    database=None,
    print_blob=False,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


def hunt(law: Law, seconds: float) -> tuple[int, BrokenLawError | None]:
    """How many incidents were tried in rounds until the time was up, or a finding."""
    tried, ends, turn = 0, time.monotonic() + seconds, 0

    def check(drawn: object) -> None:
        nonlocal tried
        tried += 1
        law.check(drawn)

    size = min(_ROUND_MOST, max(_ROUND_LEAST, int(seconds * _PER_SECOND)))
    deep = settings(DEEP, max_examples=size)
    while time.monotonic() < ends:
        turn += 1
        try:
            seed(turn)(deep(given(law.drawn)(check)))()
        except BrokenLawError as broken:
            return tried, broken
    return tried, None


def main() -> int:
    """Hunt all laws; 1 if any was broken."""
    found = laws_of(DEFENDER_RUBRIC, ATTACKER_RUBRIC)
    share = float(os.environ.get("OPENSOC_HUNT_SECONDS", "3600")) / len(found)
    broken: dict[str, BrokenLawError] = {}
    # Reading the policies is no part of the time of the first law.
    for prepare in (values_of_fields, numbers, incidents_of_cases):
        prepare()
    rows = [f"{'law':<32}{'examples':>10}{'findings':>10}{'seconds':>9}"]
    for name, law in found.items():
        begun = time.monotonic()
        tried, finding = hunt(law, share)
        if finding:
            broken[name] = finding
        spent = time.monotonic() - begun
        rows.append(
            f"{name:<32}{tried:>10,}{int(finding is not None):>10}{spent:>9.0f}"
        )
        sys.stderr.write(f"{rows[-1]}\n")
    findings = [f"\n# {name}: {finding}" for name, finding in broken.items()]
    sys.stdout.write("\n".join([*rows, *findings]) + "\n")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
