from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from opensoc_env.casting import Cast
from opensoc_env.estate import build_estate
from opensoc_env.generator import STAGES, Stage, craft
from opensoc_env.incident import normalise_incident
from opensoc_env.judge import default_judge
from opensoc_env.models import ACTIONS, MAX_EVENTS
from opensoc_env.scenario import FOLDER, Scenario, load_library, read_scenario_file
from opensoc_env.staging import perform
from opensoc_env.templates import ScenarioError, fill

if TYPE_CHECKING:
    from opensoc_env.scenario import Variant

LIBRARY = load_library()
BARE = (Stage(1, decoys=0, records=0), Stage(2, decoys=0, records=0))
CATEGORIES = {
    "dns_tunnel",
    "impossible_travel",
    "privilege_escalation",
    "vulnerability_scan",
    "insider",
    "exploit_attempt",
    "rmm_misuse",
    "malware_execution",
    "lolbin_abuse",
    "c2_beacon",
    "data_exfiltration",
    "brute_force",
    "credential_dumping",
    "lateral_movement",
    "persistence",
    "ransomware",
    "defense_impairment",
    "cloud_control_plane",
    "phishing",
}
MINIMAL = """\
category: phishing
scenarios:
  - name: one
    title: One
    narrative: One.
    cast: {user: {user: staff}}
    events:
      - {type: log.clear, source: windows, at: [0, 1], fields: {host: {name: "${who}"}}}
    variants: {attack: {expect: monitor, with: [odd]}}
"""


def with_action(category: str) -> set[str]:
    return {
        variant.expect
        for scenario in LIBRARY.scenarios
        if scenario.category == category
        for variant in scenario.variants
    }


def truths(scenario: Scenario, variant: Variant) -> set[str]:
    judge = default_judge()
    incidents = [
        craft(scenario, variant.twists, f"audit {number}", stage)
        for number in range(2)
        for stage in BARE
    ]
    assert all(judge.check_plausible(i).outcome == "plausible" for i in incidents)
    assert all(map(normalise_incident, incidents))
    return {judge.truth(incident).outcome for incident in incidents}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda p: p.stem)
def test_each_file_is_valid(path: Path) -> None:
    assert read_scenario_file(path)


def test_all_categories_of_the_verifier_have_scenarios() -> None:
    assert {s.category for s in LIBRARY.scenarios} == {*CATEGORIES, "benign_noise"}


@pytest.mark.parametrize("scenario", LIBRARY.scenarios, ids=lambda s: s.name)
def test_the_judge_says_what_the_author_of_a_variant_expects(
    scenario: Scenario,
) -> None:
    found = {v.name: truths(scenario, v) for v in scenario.variants}

    assert found == {v.name: {v.expect} for v in scenario.variants}


def test_every_action_is_reachable() -> None:
    assert {a for c in CATEGORIES for a in with_action(c)} == set(ACTIONS)


@pytest.mark.parametrize("category", sorted(CATEGORIES))
def test_a_category_does_not_give_the_answer_away(category: str) -> None:
    assert "dismiss" in with_action(category)
    assert len(with_action(category)) > 2


@pytest.mark.parametrize("scenario", LIBRARY.scenarios, ids=lambda s: s.name)
def test_an_authorised_twin_has_the_very_events_of_the_attack(
    scenario: Scenario,
) -> None:
    if "authorisation" not in scenario.spec:
        pytest.skip("nothing can authorise it")
    pair = [craft(scenario, t, "twin", BARE[1]) for t in ((), ("authorised",))]

    assert pair[0]["events"] == pair[1]["events"]
    assert pair[0]["context"] != pair[1]["context"]


@pytest.mark.parametrize("stage", STAGES.values(), ids=lambda s: f"stage{s.number}")
def test_no_variant_overflows_a_window(stage: Stage) -> None:
    sizes = [
        len(craft(scenario, variant.twists, "size", stage)["events"])
        for scenario in LIBRARY.scenarios
        for variant in scenario.variants
    ]

    assert max(sizes) <= MAX_EVENTS


def test_every_twist_is_used_by_a_variant_or_can_flip_one() -> None:
    judge, idle = default_judge(), []
    for scenario in LIBRARY.scenarios:
        used = {name for v in scenario.variants for name in v.twists}
        for twist in sorted(set(scenario.spec.get("twists", {})) - used):
            starts = [v for v in scenario.variants if scenario.allows(twist, v.twists)]
            for v in starts:
                incident = craft(scenario, (*v.twists, twist), "idle", BARE[0])
                if judge.truth(incident).outcome != v.expect:
                    break
            else:
                idle.append((scenario.name, twist))

    assert idle == []


