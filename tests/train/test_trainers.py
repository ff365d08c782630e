"""Real optimiser steps through the real trainers, on the tiny model."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("trl", reason="needs the train extra")

import torch
import typer
from typer.testing import CliRunner

from opensoc_cli import eval as eval_verb
from opensoc_cli import train as train_verb
from opensoc_engine.errors import InputError
from opensoc_env.judge import Judge
from opensoc_train.adapters import WEIGHTS_FILE, attach_adapter, read_record
from opensoc_train.base_model import sha256_of
from opensoc_train.data import DataSet
from opensoc_train.evaluate import evaluate
from opensoc_train.grpo import GrpoSettings, curriculum, train_grpo, verifier_reward
from opensoc_train.local_model import LocalModel, load_model
from opensoc_train.replies import ModelDefender
from opensoc_train.sft import SftSettings, train_sft
from opensoc_train.tiny_model import build_tiny_model

pytestmark = pytest.mark.train

# More threads only wait for each other over so small a model.
torch.set_num_threads(1)

# The rate is nil in the first step of a warm-up.
SFT = SftSettings(max_steps=2, batch_size=2, max_length=4096)
GRPO = GrpoSettings(tasks=("stage1_basic",), steps=1, max_completion_length=32)


def texts(data: DataSet) -> list[str]:
    return [turn["content"] for e in data.examples for turn in (*e.prompt, *e.target)]


def teach(folder: Path, data: DataSet) -> None:
    """Full steps until the model mostly says one of two answers, whatever it reads.

    Without that every sample is unreadable, and no reward tells two of them apart.
    """
    model, tokenizer = load_model(folder)
    model = model.float()
    optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
    chats = tokenizer.apply_chat_template(
        [e.prompt for e in data.examples], tokenize=False, add_generation_prompt=True
    )
    prompts = [tokenizer(chat).input_ids[-64:] for chat in chats]
    for step in range(120):
        action = ("monitor", "escalate")[step % 2]
        said = tokenizer(f'{{"action": "{action}"}}<|im_end|>').input_ids
        ids = torch.tensor([prompt + said for prompt in prompts])
        labels = ids.clone()
        labels[:, : -len(said)] = -100
        model(input_ids=ids, labels=labels).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    model.to(torch.bfloat16).save_pretrained(folder)


@pytest.fixture(scope="module")
def base(data: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "tiny"
    build_tiny_model(folder, texts(data))
    teach(folder, data)
    return folder


@pytest.fixture(scope="module")
def warm(base: Path, data: DataSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "sft"
    train_sft(base, data, out, settings=SFT)
    return out


def logged(folder: Path, key: str) -> list[float]:
    record = read_record(folder)
    assert record is not None
    return [entry[key] for entry in record["figures"]["log"] if key in entry]


def test_an_sft_step_writes_an_adapter_and_what_it_was_made_from(
    warm: Path, data: DataSet
) -> None:
    record: dict[str, Any] = json.loads((warm / "training.json").read_text("utf-8"))

    assert math.isfinite(record["figures"]["mean_loss"])
    assert record["figures"]["steps"] == 2
    assert record["data_digest"] == data.digest
    assert record["policy_digest"] == data.policy_digest
    assert set(record["versions"]) == {"torch", "transformers", "trl", "peft"}


def test_no_file_of_an_adapter_holds_a_path(warm: Path, base: Path) -> None:
    for name in ("training.json", "adapter_config.json"):
        assert str(base.parent) not in (warm / name).read_text("utf-8")


def test_the_saved_adapter_is_the_trained_one(warm: Path, base: Path) -> None:
    model = attach_adapter(load_model(base)[0], base, warm)
    weights = {k: v for k, v in model.named_parameters() if "lora_B" in k}

    assert weights
    assert any(float(weight.abs().max()) > 0 for weight in weights.values())


def test_a_grpo_step_goes_on_from_the_warm_start_by_the_verifiers_reward(
    warm: Path, base: Path, data: DataSet, judge: Judge, tmp_path: Path
) -> None:
    out = tmp_path / "grpo"
    record = train_grpo(base, warm, data, judge, out, settings=GRPO)

    assert math.isfinite(record.figures["mean_loss"])
    assert -1 < logged(out, "rewards/verifier/mean")[0] < 1
    assert logged(out, "reward_std")[0] > 0
    assert logged(out, "grad_norm")[0] > 0
    assert 0 < logged(out, "readable")[0] <= 1
    assert record.start == sha256_of(warm / WEIGHTS_FILE)
    assert sha256_of(out / WEIGHTS_FILE) != record.start
    assert LocalModel.load(base, out).name == "tiny+grpo"


def test_a_completion_is_worth_what_the_judge_says(data: DataSet, judge: Judge) -> None:
    reward = verifier_reward(data.examples, judge)
    ids = [example.id for example in data.examples]
    right = [example.target for example in data.examples]
    broken = [[{"role": "assistant", "content": "monitor"}] for _ in ids]

    assert all(value >= 1 for value in reward(completions=right, example_id=ids))
    assert set(reward(completions=broken, example_id=ids)) == {-1}


def test_the_curriculum_takes_the_stages_in_order(data: DataSet) -> None:
    settings = replace(GRPO, tasks=("stage2_multi", "stage1_basic"), steps=6)
    lessons = curriculum(data.examples, settings, seed=1)

    assert [e.dealt.task for e in lessons] == (
        ["stage2_multi"] * 3 + ["stage1_basic"] * 3
    )
    assert lessons == curriculum(data.examples, settings, seed=1)


def test_a_run_that_was_cut_goes_on_from_its_checkpoint(
    base: Path, data: DataSet, tmp_path: Path
) -> None:
    out = tmp_path / "cut"
    first = train_sft(base, data, out, settings=SFT, max_seconds=1e-3)
    with pytest.raises(InputError, match="not empty"):
        train_sft(base, data, out, settings=SFT)
    second = train_sft(base, data, out, settings=SFT, resume=True)

    assert (first.figures["steps"], first.figures["ran_out_of_time"]) == (1, True)
    assert (second.figures["steps"], second.figures["ran_out_of_time"]) == (2, False)


def test_an_adapter_is_refused_on_another_base(
    warm: Path, data: DataSet, tmp_path: Path
) -> None:
    other = build_tiny_model(tmp_path / "other", texts(data), seed=1)

    with pytest.raises(InputError, match="was trained on `tiny`"):
        LocalModel.load(other, warm)


def test_the_same_texts_give_the_same_tiny_model(data: DataSet, tmp_path: Path) -> None:
    one, other = (
        build_tiny_model(tmp_path / name, texts(data)) for name in ("one", "other")
    )

    for name in ("model.safetensors", "tokenizer.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes()


def test_completions_do_not_depend_on_the_order_of_the_chats(
    base: Path, data: DataSet
) -> None:
    model = LocalModel.load(base, max_new_tokens=4)
    chats = [example.prompt for example in data.examples]

    assert model.complete(chats[::-1]) == model.complete(chats)[::-1]


def test_a_prompt_longer_than_the_window_gets_no_words(base: Path) -> None:
    model = LocalModel.load(base, max_new_tokens=4)

    assert model.complete([[{"role": "user", "content": "x y " * 9000}]]) == [""]


def test_a_model_on_this_machine_is_evaluated(
    base: Path, warm: Path, data: DataSet, judge: Judge
) -> None:
    model = ModelDefender(LocalModel.load(base, warm, max_new_tokens=4))

    assert evaluate(model, data, judge).score.format_ok == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sft", "--base", "gone"], "`gone` holds no model"),
        (["sft", "--base", "tests"], "`tests` holds no model"),
        (["grpo", "--base", "gone"], "`gone` holds no model"),
        (["sft", "--task", "stage9"], "no stage `stage9`"),
        (["sft", "--resume"], "has no checkpoint"),
    ],
)
def test_a_wrong_training_command_is_told_what_to_do(
    arguments: list[str], message: str
) -> None:
    result = CliRunner().invoke(train_verb.app, [*arguments, "--out", "no-such-run"])

    assert result.exit_code == 2
    assert message in result.stderr


def test_an_adapter_in_place_of_a_model_is_explained(warm: Path) -> None:
    app = typer.Typer()
    app.command()(eval_verb.run)
    result = CliRunner().invoke(app, [str(warm), "--limit", "1"])

    assert result.exit_code == 2
    assert "--adapter" in result.stderr
