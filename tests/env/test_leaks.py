"""Leaks: what is the same but for names is found, and what differs is not."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from opensoc_engine import InputError
from opensoc_env import leaks
from opensoc_env.generator import generate
from opensoc_env.leaks import form_of, nearest_of, overlap

INCIDENTS = [generate("stage3_mixed", 21, index) for index in range(6)]


def renamed(incident: dict[str, Any]) -> dict[str, Any]:
    """The same incident with other names, ids and times."""
    text = json.dumps(incident)
    names = [item["name"] for item in incident["context"]["hosts"]]
    names += [item["name"] for item in incident["context"]["users"]]
    for number, name in enumerate(sorted(names, key=len, reverse=True)):
        text = text.replace(name, f"name-{number}-{name[::-1]}")
    other: dict[str, Any] = json.loads(text)
    for event in other["events"]:
        event["log_id"] = f"X{event['log_id']}"
        event["timestamp"] = event["timestamp"].replace("2026", "2027")
    return other | {"incident_id": "other", "narrative": "Another story."}


@pytest.mark.parametrize("incident", INCIDENTS)
def test_names_ids_times_and_stories_do_not_change_the_form(
    incident: dict[str, Any],
) -> None:
    assert form_of(renamed(incident)) == form_of(incident)


def test_one_other_value_changes_the_form_a_little() -> None:
    other = copy.deepcopy(INCIDENTS[0])
    other["events"][0]["source"] = other["events"][0]["source"]
    other["events"][0]["fields"]["disposition"] = "unknown"

    one, changed = form_of(INCIDENTS[0]), form_of(other)

    assert one.digest != changed.digest
    assert 0.8 < one.likeness(changed) < 1


def test_different_incidents_have_different_forms() -> None:
    forms = [form_of(incident) for incident in INCIDENTS]

    assert len({form.digest for form in forms}) == len(forms)
    assert nearest_of(forms[0], forms[1:]) < 0.9


def test_the_overlap_counts_rows_that_are_elsewhere() -> None:
    forms = [form_of(incident) for incident in INCIDENTS]
    found = overlap(forms[:4], [form_of(renamed(INCIDENTS[1])), *forms[4:]])

    assert (found.rows, found.same, found.near) == (4, 1, 1)


def test_nothing_is_shared_with_nothing() -> None:
    found = overlap([form_of(INCIDENTS[0])], [])

    assert (found.same, found.near, found.middle) == (0, 0, 0.0)


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "MAX_ROWS", 2)
    forms = [form_of(incident) for incident in INCIDENTS]

    with pytest.raises(InputError, match="at most 2 rows"):
        overlap(forms, forms)
