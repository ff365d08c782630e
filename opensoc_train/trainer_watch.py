"""What both trainers share: a time limit, progress on stderr, the last checkpoint.

The limit stops training after a step and saves a checkpoint, so `--resume` goes on from
there. Figures are the trainer's own log, rounded.
"""

from __future__ import annotations

import math
import sys
import time
from typing import TYPE_CHECKING, Any

from transformers import PrinterCallback, TrainerCallback
from transformers.trainer_utils import get_last_checkpoint

from opensoc_engine.errors import InputError
from opensoc_train.allocator import keep_freed_memory

if TYPE_CHECKING:
    from pathlib import Path

CHECKPOINTS = "checkpoints"
_SHOWN = ("loss", "reward", "rewards/verifier/mean")


class Watch(TrainerCallback):  # type: ignore[misc]  # the library has no types
    """Reports steps and stops in time.

    Attributes:
        seconds: Since training began.
        ran_out: True if the limit ended the run.
    """

    def __init__(self, max_seconds: float | None) -> None:
        self.max_seconds = max_seconds if max_seconds is not None else math.inf
        self.seconds = 0.0
        self.ran_out = False
        self._begin = time.monotonic()

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        """Start the clock."""
        self._begin = time.monotonic()

    def on_step_end(self, _: Any, state: Any, control: Any, **__: Any) -> None:
        """Stop, with a checkpoint, once the time is over."""
        self.seconds = time.monotonic() - self._begin
        if self.seconds >= self.max_seconds and state.global_step < state.max_steps:
            self.ran_out = True
            control.should_training_stop = True
            control.should_save = True

    def on_log(self, _: Any, state: Any, __: Any, logs: Any = None, **___: Any) -> None:
        """One line on stderr."""
        shown = [f"{key} {logs[key]:.4g}" for key in _SHOWN if key in (logs or {})]
        if shown:
            begin = f"step {state.global_step}/{state.max_steps}"
            line = ", ".join([begin, *shown, f"{self.seconds:.0f} s"])
            sys.stderr.write(line + "\n")


def train(trainer: Any, watch: Watch, checkpoint: str | None) -> dict[str, Any]:
    """Run a trainer; its figures.

    Raises:
        InputError: The loss is not a number, so nothing was learnt.
    """
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(watch)
    keep_freed_memory()
    result = trainer.train(resume_from_checkpoint=checkpoint)
    if not math.isfinite(result.training_loss):
        raise InputError("the loss is not a number; lower `--learning-rate`")
    return {
        "steps": trainer.state.global_step,
        "planned_steps": trainer.state.max_steps,
        "seconds": round(watch.seconds, 1),
        "ran_out_of_time": watch.ran_out,
        "mean_loss": round(result.training_loss, 6),
        "log": [_rounded(entry) for entry in trainer.state.log_history],
    }


def claim_folder(out: Path, *, resume: bool) -> str | None:
    """The checkpoint to go on from; None begins anew.

    Raises:
        InputError: The folder is taken, or there is nothing to resume.
    """
    checkpoints = out / CHECKPOINTS
    last: str | None = (
        get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None
    )
    if resume and last is None:
        raise InputError(f"`{out}` has no checkpoint; leave out `--resume`")
    if not resume and out.is_dir() and any(out.iterdir()):
        raise InputError(
            f"`{out}` is not empty; name another, or go on with `--resume`"
        )
    return last if resume else None


def _rounded(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        key: round(value, 6) if isinstance(value, float) else value
        for key, value in sorted(entry.items())
    }
