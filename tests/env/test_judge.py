"""The judge: which log lines prove an action, and one digest over all policies."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from opensoc_engine import InputError, data_root
from opensoc_engine.decision import Decision, Finding
from opensoc_env.judge import (
    Judge,
    default_judge,
    evidence_f1,
    fired_rules,
    first_way,
    is_proved,
    proof_of,
    reward_of,
    terms_of,
    ways_of,
)
from opensoc_env.models import SubmitTriage

if TYPE_CHECKING:
    from pathlib import Path


def finding(outcome: str, *ways: tuple[str, ...]) -> Finding:
    metadata = {"attack": {"techniques": ("T1204.002", "T1059.001")}}
    return Finding(
        "r-" + outcome,
        "p",
        "1.0.0",
        "t",
        outcome,
        None,
        None,
        None,
        ways[0],
        ways,
        metadata,
    )


def truth(outcome: str, *findings: Finding) -> Decision:
    return Decision(outcome, None, findings, "verifier", "1.0.0", "0" * 64)


ESCALATE = truth(
    "escalate",
    finding("escalate", ("L1", "L2"), ("L3", "L2")),
    finding("monitor", ("L9",)),
)


def reward(answer: SubmitTriage | None, rubric: str = "defender.v2") -> float:
    return reward_of(default_judge().grade_defender(ESCALATE, answer, rubric))


def test_every_way_of_the_deciding_rules_is_proof_and_no_other() -> None:
    assert proof_of(ESCALATE) == ("L1", "L2", "L3")


def test_dismissal_has_no_proof() -> None:
    assert proof_of(truth("dismiss")) == ()


def test_each_way_of_the_deciding_rules_is_a_proof_of_its_own() -> None:
    assert ways_of(ESCALATE) == (("L1", "L2"), ("L3", "L2"))


def test_the_shortest_way_is_the_one_to_learn() -> None:
    found = truth("monitor", finding("monitor", ("L1", "L2"), ("L3",)))

    assert first_way(found) == ("L3",)
    assert first_way(truth("dismiss")) == ()


@pytest.mark.parametrize("cited", [["L1", "L2"], ["L2", "L3"]])
def test_right_action_with_a_whole_proof_gets_the_whole_bonus(
    cited: list[str],
) -> None:
    answer = SubmitTriage(action="escalate", cited_log_ids=cited)

    assert reward(answer) == pytest.approx(1.1)


def test_right_action_with_a_part_of_a_proof_gets_its_share_of_the_bonus() -> None:
    answer = SubmitTriage(action="escalate", cited_log_id="L3")

    assert reward(answer) == pytest.approx(1.0667)
    assert evidence_f1(ESCALATE, ["L3"]) == pytest.approx(2 / 3)


def test_v1_pays_any_line_of_proof_in_full() -> None:
    answer = SubmitTriage(action="escalate", cited_log_id="L3")

    assert reward(answer, "defender.v1") == pytest.approx(1.1)


def test_only_a_whole_way_is_a_proof() -> None:
    assert is_proved(ESCALATE, ["L2", "L3", "L9"])
    assert not is_proved(ESCALATE, ["L3"])


def test_evidence_of_what_has_no_proof_is_no_number() -> None:
    assert evidence_f1(truth("dismiss"), ["L1"]) is None
    assert is_proved(truth("dismiss"), ["L1"])


def test_one_line_and_a_list_of_lines_say_the_same() -> None:
    one = SubmitTriage(action="monitor", cited_log_id="L1")

    assert one == SubmitTriage(action="monitor", cited_log_ids=["L1"])
    assert one == SubmitTriage(
        action="monitor", cited_log_id="L1", cited_log_ids=["L1"]
    )


def test_more_lines_than_an_alert_has_are_refused() -> None:
    many = [f"L{number}" for number in range(33)]

    with pytest.raises(ValidationError, match="at most 32"):
        SubmitTriage(action="monitor", cited_log_id="L99", cited_log_ids=many[:32])
    with pytest.raises(ValidationError, match="at most 32"):
        SubmitTriage(action="monitor", cited_log_ids=many)


@pytest.mark.parametrize("cited", ["", "L9", "L404"])
def test_right_action_without_proof_gets_no_bonus(cited: str) -> None:
    assert reward(SubmitTriage(action="escalate", cited_log_id=cited)) == 1.0


def test_citation_pays_nothing_on_a_wrong_action() -> None:
    wrong = SubmitTriage(action="dismiss", cited_log_id="L1")

    assert reward(wrong) == reward(SubmitTriage(action="dismiss")) == -1.0


def test_unreadable_answer_is_a_format_violation() -> None:
    grade = default_judge().grade_defender(ESCALATE, None, "defender.v1")

    assert [term.value for term in terms_of(grade)] == [-0.1]


def test_rationale_is_never_graded() -> None:
    said = SubmitTriage(action="escalate", rationale="The verifier says +1.")

    assert reward(said) == reward(SubmitTriage(action="escalate"))


def test_unknown_rubric_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"defender\.v9"):
        reward(None, "defender.v9")


def test_attacker_earns_only_from_a_plausible_incident_that_fooled() -> None:
    judge = default_judge()

    def pay(*, plausible: bool, correct: bool) -> float:
        return reward_of(
            judge.grade_attacker(
                schema_valid=True,
                plausible=plausible,
                defender_correct=correct,
                novelty=1 / 3,
            )
        )

    assert pay(plausible=True, correct=False) == pytest.approx(1 + 0.2 / 3)
    assert pay(plausible=True, correct=True) == 0
    assert pay(plausible=False, correct=False) == 0


def test_fired_rule_names_all_its_techniques() -> None:
    assert fired_rules(ESCALATE)[0].technique == "T1204.002, T1059.001"


def test_digest_changes_with_any_list_that_policies_read(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    shutil.copytree(data_root() / "rules", rules)
    thresholds = rules / "lists" / "thresholds.yaml"
    text = thresholds.read_text("utf-8")
    thresholds.write_text(text.replace("min_failures: 10", "min_failures: 11"), "utf-8")

    assert Judge.load(rules).digest != default_judge().digest


def test_digest_is_that_of_the_content_alone() -> None:
    assert Judge.load().digest == default_judge().digest
