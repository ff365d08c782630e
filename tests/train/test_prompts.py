"""The prompt as a whole; `OPENSOC_REWRITE_GOLDEN=1` rewrites it."""

from __future__ import annotations

import os
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from opensoc_engine.resources import data_root
from opensoc_env.incident import normalise_incident
from opensoc_env.judge import Judge, proof_of
from opensoc_env.models import LogLine, Observation
from opensoc_env.observation import observe
from opensoc_train.answers import parse_answer
from opensoc_train.data import DataSet
from opensoc_train.prompts import SYSTEM, render_prompt, render_target, since

yaml = pytest.importorskip("yaml")
GOLDEN = Path(__file__).parent / "golden" / "prompt.txt"


def view(incident: dict[str, Any]) -> Observation:
    return observe(
        normalise_incident(incident),
        episode_id="golden",
        task="stage2_multi",
        mode="defender_only",
    )
