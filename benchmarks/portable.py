"""Twenty rules that every engine can express, and what they are in each language.

The shipped rules look into the estate, join events and do sums over time; most other
engines can't. These rules look at one event each, so that all can run them. They are
data: one table, from which the text for each engine is made.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.by_hand import tables as k

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ORDER = ("escalate", "quarantine_host", "block_ip", "monitor")
DEFAULT = "dismiss"


@dataclass(frozen=True, slots=True)
class Line:
    """A condition on a field of an event.

    Attributes:
        test: `is` (one of the values), `has` (the text holds one of them, whatever
            the case of its letters) or `least` (a number).
    """

    test: str
    path: tuple[str, ...]
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class PortableRule:
    """A rule about one event of a kind."""

    name: str
    action: str
    kind: str
    lines: tuple[Line, ...]


def _is(path: str, *values: str) -> Line:
    return Line("is", tuple(path.split(".")), tuple(sorted(values)))


def _has(path: str, *values: str) -> Line:
    return Line("has", tuple(path.split(".")), values)


_COMMAND, _IMAGE, _SCRIPT = "process.command_line", "process.name", "script.content"
_RAW: tuple[tuple[str, str, str, tuple[Line, ...]], ...] = (
    ("office-shell", "quarantine_host", "process.start", (
        _is("process.parent.name", *k.OFFICE), _is(_IMAGE, *k.SHELLS))),
    ("certutil", "monitor", "process.start", (
        _is(_IMAGE, "certutil.exe"), _has(_COMMAND, "urlcache", "decode"))),
    ("regsvr", "monitor", "process.start", (
        _is(_IMAGE, "regsvr32.exe"), _has(_COMMAND, "scrobj.dll", "i:http"))),
    ("rundll", "monitor", "process.start", (
        _is(_IMAGE, "rundll32.exe"), _has(_COMMAND, "javascript:", "url.dll"))),
    ("mshta", "monitor", "process.start", (
        _is(_IMAGE, "mshta.exe"), _has(_COMMAND, "http", "javascript:", "vbscript:"))),
    ("shadow-copies", "escalate", "process.start", (
        _is(_IMAGE, "vssadmin.exe"),
        _has(_COMMAND, "delete"), _has(_COMMAND, "shadows"))),
    ("boot-recovery", "escalate", "process.start", (
        _is(_IMAGE, "bcdedit.exe"),
        _has(_COMMAND, "recoveryenabled", "bootstatuspolicy"))),
    ("lsass-dump", "quarantine_host", "process.start", (
        _is(_IMAGE, "procdump.exe", "procdump64.exe"), _has(_COMMAND, "lsass"))),
    ("credential-words", "escalate", "process.start", (_has(_COMMAND, *k.DUMP_WORDS),)),
    ("script-loader", "monitor", "script.start", (
        _has(_SCRIPT, "frombase64string"), _has(_SCRIPT, "iex", "invoke-expression"))),
    ("script-amsi", "monitor", "script.start", (
        _has(_SCRIPT, "amsiinitfailed", "amsiscanbuffer"),)),
    ("autostart", "quarantine_host", "registry.change", (
        _has("registry.path", *k.AUTOSTART),
        _has("process.executable", *k.USER_WRITABLE))),
    ("remote-support", "monitor", "service.creation", (
        _has("service.command_line", *k.RMM),)),
    ("task-in-user-path", "monitor", "scheduled_job.creation", (
        _has("job.command_line", *k.USER_WRITABLE),)),
    ("web-shell", "escalate", "file.creation", (
        _is("file.extension", *k.WEB_SCRIPTS), _is(_IMAGE, *k.SERVERS))),
    ("lsass-access", "quarantine_host", "process.access", (
        _is("target_process.name", "lsass.exe"),
        _is("granted_access", *k.LSASS_ACCESS))),
    ("cloud-watch", "escalate", "cloud.api", (
        _is("event.action", *k.WATCH_CALLS), _is("event.outcome", "success"))),
    ("privileged-group", "escalate", "iam.change", (
        _is("event.action", "group_member_added", "role_granted"),
        _has("group.name", "admin"))),
    ("upload", "block_ip", "network.connection", (
        Line("least", ("source", "bytes"), (50_000_000,)),)),
    ("failed-dmarc", "monitor", "email.message", (
        _is("email_auth.dmarc", "fail"),)),
)  # fmt: skip
RULES = tuple(PortableRule(*raw) for raw in _RAW)


def _of(action: str) -> Iterator[PortableRule]:
    return (rule for rule in RULES if rule.action == action)


def opensoc_files() -> dict[str, str]:
    """The rules as a policy set of ours."""
    manifest = (
        "set: portable\nkind: verifier\nversion: 1.0.0\ntitle: Portable rules\n"
        "input: incident.schema.json\ndecision: strongest\n"
        f"order: [{', '.join(ORDER)}]\ndefault: {DEFAULT}\nforbid: [claim, free_text]\n"
    )
    head = (
        "policy: portable\nkind: verifier\nversion: 1.0.0\nstatus: test\n"
        "title: Portable rules\nattack: {version: '19', techniques: [T1059]}\n"
        "references: [none]\nfalsepositives: [none]\n"
        "define:\n"
        "  holds(text, words): |\n    some word in words\n    contains(text, word)\n"
        "rules:\n"
    )
    return {"set.yaml": manifest, "portable.yaml": head + "".join(map(_yaml, RULES))}


def _yaml(rule: PortableRule) -> str:
    lines = [
        "some e in input.events",
        f'e.event_type == "{rule.kind}"',
        *(_rego(line) for line in rule.lines),
    ]
    body = "".join(f"      {line}\n" for line in lines)
    return (
        f"  - id: portable-{rule.name}\n    title: {rule.name}\n"
        f"    action: {rule.action}\n    evidence: [e]\n    when: |\n{body}"
    )


def _rego(line: Line) -> str:
    read = ".".join(("e", "fields", *line.path))
    if line.test == "least":
        return f"{read} >= {line.values[0]}"
    if line.test == "is":
        return f"{read} in {{{_listed(line.values)}}}"
    return f"holds(lower({read}), [{_listed(line.values)}])"


def _listed(values: Iterable[Any]) -> str:
    return ", ".join(json.dumps(value) for value in values)


def rego_module() -> str:
    """The rules as one plain Rego module; `data.portable.outcome` is the action."""
    parts = [
        "package portable\n\nimport rego.v1\n",
        "holds(text, words) if {\n\tsome word in words\n\tcontains(text, word)\n}\n",
    ]
    for rule in RULES:
        lines = [
            "some e in input.events",
            f'e.event_type == "{rule.kind}"',
            *(_rego(line) for line in rule.lines),
        ]
        body = "".join(f"\t{line}\n" for line in lines)
        parts.append(f"is_{rule.action} if {{\n{body}}}\n")
    chain = " else ".join(f':= "{action}" if {{ is_{action} }}' for action in ORDER)
    parts.append(f'outcome {chain} else := "{DEFAULT}"\n')
    return "\n".join(parts)


def json_logic() -> dict[str, Any]:
    """The rules as JSONLogic: an event is looked at once for each action."""
    parts: list[Any] = []
    for action in ORDER:
        either = {"or": [_logic(rule) for rule in _of(action)]}
        parts += [{"some": [{"val": "events"}, either]}, action]
    return {"if": [*parts, DEFAULT]}


def _logic(rule: PortableRule) -> dict[str, Any]:
    kind = {"==": [{"val": "event_type"}, rule.kind]}
    return {"and": [kind, *(_logic_line(line) for line in rule.lines)]}


def _logic_line(line: Line) -> dict[str, Any]:
    read = {"val": ["fields", *line.path]}
    if line.test == "least":
        return {">=": [read, line.values[0]]}
    if line.test == "is":
        return {"in": [read, list(line.values)]}
    lowered = {"lower": [read]}
    return {"and": [read, {"or": [{"in": [word, lowered]} for word in line.values]}]}


def cel_text() -> str:
    """The rules as CEL, which has no `lower`: a pattern without case says the same."""
    text = f'"{DEFAULT}"'
    for action in reversed(ORDER):
        either = " || ".join(_cel(rule) for rule in _of(action))
        text = f'events.exists(e, {either}) ? "{action}" : ({text})'
    return text


def _cel(rule: PortableRule) -> str:
    lines = [
        f'e.event_type == "{rule.kind}"',
        *(_cel_line(line) for line in rule.lines),
    ]
    return f"({' && '.join(lines)})"


def _cel_line(line: Line) -> str:
    paths = [
        ".".join(("e", "fields", *line.path[: n + 1])) for n in range(len(line.path))
    ]
    guards = [f"has({path})" for path in paths]
    read = paths[-1]
    if line.test == "least":
        test = f"{read} >= {line.values[0]}"
    elif line.test == "is":
        test = f"{read} in [{_listed(line.values)}]"
    else:
        either = "|".join(re.escape(word) for word in line.values)
        test = f"{read}.matches({json.dumps(f'(?i)({either})')})"
    return " && ".join([*guards, test])


def zen_text() -> str:
    """The rules in ZEN's language."""
    text = f'"{DEFAULT}"'
    for action in reversed(ORDER):
        either = " or ".join(_zen(rule) for rule in _of(action))
        text = f'some(events, {either}) ? "{action}" : ({text})'
    return text


