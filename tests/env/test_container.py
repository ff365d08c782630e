"""The Dockerfile and the script that deploys it, without a container engine."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = Path("scripts") / "deploy_space.sh"


class Step(NamedTuple):
    """An instruction of a Dockerfile."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """The arguments, of the JSON form or of the shell's."""
        return json.loads(self.text) if self.text[:1] == "[" else shlex.split(self.text)


def steps() -> list[Step]:
    text = (ROOT / "Dockerfile").read_text()
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    parts = [line.split(None, 1) for line in lines if line and line[0] != "#"]
    return [Step(name, rest) for name, rest in parts]


def only(name: str) -> Step:
    (found,) = (step for step in steps() if step.name == name)
    return found


def is_ignored(path: str, patterns: Sequence[str]) -> bool:
    """As an engine reads `.dockerignore`: the last pattern that fits decides."""
    ignored = False
    for pattern in patterns:
        bare = pattern.removeprefix("!")
        parts = path.split("/")
        heads = ["/".join(parts[: at + 1]) for at in range(len(parts))]
        if bare.startswith("**/"):
            fits = any(fnmatch(part, bare[3:]) for part in parts)
        else:
            fits = any(fnmatch(head, bare) and "/" not in head for head in heads)
        if fits:
            ignored = not pattern.startswith("!")
    return ignored


