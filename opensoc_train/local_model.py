"""A model folder on this machine becomes a text model that answers in batches.

Weights are read from safetensors alone and no code of a model folder is run. Decoding
is greedy, so the same prompts in the same batches give the same words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from opensoc_engine.errors import InputError
from opensoc_train.adapters import CONFIG_FILE, attach_adapter
from opensoc_train.library_noise import quiet_libraries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from opensoc_train.prompts import ChatMessage

# An answer with a short reason takes some 45 tokens of the base model.
MAX_NEW_TOKENS = 80
_BATCH = 8


@dataclass(frozen=True, slots=True)
class LocalModel:
    """A loaded model that completes chats."""

    name: str
    model: Any
    tokenizer: Any
    max_new_tokens: int = MAX_NEW_TOKENS

    @classmethod
    def load(
        cls,
        folder: Path,
        adapter: Path | None = None,
        *,
        max_new_tokens: int = MAX_NEW_TOKENS,
    ) -> LocalModel:
        """The model of a folder, with an adapter if one is named.

        Raises:
            InputError: The folder holds no model, or the adapter is not its own.
        """
        model, tokenizer = load_model(folder)
        if adapter:
            model = attach_adapter(model, folder, adapter)
        model.eval()
        name = f"{folder.name}+{adapter.name}" if adapter else folder.name
        return cls(name, model, tokenizer, max_new_tokens)

    def complete(self, chats: Sequence[Sequence[ChatMessage]]) -> list[str]:
        """One completion for each chat; prompts of like length go together.

        A prompt that does not fit the model's window gets an empty completion.
        """
        prompts = [
            self.tokenizer.apply_chat_template(
                list(chat), tokenize=False, add_generation_prompt=True
            )
            for chat in chats
        ]
        sizes = [len(ids) for ids in self._tokens(prompts)["input_ids"]]
        room = self.model.config.max_position_embeddings - self.max_new_tokens
        order = sorted(range(len(prompts)), key=lambda at: (sizes[at], at))
        order = [at for at in order if sizes[at] <= room]
        texts = [""] * len(prompts)
        for start in range(0, len(order), _BATCH):
            group = order[start : start + _BATCH]
            written = self._complete_batch([prompts[at] for at in group])
            for at, text in zip(group, written, strict=True):
                texts[at] = text
        return texts

    def _tokens(self, prompts: list[str], **options: Any) -> Any:
        return self.tokenizer(prompts, add_special_tokens=False, **options)

    def _complete_batch(self, prompts: list[str]) -> list[str]:
        batch = self._tokens(
            prompts, return_tensors="pt", padding=True, padding_side="left"
        ).to(self.model.device)
        with torch.inference_mode():
            written = self.model.generate(
                **batch,
                max_new_tokens=self.max_new_tokens,
                do_sample=False,
                pad_token_id=self.tokenizer.pad_token_id,
            )
        fresh = written[:, batch["input_ids"].shape[1] :]
        texts: list[str] = self.tokenizer.batch_decode(fresh, skip_special_tokens=True)
        return texts


def load_model(folder: Path) -> tuple[Any, Any]:
    """Model and tokenizer of a folder, in bf16, on a GPU if there is one.

    Raises:
        InputError: The folder holds no model.
    """
    if (folder / CONFIG_FILE).is_file():
        raise InputError(
            f"`{folder}` is an adapter; name the base model and `--adapter {folder}`"
        )
    if not (folder / "config.json").is_file():
        raise InputError(
            f"`{folder}` holds no model; `opensoc train base-model` makes the default"
        )
    quiet_libraries()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.bfloat16,
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = (str(error).splitlines() or ["no reason given"])[0]
        raise InputError(f"`{folder}` can't be loaded: {reason}") from None
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return model.to(device), tokenizer
