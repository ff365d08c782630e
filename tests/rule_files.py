"""A policy that no disk has, among the shipped rules, with a cursor in its text."""

from __future__ import annotations

from pathlib import Path

from opensoc_engine import data_root
from opensoc_engine.editing.workspace import Workspace

RULES = (data_root() / "rules").resolve()
PROBE = RULES / "verifier" / "probe.yaml"
CASES = RULES / "verifier" / "probe.cases.yaml"
CURSOR = "^"

TEXT = """\
policy: probe
kind: verifier
version: 1.0.0
status: test
title: Logons that fail

define:
  # An attempt that failed.
  failed(e): e.fields.event.outcome == "failure"
  first_of(events) := events[0]: ""

rules:
  - id: probe-logon
    title: Any logon fails
    action: monitor
    evidence: [e]
    when: |
      some e in input.events
      e.event_type == "authentication.logon"
      failed(e)
      lower(e.fields.user.name) in data.builtin_accounts
"""
CASES_TEXT = """\
cases: probe
examples:
  - name: one logon fails
    rule: probe-logon
    is: fires
    input:
      events:
        - event_type: authentication.logon
          fields: {event: {outcome: failure}}
    expect: {action: monitor, fired: [probe-logon]}
  - name: another one
    is: quiet
    vary: {from: one logon fails}
    expect: {fired: []}
"""


def desk(text: str, path: Path = PROBE) -> tuple[Workspace, Path, int]:
    """A workspace with the probe, its cases and one text, and where its cursor is."""
    offset = text.index(CURSOR)
    texts = {PROBE: TEXT, CASES: CASES_TEXT}
    texts[path] = text[:offset] + text[offset + 1 :]
    return Workspace(texts), path, offset


def at(word: str, after: int = 1, text: str = TEXT) -> str:
    """The text with the cursor in the first place of a word."""
    start = text.index(word) + after
    return text[:start] + CURSOR + text[start:]


def instead(old: str, new: str, text: str = TEXT) -> str:
    """The text with a part written anew; the new part has the cursor."""
    assert old in text
    return text.replace(old, new, 1)
