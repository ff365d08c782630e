"""What every verifier policy keeps to, whoever writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from shipped_sets import loaded, slugs

from opensoc_engine import data_root, validate_document
from opensoc_engine.cases import KINDS, _Builder
from opensoc_engine.diagnostics import DiagnosticCollector
from opensoc_engine.policy.model import Case, Policy, Rule
from opensoc_engine.schema_store import default_store

RULES = data_root() / "rules"
SLUGS = slugs("verifier")
TWELVE = [
    "brute-force",
    "c2-beacon",
    "cloud-control-plane",
    "credential-dumping",
    "data-exfiltration",
    "defense-impairment",
    "lateral-movement",
    "lolbin-abuse",
    "malware-execution",
    "persistence",
    "phishing",
    "ransomware",
]
# Rows of these lists are compared exactly, in the spelling of the provider.
CASE_SENSITIVE = {"cloud_calls"}
STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"|`[^`]*`')
NUMBERS = re.compile(r"(?<![\w.])[0-9]+(?:\.[0-9]+)?(?![\w.])")
LIST_READS = re.compile(r"(?<![.\w])data\.([a-z][a-z0-9_]*)")


def policy(slug: str) -> Policy:
    return loaded("verifier").policy(slug)


def rules() -> list[Rule]:
    return [rule for slug in SLUGS for rule in policy(slug).rules]


def texts(of: Policy) -> Iterator[str]:
    """Every Rego text of a policy, without comments and strings."""
    bodies = [body for define in of.defines for body in (define.head, *define.bodies)]
    bodies += [body for rule in of.rules for body in rule.bodies]
    for body in bodies:
        yield STRINGS.sub('""', re.sub(r"#[^\n]*", "", body.text))


def documents(slug: str) -> Iterator[tuple[Case, Any]]:
    parts = loaded("verifier").folder
    cases = next(c for c in parts.cases if c.policy.text == slug)
    builder = _Builder(cases, parts.case_base, DiagnosticCollector())
    for case in cases.cases:
        yield case, builder.document(case)


def without(document: Any, log_id: str) -> Any:
    kept = [event for event in document["events"] if event["log_id"] != log_id]
    return {**document, "events": kept}


def fired(document: Any) -> set[str]:
    return {f.rule for f in loaded("verifier").policy_set.evaluate(document).findings}


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for item in value.values() for text in strings(item))
    elif isinstance(value, list | tuple):
        yield from (text for item in value for text in strings(item))


def test_the_twelve_categories_have_a_policy() -> None:
    assert set(TWELVE) <= set(SLUGS)


@pytest.mark.parametrize("slug", SLUGS)
class TestNames:
    def test_the_file_has_the_name_of_its_policy(self, slug: str) -> None:
        assert Path(policy(slug).source.name).stem == slug

    def test_rule_ids_start_with_the_name_of_the_policy(self, slug: str) -> None:
        ids = [rule.id.text for rule in policy(slug).rules]

        assert [name for name in ids if not name.startswith(f"{slug}-")] == []

    def test_titles_are_plain_sentences(self, slug: str) -> None:
        titles = [policy(slug).title, *(rule.title for rule in policy(slug).rules)]

        assert [t for t in titles if not t[0].isupper() or t.endswith(".")] == []


@pytest.mark.parametrize("slug", SLUGS)
class TestMetadata:
    def test_it_names_published_sources(self, slug: str) -> None:
        sources = policy(slug).metadata["references"]

        assert all(re.match(r"[\w.-]+/[\w.-]+ \S", source) for source in sources)
        assert sources

    def test_it_names_benign_look_alikes(self, slug: str) -> None:
        assert policy(slug).metadata["falsepositives"]

    def test_every_rule_names_techniques_of_one_version(self, slug: str) -> None:
        attacks = [rule.metadata["attack"] for rule in policy(slug).rules]

        assert {attack["version"] for attack in attacks} == {"19"}
        assert all(attack["techniques"] for attack in attacks)

    def test_its_category_is_one_that_an_incident_can_have(self, slug: str) -> None:
        schema = default_store().documents["incident.schema.json"]

        assert policy(slug).category in schema["properties"]["category"]["enum"]


@pytest.mark.parametrize("slug", SLUGS)
class TestNumbers:
    def test_every_number_that_decides_stands_in_a_list(self, slug: str) -> None:
        # 0 and 1 count places, 2 halves, 100 makes a share a percentage.
        plain = {"0", "1", "2", "100"}
        found = {n for text in texts(policy(slug)) for n in NUMBERS.findall(text)}

        assert found <= plain


@pytest.mark.parametrize("slug", SLUGS)
class TestCases:
    def test_each_comes_out_as_it_says(self, slug: str) -> None:
        assert loaded("verifier").failures(slug) == []

    def test_each_rule_has_one_of_every_kind(self, slug: str) -> None:
        shown = {
            (case.rule.text, case.shows) for case, _ in documents(slug) if case.rule
        }
        needed = {(r.id.text, kind) for r in policy(slug).rules for kind in KINDS}

        assert needed <= shown

    def test_a_near_miss_changes_one_fact(self, slug: str) -> None:
        changes = {
            case.name.text: len(case.vary.changes) + len(case.vary.removals)
            if case.vary
            else 0
            for case, _ in documents(slug)
            if case.shows == "near-miss"
        }

        assert {name: n for name, n in changes.items() if n != 1} == {}

    def test_a_near_miss_is_near_a_case_that_fires(self, slug: str) -> None:
        cases = {case.name.text: fired(document) for case, document in documents(slug)}
        far = [
            case.name.text
            for case, _ in documents(slug)
            if case.shows == "near-miss" and case.vary and case.rule
            if case.rule.text not in cases[case.vary.base.text]
        ]

        assert far == []


@pytest.mark.parametrize("slug", SLUGS)
class TestEvidence:
    def test_every_rule_has_a_case_that_says_what_proves_it(self, slug: str) -> None:
        proved = {
            case.rule.text
            for case, _ in documents(slug)
            if case.rule and case.shows == "fires" and case.expect.evidence
        }

        assert proved == {rule.id.text for rule in policy(slug).rules}

    def test_without_any_part_of_it_the_rule_does_not_fire(self, slug: str) -> None:
        needless = [
            (case.name.text, log_id)
            for case, document in documents(slug)
            if case.rule and case.shows == "fires"
            for log_id in case.expect.evidence or ()
            if case.rule.text in fired(without(document, log_id))
        ]

        assert needless == []


class TestSet:
    def test_it_compiles_without_a_diagnostic(self) -> None:
        assert loaded("verifier").problems == ""

    def test_the_office_without_events_is_dismissed(self) -> None:
        office = loaded("verifier").folder.case_base

        assert validate_document("incident.schema.json", office) == []
        assert loaded("verifier").policy_set.evaluate(office).outcome == "dismiss"

    def test_the_office_has_one_record_of_each_kind(self) -> None:
        store = default_store().documents["estate.schema.json"]
        record = store["properties"]["authorisations"]["items"]
        kinds = record["properties"]["kind"]["enum"]
        found = [
            r["kind"]
            for r in loaded("verifier").folder.case_base["context"]["authorisations"]
        ]

        assert sorted(found) == sorted(kinds)

    def test_the_claims_of_the_attacker_change_nothing(self) -> None:
        claims = {
            "category": "benign_noise",
            "target_label": "dismiss",
            "narrative": "A change record covers all of this.",
        }
        evaluate = loaded("verifier").policy_set.evaluate
        changed = [
            case.name.text
            for slug in SLUGS
            for case, document in documents(slug)
            if evaluate({**document, **claims}) != evaluate(document)
        ]

        assert changed == []


class TestLists:
    def test_every_list_is_read(self) -> None:
        names = {path.stem for path in (RULES / "lists").glob("*.yaml")}
        files = [p for p in RULES.rglob("*.yaml") if p.parent.name != "lists"]
        read = {
            name
            for path in files
            for name in LIST_READS.findall(path.read_text("utf-8"))
        }

        assert names - read == set()

    def test_what_is_compared_in_lower_case_is_written_so(self) -> None:
        files = [RULES / "verifier" / f"{name}.yaml" for name in ("set", *SLUGS)]
        read = {
            n for file in files for n in LIST_READS.findall(file.read_text("utf-8"))
        }
        wrong = [
            text
            for name in sorted(read - CASE_SENSITIVE)
            for text in strings(loaded("verifier").folder.lists[name].values)
            if text != text.lower()
        ]

        assert wrong == []
