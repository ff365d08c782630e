from __future__ import annotations

import pytest

from opensoc_engine import data_root
from opensoc_engine.loader import load_folder
from opensoc_env.telemetry.attack import load_attack

ATTACK = load_attack()


def rule_techniques() -> set[str]:
    folder = load_folder(data_root() / "rules" / "verifier").folder
    assert folder is not None
    rules = [rule for policy in folder.policies for rule in policy.rules]
    return {t for rule in rules for t in rule.metadata["attack"]["techniques"]}


def test_every_technique_of_a_rule_serves_a_tactic() -> None:
    unknown = [name for name in rule_techniques() if not ATTACK.tactics_of([name])]

    assert unknown == []


@pytest.mark.parametrize(
    ("techniques", "tactics", "agrees"),
    [
        (["T1003.001"], ["credential-access"], True),
        (["T1003.001"], ["execution"], False),
        (["T1053.005"], ["privilege-escalation"], True),
        (["T1685"], ["defense-evasion"], True),
        (["T1218.005"], ["defense-evasion"], True),
        (["T1685"], ["stealth"], False),
        (["T9999"], ["impact"], False),
        ([], ["impact"], False),
    ],
)
def test_a_tactic_is_the_same_under_its_old_and_its_new_names(
    techniques: list[str], tactics: list[str], agrees: bool
) -> None:
    assert ATTACK.same_tactic(techniques, tactics) is agrees


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("T1003.001", "T1003.004", True),
        ("T1685", "T1562.002", True),
        ("T1685.002", "T1562.008", True),
        ("T1685.005", "T1070.001", True),
        ("T1070.006", "T1562.002", False),
        ("T1003.001", "T1558", False),
    ],
)
def test_techniques_are_the_same_if_they_have_one_parent(
    one: str, other: str, same: bool
) -> None:
    assert ATTACK.same_technique([one], [other]) is same


def test_every_former_technique_has_a_present_one_with_tactics() -> None:
    present = ATTACK.former_techniques.values()

    assert [name for name in present if not ATTACK.tactics_of([name])] == []
