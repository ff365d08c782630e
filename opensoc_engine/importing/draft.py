"""Parts of a policy become the text of its file, in canonical form."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opensoc_engine.codegen.rego import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

# What the metadata of a module may say about a policy.
_METADATA = (
    *("category", "input", "attack", "references", "falsepositives", "bounds"),
)
_OUTCOMES = {"action": "verifier", "message": "plausibility", "value": "rubric"}
_PLAIN = re.compile(r"[A-Za-z_](?:[^:#\n]|:=|#(?<! #))*")
# Strings that need no quotes: YAML takes them for nothing else.
_BARE = re.compile(
    r"(?!(?:true|false|null|yes|no|on|off)$)[A-Za-z][\w /().,;'&-]*(?<! )",
    re.IGNORECASE,
)
_SEMVER = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff]")


@dataclass(slots=True)
class DraftHelper:
    """A helper: its head, its bodies, and the comments above it."""

    head: str
    bodies: list[str]
    comments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class DraftRule:
    """A rule.

    Attributes:
        said: Its id, and what it decides, by the words of the policy file.
        value: What it adds, as text.
    """

    said: dict[str, str]
    title: str
    evidence: tuple[str, ...]
    value: str | None
    bodies: list[str]

    def says_the_same(self, other: DraftRule) -> bool:
        """True if two rules differ in their bodies alone."""
        mine = (self.said, self.evidence, self.value)
        return mine == (other.said, other.evidence, other.value)


def draft_policy(
    name: str,
    title: str,
    known: Mapping[str, Any],
    helpers: Iterable[DraftHelper],
    rules: Sequence[DraftRule],
) -> str:
    """The text of a policy file; `known` is what is said about the policy."""
    return "".join(f"{line}\n" for line in _lines(name, title, known, helpers, rules))


def _lines(
    name: str,
    title: str,
    known: Mapping[str, Any],
    helpers: Iterable[DraftHelper],
    rules: Sequence[DraftRule],
) -> Iterator[str]:
    yield f"policy: {_text(str(known.get('policy', name)))}"
    yield f"kind: {_kind(rules)}"
    yield f"version: {_text(str(known.get('version', '0.1.0')))}"
    yield f"status: {_text(str(known.get('status', 'experimental')))}"
    yield f"title: {_text(title)}"
    for key in _METADATA:
        if key in known:
            yield f"{key}: {json_text(known[key])}"
    helpers = list(helpers)
    if helpers:
        yield "define:"
    for helper in helpers:
        yield from (f"  # {comment}".rstrip() for comment in helper.comments)
        key = helper.head if _PLAIN.fullmatch(helper.head) else _text(helper.head)
        yield from _bodies("  ", key, helper.bodies)
    yield "rules:"
    for rule in rules:
        yield from _rule(rule)


def _kind(rules: Sequence[DraftRule]) -> str:
    """What the words of the first rule are for."""
    words = {*rules[0].said, *(() if rules[0].value is None else ("value",))}
    return next((kind for word, kind in _OUTCOMES.items() if word in words), "verifier")


def _rule(rule: DraftRule) -> Iterator[str]:
    yield f"  - id: {_text(rule.said['rule'])}"
    yield f"    title: {_text(rule.title)}"
    for key, text in rule.said.items():
        if key != "rule":
            yield f"    {key}: {_text(text)}"
    if rule.value is not None:
        yield f"    value: {_number_or_text(rule.value)}"
    if rule.evidence:
        yield f"    evidence: [{', '.join(rule.evidence)}]"
    yield from _bodies("    ", "when", rule.bodies)


def _number_or_text(value: str) -> str:
    number = re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value)
    return value if number else _text(value)


def _bodies(indent: str, key: str, bodies: Sequence[str]) -> Iterator[str]:
    if len(bodies) == 1:
        yield from _body(indent, f"{indent}{key}: ", bodies[0])
        return
    yield f"{indent}{key}:"
    for body in bodies:
        yield from _body(f"{indent}  ", f"{indent}  - ", body)


def _body(indent: str, opening: str, body: str) -> Iterator[str]:
    """A body as a block, which keeps every character as it is."""
    if not body or _UNPRINTABLE.search(body.replace("\n", "")):
        yield opening + _text(body)
        return
    yield f"{opening}|"
    yield from (f"{indent}  {line}".rstrip() for line in body.split("\n"))


def _text(text: str) -> str:
    """A string as it stands, or in quotes with escapes that YAML and JSON share."""
    if text.isascii() and (_BARE.fullmatch(text) or _SEMVER.fullmatch(text)):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)
