"""A rules folder with few policies, which compiles at once."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

from opensoc_engine import data_root
from opensoc_env.datasets import HOLDOUT, read_rows
from opensoc_env.judge import default_judge

if TYPE_CHECKING:
    from pathlib import Path

RULES = data_root() / "rules"
POLICIES = (
    "verifier/set.yaml",
    "verifier/brute-force.yaml",
    "plausibility/set.yaml",
    "plausibility/margin.yaml",
    "rubric/set.yaml",
    "rubric/defender.v2.yaml",
    "rubric/attacker.v2.yaml",
)


def small_rules(place: Path) -> Path:
    """Some of the shipped policies, with all lists, in a folder to change."""
    root = place / "rules"
    for folder in ("lists", "fixtures"):
        shutil.copytree(RULES / folder, root / folder)
    for name in POLICIES:
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copy(RULES / name, root / name)
    return root


def set_threshold(root: Path, name: str, old: str, new: str) -> None:
    """Give a threshold of a rules folder another value."""
    path = root / "lists" / "thresholds.yaml"
    text, count = re.subn(
        rf"\b{name}: {re.escape(old)}\b", f"{name}: {new}", path.read_text("utf-8")
    )
    assert count == 1, f"there is one `{name}: {old}`"
    path.write_text(text, "utf-8")


def first_guessed() -> int:
    """A row of the hold-out that guesses of passwords alone decide."""
    return next(
        at
        for at, row in enumerate(read_rows(HOLDOUT))
        if {finding.rule for finding in default_judge().truth(row["incident"]).findings}
        == {"brute-force-external"}
    )
