from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from opensoc_engine import InputError
from opensoc_engine.explain import Explanation, RuleReport, explain
from opensoc_engine.explanation import world
from opensoc_engine.loader import load_folder
from opensoc_engine.policy.schema_validator import validate_instance

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Explained = Callable[..., Explanation]

TEXT = {"type": "string"}
TIME = {"type": "string", "format": "date-time"}


def thing(required: list[str], **properties: Any) -> dict[str, Any]:
    """The schema of an object."""
    closed = {"type": "object", "additionalProperties": False}
    return {**closed, "required": required, "properties": properties}


VISIT = thing(
    ["id", "door", "at"],
    id={**TEXT, "x-identity": True},
    door=TEXT,
    at=TIME,
    seconds={"type": "integer"},
    weight={"type": "number"},
)
GUEST = thing(
    ["name", "host", "until", "vip"],
    name=TEXT,
    host=TEXT,
    until=TIME,
    vip={"type": "boolean"},
)
SCHEMA = thing(
    ["user", "role", "hour", "trusted", "visits", "guests", "networks"],
    user=TEXT,
    role={"enum": ["admin", "staff", "visitor"]},
    hour={"type": "integer"},
    trusted={"type": "boolean"},
    badge=thing(["level"], level={"type": "integer"}, colour=TEXT),
    address={"type": "string", "format": "ip-address"},
    visits={"type": "array", "items": VISIT},
    guests={"type": "array", "items": GUEST},
    networks={"type": "array", "items": {"type": "string", "format": "cidr"}},
    note={**TEXT, "x-trust": "free_text"},
)
MANIFEST = """
set: access
kind: verifier
version: 1.0.0
input: request.schema.json
decision: strongest
order: [allow, log]
default: deny
forbid: [free_text]
"""
POLICY = """
policy: doors
kind: verifier
version: 1.0.0
status: test
title: Who may enter
define:
  often(door): |
    count([v | some v in input.visits; v.door == door]) >= data.limits.visits
  invited(name): |
    some guest in input.guests
    guest.name == name
    guest.host == "ada"
    time.parse_rfc3339_ns(guest.until) >= time.parse_rfc3339_ns("2026-03-02T12:00:00Z")
rules:
"""
RULE = """
  - id: {id}
    title: It may
    action: {action}
    when: |
"""
AT = "time.parse_rfc3339_ns({})"
NINE = AT.format('"2026-03-02T09:05:00Z"')
VISITS = [
    {"id": "v1", "door": "north", "at": "2026-03-02T09:00:00Z"},
    {"id": "v2", "door": "south", "at": "2026-03-02T09:10:00Z"},
]
GRACE = {
    "name": "grace",
    "host": "ada",
    "until": "2026-03-02T18:00:00Z",
    "vip": False,
}


def request_of(**more: Any) -> dict[str, Any]:
    """A valid document of the set."""
    base = {
        "user": "grace",
        "role": "staff",
        "hour": 9,
        "trusted": False,
        "visits": VISITS,
        "guests": [],
        "networks": ["10.0.0.0/8"],
    }
    return {**base, **more}


@pytest.fixture
def explained(tmp_path: Path) -> Explained:
    """Explains a document by rules that are given as lines, by id or alone."""

    def run(rules: str | dict[str, str], document: Any, **more: Any) -> Explanation:
        folder = tmp_path / "rules" / "access"
        folder.mkdir(parents=True, exist_ok=True)
        (tmp_path / "schemas").mkdir(exist_ok=True)
        schema = json.dumps({"title": "Request", **SCHEMA})
        (tmp_path / "schemas" / "request.schema.json").write_text(schema)
        lists = tmp_path / "rules" / "lists"
        lists.mkdir(exist_ok=True)
        (lists / "limits.yaml").write_text(
            "list: limits\nversion: 1.0.0\ntitle: Limits\nvalues: {visits: 3}\n"
        )
        (folder / "set.yaml").write_text(MANIFEST)
        named = {"rule": rules} if isinstance(rules, str) else rules
        (folder / "doors.yaml").write_text(POLICY + "".join(map(rule, named.items())))
        loaded = load_folder(folder)
        assert loaded.policy_set is not None, loaded.diagnostics
        assert loaded.folder is not None
        store = loaded.folder.store

        def accept(changed: dict[str, Any]) -> dict[str, Any] | None:
            problems = validate_instance(changed, "request.schema.json", store)
            return None if problems else changed

        assert accept(document) is not None
        return explain(loaded.policy_set, document, accept, **more)

    return run


def rule(named: tuple[str, str]) -> str:
    name, lines = named
    action = "log" if name.startswith("log") else "allow"
    head = RULE.format(id=name, action=action)
    return head + "\n".join(f"      {line}" for line in lines.splitlines()) + "\n"


def only(found: Explanation) -> RuleReport:
    (report,) = (*found.fired, *found.others)
    return report


