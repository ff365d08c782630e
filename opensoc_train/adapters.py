"""A trained adapter becomes a folder, and a folder an adapter on its base.

The folder holds the weights as bf16 safetensors, their configuration and
`training.json`, which says what they were made from: base, data, policies, seed,
versions and figures. No path of the machine is in it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import torch
from peft import PeftConfig, PeftModel, get_peft_model_state_dict
from safetensors.torch import save_file

from opensoc_engine.errors import InputError
from opensoc_train.base_model import ORIGIN_FILE, sha256_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RECORD_FILE = "training.json"
WEIGHTS_FILE = "adapter_model.safetensors"
CONFIG_FILE = "adapter_config.json"
_PACKAGES = ("torch", "transformers", "trl", "peft")
_MAX_RECORD = 4_000_000


@dataclass(frozen=True, slots=True)
class BaseName:
    """Which model an adapter sits on.

    Attributes:
        sha256: Of the file that the weights come from.
    """

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class TrainingRecord:
    """What an adapter was made from and how that went.

    Attributes:
        stage: `sft` or `grpo`.
        start: SHA-256 of the weights that training began with, if it had any.
        settings: The options that shape the result.
        figures: Steps, seconds, and what the trainer logged.
    """

    stage: str
    base: BaseName
    start: str | None
    seed: int
    data: str
    data_digest: str
    policy_digest: str
    settings: Mapping[str, Any]
    figures: Mapping[str, Any]


def base_name(folder: Path) -> BaseName:
    """The name of a model folder."""
    origin = folder / ORIGIN_FILE
    if origin.is_file():
        return BaseName(folder.name, json.loads(origin.read_text("utf-8"))["sha256"])
    return BaseName(folder.name, sha256_of(folder / "model.safetensors"))


def save_adapter(model: Any, folder: Path, record: TrainingRecord) -> Path:
    """The folder of an adapter; `training.json` is written last."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        key: value.detach().to("cpu", torch.bfloat16).contiguous()
        for key, value in sorted(_weights_of(model).items())
    }
    save_file(weights, folder / WEIGHTS_FILE, metadata={"format": "pt"})
    (folder / WEIGHTS_FILE).chmod(0o644)
    config = model.peft_config["default"]
    config.base_model_name_or_path = record.base.name
    config.inference_mode = True
    config.save_pretrained(folder)
    versions = {package: version(package) for package in _PACKAGES}
    document = {**asdict(record), "versions": versions}
    text = json.dumps(document, indent=2, sort_keys=True)
    (folder / RECORD_FILE).write_text(text + "\n", encoding="utf-8")
    return folder


def _weights_of(model: Any) -> dict[str, Any]:
    """The adapter alone: nobody trains the embeddings, so nobody looks for them."""
    weights: dict[str, Any] = get_peft_model_state_dict(
        model, save_embedding_layers=False
    )
    return weights


def read_record(folder: Path) -> dict[str, Any] | None:
    """What `training.json` says; None if the folder has none, as from other tools.

    Raises:
        InputError: The file is there and is no record.
    """
    path = folder / RECORD_FILE
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > _MAX_RECORD:
            raise InputError(f"{path}: too large for a training record")
        record = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        raise InputError(f"{path}: not a training record; train again") from None
    if not isinstance(record, dict):
        raise InputError(f"{path}: not a training record; train again")
    return record


def attach_adapter(
    model: Any, base: Path, folder: Path, *, is_trainable: bool = False
) -> Any:
    """The model with an adapter on it.

    Raises:
        InputError: The folder is no adapter, or the adapter sits on another base.
    """
    if not (folder / CONFIG_FILE).is_file() or not (folder / WEIGHTS_FILE).is_file():
        raise InputError(
            f"`{folder}` is no adapter; expected a folder that `opensoc train sft` or "
            "`opensoc train grpo` wrote"
        )
    _refuse_other_base(base, folder)
    try:
        config = PeftConfig.from_pretrained(folder)
        # Else PEFT asks a hub for a model of the name that the record has.
        config.base_model_name_or_path = str(base)
        return PeftModel.from_pretrained(
            model,
            folder,
            is_trainable=is_trainable,
            config=config,
            # Saved as bf16, so only training gains by more.
            autocast_adapter_dtype=is_trainable,
        )
    except (OSError, ValueError, RuntimeError, TypeError, KeyError) as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        raise InputError(f"`{folder}` does not fit `{base}`: {reason}") from None


def _refuse_other_base(base: Path, folder: Path) -> None:
    record = read_record(folder)
    wanted = record.get("base") if record else None
    if not isinstance(wanted, dict):
        return
    have = base_name(base)
    if wanted.get("sha256") != have.sha256:
        raise InputError(
            f"`{folder}` was trained on `{wanted.get('name')}`, and `{base}` holds "
            f"other weights; name the base that it was trained on"
        )
