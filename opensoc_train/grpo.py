"""An adapter and a data set become a better adapter, by the verifier's reward alone.

Completions are parsed as evaluation parses them and graded by the judge against the
truth that the judge worked out from the incident. No text decides a reward; what can't
be read is graded as the format violation that it is. Stages come one after another, in
the order in which they are named.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from opensoc_engine.errors import InputError
from opensoc_env.draws import stream
from opensoc_env.judge import DEFENDER_RUBRIC
from opensoc_env.match import outcome_of
from opensoc_train.adapters import (
    WEIGHTS_FILE,
    TrainingRecord,
    attach_adapter,
    base_name,
    save_adapter,
)
from opensoc_train.answers import parse_answer
from opensoc_train.base_model import sha256_of
from opensoc_train.local_model import load_model
from opensoc_train.sft import hardware_arguments
from opensoc_train.trainer_watch import (
    CHECKPOINTS,
    Watch,
    claim_folder,
    train,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from opensoc_env.judge import Judge
    from opensoc_env.models import TaskName
    from opensoc_train.data import DataSet, Example


@dataclass(frozen=True, slots=True)
class GrpoSettings:
    """How to train; all of it goes into the record.

    Attributes:
        tasks: Stages in the order of the curriculum; each gets the same share of steps.
        prompts: Incidents a step.
        group: Completions for each incident; a reward counts against its group's mean.
        temperature: Of sampling; lower narrows a group until nothing tells it apart.
    """

    tasks: tuple[TaskName, ...]
    steps: int = 20
    prompts: int = 1
    group: int = 8
    learning_rate: float = 2e-5
    temperature: float = 1.0
    max_completion_length: int = 64
    rubric: str = DEFENDER_RUBRIC
    save_every: int = 10


def train_grpo(
    base: Path,
    adapter: Path,
    data: DataSet,
    judge: Judge,
    out: Path,
    *,
    settings: GrpoSettings,
    seed: int = 0,
    max_seconds: float | None = None,
    resume: bool = False,
) -> TrainingRecord:
    """Train an adapter on by reward and save it as another.

    Raises:
        InputError: Base or adapter can't be loaded, the folder is taken, or a stage has
            no incident.
    """
    checkpoint = claim_folder(out, resume=resume)
    lessons = curriculum(data.examples, settings, seed)
    model, tokenizer = load_model(base)
    trainer = GRPOTrainer(
        model=attach_adapter(model, base, adapter, is_trainable=True),
        reward_funcs=verifier_reward(data.examples, judge, settings.rubric),
        args=_arguments(settings, out, seed),
        train_dataset=Dataset.from_list(
            [{"prompt": e.prompt, "example_id": e.id} for e in lessons]
        ),
        processing_class=tokenizer,
    )
    figures = train(trainer, Watch(max_seconds), checkpoint)
    record = TrainingRecord(
        stage="grpo",
        base=base_name(base),
        start=sha256_of(adapter / WEIGHTS_FILE),
        seed=seed,
        data=data.name,
        data_digest=data.digest,
        policy_digest=data.policy_digest,
        settings=asdict(settings),
        figures=figures,
    )
    save_adapter(trainer.model, out, record)
    return record


def verifier_reward(
    examples: Sequence[Example], judge: Judge, rubric: str = DEFENDER_RUBRIC
) -> Callable[..., list[float]]:
    """The reward function that the trainer calls, over the deals of the examples."""
    deals = {example.id: example.dealt for example in examples}

    def verifier(
        completions: Sequence[Any],
        example_id: Sequence[str],
        log_metric: Callable[[str, float], None] | None = None,
        **_: Any,
    ) -> list[float]:
        outcomes = [
            outcome_of(
                deals[name],
                parse_answer(completion[-1]["content"]),
                judge=judge,
                rubric=rubric,
            )
            for name, completion in zip(example_id, completions, strict=True)
        ]
        if log_metric:
            share = 1 / len(outcomes)
            log_metric("readable", share * sum(o.answer is not None for o in outcomes))
            log_metric("right", share * sum(o.answer == o.truth for o in outcomes))
        return [outcome.reward for outcome in outcomes]

    return verifier


def curriculum(
    examples: Sequence[Example], settings: GrpoSettings, seed: int
) -> list[Example]:
    """The incidents of each step, stage after stage, drawn without needless repeats.

    Raises:
        InputError: A stage has no incident.
    """
    count = settings.steps * settings.prompts
    pools = {task: _pool(examples, task, seed) for task in settings.tasks}
    stages = [settings.tasks[at * len(settings.tasks) // count] for at in range(count)]
    turns = dict.fromkeys(pools, 0)
    lessons = []
    for task in stages:
        pool = pools[task]
        lessons.append(pool[turns[task] % len(pool)])
        turns[task] += 1
    return lessons


def _pool(examples: Sequence[Example], task: TaskName, seed: int) -> list[Example]:
    """The incidents of a stage in an order of their own."""
    pool = [example for example in examples if example.dealt.task == task]
    if not pool:
        raise InputError(f"the data set has no incident of `{task}`")
    stream("curriculum", seed, task).shuffle(pool)
    return pool


def _arguments(settings: GrpoSettings, out: Path, seed: int) -> GRPOConfig:
    return GRPOConfig(
        output_dir=str(out / CHECKPOINTS),
        max_steps=settings.steps,
        per_device_train_batch_size=settings.group,
        gradient_accumulation_steps=settings.prompts,
        num_generations=settings.group,
        max_completion_length=settings.max_completion_length,
        temperature=settings.temperature,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="constant",
        shuffle_dataset=False,
        save_steps=settings.save_every,
        seed=seed,
        **{**hardware_arguments(), "logging_steps": 1},
    )
