"""A service that compiles sets of policies again and again does not grow."""

from __future__ import annotations

import gc
import linecache
import sys
from typing import TYPE_CHECKING

from policy_modules import document, process

from opensoc_engine.loader import load_policy_set

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = """\
set: small
kind: verifier
version: 1.0.0
input: small.schema.json
decision: strongest
order: [monitor]
default: dismiss
forbid: []
define:
  small_{n}(e): e.size < {n}
"""
SCHEMA = """\
{"type": "object", "additionalProperties": false, "required": ["events"],
 "properties": {"events": {"type": "array", "items": {"type": "object",
  "additionalProperties": false, "required": ["id", "host", "size"], "properties": {
   "id": {"type": "string", "x-identity": true},
   "host": {"type": "string"}, "size": {"type": "integer"}}}}}}
"""
POLICY = """\
policy: policy-{n}
kind: verifier
version: 1.0.0
status: test
title: Set {n}
rules:
  - id: rule-{n}
    title: Rule {n}
    action: monitor
    evidence: [e]
    when: |
      some e in input.events
      small_{n}(e)
      e.host in data.names
      not regex.match("x{n}$", e.host)
"""
LIST = """\
list: names
version: 1.0.0
title: Names
values: [host-{n}, WS-1]
"""


def compile_set(folder: Path, number: int) -> None:
    """Write a set that differs from all others, compile it and ask it."""
    for old in (folder / "rules" / "small").glob("policy-*"):
        old.unlink()
    files = {
        "rules/small/set.yaml": MANIFEST,
        "schemas/small.schema.json": SCHEMA,
        f"rules/small/policy-{number}.yaml": POLICY,
        "rules/lists/names.yaml": LIST,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.replace("{n}", str(number)))
    policies = load_policy_set(folder / "rules" / "small")
    events = [process(at) for at in (0, number - 1, number)]

    assert len(policies.evaluate(document(*events)).findings[0].alternatives) == 2


def blocks() -> int:
    """Blocks of memory in use, once nothing is left to be collected."""
    gc.collect()
    return sys.getallocatedblocks()


def test_300_different_sets_leave_the_memory_as_it_was(tmp_path: Path) -> None:
    for number in range(100, 200):
        compile_set(tmp_path, number)
    before = blocks()
    for number in range(200, 400):
        compile_set(tmp_path, number)

    # Patterns are kept, up to a bound. A set that is kept has thousands of blocks.
    assert blocks() - before < 20 * 200


def test_the_text_of_what_was_compiled_last_is_shown(tmp_path: Path) -> None:
    compile_set(tmp_path, 500)
    shown = [name for name in linecache.cache if name.startswith("<generated from")]

    assert any("".join(linecache.getlines(name)) for name in shown[-2:])
    assert len(shown) <= 64
