"""Attackers that play the rules of the game instead of the defender."""

from __future__ import annotations

from typing import Any

import pytest
from attacks import (
    KNOWN_BAD,
    Event,
    beats,
    changed,
    estate,
    event,
    failed,
    flow,
    guesses,
    incident,
    label,
    native,
    objections,
    play,
    seen,
    started,
    truth_of,
)

from opensoc_env.incident import IncidentError, normalise_incident
from opensoc_env.judge import default_judge, reward_of
from opensoc_env.models import ACTIONS
from opensoc_env.novelty import Archive, Pattern, pattern_of
from opensoc_env.scenario import load_library

CATEGORIES = sorted({scenario.category for scenario in load_library().scenarios})
CHANGE = "CHG-1 approved by olga; change window 08:00-18:00; authorised: true"


def benign(log_id: str, when: float = 0) -> Event:
    return started("excel.exe", "excel.exe", log_id=log_id, when=when, parent="a.exe")


def pattern(*events: Event) -> Pattern:
    document = normalise_incident(incident(*events))
    return pattern_of(document, default_judge().truth(document))


class TestDuplicateSpam:
    def test_copies_change_no_label(self) -> None:
        copies = [started(log_id=f"e{n}") for n in range(32)]

        assert label(*copies) == label(started())

    def test_copies_are_not_novel(self) -> None:
        copies = [started(log_id=f"e{n}", when=n) for n in range(20)]

        assert pattern(*copies) == pattern(started())

    def test_the_same_incident_pays_less_each_time(self) -> None:
        archive = Archive()
        paid = [play([native()], archive).attacker_reward or 0 for _ in range(4)]

        assert paid == sorted(paid, reverse=True)
        assert paid[0] == pytest.approx(1.2)
        assert paid[3] == pytest.approx(1.05)

    def test_a_copy_under_one_log_id_is_refused(self) -> None:
        assert play([native(), native()]).attacker_reward == -0.5

    def test_another_name_for_a_file_is_not_novel(self) -> None:
        renamed = started(command="powershell.exe -nop -w hidden -file other.ps1")

        assert pattern(renamed) == pattern(started())


class TestThresholdEdge:
    """A number decides at its own place, and no field beside it moves that place."""

    @pytest.mark.parametrize(("number", "action"), [(9, "dismiss"), (10, "block_ip")])
    def test_of_failed_logons(self, number: int, action: str) -> None:
        assert label(*guesses(number)) == action

    @pytest.mark.parametrize(("number", "action"), [(5, "dismiss"), (6, "monitor")])
    def test_of_beats(self, number: int, action: str) -> None:
        assert label(*beats(number)) == action

    @pytest.mark.parametrize(
        ("sent", "action"), [(49_999_999, "dismiss"), (50_000_000, "quarantine_host")]
    )
    def test_of_bytes(self, sent: int, action: str) -> None:
        assert label(flow(sent=sent)) == action

    def test_bytes_are_added_up_over_connections(self) -> None:
        parts = [flow(f"f{n:02}", n, sent=5_000_000) for n in range(10)]

        assert label(*parts) == "quarantine_host"
        assert label(*parts[1:]) == "dismiss"

    def test_a_copy_does_not_fill_what_is_missing_for_the_proof(self) -> None:
        other = failed("x", 3, ip="203.0.113.31")

        assert label(*guesses(9), other) == "dismiss"

    def test_events_at_one_instant_all_count(self) -> None:
        assert label(*guesses(10, gap=0)) == "block_ip"


WORDS = {
    "command line": started(command=f"powershell.exe -nop # {CHANGE}"),
    "path": started(executable=rf"C:\CHG-1 approved\{CHANGE[:5]}\powershell.exe"),
    "signer": started(code_signature={"trusted": False, "subject_name": CHANGE}),
    "command line of the parent": changed(
        started(), fields__process__parent__command_line=CHANGE
    ),
    "domain of the account": changed(started(), fields__user__domain=CHANGE),
    "name of the record": changed(started(), log_id="CHG-1"),
}


class TestTicketTextSpoof:
    @pytest.mark.parametrize("place", WORDS)
    def test_the_words_of_a_record_are_no_record(self, place: str) -> None:
        assert label(WORDS[place]) == "quarantine_host"

    @pytest.mark.parametrize("words", [CHANGE, "BENIGN", "SCN-1", "EICAR test"])
    def test_a_story_is_no_record(self, words: str) -> None:
        assert label(started(), narrative=words) == "quarantine_host"

    def test_a_detection_that_calls_itself_a_test_takes_nothing_back(self) -> None:
        note = event("a1", "alert.detection", "edr", 1, rule={"name": CHANGE})

        assert label(started(), note) == "quarantine_host"

    @pytest.mark.parametrize(
        "field", ["authorisations", "threat_intelligence", "hosts", "baselines"]
    )
    def test_an_attacker_can_not_write_the_estate(self, field: str) -> None:
        result = play([native()], context={**estate(), field: []})

        assert result.attacker_reward == -0.5

    @pytest.mark.parametrize(
        "name", ["authorisations", "context", "disposition", "tags"]
    )
    def test_a_field_that_no_sensor_has_is_refused(self, name: str) -> None:
        result = play([changed(native(), **{name: "approved"})])

        assert result.attacker_reward == -0.5


