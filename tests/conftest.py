"""Lets tests import what several folders share: it stands beside this file.

What Hypothesis draws is the same each time, so that a run fails for what was changed;
long forms ask for other examples. Comparisons of engines that tests have counted are
shown at the end of a run.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import settings

if TYPE_CHECKING:
    import pytest

sys.path.insert(0, str(Path(__file__).parent))
settings.register_profile(
    "same-each-time", derandomize=True, database=None, deadline=None
)
settings.load_profile("same-each-time")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How often each engine was compared with ours, and how often a rule fired."""
    made, fired = Counter[str](), Counter[str]()
    for report in terminalreporter.getreports("passed"):
        for name, counts in report.user_properties:
            if name == "comparisons":
                made.update({engine: both[0] for engine, both in counts.items()})
                fired.update({engine: both[1] for engine, both in counts.items()})
    if made:
        terminalreporter.section("comparisons without a disagreement")
    for engine, count in sorted(made.items()):
        share = f"{fired[engine]:>9,} with a rule that fires"
        terminalreporter.write_line(f"{engine:<28}{count:>9,}{share}")