def values(report: RuleReport) -> dict[str, str]:
    """The values of the first line that failed, or of the helper's line behind it."""
    line = report.failing[0]
    while line.inside:
        line = line.inside[0]
    return {seen.text: seen.value for seen in line.seen}


def flips(found: Explanation) -> list[list[tuple[str, Any]]]:
    """The places that each flip changes, with what stands there then."""
    return [
        [(".".join(map(str, c.path)), c.after) for c in flip.changes]
        for flip in only(found).flips
    ]


def test_a_failed_comparison_shows_both_sides(explained: Explained) -> None:
    found = explained("input.hour >= 2 * count(input.visits) + 10", request_of())
    (line,) = only(found).failing

    assert values(only(found)) == {
        "input.hour": "9",
        "2 * count(input.visits) + 10": "14",
    }
    assert (line.line, line.column) == (21, 7)
    assert line.path.endswith("doors.yaml")
    assert line.seen[0].place == "hour"


def test_the_nearest_element_is_told(explained: Explained) -> None:
    lines = 'some v in input.visits\nv.door == "south"\nv.seconds > 5'
    report = only(explained(lines, request_of()))

    assert [(seen.text, seen.place, seen.value) for seen in report.bindings] == [
        ("v", "visits[1]", "v2")
    ]
    assert report.failing[0].text == "v.seconds > 5"
    assert report.failing[0].note == ("`v.seconds` is not there at `visits[1].seconds`")


def test_a_failed_helper_says_which_of_its_lines_failed(explained: Explained) -> None:
    report = only(explained('often("south")', request_of()))
    inner = report.failing[0].inside[0]

    assert inner.text.endswith(">= data.limits.visits")
    assert values(report) == {
        "count([v | some v in input.visits; v.door == door])": "1",
        "data.limits.visits": "3",
    }


def test_what_makes_a_denied_line_hold_is_named(explained: Explained) -> None:
    document = request_of(guests=[{**GRACE, "name": "alan"}, GRACE])
    report = only(explained("not invited(input.user)", document))

    assert report.failing[0].note == "it holds because of `guests[1]`"


def test_the_element_is_named_that_not_every_line_holds_for(
    explained: Explained,
) -> None:
    lines = 'every v in input.visits { startswith(v.door, "n") }'
    report = only(explained(lines, request_of()))

    assert report.failing[0].note == "not for `visits[1]`"


def test_a_line_behind_a_guard_that_failed_is_unknown(explained: Explained) -> None:
    lines = "input.badge.level >= 3\ninput.hour < 20\ninput.badge.level < 9"
    report = only(explained(lines, request_of()))

    assert [line.state for line in report.lines] == ["failed", "held", "unknown"]


def test_lines_after_a_failed_one_are_run_too(explained: Explained) -> None:
    lines = 'input.role == "admin"\ninput.hour < 20\ninput.trusted'
    report = only(explained(lines, request_of()))

    assert [line.state for line in report.lines] == ["failed", "held", "failed"]


def test_the_rule_that_lacks_least_comes_first(explained: Explained) -> None:
    rules = {
        "far": 'input.role == "admin"\ninput.trusted\ninput.hour > 20',
        "near": 'input.role == "admin"\ninput.hour < 20',
    }
    found = explained(rules, request_of(), flips=False)

    assert [report.rule for report in found.others] == ["near", "far"]


@pytest.mark.parametrize(
    ("role", "outcome", "answer"),
    [("admin", "allow", "matched"), ("staff", "deny", "defaulted")],
)
def test_a_default_is_told_from_a_match(
    explained: Explained, role: str, outcome: str, answer: str
) -> None:
    found = explained('input.role == "admin"', request_of(role=role), flips=False)

    assert (found.decision.outcome, found.answer) == (outcome, answer)


def test_a_rule_that_fired_shows_what_its_lines_saw(explained: Explained) -> None:
    report = only(explained("input.hour < 20\nnot input.trusted", request_of()))

    assert report.state == "matched"
    assert [line.state for line in report.lines] == ["held", "held"]
    assert report.lines[0].seen[0].value == "9"


@pytest.mark.parametrize(
    ("lines", "place", "after"),
    [
        ("input.hour >= 12", "hour", 12),
        ("input.hour * 2 > 30", "hour", 16),
        ('input.role == "visitor"', "role", "visitor"),
        ('input.user in {"ada"}', "user", "ada"),
        ("input.trusted", "trusted", True),
        ("input.badge.level == 7", "badge", {"level": 7}),
        ('lower(input.user) == "ada"', "user", "ada"),
        ('contains(lower(input.user), "hop")', "user", "grace hop"),
        ('endswith(input.user, "h")', "user", "graceh"),
        ('often("south")', "visits.2", None),
        ("count(input.guests) == 1", "guests.0", None),
        (
            f"{AT.format('input.visits[0].at')} > {NINE}",
            "visits.0.at",
            "2026-03-02T09:05:01Z",
        ),
    ],
)
def test_a_change_is_derived_from_the_line(
    explained: Explained, lines: str, place: str, after: Any
) -> None:
    found = flips(explained(lines, request_of()))

    assert [place] in [[path for path, _ in flip] for flip in found]
    if after is not None:
        assert [(place, after)] in found


