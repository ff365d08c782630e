from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

import pytest

from opensoc_engine.diagnostics import Diagnostic, DiagnosticCollector
from opensoc_engine.errors import InputError
from opensoc_engine.policy.parser import (
    parse_cases,
    parse_list,
    parse_manifest,
    parse_policy,
)
from opensoc_engine.policy.schema_validator import SchemaStore
from opensoc_engine.schema_store import default_store
from opensoc_engine.source import EmbeddedSource, Source

if TYPE_CHECKING:
    from collections.abc import Callable

ModelT = TypeVar("ModelT")

POLICY = """\
policy: beacon
kind: verifier
version: 1.0.0
status: test
title: Call-backs
category: c2_beacon
attack: {version: "19", techniques: [T1071.001]}
define:
  far(ip): |
    not near(ip)
  pair(x) := [x, x]: ""
rules:
  - id: beacon-rare
    title: A rare address
    action: monitor
    evidence: [beat]
    when:
      - some beat in input.events
      - |
        some beat in input.events
        far(beat.fields.destination.ip)
  - id: beacon-known
    title: A known address
    action: escalate
    attack: {version: "19", techniques: [T1568]}
    when: |
      some beat in input.events
"""
RUBRIC = """\
policy: defender.v1
kind: rubric
version: 1.0.0
status: test
title: Reward
bounds: {min: -1, max: 1.10}
rules:
  - {id: right, title: Right, value: 1, when: input.ok}
  - {id: close, title: Close, value: 0.5, when: input.ok}
  - {id: gap, title: Gap, value: 2 * 3, when: input.ok}
"""
MANIFEST = """\
set: verifier
kind: verifier
version: 1.0.0
input: incident.schema.json
decision: strongest
order: [escalate, monitor]
default: dismiss
forbid: [claim]
case_base: ../base.yaml
define:
  ok(x): x == 1
"""
LIST = """\
list: ports
version: 1.0.0
title: Ports
values: {web: [80, 443], ratio: 0.5, names: []}
"""
CASES = """\
cases: beacon
given: {events: []}
examples:
  - name: fires
    rule: beacon-rare
    is: fires
    input:
      events:
        - log_id: L1
          port: 443
    expect: {action: monitor, fired: [beacon-rare], evidence: [L1]}
  - name: near
    is: near-miss
    vary: {from: fires, set: {events.0.port: 1.5}, remove: [events.0.log_id]}
    expect: {value: 1}
"""


def parse(
    parser: Callable[[Source, SchemaStore, DiagnosticCollector], ModelT | None],
    name: str,
    text: str,
) -> tuple[ModelT | None, tuple[Diagnostic, ...]]:
    found = DiagnosticCollector()
    model = parser(Source(name, text), default_store(), found)
    return model, found.sorted()


def good(
    parser: Callable[[Source, SchemaStore, DiagnosticCollector], ModelT | None],
    name: str,
    text: str,
) -> ModelT:
    model, found = parse(parser, name, text)

    assert found == ()
    assert model is not None

    return model


def test_a_policy_keeps_what_it_says() -> None:
    policy = good(parse_policy, "rules/verifier/beacon.yaml", POLICY)
    rare, known = policy.rules

    assert (policy.slug.text, policy.kind, policy.category) == (
        "beacon",
        "verifier",
        "c2_beacon",
    )
    assert rare.bodies[0].text == "some beat in input.events"
    assert rare.evidence[0].span.text == "beat"
    assert known.action is not None
    assert known.action.span.text == "escalate"


def test_a_body_knows_its_place_in_the_file() -> None:
    policy = good(parse_policy, "beacon.yaml", POLICY)
    text = policy.rules[0].bodies[1]
    at = text.text.index("far")

    assert text.span(at, at + 3).text == "far"
    assert text.span(at, at + 3).begin.line == 21


def test_defines_are_heads_with_bodies() -> None:
    policy = good(parse_policy, "beacon.yaml", POLICY)

    assert [define.head.text for define in policy.defines] == [
        "far(ip)",
        "pair(x) := [x, x]",
    ]
    assert policy.defines[0].bodies[0].text == "not near(ip)\n"


def test_a_rule_overrides_the_attack_mapping_of_its_policy() -> None:
    rare, known = good(parse_policy, "beacon.yaml", POLICY).rules

    assert rare.metadata["attack"]["techniques"] == ("T1071.001",)
    assert known.metadata["attack"]["techniques"] == ("T1568",)
    assert known.metadata["category"] == "c2_beacon"
    assert known.metadata["status"] == "test"


def test_a_rubric_has_exact_values_and_bounds() -> None:
    policy = good(parse_policy, "defender.v1.yaml", RUBRIC)
    right, close, gap = (rule.value for rule in policy.rules)

    assert policy.bounds == (Decimal(-1), Decimal("1.10"))
    assert (right, close) == (Decimal(1), Decimal("0.5"))
    assert isinstance(gap, EmbeddedSource)
    assert gap.text == "2 * 3"


@pytest.mark.parametrize("folder", ["", "rules/verifier/", "C:\\rules\\"])
def test_a_file_name_may_have_any_folder(folder: str) -> None:
    good(parse_policy, f"{folder}beacon.yaml", POLICY)


@pytest.mark.parametrize("name", ["becon.yaml", "beacon.yml", "beacon.cases.yaml"])
def test_another_file_name_is_an_error_but_the_policy_goes_on(name: str) -> None:
    policy, (found,) = parse(parse_policy, f"rules/{name}", POLICY)

    assert policy is not None
    assert (found.code, found.label.span.text) == ("E601", "beacon")
    assert found.help is not None
    assert "`beacon.yaml`" in found.help


