"""What the types in one rule depend on: the rule itself and the helpers it needs."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from opensoc_engine.editing.patching import PLACEHOLDER
from opensoc_engine.source import EmbeddedSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.policy.model import Define, Manifest, Policy, Rule

_WORD = re.compile(r"[A-Za-z_]\w*")


def needed(policy: Policy, manifest: Manifest) -> tuple[Policy, Manifest]:
    """The two without what the rule that has the stand-in does not need.

    If no rule has it, a helper does: then everything may decide how that is called.
    """
    rules = tuple(r for r in policy.rules if PLACEHOLDER in " ".join(_texts(r)))
    if not rules:
        return policy, manifest
    defines = {helper_name(item): item for item in manifest.defines}
    defines |= {helper_name(item): item for item in policy.defines}
    waiting = [word for rule in rules for text in _texts(rule) for word in _words(text)]
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in defines and name not in reached:
            reached.add(name)
            item = defines[name]
            for text in (item.head.text, *(body.text for body in item.bodies)):
                waiting += _words(text)
    kept = tuple(d for d in policy.defines if helper_name(d) in reached)
    shared = tuple(d for d in manifest.defines if helper_name(d) in reached)
    return replace(policy, rules=rules, defines=kept), replace(manifest, defines=shared)


def helper_name(define: Define) -> str:
    """The name that the head of a helper begins with."""
    found = _WORD.match(define.head.text.strip())
    return found[0] if found else ""


def _texts(rule: Rule) -> Iterator[str]:
    yield from (body.text for body in rule.bodies)
    if isinstance(rule.value, EmbeddedSource):
        yield rule.value.text


def _words(text: str) -> list[str]:
    return _WORD.findall(text)