def patterns() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def context() -> list[str]:
    """The files of the working tree that an engine would be sent."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
    return [name for name in files if not is_ignored(name, patterns())]


def copy_context(target: Path) -> None:
    for name in context():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target / name)


def test_the_image_runs_as_nobody_in_particular_on_one_port() -> None:
    assert only("FROM").text.startswith("python:3.11-slim")
    assert int(only("USER").text) > 0
    assert only("EXPOSE").text == "7860"
    command = only("CMD").words
    assert command[:2] == ["opensoc", "serve"]
    assert command[command.index("--port") + 1] == "7860"


def test_nothing_runs_as_root_after_the_user_is_set() -> None:
    names = [step.name for step in steps()]

    assert not {"RUN", "COPY", "ADD"} & set(names[names.index("USER") :])


def test_the_health_check_asks_for_readiness_with_python_alone() -> None:
    check = only("HEALTHCHECK").text
    command = json.loads(check[check.index("CMD") + 3 :])

    assert command[:2] == ["python", "-c"]
    compile(command[2], "HEALTHCHECK", "exec")
    assert "http://127.0.0.1:7860/readyz" in command[2]


def test_the_context_holds_what_the_wheel_is_built_from_and_no_more() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {"LICENSE", "README.md", "pyproject.toml"}
    needed |= {*wheel["packages"], *wheel["force-include"]}

    assert {name.split("/")[0] for name in context()} == needed


@pytest.mark.parametrize(
    "name", ["opensoc_env/__pycache__/x.py", "tests/x.py", ".git/config", "rules/a.pyc"]
)
def test_what_is_no_part_of_the_wheel_stays_out(name: str) -> None:
    assert is_ignored(name, patterns())


# The real steps, in a clean folder: absolute paths are taken below it.


class Box:
    """A clean folder with a Python of its own, in place of an image."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root
        self.environ = {"PATH": f"{root}/venv/bin:{os.environ['PATH']}"}

    def run(self, command: str) -> None:
        """Run a shell line."""
        line = self.below(command)
        subprocess.run(
            ["/bin/sh", "-ec", line], cwd=self.folder, env=self.environ, check=True
        )

    def below(self, text: str) -> str:
        """Absolute paths of the image, below the folder."""
        return re.sub(r"(?<![\w.'])/(data|app)\b", rf"{self.root}/\1", text)

    def build(self) -> None:
        """Take all steps of the Dockerfile."""
        venv = self.root / "venv"
        subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        for step in steps():
            self.take(step)

    def take(self, step: Step) -> None:
        """Take one step."""
        match step.name:
            case "RUN":
                self.run(step.text)
            case "ENV":
                pairs = (word.split("=", 1) for word in step.words)
                self.environ |= {name: self.below(value) for name, value in pairs}
            case "WORKDIR":
                self.folder = Path(self.below(step.text))
                self.folder.mkdir(parents=True)
            case "COPY":
                assert step.words == [".", "."]
                copy_context(self.folder)
            case "FROM" | "USER" | "EXPOSE" | "HEALTHCHECK" | "CMD":
                pass
            case _:
                pytest.fail(f"the test knows no {step.name}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def answer_of(url: str, server: subprocess.Popen[bytes]) -> int:
    """The status of a page, as soon as there is one."""
    deadline = time.monotonic() + 180
    while True:
        assert server.poll() is None, "the server has ended"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return int(answer.status)
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


@pytest.mark.slow
def test_the_steps_of_the_dockerfile_make_a_server_that_is_ready(
    tmp_path: Path,
) -> None:
    box = Box(tmp_path)
    box.build()
    port = str(free_port())
    words = [box.below(word) for word in only("CMD").words]
    words[words.index("7860")] = port
    words[0] = str(tmp_path / "venv" / "bin" / words[0])

    with subprocess.Popen(words, cwd=box.folder, env=box.environ) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            assert answer_of(f"{url}/readyz", server) == 200
            assert answer_of(f"{url}/demo/", server) == 200
            check = only("HEALTHCHECK").text
            probe = json.loads(check[check.index("CMD") + 3 :])
            probe[2] = probe[2].replace("7860", port)
            subprocess.run(probe, env=box.environ, check=True)
            assert (tmp_path / "data" / "episodes.db").is_file()
        finally:
            server.terminate()


# The deployment, to a repository on this machine.

TOKEN = {"SPACE_TOKEN": "a token that nobody may see"}


def some() -> list[str]:
    """One file of each part of the context."""
    return sorted({name.split("/")[0]: name for name in context()}.values())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clean commit of one file of each part, and of one that is not deployed."""
    folder = tmp_path / "checkout"
    for name in [*some(), "Dockerfile", ".dockerignore", str(SCRIPT)]:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, folder / name)
    (folder / "notes.txt").write_text("no part of the image")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "all")
    return folder


def git(folder: Path, *arguments: str) -> str:
    name = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    done = subprocess.run(
        ["git", *name, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def deploy(
    folder: Path, *arguments: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    given: Mapping[str, str] = {"PATH": os.environ["PATH"], **environ}
    return subprocess.run(
        [str(folder / SCRIPT), *arguments],
        env=given,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_deployment_pushes_one_commit_of_the_image_s_files(
    checkout: Path, tmp_path: Path
) -> None:
    space = tmp_path / "space.git"
    git(tmp_path, "init", "--quiet", "--bare", str(space))
    done = deploy(checkout, SPACE_URL=space.as_uri(), **TOKEN)
    again = deploy(checkout, SPACE_URL=space.as_uri(), **TOKEN)

    assert (done.returncode, again.returncode) == (0, 0), done.stderr + again.stderr
    assert TOKEN["SPACE_TOKEN"] not in done.stdout + done.stderr
    files = set(git(space, "ls-tree", "-r", "--name-only", "main").splitlines())
    assert files == {*some(), "Dockerfile", ".dockerignore"}
    readme = git(space, "show", "main:README.md")
    assert readme.startswith("---\ntitle: OpenSOC\n")
    assert "\nsdk: docker\napp_port: 7860\n" in readme
    assert readme.endswith((ROOT / "README.md").read_text())
    assert git(space, "rev-list", "--count", "main") == "1\n"


def test_a_dry_run_pushes_nothing_and_needs_no_token(
    checkout: Path, tmp_path: Path
) -> None:
    space = tmp_path / "space.git"
    git(tmp_path, "init", "--quiet", "--bare", str(space))
    done = deploy(checkout, "--dry-run", SPACE_URL=space.as_uri())

    assert done.returncode == 0, done.stderr
    assert "would push" in done.stdout
    assert "notes.txt" not in done.stdout
    assert git(space, "branch", "--list") == ""


@pytest.mark.parametrize(
    ("arguments", "environ", "text"),
    [
        ([], {"SPACE_TOKEN": "x"}, "SPACE_URL is not set"),
        ([], {"SPACE_URL": "file:///nowhere"}, "SPACE_TOKEN is not set"),
        (["--force"], {}, "unknown argument `--force`"),
    ],
)
def test_what_is_missing_is_named(
    checkout: Path, arguments: list[str], environ: dict[str, str], text: str
) -> None:
    done = deploy(checkout, *arguments, **environ)

    assert done.returncode == 2
    assert text in done.stderr


def test_a_dirty_tree_is_not_deployed(checkout: Path) -> None:
    (checkout / "README.md").write_text("changed")
    done = deploy(checkout, SPACE_URL="file:///nowhere", **TOKEN)

    assert done.returncode == 2
    assert "the tree has changes" in done.stderr
