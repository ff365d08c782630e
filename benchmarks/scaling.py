"""Sets of 40, 400 and 4,000 made-up rules, to see how the cost grows with their number.

Each rule wants one image and a word of its command line, as most rules of the field do:
an event has one image, so few rules can matter, however many there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.measure import Contender, measure
from opensoc_engine.library import compile_policies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SIZES = (40, 400, 4_000)
_RULES_A_FILE = 50
_KINDS = ("process.start", "network.connection", "file.creation", "registry.change")
_ACTIONS = ("escalate", "quarantine_host", "block_ip", "monitor")


def cost(
    incidents: Sequence[Mapping[str, Any]], rounds: int
) -> list[tuple[int, float]]:
    """Microseconds for an incident by number of rules."""
    found = []
    for size in SIZES:
        policies = compile_policies(rule_files(size))
        expected = [policies.evaluate(incident).outcome for incident in incidents]
        contender = Contender(f"{size} rules", "dict", dict, policies.outcome)
        (timing,) = measure([contender], incidents, expected, rounds)
        assert not timing.wrong
        found.append((size, timing.microseconds))
    return found


def rule_files(number: int) -> dict[str, str]:
    """A policy set of that many rules."""
    files = {
        "set.yaml": "set: many\nkind: verifier\nversion: 1.0.0\ntitle: Many rules\n"
        "input: incident.schema.json\ndecision: strongest\n"
        f"order: [{', '.join(_ACTIONS)}]\ndefault: dismiss\n"
        "forbid: [claim, free_text]\n"
    }
    for first in range(0, number, _RULES_A_FILE):
        slug = f"many-{first}"
        last = min(number, first + _RULES_A_FILE)
        head = (
            f"policy: {slug}\nkind: verifier\nversion: 1.0.0\nstatus: test\n"
            "title: Many rules\nattack: {version: '19', techniques: [T1059]}\n"
            "references: [none]\nfalsepositives: [none]\nrules:\n"
        )
        rules = "".join(_rule(slug, at) for at in range(first, last))
        files[f"{slug}.yaml"] = head + rules
    return files


def _rule(slug: str, number: int) -> str:
    kind = _KINDS[number % len(_KINDS)]
    return (
        f"  - id: {slug}-r{number}\n    title: Rule {number}\n"
        f"    action: {_ACTIONS[number // 7 % len(_ACTIONS)]}\n    evidence: [e]\n"
        "    when: |\n      some e in input.events\n"
        f'      e.event_type == "{kind}"\n'
        f'      e.fields.process.name == "{_image(number)}"\n'
        f'      contains(lower(e.fields.user.name), "{chr(97 + number % 26)}")\n'
    )


def _image(number: int) -> str:
    """A name; some are those of programs that incidents have."""
    known = ("powershell.exe", "cmd.exe", "chrome.exe", "svchost.exe", "certutil.exe")
    return known[number] if number < len(known) else f"tool-{number}.exe"
