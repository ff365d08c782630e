from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest

from opensoc_engine.diagnostics import Diagnostic, DiagnosticCollector
from opensoc_engine.errors import InputError
from opensoc_engine.policy.schema_validator import (
    Problem,
    SchemaStore,
    validate_instance,
    validate_node,
)
from opensoc_engine.policy.yaml_reader import read_yaml
from opensoc_engine.schema_store import default_store
from opensoc_engine.source import Source

STORE = default_store()
ESTATE: dict[str, Any] = {
    "networks": {"internal": ["10.0.0.0/8"], "shared_egress": []},
    "hosts": [],
    "users": [],
    "authorisations": [],
    "threat_intelligence": [],
    "prevalence": [],
    "sensor_health": [],
    "data_locations": [],
    "baselines": [],
    "approved_tools": [],
}
FLOW: dict[str, Any] = {
    "event_type": "network.connection",
    "source": "firewall",
    "timestamp": "2026-03-02T09:15:00Z",
    "log_id": "L1-0",
    "fields": {
        "source": {"ip": "10.0.0.5"},
        "destination": {"ip": "192.0.2.7", "port": 443},
        "disposition": "allowed",
    },
}


def incident(**change: Any) -> dict[str, Any]:
    return {"events": [{**copy.deepcopy(FLOW), **change}], "context": ESTATE}


def flow_to(**change: Any) -> dict[str, Any]:
    document = incident()
    document["events"][0]["fields"]["destination"].update(change)
    return document


def problems(document: Any, schema: str = "incident.schema.json") -> list[Problem]:
    return validate_instance(document, schema, STORE)


def validates(value: Any, **schema: Any) -> list[Problem]:
    return validate_instance(value, "own", SchemaStore({"own": schema}))


def check(text: str, schema: str = "policy.schema.json") -> tuple[Diagnostic, ...]:
    found = DiagnosticCollector()
    node = read_yaml(Source("a.yaml", text), found)

    assert node is not None
    assert validate_node(node, schema, STORE, found) is not found.has_errors

    return found.sorted()


def test_a_valid_incident_has_no_problem() -> None:
    assert problems(incident()) == []


def test_the_discriminator_picks_the_branch_that_is_reported() -> None:
    (found,) = problems(flow_to(port=-1))

    assert found == Problem(
        ("events", 0, "fields", "destination", "port"),
        "got the number `-1`",
        "a whole number from 0 to 65535",
    )


def test_an_unknown_discriminator_is_one_problem_with_a_suggestion() -> None:
    (found,) = problems(incident(event_type="network.conection"))

    assert found.path == ("events", 0, "event_type")
    assert found.message == (
        "`network.conection` is not one of the known values, "
        "did you mean `network.connection`?"
    )
    assert "`dns.query`" in found.expected


@pytest.mark.parametrize("tag", [[], {}, None, 3, float("nan")])
def test_a_discriminator_that_is_no_text_is_one_problem(tag: object) -> None:
    (found,) = problems(incident(event_type=tag))

    assert found.path == ("events", 0, "event_type")


def test_a_missing_key_is_named_in_the_path() -> None:
    document = incident()
    del document["events"][0]["fields"]["disposition"]
    (found,) = problems(document)

    assert found.path == ("events", 0, "fields", "disposition")
    assert found.message == "missing key `disposition`"


def test_an_unknown_key_gets_the_nearest_known() -> None:
    (found,) = problems(flow_to(prot=1))

    assert found.message == "unknown key `prot`, did you mean `port`?"


@pytest.mark.parametrize(
    "port", [True, 3.0, Decimal("3.0"), "443", None, float("inf"), 10**4000]
)
def test_only_integers_are_integers(port: object) -> None:
    (found,) = problems(flow_to(port=port))

    assert found.path[-1] == "port"


@pytest.mark.parametrize("novelty", [float("nan"), float("inf"), Decimal("NaN"), True])
def test_only_finite_numbers_are_numbers(novelty: object) -> None:
    fields = {"schema_valid": True, "plausible": True, "defender_correct": False}
    document = {**fields, "novelty": novelty}

    assert problems(document, "attacker-grading.schema.json")
    assert not problems(
        {**document, "novelty": Decimal("0.5")}, "attacker-grading.schema.json"
    )


@pytest.mark.parametrize("ip", ["10.0.0.01", "1.2.3", "fe80::1%eth0", "1.2.3.4/32", ""])
def test_an_address_is_strict(ip: str) -> None:
    (found,) = problems(flow_to(ip=ip))

    assert found.expected == "an IP address such as `192.0.2.7`"


