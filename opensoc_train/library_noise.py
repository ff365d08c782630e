"""Bars and notices of the libraries are turned off, so that our own lines remain."""

from __future__ import annotations

import warnings

import datasets
from transformers.utils import logging

# TRL still uses the old names; nothing that a reader could change.
_RENAMED = ".*gradient_checkpointing` is deprecated.*"


def quiet_libraries() -> None:
    """Leave stderr to what this room has to say."""
    datasets.disable_progress_bars()
    logging.disable_progress_bar()
    warnings.filterwarnings("ignore", message=_RENAMED, category=FutureWarning)
