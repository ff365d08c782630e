"""Lets the tests of this folder import the strategies that stand beside them."""

import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))

# A hunt of one law in a second or two, the same each time; `make fuzz` is the long one.
settings.register_profile(
    "hunt-ci",
    max_examples=40,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