def _zen(rule: PortableRule) -> str:
    lines = [
        f'#.event_type == "{rule.kind}"',
        *(_zen_line(line) for line in rule.lines),
    ]
    return f"({' and '.join(lines)})"


def _zen_line(line: Line) -> str:
    read = ".".join(("#", "fields", *line.path))
    if line.test == "least":
        return f"{read} != null and {read} >= {line.values[0]}"
    # A backslash stands for itself in its strings.
    shown = [f'"{value}"' for value in line.values]
    if line.test == "is":
        return f"{read} in [{', '.join(shown)}]"
    either = " or ".join(f"contains(lower({read}), {word})" for word in shown)
    return f"{read} != null and ({either})"


def rule_engine_texts() -> tuple[str, ...]:
    """One text of rule-engine for each action."""
    texts = []
    for action in ORDER:
        either = " or ".join(_engine(rule) for rule in _of(action))
        texts.append(f"[e for e in events if {either}].length > 0")
    return tuple(texts)


def _engine(rule: PortableRule) -> str:
    lines = [f'e["event_type"] == "{rule.kind}"', *map(_engine_line, rule.lines)]
    return f"({' and '.join(lines)})"


def _engine_line(line: Line) -> str:
    read = 'e["fields"]' + "".join(f'&["{part}"]' for part in line.path)
    if line.test == "least":
        return f"{read} != null and {read} >= {line.values[0]}"
    if line.test == "is":
        return f"{read} in [{_listed(line.values)}]"
    lowered = f"{read}.as_lower"
    either = " or ".join(f"{json.dumps(word)} in {lowered}" for word in line.values)
    return f"{read} != null and ({either})"
