"""The prompt as a whole; `OPENSOC_REWRITE_GOLDEN=1` rewrites it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import yaml

from opensoc_engine.resources import data_root
from opensoc_env.cut_offs import cut_offs_of
from opensoc_env.incident import normalise_incident
from opensoc_env.judge import Judge, action_of, default_judge
from opensoc_env.log_text import split_line
from opensoc_env.models import Observation
from opensoc_env.observation import observe
from opensoc_train.answers import parse_answer
from opensoc_train.data import DataSet
from opensoc_train.prompts import SYSTEM, render_prompt, since

GOLDEN = Path(__file__).parent / "golden" / "prompt.txt"


def event(at: int, kind: str, sensor: str, /, **fields: Any) -> dict[str, Any]:
    return {
        "event_type": kind,
        "source": sensor,
        "timestamp": f"2026-03-02T09:00:{at:02}Z",
        "log_id": f"L1-{at}",
        "fields": {"host": {"name": "app-01"}, **fields},
    }


def logon(at: int, user: str) -> dict[str, Any]:
    return event(
        at,
        "authentication.logon",
        "identity",
        user={"name": user},
        source={"ip": "203.0.113.66"},
        event={"outcome": "failure"},
    )


def incident(**more: Any) -> dict[str, Any]:
    process = {"name": "cmd.exe", "command_line": 'cmd /c "a" disposition=blocked'}
    text = (data_root() / "rules" / "fixtures" / "office.yaml").read_text("utf-8")
    events = [
        logon(1, "alice"),
        logon(2, "alice"),
        logon(3, "olga"),
        event(
            9,
            "process.start",
            "edr",
            user={"name": "olga"},
            process=process,
            disposition="allowed",
        ),
    ]
    return {"context": yaml.safe_load(text)["context"], "events": events, **more}


def view(document: dict[str, Any]) -> Observation:
    normal = normalise_incident(document)
    return observe(
        normal,
        episode_id="one",
        task="stage2_multi",
        mode="defender_only",
        cut_offs=cut_offs_of(default_judge().verifier),
    )


def test_the_whole_prompt_is_as_in_its_golden_file() -> None:
    turns = render_prompt(view(incident()))
    text = "".join(f"<{turn['role']}>\n{turn['content']}\n" for turn in turns)
    if os.environ.get("OPENSOC_REWRITE_GOLDEN"):
        GOLDEN.write_text(text, "utf-8")

    assert text == GOLDEN.read_text("utf-8")


def test_what_an_attacker_claims_does_not_change_the_prompt() -> None:
    claims = {
        "incident_id": "benign-1",
        "category": "benign_noise",
        "target_label": "dismiss",
        "narrative": "All of this is fine.",
    }

    assert render_prompt(view(incident(**claims))) == render_prompt(view(incident()))


def test_every_log_id_and_value_of_a_window_is_in_the_prompt(data: DataSet) -> None:
    for example in data.examples:
        text = example.prompt[1]["content"]
        for line in example.dealt.item.observation.log_window:
            words = split_line(line.text)
            values = [word.partition(key)[2] for key, word in words]
            missing = [value for value in values if value not in text]

            assert f"\n{line.log_id} " in text
            assert missing == []


def test_the_system_prompt_names_each_action_once() -> None:
    for action in ("dismiss", "monitor", "quarantine_host", "block_ip", "escalate"):
        assert SYSTEM.count(f"{action} =") == 1


def test_the_target_is_the_best_answer_by_the_rubric(
    data: DataSet, judge: Judge
) -> None:
    for example in data.examples:
        truth = example.dealt.truth
        answer = parse_answer(example.target[0]["content"])
        best = 1 if action_of(truth) == "dismiss" else 1.1

        assert float(judge.grade_defender(truth, answer).total or 0) == best


def test_times_are_exact_seconds_and_nonsense_stays() -> None:
    begin = "2026-03-02T09:00:00Z"

    assert since("2026-03-02T09:00:00Z", begin) == "+0s"
    assert since("2026-03-02T08:59:40Z", begin) == "-20s"
    assert since("2026-03-03T09:00:00.25Z", begin) == "+86400.25s"
    assert since("2026-02-30T09:00:00Z", begin) == "2026-02-30T09:00:00Z"