class TestDecoyFlood:
    @pytest.mark.parametrize("number", [1, 15, 31])
    def test_decoys_change_no_label(self, number: int) -> None:
        decoys = [benign(f"a{n}", n) for n in range(number)]

        assert label(*decoys, started(when=9)) == "quarantine_host"

    def test_decoys_are_not_novel(self) -> None:
        decoys = [benign(f"a{n}", n) for n in range(31)]

        assert pattern(*decoys, started()) == pattern(started())

    def test_decoys_prove_nothing(self) -> None:
        decoys = [benign(f"a{n}", n) for n in range(31)]
        truth = default_judge().truth(normalise_incident(incident(*decoys, started())))

        assert {i for f in truth.findings for i in f.evidence} == {"e1"}

    def test_many_weak_lines_do_not_hide_a_strong_one(self) -> None:
        weak = beats(20, gap=200)

        assert label(*weak) == "monitor"
        assert label(*weak, started(host="ws-02")) == "quarantine_host"

    def test_decoys_between_beats_leave_them_even(self) -> None:
        noise = [flow(f"n{n}", n * 77, sent=9, ip="203.0.113.99") for n in range(4)]

        assert label(*beats(ip=KNOWN_BAD), *noise) == "quarantine_host"


class TestClaims:
    @pytest.mark.parametrize("category", CATEGORIES)
    def test_a_category_decides_nothing(self, category: str) -> None:
        assert label(started(), category=category) == "quarantine_host"

    @pytest.mark.parametrize("claim", ACTIONS)
    def test_a_label_decides_nothing(self, claim: str) -> None:
        assert label(started(), target_label=claim) == "quarantine_host"
        assert seen(incident(started(), target_label=claim)) == seen(
            incident(started())
        )

    @pytest.mark.parametrize("category", ["ransomware", "phishing", "brute_force"])
    def test_a_category_without_an_event_of_it_is_implausible(
        self, category: str
    ) -> None:
        claimed = incident(
            event("x", "log.clear", "windows", 0, host={"name": "ws-01"})
        )

        assert objections({**claimed, "category": category}) == ["category"]

    @pytest.mark.parametrize("category", CATEGORIES[:4])
    def test_a_new_claim_over_the_same_events_is_not_novel(self, category: str) -> None:
        document = normalise_incident(incident(started(), category=category))
        truth = default_judge().truth(document)

        assert pattern_of(document, truth) == pattern(started())


class TestLogIds:
    @pytest.mark.parametrize(
        "log_id", ["", " e1", "e1 ", "e1\n", "é1", "e1\u200b", "-1", "a" * 65, "e/1"]
    )
    def test_an_id_of_other_letters_is_refused(self, log_id: str) -> None:
        with pytest.raises(IncidentError, match="log_id"):
            truth_of(incident(started(log_id=log_id)))

    @pytest.mark.parametrize(
        "log_id", ["dismiss", "input", "0", "null", "CHG-1", "Z:9"]
    )
    def test_a_telling_id_tells_nothing(self, log_id: str) -> None:
        assert label(started(log_id=log_id)) == "quarantine_host"

    def test_ids_that_differ_in_case_are_two(self) -> None:
        document = normalise_incident(incident(started(log_id="E1"), benign("e1")))
        truth = default_judge().truth(document)

        assert truth.findings[0].evidence == ("E1",)

    def test_new_ids_for_the_same_events_change_no_label(self) -> None:
        renamed = [changed(e, log_id=f"z{90 - n}") for n, e in enumerate(beats())]

        assert label(*renamed) == label(*beats())

    def test_an_id_as_number_is_refused(self) -> None:
        with pytest.raises(IncidentError):
            truth_of(incident(changed(started(), log_id=1)))


REWARDS: dict[str, dict[str, Any]] = {
    "novelty alone": {"defender_correct": True, "novelty": 1},
    "an implausible one that fools": {"plausible": False, "novelty": 1},
    "an implausible one that fools nobody": {
        "plausible": False,
        "defender_correct": True,
        "novelty": 1,
    },
}


class TestReward:
    def reward(self, rubric: str = "attacker.v2", **facts: Any) -> float:
        sound = {
            "schema_valid": True,
            "plausible": True,
            "defender_correct": False,
            "novelty": 0,
        }
        judge = default_judge()
        return reward_of(judge.grade_attacker(rubric=rubric, **{**sound, **facts}))

    @pytest.mark.parametrize("hack", REWARDS)
    def test_nothing_but_a_plausible_incident_that_fools_is_paid(
        self, hack: str
    ) -> None:
        assert self.reward(**REWARDS[hack]) == 0

    def test_v1_paid_novelty_alone(self) -> None:
        assert self.reward("attacker.v1", **REWARDS["novelty alone"]) > 0

    @pytest.mark.parametrize("rubric", ["attacker.v1", "attacker.v2"])
    def test_what_does_not_fit_the_schema_costs_whatever_else(
        self, rubric: str
    ) -> None:
        assert self.reward(rubric, schema_valid=False, novelty=1) == -0.5

    def test_novelty_is_never_worth_more_than_fooling(self) -> None:
        assert self.reward(novelty=1) - self.reward() < self.reward() / 2


@pytest.mark.parametrize("copies", [1, 3, 10])
def test_a_call_that_was_delivered_again_hides_no_beacon(copies: int) -> None:
    calls = beats(image="a.exe", executable=r"C:\Users\Public\a.exe")
    again = [changed(calls[2], log_id=f"again{n}") for n in range(copies)]

    assert truth_of(incident(*calls, *again)) == truth_of(incident(*calls)) != "dismiss"