@pytest.mark.parametrize(
    "network", ["10.0.0.1/8", "10.0.0.0", "10.0.0.0/255.0.0.0", "::/129", "1.0.0.0/²"]
)
def test_a_network_is_strict(network: str) -> None:
    (found,) = validates(network, type="string", format="cidr")

    assert found.expected == "a network such as `10.0.0.0/8`"


@pytest.mark.parametrize(
    "time",
    [
        "2026-03-02T09:15:00",
        "2026-02-30T09:15:00Z",
        "2026-03-02T25:15:00Z",
        "2026-03-02T09:15:00+24:00",
        "2026-03-02 09:15:00Z",
        "2026-03-02T09:15:00Z\n",
    ],
)
def test_a_time_has_an_offset_and_exists(time: str) -> None:
    (found,) = problems(incident(timestamp=time))

    assert found.path[-1] == "timestamp"


def test_a_pattern_ends_at_the_very_end() -> None:
    assert problems(incident(log_id="L1\n"))


def test_half_a_character_is_no_text() -> None:
    document = {**incident(), "narrative": "\ud800"}
    (found,) = problems(document)

    assert found.message == "got text that is not valid Unicode, `\\ud800`"


def test_at_most_fifty_problems_are_reported() -> None:
    assert len(problems({**incident(), "events": [None] * 500})) == 50


@pytest.mark.parametrize("holder", [lambda x: [x], lambda x: {"events": x}])
def test_a_hostile_depth_is_one_problem(holder: Any) -> None:
    document: Any = []
    for _ in range(500_000):
        document = holder(document)
    (found,) = problems(document)

    assert found.message == "nested deeper than 64 levels"


def test_untagged_branches_are_told_apart_by_type() -> None:
    one_of = [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]

    assert validates([1], oneOf=one_of)[0].path == (0,)
    assert validates(1, oneOf=one_of)[0].expected == "text or a list"


def test_a_schema_with_other_keywords_still_validates() -> None:
    assert validates([1, 1], uniqueItems=True)
    assert not validates([1, 2], uniqueItems=True)


def test_a_schema_that_contains_itself_validates() -> None:
    schema = {"properties": {"in": {"$ref": "own"}}, "additionalProperties": False}

    assert not validates({"in": {"in": {}}}, **schema)
    assert validates({"in": {"in": {"x": 1}}}, **schema)[0].path == ("in", "in", "x")


@pytest.mark.parametrize(
    "schema",
    [{"type": "nothing"}, {"$ref": "missing.json"}, {"pattern": "(?=a)"}],
)
def test_a_broken_schema_is_an_input_error(schema: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        validates("b", **schema)


def test_an_unknown_schema_is_an_input_error() -> None:
    with pytest.raises(InputError, match="there is no schema `none`"):
        problems({}, "none")


def test_an_unknown_key_is_underlined() -> None:
    text = "set: a\nkind: rubric\nversion: 1.0.0\ninput: x\ndecision: sum\ntitel: x"
    (found,) = check(text, "set.schema.json")

    assert (found.code, found.help) == ("E201", "did you mean `title`?")
    assert found.label.span.text == "titel"


def test_a_missing_key_points_at_the_mapping_that_lacks_it() -> None:
    text = "set: a\nkind: rubric\nversion: 1.0.0\ninput: x"
    (found,) = check(text, "set.schema.json")

    assert (found.code, found.message) == ("E202", "missing key `decision`")
    assert found.label.span.text == "set"


def test_a_choice_lists_what_is_allowed() -> None:
    text = "set: a\nkind: rubic\nversion: 1.0.0\ninput: x\ndecision: sum"
    (found,) = check(text, "set.schema.json")

    assert (found.code, found.help) == ("E204", "did you mean `rubric`?")
    assert found.message == "`rubic` is not one of `verifier`, `plausibility`, `rubric`"


def test_a_number_where_text_belongs_is_to_be_quoted() -> None:
    text = "set: 12\nkind: rubric\nversion: 1.0.0\ninput: x\ndecision: sum"
    (found,) = check(text, "set.schema.json")

    assert found.message == "expected text of 1 to 64 characters, got the number `12`"
    assert found.help == 'quote it: `"12"`'


def test_an_old_boolean_is_told_the_new_one() -> None:
    text = "set: a\nkind: rubric\nversion: 1.0.0\ninput: x\ndecision: sum"
    (found,) = check(f"{text}\nstrict_absence: Yes", "set.schema.json")

    assert found.help == "write `true`"


def test_a_tree_is_never_checked_by_a_missing_schema() -> None:
    found = DiagnosticCollector()
    node = read_yaml(Source("a.yaml", "a: 1"), found)

    assert node is not None
    assert not validate_node(node, "policy.schema.json", SchemaStore({}), found)
    assert [item.code for item in found.sorted()] == ["E607"]