@pytest.mark.parametrize("scenario", LIBRARY.scenarios, ids=lambda s: s.name)
def test_every_twist_can_join_every_variant_that_it_fits(scenario: Scenario) -> None:
    for variant in scenario.variants:
        for twist in sorted(set(scenario.twist_names) - set(variant.twists)):
            if scenario.allows(twist, variant.twists):
                assert craft(scenario, (*variant.twists, twist), "join", BARE[0])


def test_no_decoy_is_an_attack() -> None:
    noise = next(s for s in LIBRARY.scenarios if s.name == "account-work")
    stage = Stage(4, decoys=8, records=0)
    judge = default_judge()
    found = [
        judge.truth(craft(noise, (), f"decoys {number}", stage)).outcome
        for number in range(12)
    ]

    assert set(found) == {"dismiss"}


def test_a_slot_that_is_a_whole_text_keeps_its_type() -> None:
    assert fill({"a": "${n.m}", "b": "x${n.m}"}, {"n": {"m": 7}}, "here") == {
        "a": 7,
        "b": "x7",
    }


def test_a_slot_is_looked_up_and_never_evaluated() -> None:
    hostile = "${__class__.__mro__} ${1+1} ${a().b} $(id)"

    assert fill(hostile, {"a": "b"}, "here") == hostile


def test_a_slot_without_a_value_names_the_scenario() -> None:
    with pytest.raises(ScenarioError, match=r"here: no value for the slot `\$\{who\}`"):
        fill("${who}", {}, "here")


def test_an_unknown_twist_is_refused_with_those_that_exist(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(MINIMAL)

    with pytest.raises(ScenarioError, match="one: no twist `odd`; there are"):
        load_library(tmp_path)


SET = """\
    twists: {{odd: {{fact: odd, event: clear, set: {{{path}: x}}}}}}
"""


def with_path(folder: Path, path: str) -> None:
    text = MINIMAL.replace("{type", "{as: clear, type").replace("${who}", "${user}")
    (folder / "x.yaml").write_text(text + SET.format(path=path))


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("host.nam", "no field `host.nam`; did you mean `host.name`? `+host.nam` adds"),
        ("zzz", "no field `zzz`; `+zzz` adds one"),
        ("+host.name", "there is a field `host.name`; write it without `+`"),
    ],
)
def test_a_path_that_an_event_does_not_have_is_refused(
    tmp_path: Path, path: str, problem: str
) -> None:
    with_path(tmp_path, path)

    with pytest.raises(ScenarioError) as caught:
        load_library(tmp_path)
    assert f"x.yaml: one, twist `odd`, event `clear`: {problem}" in str(caught.value)


@pytest.mark.parametrize(
    ("path", "fields"),
    [("host.name", {"name": "x"}), ("+host.os", {"os": "x"})],
)
def test_a_twist_changes_a_field_or_adds_a_declared_one(
    tmp_path: Path, path: str, fields: dict[str, str]
) -> None:
    with_path(tmp_path, path)
    (scenario,) = load_library(tmp_path).scenarios
    cast = Cast("key", "place", build_estate("key"), {})
    cast.draw_all(scenario.spec["cast"], {})
    (moment,) = perform(scenario, ("odd",), cast).moments

    assert fields.items() <= moment.event["fields"]["host"].items()


def test_a_bad_file_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(MINIMAL.replace("title", "titel"))

    with pytest.raises(ScenarioError, match=r"x\.yaml:3"):
        read_scenario_file(path)


def test_no_two_facts_of_a_cast_take_the_same_machine() -> None:
    cast = Cast("key", "place", build_estate("key"), {})
    cast.draw_all({n: {"host": {"roles": ["workstation"]}} for n in "abcde"}, {})

    assert len({fact["name"] for fact in cast.facts.values()}) == 5


def test_a_cast_that_the_estate_can_not_fill_is_refused() -> None:
    cast = Cast("key", "place", build_estate("key"), {})

    with pytest.raises(ScenarioError, match="no such machine left"):
        cast.draw_all({n: {"host": {"roles": ["backup"]}} for n in "ab"}, {})


