"""What the `openenv` package checks of an environment, and the page's examples."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openenv", reason="needs the serve extra")

import yaml
from openenv.cli._validation import validate_running_environment
from openenv.validation import Level, ProviderCapability, run_validation

from opensoc_env.datasets import PLANS, read_rows
from opensoc_env.episode import TURNS
from opensoc_env.judge import ATTACKER_RUBRIC, DEFENDER_RUBRIC, default_judge
from opensoc_env.server.app import build_app
from opensoc_env.server.validation import oracle
from opensoc_env.splits import SPLITS

ROOT = Path(__file__).parents[2]
PLAN = "opensoc_env/server/validation/runtime.json"
ORACLE = "opensoc_env/server/validation/oracle.py"
Reply = dict[str, Any]
Serve = Callable[[Any], str]


@pytest.fixture(scope="module")
def url(serve: Serve) -> str:
    return serve(build_app())


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """The files that the manifest names, where nothing else changes under the check."""
    for name in ("openenv.yaml", PLAN, ORACLE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    return tmp_path


def test_the_folder_passes_static_validation(package: Path) -> None:
    report = run_validation(package, max_level=Level.STATIC)

    assert report.verdict.value == "pass"


def test_the_manifest_declares_what_is_there() -> None:
    declared = yaml.safe_load((ROOT / "openenv.yaml").read_text("utf-8"))["validation"]
    capabilities = declared["capabilities"]
    bounds = [
        float(bound)
        for policy in default_judge().rubric.policies
        if policy.slug.text in {DEFENDER_RUBRIC, ATTACKER_RUBRIC}
        for bound in policy.bounds or ()
    ]

    assert declared["reward"]["range"] == [min(bounds), max(bounds)]
    assert capabilities["declared_tools"] == list(TURNS)
    assert capabilities["declared_task_count"] == {
        split: len(read_rows(plan)) for split, plan in zip(SPLITS, PLANS, strict=True)
    }
    assert capabilities["oracle"]["location"] == ORACLE
    assert declared["execution"]["probe_path"] == PLAN


def test_the_running_server_passes_validation(url: str) -> None:
    report = validate_running_environment(url)

    failed = [item["id"] for item in report["criteria"] if not item["passed"]]
    assert failed == []
    assert report["passed"]
    assert len(report["criteria"]) == 6


class Running:
    """The server of this module as the package's validation sees it."""

    def __init__(self, url: str) -> None:
        self.base_url = url

    def inspect(self) -> Reply:
        return {}

    def stop(self) -> None:
        """Nothing was started for it alone."""


class Beside:
    """A provider without containers: the subject runs already."""

    name = "beside"
    capabilities = frozenset({ProviderCapability.IMAGE_BUILD})
    supported_network_modes = frozenset({"public"})

    def __init__(self, url: str) -> None:
        self._url = url

    def build(self, *_: object) -> str:
        return "sha256:" + "0" * 64

    def start(self, _: object) -> Running:
        return Running(self._url)


def test_runtime_validation_passes_without_containers(url: str, package: Path) -> None:
    report = run_validation(package, max_level=Level.RUNTIME, provider=Beside(url))

    statuses = {item.check_id: item.status.value for item in report.results}
    checked = {name for name, status in statuses.items() if status != "skip"}
    assert checked == {
        "static.manifest",
        "runtime.startup",
        "runtime.reward_well_formed",
        "runtime.observation_schema",
        "runtime.state_contract",
    }
    assert {statuses[name] for name in checked} == {"pass"}


def test_the_oracle_reaches_the_declared_maximum(url: str) -> None:
    assert oracle.play(url) == oracle.best_reward()


def documented() -> list[str]:
    """The Python examples of the page on the environment that need this server."""
    text = (ROOT / "docs" / "environment.md").read_text("utf-8")
    found = re.findall(
        r"```python\n(.*?)```", text.partition("## OpenEnv")[2], re.DOTALL
    )
    return [str(block) for block in found]


@pytest.mark.parametrize("code", documented())
def test_documented_example_runs(
    url: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scope: Reply = {}
    exec(code.replace("http://127.0.0.1:7860", url), scope)  # noqa: S102 - it is ours

    assert "print(" not in code or capsys.readouterr().out.strip()
    assert scope.keys() & {"env", "observation"}
