from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from opensoc_engine import InputError, compile_policies, data_root, load_policy_set
from opensoc_engine.codegen.attributes import Row, attribute
from opensoc_env.generator import generate
from opensoc_env.models import TASKS

if TYPE_CHECKING:
    from opensoc_engine import PolicySet

structured = pytest.importorskip("opensoc_engine.structured").structured

MANIFEST = (
    "set: small\nkind: verifier\nversion: 1.0.0\ntitle: Small\n"
    "input: incident.schema.json\ndecision: strongest\norder: [monitor]\n"
    "default: dismiss\nforbid: [claim, free_text]\n"
)


def files_of(body: str, manifest: str = MANIFEST) -> dict[str, str]:
    """The files of a set of one rule."""
    lines = "".join(f"      {line}\n" for line in body.split("\n"))
    policy = (
        "policy: small\nkind: verifier\nversion: 1.0.0\nstatus: test\ntitle: Small\n"
        "attack: {version: '19', techniques: [T1059]}\nreferences: [none]\n"
        "falsepositives: [none]\nrules:\n  - id: small-rule\n    title: Small\n"
        f"    action: monitor\n    evidence: [e]\n    when: |\n{lines}"
    )
    return {"set.yaml": manifest, "small.yaml": policy}


def small(body: str) -> PolicySet:
    """A set of one rule."""
    return compile_policies(files_of(body))


def test_structs_get_the_outcomes_of_dictionaries() -> None:
    verifier = load_policy_set(data_root() / "rules" / "verifier")
    structs = structured(verifier)
    incidents = [generate(task, 3, at) for task in TASKS for at in range(15)]

    found = [structs.outcome(structs.decode(json.dumps(i))) for i in incidents]

    assert found == [verifier.outcome(incident) for incident in incidents]
    assert len(set(found)) == 5


def test_structs_hold_just_what_rules_read() -> None:
    policies = small("some e in input.events\ne.source == `edr`")
    structs = structured(policies)
    decoded = structs.decode(b'{"events": [{"source": "edr", "log_id": "a"}], "x": 1}')

    assert structs.fields == {"events", "source"}
    assert structs.outcome(decoded) == "monitor"


def test_a_field_is_skipped_where_no_rule_reads_it() -> None:
    body = 'some e in input.events\ne.event_type == "network.connection"'
    structs = structured(small(f'{body}\ne.fields.source.ip == "10.0.0.1"'))
    event = {
        "event_type": "network.connection",
        "source": 1,
        "fields": {"source": {"ip": "10.0.0.1"}},
    }

    # The `source` of an event is a text; nobody looks.
    assert structs.outcome(structs.decode(json.dumps({"events": [event]}))) == "monitor"


def test_bytes_of_another_shape_are_refused() -> None:
    structs = structured(small("some e in input.events\ne.source == `edr`"))

    for text in (b"{", b'{"events": 1}', b"\xff"):
        with pytest.raises(InputError, match="can't be read"):
            structs.decode(text)


def test_rules_that_structs_do_not_allow_are_refused() -> None:
    body = "some e in input.events\ncount({f.log_id: 1 | some f in input.events}) > 0"

    with pytest.raises(InputError, match="keys that are worked out"):
        structured(small(f"{body}\ne.source == `edr`"))


def test_the_fields_of_an_object_are_not_counted_on_structs() -> None:
    body = (
        "some e in input.events\ncount(input.context.networks) > 0\ne.source == `edr`"
    )

    with pytest.raises(InputError, match="names of fields"):
        structured(small(f"{body}\ne.source == `edr`"))


KEYED = """{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "Keyed", "type": "object", "required": ["events", "limits"],
  "additionalProperties": false,
  "properties": {
    "limits": {"type": "object", "additionalProperties": {"type": "integer"}},
    "events": {"type": "array", "items": {
      "title": "Event", "type": "object", "required": ["id"],
      "additionalProperties": false,
      "properties": {"id": {"type": "string", "x-identity": true}}}}}}
"""


def test_objects_whose_keys_no_schema_lists_are_not_put_on_structs() -> None:
    manifest = MANIFEST.replace("incident.schema.json", "keyed.schema.json")
    files = files_of("some e in input.events\ninput.limits.a == 1", manifest)
    policies = compile_policies({**files, "schemas/keyed.schema.json": KEYED})

    assert policies.outcome({"events": [{"id": "x"}], "limits": {"a": 1}}) == "monitor"
    with pytest.raises(InputError, match="whose keys no schema lists"):
        structured(policies)


def test_only_a_verifier_is_put_on_structs() -> None:
    with pytest.raises(InputError, match="only a verifier"):
        structured(load_policy_set(data_root() / "rules" / "plausibility"))


def test_attributes_of_different_names_differ() -> None:
    names = ("class", "x-1", "x_1", "x.1", "_2d_")

    assert len({attribute(name) for name in names}) == len(names)
    assert Row({"class": 1}).a_class == 1
    assert Row({}).a_missing is None
