"""A data set becomes a warm start: an adapter that answers in the asked form.

Each incident is rendered to the prompt that evaluation uses, and the loss is taken on
the answer alone. The answer is the judge's: the right action, its first proof and the
title of the rule behind it.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch
from datasets import Dataset
from peft import LoraConfig
from trl import SFTConfig, SFTTrainer

from opensoc_engine.errors import InputError
from opensoc_train.adapters import TrainingRecord, base_name, save_adapter
from opensoc_train.local_model import load_model
from opensoc_train.trainer_watch import (
    CHECKPOINTS,
    Watch,
    claim_folder,
    train,
)

if TYPE_CHECKING:
    from pathlib import Path

    from opensoc_train.data import DataSet


@dataclass(frozen=True, slots=True)
class SftSettings:
    """How to train; all of it goes into the record.

    Attributes:
        max_steps: Steps at most; None for as many as the epochs take.
        max_length: Tokens of prompt and answer; longer examples are left out.
        lora_rank: Size of the adapter. 8 on all linear layers is 5 MB for the base.
        save_every: Steps between checkpoints.
    """

    epochs: float = 1.0
    max_steps: int | None = None
    batch_size: int = 4
    learning_rate: float = 5e-4
    max_length: int = 1024
    lora_rank: int = 8
    save_every: int = 25


def train_sft(
    base: Path,
    data: DataSet,
    out: Path,
    *,
    settings: SftSettings,
    seed: int = 0,
    max_seconds: float | None = None,
    resume: bool = False,
) -> TrainingRecord:
    """Train an adapter on the answers of a data set and save it.

    Raises:
        InputError: The base can't be loaded, the folder is taken, or no example fits.
    """
    checkpoint = claim_folder(out, resume=resume)
    model, tokenizer = load_model(base)
    rows = _rows(data, tokenizer, settings.max_length)
    trainer = SFTTrainer(
        model=model,
        args=_arguments(settings, out, seed),
        train_dataset=Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=_lora(settings.lora_rank),
    )
    figures = train(trainer, Watch(max_seconds), checkpoint)
    record = TrainingRecord(
        stage="sft",
        base=base_name(base),
        start=None,
        seed=seed,
        data=data.name,
        data_digest=data.digest,
        policy_digest=data.policy_digest,
        settings=asdict(settings),
        figures={"examples": len(rows), **figures},
    )
    save_adapter(trainer.model, out, record)
    return record


def _rows(data: DataSet, tokenizer: Any, max_length: int) -> list[dict[str, Any]]:
    """Prompt and answer of each example that fits.

    Raises:
        InputError: None fits.
    """
    rows = [{"prompt": e.prompt, "completion": e.target} for e in data.examples]
    chats = [row["prompt"] + row["completion"] for row in rows]
    texts = tokenizer.apply_chat_template(chats, tokenize=False)
    sizes = [len(ids) for ids in tokenizer(texts, add_special_tokens=False).input_ids]
    kept = [row for row, size in zip(rows, sizes, strict=True) if size <= max_length]
    if not kept:
        raise InputError(
            f"no example has at most {max_length} tokens; the shortest has "
            f"{min(sizes)}: raise `--max-length`"
        )
    sizes.sort()
    sys.stderr.write(
        f"{len(kept)} of {len(rows)} examples fit {max_length} tokens; "
        f"median {sizes[len(sizes) // 2]}, longest {sizes[-1]}\n"
    )
    return kept


def _lora(rank: int) -> LoraConfig:
    return LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def _arguments(settings: SftSettings, out: Path, seed: int) -> SFTConfig:
    return SFTConfig(
        output_dir=str(out / CHECKPOINTS),
        num_train_epochs=settings.epochs,
        max_steps=settings.max_steps or -1,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=0.05,
        max_length=settings.max_length,
        completion_only_loss=True,
        # Windows differ fourfold in length, and padding is paid like text.
        train_sampling_strategy="group_by_length",
        save_steps=settings.save_every,
        seed=seed,
        **hardware_arguments(),
    )


def hardware_arguments() -> dict[str, Any]:
    """Settings for the machine at hand, and for quiet, local runs."""
    has_gpu = torch.cuda.is_available()
    return {
        "bf16": True,
        "use_cpu": not has_gpu,
        "gradient_checkpointing": has_gpu,
        "dataloader_pin_memory": has_gpu,
        "save_total_limit": 2,
        "logging_steps": 5,
        "report_to": "none",
        "disable_tqdm": True,
    }
