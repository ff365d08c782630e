"""Files of a megabyte that somebody wrote to stop the checker; each in a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("benchmarks", reason="the benchmarks are part of a checkout")

from benchmarks.many_files import policy, write_rules

SIZE = 1_000_000
MAX_MEGABYTES = 200
# A second for the checker, and one to start Python, with room for a busy machine.
MAX_SECONDS = 4

# A process begins as large as the one that starts it, so a small one has to measure.
MEASURE = """
import json, os, subprocess, sys
with open(sys.argv[1], "wb") as stream:
    child = subprocess.Popen(sys.argv[2:], stdout=stream, stderr=stream)
_, status, used = os.wait4(child.pid, 0)
child.returncode = os.waitstatus_to_exitcode(status)
seconds = used.ru_utime + used.ru_stime
print(json.dumps([child.returncode, used.ru_maxrss / 1024, seconds]))
"""
POLICY = policy(0)
HEAD = POLICY[: POLICY.index("rules:")]
RULE = POLICY[POLICY.index("rules:") : POLICY.index("      some")]
# As much Rego as a policy may have.
REGO = 38_000


def rules(number: int) -> str:
    rule = RULE.removeprefix("rules:\n").replace("gate-0-tries", "r{}")
    body = "      some pass in input.events\n"
    return f"{HEAD}rules:\n" + "".join(rule.format(at) + body for at in range(number))


def lines(text: str, size: int) -> str:
    """Two rules whose bodies are one line again and again."""
    line = f"      {text}\n"
    first = "      some pass in input.events\n"
    body = first + line * (size // 2 // (len(text) + 1))
    rule = RULE.removeprefix("rules:\n").replace("gate-0-tries", "other")
    return f"{HEAD}{RULE}{body}{rule}{body}"


SHAPES = {
    "lists in lists": ("[" * SIZE, "E104"),
    "lists in lists by lines": ("- " * (SIZE // 2), "E104"),
    "mappings in mappings": ("{" * SIZE, "E104"),
    "one long line": ("policy: " + "a" * (SIZE - 8), "E202"),
    "line feeds": ("\n" * SIZE, "E106"),
    "anchors": ("".join(f"a{at}: &a{at} x\n" for at in range(70_000)), "E103"),
    "aliases": ("a: &a x\nb: [" + "*a," * 320_000 + "]", "E103"),
    "one key again and again": ("a: 1\r\n" * (SIZE // 6), "E102"),
    "rules": (rules(SIZE // 180), "E701"),
    "rules below the limit of nodes": (rules(3_000), "E203"),
    "one huge body": (lines("pass.tries > 3", SIZE), "E203"),
    "brackets": (lines(f"x := {'[' * 9_000}", REGO), "E112"),
    "conditions": (lines("not pass.tries > 3", REGO), "E608"),
    "unknown names": (lines("q > 3", REGO), "E302"),
    "unknown fields": (lines("pass.trees > 3", REGO), "E301"),
    "hidden characters": ("\0" * SIZE, "E101"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_hostile_file_costs_little_and_is_refused(shape: str, tmp_path: Path) -> None:
    text, code = SHAPES[shape]
    folder = write_rules(tmp_path, 1)
    (folder / "gate-0.yaml").write_bytes(text.encode()[:SIZE])
    (folder / "gate-0.cases.yaml").unlink()
    output = tmp_path / "output"
    command = [sys.executable, "-m", "opensoc_cli.main", "check", str(folder)]
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, str(output), *command],
        capture_output=True,
        check=True,
        env={**os.environ, "OPENSOC_CACHE": "off"},
    )
    status, megabytes, seconds = json.loads(measured.stdout)

    text = output.read_text()
    assert status == 1, text[-1000:]
    assert f"error[{code}]" in text
    assert megabytes < MAX_MEGABYTES
    assert seconds < MAX_SECONDS