@pytest.mark.parametrize(
    ("kind", "outcome", "problem"),
    [
        ("verifier", "", "a verifier rule needs `action`"),
        (
            "verifier",
            "action: a, value: 1",
            "`value` has no meaning in a verifier rule",
        ),
        ("plausibility", "field: events", "a plausibility rule needs `message`"),
        ("plausibility", "message: no", "a plausibility rule needs `field`"),
        ("rubric", "", "a rubric rule needs `value`"),
        ("rubric", "value: 1, action: a", "`action` has no meaning in a rubric rule"),
    ],
)
def test_each_kind_says_its_own_outcome(kind: str, outcome: str, problem: str) -> None:
    bounds = "bounds: {min: 0, max: 1}" if kind == "rubric" else ""
    text = (
        f"policy: x\nkind: {kind}\nversion: 1.0.0\nstatus: test\ntitle: X\n{bounds}\n"
        f"rules:\n  - {{id: r, title: R, when: input.x, {outcome}}}\n"
    )
    policy, (found,) = parse(parse_policy, "x.yaml", text)

    assert policy is None
    assert (found.code, found.message) == ("E604", problem)
    assert found.help is not None


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("", "a rubric needs `bounds`"),
        ("bounds: {min: 2, max: 1}", "`min` 2 is greater than `max` 1"),
    ],
)
def test_a_rubric_has_bounds_that_can_hold(change: str, problem: str) -> None:
    text = RUBRIC.replace("bounds: {min: -1, max: 1.10}", change)
    _, (found,) = parse(parse_policy, "defender.v1.yaml", text)

    assert (found.code, found.message) == ("E610", problem)


def test_bounds_have_no_meaning_outside_rubrics() -> None:
    text = POLICY + "bounds: {min: 0, max: 1}\n"
    _, (found,) = parse(parse_policy, "beacon.yaml", text)

    assert (found.code, found.label.span.text) == ("E610", "bounds")


def test_a_manifest_keeps_what_it_says() -> None:
    manifest = good(parse_manifest, "set.yaml", MANIFEST)

    assert manifest.order == ("escalate", "monitor")
    assert (manifest.default, manifest.forbid) == ("dismiss", ("claim",))
    assert manifest.strict_absence is False
    assert manifest.case_base is not None
    assert manifest.case_base.span.text == "../base.yaml"


def test_a_manifest_shares_helpers() -> None:
    (define,) = good(parse_manifest, "set.yaml", MANIFEST).defines

    assert (define.head.text, define.bodies[0].text) == ("ok(x)", "x == 1")
    assert define.span.text == "ok(x): x == 1"


@pytest.mark.parametrize("key", ["order", "default"])
def test_the_strongest_decision_needs_an_order_and_a_default(key: str) -> None:
    text = "\n".join(line for line in MANIFEST.splitlines() if not line.startswith(key))
    manifest, (found,) = parse(parse_manifest, "set.yaml", text)

    assert manifest is None
    assert (found.code, found.message) == ("E202", f"missing key `{key}`")


def test_a_kind_decides_in_its_own_way() -> None:
    text = MANIFEST.replace("decision: strongest", "decision: sum")
    _, (found,) = parse(parse_manifest, "set.yaml", text)

    assert found.message == "a verifier set can't decide by `sum`"
    assert found.help == "write `decision: strongest`"


def test_a_list_is_frozen_and_exact() -> None:
    found = good(parse_list, "lists/ports.yaml", LIST)

    assert found.values == {"web": (80, 443), "ratio": Decimal("0.5"), "names": ()}


def test_cases_keep_what_they_say() -> None:
    cases = good(parse_cases, "beacon.cases.yaml", CASES)
    fires, near = cases.cases

    assert (cases.given, fires.input) == (
        {"events": []},
        {"events": [{"log_id": "L1", "port": 443}]},
    )
    assert (fires.expect.action, fires.expect.fired) == ("monitor", ("beacon-rare",))
    assert (near.expect.value, near.expect.fired) == (Decimal(1), None)
    assert near.vary is not None
    assert near.vary.changes[0][1] == Decimal("1.5")
    assert near.vary.removals[0].text == "events.0.log_id"


def test_each_part_of_an_input_has_its_place() -> None:
    fires = good(parse_cases, "beacon.cases.yaml", CASES).cases[0]

    assert {path: span.text for path, span in fires.places.items()} == {
        (): "input",
        ("events",): "events",
        ("events", 0): "log_id",
        ("events", 0, "log_id"): "L1",
        ("events", 0, "port"): "443",
    }


@pytest.mark.parametrize(
    ("parser", "name", "text"),
    [
        (parse_list, "port.yaml", LIST),
        (parse_cases, "beacon.yaml", CASES),
    ],
)
def test_lists_and_cases_have_the_name_of_their_file(
    parser: Callable[[Source, SchemaStore, DiagnosticCollector], object],
    name: str,
    text: str,
) -> None:
    _, (found,) = parse(parser, name, text)

    assert found.code == "E601"


def test_a_lax_schema_of_ones_own_is_an_input_error() -> None:
    lax = SchemaStore({"policy.schema.json": {}})

    with pytest.raises(InputError, match="lets through"):
        parse_policy(Source("a.yaml", "policy: [a]"), lax, DiagnosticCollector())
