"""The hunt works: it finds what is known to be wrong, and prints what can be pasted."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hunting.book import laws_of
from hunting.case_file import case_of, render_case
from hunting.laws import BrokenLawError
from hypothesis import Phase, given, settings
from typer.testing import CliRunner

from opensoc_cli.main import cli
from opensoc_engine import data_root
from opensoc_env.generator import generate

V1 = laws_of("defender.v1", "attacker.v1")
# Finding is what counts here; what is found need not be made small.
CI = settings(settings.get_profile("hunt-ci"), phases=(Phase.generate,))
HOLES = (
    "wrong-answer-earns-nothing",
    "citing-pays-only-when-right",
    "unreadable-is-never-better",
    "blind-defender-loses",
    "attacker-wins-fairly",
)


@pytest.mark.parametrize("hole", HOLES)
def test_the_hunt_finds_each_hole_of_v1(hole: str) -> None:
    @CI
    @given(V1[hole].drawn)
    def hunted(drawn: Any) -> None:
        V1[hole].check(drawn)

    with pytest.raises(BrokenLawError, match="examples:"):
        hunted()


def test_a_printed_incident_is_a_case_that_the_tests_accept(tmp_path: Path) -> None:
    shutil.copytree(data_root() / "rules", tmp_path / "rules")
    incident = generate("stage2_multi", 7)
    policy, _ = case_of(incident, "a hunted case")
    path = tmp_path / "rules" / "verifier" / f"{policy}.cases.yaml"
    printed = yaml.safe_load(render_case(incident, "a hunted case"))
    file = yaml.safe_load(path.read_text("utf-8"))
    file["examples"] += printed["examples"]
    path.write_text(yaml.safe_dump(file, sort_keys=False), "utf-8")
    result = CliRunner().invoke(cli, ["test", str(tmp_path / "rules" / "verifier")])

    assert not re.search("a hunted case", result.output)
    assert result.exit_code == 0, result.output
