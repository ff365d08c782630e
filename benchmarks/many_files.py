"""Time `opensoc check` over thousands of rule files: `python -m benchmarks.many_files`.

The files are a made-up domain with its own schema: a policy of one rule and its cases
for each number. Measured are the first check, a second one with nothing changed, and
one after a single policy was edited; each is a process of its own.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.startup import CHECK, Times, run, timed

MANIFEST = """\
set: gates
kind: verifier
version: 1.0.0
title: Who may pass a gate
input: gate.schema.json
decision: strongest
order: [refuse, watch]
default: allow
"""
SCHEMA = """\
{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "required": ["events"],
  "properties": {
    "events": {
      "type": "array",
      "maxItems": 100,
      "items": {
        "type": "object",
        "additionalProperties": false,
        "required": ["log_id", "badge", "tries"],
        "properties": {
          "log_id": {"type": "string", "x-identity": true},
          "badge": {"type": "string"},
          "tries": {"type": "integer"}
        }
      }
    }
  }
}
"""
_POLICY = """\
policy: {slug}
kind: verifier
version: 1.0.0
status: experimental
title: Gate {number}
rules:
  - id: {slug}-tries
    title: Too many tries at gate {number}
    action: watch
    evidence: [pass]
    when: |
      some pass in input.events
      startswith(pass.badge, "gate-{number}-")
      pass.tries > {limit}
"""
_CASES = """\
cases: {slug}
examples:
  - name: ten tries
    rule: {slug}-tries
    is: fires
    input: {{events: [{{log_id: e1, badge: gate-{number}-a, tries: 10}}]}}
    expect: {{action: watch, fired: [{slug}-tries], evidence: [e1]}}
  - name: one try
    rule: {slug}-tries
    is: near-miss
    vary: {{from: ten tries, set: {{events.0.tries: 1}}}}
    expect: {{fired: []}}
  - name: nobody came
    rule: {slug}-tries
    is: quiet
    input: {{events: []}}
    expect: {{fired: []}}
"""


def write_rules(root: Path, number: int) -> Path:
    """Write a set of that many policies, their cases and their schema; its folder."""
    folder = root / "rules" / "gates"
    folder.mkdir(parents=True)
    (root / "schemas").mkdir()
    (root / "schemas" / "gate.schema.json").write_text(SCHEMA)
    (folder / "set.yaml").write_text(MANIFEST)
    for at in range(number):
        slug = f"gate-{at}"
        (folder / f"{slug}.yaml").write_text(policy(at))
        (folder / f"{slug}.cases.yaml").write_text(_CASES.format(slug=slug, number=at))
    return folder


def policy(number: int, limit: int = 3) -> str:
    """The text of a policy."""
    return _POLICY.format(slug=f"gate-{number}", number=number, limit=limit)


def main() -> None:
    """Print how long each check takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policies", type=int, default=2_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with TemporaryDirectory() as place:
        os.environ["OPENSOC_CACHE"] = f"{place}/cache"
        folder = write_rules(Path(place) / "files", options.policies)
        _show("first check", timed([*CHECK, str(folder.parent)], 1))
        _show("nothing changed", timed([*CHECK, str(folder.parent)], options.runs))
        for edit in range(options.runs):
            (folder / "gate-0.yaml").write_text(policy(0, limit=4 + edit))
            _show("one policy edited", timed([*CHECK, str(folder.parent)], 1))
        sys.stdout.write(run([*CHECK, str(folder.parent)]))


def _show(name: str, times: Times) -> None:
    sys.stdout.write(f"{name:<20}{times}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