def test_a_record_is_added_that_fits_every_line(explained: Explained) -> None:
    ((change,),) = flips(explained("invited(input.user)", request_of()))
    path, record = change

    assert path == "guests.0"
    assert (record["name"], record["host"]) == ("grace", "ada")
    assert record["until"] >= "2026-03-02T12:00:00Z"


def test_a_record_is_taken_away(explained: Explained) -> None:
    document = request_of(guests=[GRACE])
    found = flips(explained("not invited(input.user)", document))

    assert [("guests.0", None)] in found
    assert [("user", "grace-other")] in found


def test_an_address_is_put_into_a_network(explained: Explained) -> None:
    lines = "some n in input.networks\nnet.cidr_contains(n, input.address)"
    found = flips(explained(lines, request_of(address="192.0.2.1")))

    assert [("address", "10.0.0.1")] in found
    assert [("networks.0", "192.0.2.1/32")] in found


def test_copies_have_ids_of_their_own_and_keep_the_pace(explained: Explained) -> None:
    found = explained('often("south")', request_of())
    (change,) = only(found).flips[0].changes

    assert [visit["id"] for visit in change.after] == ["v2-2", "v2-3"]
    assert [visit["at"][11:16] for visit in change.after] == ["09:20", "09:30"]


def test_fractions_stay_what_json_has(explained: Explained) -> None:
    visits = [{**visit, "weight": 0.1} for visit in VISITS]
    found = explained('often("south")', request_of(visits=visits))
    (change,) = only(found).flips[0].changes

    assert [visit["weight"] for visit in change.after] == [0.1, 0.1]
    assert json.dumps(found.to_json())


def test_two_facts_are_found_together(explained: Explained) -> None:
    lines = 'input.role == "admin"\ninput.badge.level > 4'
    found = flips(explained(lines, request_of()))

    assert found[0] == [("role", "admin"), ("badge", {"level": 5})]


def test_no_needless_fact_is_told(explained: Explained) -> None:
    lines = 'some v in input.visits\nv.door == "east"\nv.id == "v1"'
    found = explained(lines, request_of())

    assert flips(found) == [[("visits.0.door", "east")]]


def test_nothing_found_says_how_much_was_tried(explained: Explained) -> None:
    lines = 'input.user == "ada"\ninput.user != lower("Ada")'
    report = only(explained(lines, request_of()))

    assert report.flips == ()
    assert report.tried is not None
    assert report.tried > 0


def test_a_rule_that_fired_is_told_what_stops_it(explained: Explained) -> None:
    found = flips(explained("input.hour < 20\ninput.badge.level > 1", badged()))

    assert [("hour", 20)] in found
    assert [("badge.level", 1)] in found
    assert [("badge", None)] in found


def badged() -> dict[str, Any]:
    return request_of(badge={"level": 3})


def test_the_verdict_after_a_flip_is_the_whole_sets(explained: Explained) -> None:
    rules = {"allow": "input.hour < 20\ninput.trusted", "log": "input.hour < 20"}
    found = explained(rules, request_of())

    assert found.decision.outcome == "log"
    assert [flip.outcome for flip in found.others[0].flips] == ["allow"]


def test_a_field_that_is_hidden_stays_as_it_is(explained: Explained) -> None:
    document = request_of(note="let me in")
    found = explained("input.hour >= 12", document)

    assert flips(found) == [[("hour", 12)]]


def test_the_document_is_left_alone(explained: Explained) -> None:
    document = request_of(guests=[GRACE])
    before = copy.deepcopy(document)
    explained('often("south")\ninvited("alan")', document)

    assert document == before


def test_the_same_question_has_the_same_answer(explained: Explained) -> None:
    lines = 'often("south")\ninvited("alan")'
    first = explained(lines, request_of()).to_json()

    assert json.dumps(first) == json.dumps(explained(lines, request_of()).to_json())


def test_a_document_too_large_is_said_to_be(
    explained: Explained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world, "MAX_STEPS", 3)
    report = only(explained('often("south")', request_of()))

    assert (report.state, report.flips) == ("too large", ())


def test_one_rule_is_explained_alone(explained: Explained) -> None:
    rules = {"a": "input.trusted", "b": "input.hour > 20"}
    found = explained(rules, request_of(), rule="b")

    assert only(found).rule == "b"
    with pytest.raises(InputError, match="there is no rule `c`"):
        explained(rules, request_of(), rule="c")
