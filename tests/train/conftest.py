"""A small data set and the judge that labels it."""

from __future__ import annotations

from pathlib import Path

import pytest

from opensoc_env.judge import Judge, default_judge
from opensoc_train.data import HOLDOUT, DataSet, load_data


@pytest.fixture(scope="session")
def judge() -> Judge:
    return default_judge()


@pytest.fixture(scope="session")
def data(judge: Judge) -> DataSet:
    return load_data(HOLDOUT, judge, limit=8)


@pytest.fixture
def data_file(tmp_path: Path) -> Path:
    """The first lines of the hold-out, as a file that a test may change."""
    lines = HOLDOUT.read_text("utf-8").splitlines(keepends=True)[:4]
    path = tmp_path / "some.jsonl"
    path.write_text("".join(lines), "utf-8")
    return path
