"""Who decides: the judge by a rules folder that a caller names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opensoc_cli import reporting

if TYPE_CHECKING:
    from pathlib import Path

    from opensoc_env.judge import Judge


def judge_of(rules: Path | None) -> Judge:
    """The judge by a rules folder, by default the shipped one.

    Raises:
        Exit: Something in it does not compile, which is reported.
    """
    from opensoc_engine.errors import OpenSocError
    from opensoc_env.judge import Judge, default_judge

    try:
        return default_judge() if rules is None else Judge.load(rules)
    except OpenSocError as error:
        raise reporting.stop(str(error)) from None