def test_replacing_one_fact_leaves_the_others_alone() -> None:
    specs = {n: {"range": [0, 10**9]} for n in "abc"}
    casts = [Cast("key", "place", build_estate("key"), {}) for _ in range(2)]
    casts[0].draw_all(specs, {})
    casts[1].draw_all(specs, {"a": {"value": 1}})

    assert casts[1].facts == casts[0].facts | {"a": 1}


def test_estates_are_json_and_differ_by_key() -> None:
    texts = {json.dumps(build_estate(key)) for key in ("a", "a", "b")}

    assert len(texts) == 2


@pytest.mark.parametrize("key", [f"key {number}" for number in range(20)])
def test_a_scenario_casts_nobody_who_leaves_and_no_blind_machine(key: str) -> None:
    estate = build_estate(key)
    cast = Cast(key, "place", estate, {})
    cast.draw_all({n: {"user": "staff"} for n in "abcde"}, {})
    desks = {"host": {"roles": ["workstation"], "os": "windows"}}
    cast.draw_all(dict.fromkeys("vwxyz", desks), {})
    leavers = {user["name"] for user in estate["users"] if user["leaver"]}
    blind = {s["host"] for s in estate["sensor_health"] if not s["healthy"]}

    assert leavers.isdisjoint(cast.users)
    assert blind.isdisjoint(cast.hosts)


def test_a_decoy_may_happen_to_one_who_leaves_on_a_blind_machine() -> None:
    estate = build_estate("key")
    cast = Cast("key", "place", estate, {})
    for user in estate["users"]:
        user["leaver"] = True
    estate["sensor_health"] = [
        {"host": host["name"], "sensor": "edr", "healthy": False}
        for host in estate["hosts"]
    ]
    draw = cast.stream("any")

    assert cast.free_user(draw, "person")
    assert cast.free_host(draw, odd=True)


def test_some_estates_have_a_leaver_and_some_a_blind_sensor() -> None:
    estates = [build_estate(f"key {number}") for number in range(20)]
    leaving = {any(user["leaver"] for user in e["users"]) for e in estates}
    blind = {bool(e["sensor_health"]) for e in estates}

    assert leaving == blind == {True, False}


def test_a_new_baseline_takes_the_place_of_the_old_one() -> None:
    scenario = next(s for s in LIBRARY.scenarios if s.name == "mass-download")
    for number in range(8):
        incident = craft(scenario, ("usual",), f"usual {number}", BARE[0])
        entities = [b["entity"] for b in incident["context"]["baselines"]]

        assert len(set(entities)) == len(entities)


def records_of(scenario: Scenario) -> list[dict[str, str]]:
    """Records of other work in many scenes that nothing authorises."""
    stage = Stage(2, decoys=0, records=4)
    incidents = [craft(scenario, (), f"work {n}", stage) for n in range(40)]
    return [r for i in incidents for r in i["context"]["authorisations"]]


def test_other_work_is_of_every_kind() -> None:
    scenario = next(s for s in LIBRARY.scenarios if s.name == "log-cleared")

    assert {record["kind"] for record in records_of(scenario)} == {
        "access",
        "backup",
        "change",
        "deployment",
        "pentest",
        "phishing_simulation",
        "scan",
        "transfer",
        "travel",
    }


def test_other_work_never_names_the_tool_of_the_scene() -> None:
    scenario = next(s for s in LIBRARY.scenarios if s.name == "log-cleared")

    assert "wevtutil.exe" in scenario.text
    assert "wevtutil.exe" not in {record["tool"] for record in records_of(scenario)}


def test_a_machine_that_has_no_twin_is_exchanged_for_another_one() -> None:
    cast = Cast("key", "place", build_estate("key"), {})
    found = [cast.another_host(cast.stream(n), "macos")["os"] for n in "abc"]

    assert set(found) - {"macos"}


def test_a_record_of_another_stick_names_a_stick() -> None:
    scenario = next(s for s in LIBRARY.scenarios if s.name == "files-on-a-stick")
    names = []
    for twists in (("authorised",), ("authorised", "wrong_destination")):
        incident = craft(scenario, twists, "stick", BARE[0])
        names.append(incident["context"]["authorisations"][0]["destination"])

    assert names[0] != names[1]
    assert names[0].partition("_")[0] == names[1].partition("_")[0]
