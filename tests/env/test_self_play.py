from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from opensoc_cli import play
from opensoc_engine import InputError
from opensoc_env.defenders import make_defender
from opensoc_env.novelty import Archive
from opensoc_env.opponents.attackers import TemplateAttacker, claimed
from opensoc_env.self_play import Attack, attack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from opensoc_env.defenders import Defender, TriageItem
    from opensoc_env.models import SubmitTriage
    from opensoc_env.opponents.attackers import Attacker, CraftItem
    from opensoc_env.self_play import SelfPlay

cli = typer.Typer()
cli.command()(play.run)
ORACLE, DISMISS, SILENT = "verifier_oracle", "always_dismiss", "silent"


@dataclass(frozen=True)
class Scripted:
    """Changes the generator's payload in one way."""

    change: Callable[[dict[str, Any]], Any]
    name: str = "scripted"

    def craft(self, item: CraftItem) -> Any:
        return self.change(copy.deepcopy(claimed(item.incident)))


@dataclass(frozen=True)
class Silent:
    """Gives no answer that can be read."""

    name: str = SILENT

    def answer(self, items: Sequence[TriageItem]) -> list[SubmitTriage | None]:
        return [None] * len(items)


def panel(*names: str) -> list[Defender]:
    """Defenders of these names; the same one may come more than once."""
    return [Silent() if name == SILENT else make_defender(name) for name in names]


def run(
    attacker: Attacker, names: Sequence[str], archive: Archive | None = None
) -> SelfPlay:
    return attack(attacker, panel(*names), episodes=12, seed=4, archive=archive)


def from_elsewhere(payload: dict[str, Any]) -> dict[str, Any]:
    """One event, on a machine that the estate does not have."""
    event = {
        "log_id": "L1-0",
        "timestamp": "2026-05-04T10:00:00Z",
        "source": "windows",
        "event_type": "log.clear",
        "fields": {"host": {"name": "nobody"}},
    }
    return {**payload, "events": [event]}


@pytest.mark.parametrize(("name", "solved"), [(ORACLE, "all"), (SILENT, "none")])
def test_what_all_solve_and_what_nobody_solves_is_not_paid(
    name: str, solved: str
) -> None:
    found = run(TemplateAttacker(), (name, name))

    assert found.histogram[solved] == 12
    assert all(a.reward == 0 for a in found.attacks)


def test_half_right_is_paid_most_and_new_patterns_more() -> None:
    found = run(TemplateAttacker(), (ORACLE, DISMISS))
    split = [a for a in found.attacks if a.solved == 1]

    assert split
    assert all(1 < a.reward <= 1.2 for a in split)
    assert found.histogram == {
        "none": 0,
        "under half": 0,
        "half or more": len(split),
        "all": 12 - len(split),
    }
    assert found.exploited.hits == len(split)
    assert 1 < found.exploit_patterns <= len(split)


def test_what_could_not_have_happened_is_neither_asked_nor_counted() -> None:
    archive = Archive()
    found = run(Scripted(from_elsewhere), (ORACLE, DISMISS), archive)

    assert found.validity.value == 1
    assert found.plausibility.value == found.mean_reward == len(archive) == 0


def test_what_does_not_fit_the_schema_costs() -> None:
    found = run(Scripted(lambda _: {"events": "none"}), (ORACLE, DISMISS))

    assert found.validity.value == 0
    assert found.mean_reward == -0.5


def test_an_archive_goes_on_so_old_patterns_are_worth_less() -> None:
    archive = Archive()
    first = run(TemplateAttacker(), (ORACLE, DISMISS), archive)
    second = run(TemplateAttacker(), (ORACLE, DISMISS), archive)

    assert second.mean_reward < first.mean_reward
    assert (second.patterns, second.seen) == (first.patterns, first.seen)


def test_the_same_run_gives_the_same_numbers() -> None:
    one, other = (run(TemplateAttacker(), (ORACLE, "random")) for _ in range(2))

    assert one.to_json() == other.to_json()


@pytest.mark.parametrize(
    ("solved", "expected"),
    [(0, "none"), (1, "under half"), (2, "half or more"), (3, "half or more")],
)
def test_the_histogram_has_four_bins(solved: int, expected: str) -> None:
    found = Attack(valid=True, plausible=True, solved=solved, asked=4, reward=0)

    assert found.bin == expected


def test_one_defender_is_not_enough() -> None:
    with pytest.raises(InputError, match="two defenders"):
        run(TemplateAttacker(), [ORACLE])


def test_the_command_keeps_one_archive_over_runs(tmp_path: Path) -> None:
    path = tmp_path / "patterns.jsonl"
    command = ["--attacker", "template", "--episodes", "8", "--format", "json"]
    command += ["--archive", str(path)]
    first, second = (CliRunner().invoke(cli, command) for _ in range(2))

    values = [json.loads(result.stdout) for result in (first, second)]
    assert values[0]["archive"] == values[1]["archive"]
    assert values[0]["mean_reward"] > values[1]["mean_reward"]
    assert len(path.read_text().splitlines()) == values[0]["archive"]["patterns"]


def test_the_command_prints_a_histogram() -> None:
    command = ["--attacker", "template", "--episodes", "4"]
    shown = CliRunner().invoke(cli, command).stdout

    assert "4 incidents of stage1_basic" in shown
    assert "defenders that were right: half or more" in shown


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        (["--attacker", "nobody"], "name one of template, search:"),
        (["--archive", "patterns.jsonl"], "name an `--attacker`"),
    ],
)
def test_the_command_says_what_is_missing(options: list[str], advice: str) -> None:
    result = CliRunner().invoke(cli, options)

    assert result.exit_code == 2
    assert advice in result.stderr
