"""`opensoc lsp` as an editor starts it: a process that speaks JSON-RPC."""

from __future__ import annotations

import json
import queue
import shutil
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from opensoc_engine import data_root

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest.importorskip("pygls", reason="needs the extra `lsp`")

COMMAND = [sys.executable, "-m", "opensoc_cli.main", "lsp"]
PATIENCE = 120


class Editor:
    """Starts the server, asks it, and keeps what it says by itself."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder
        )
        self._messages: queue.Queue[dict[str, Any]] = queue.Queue()
        self._known: list[dict[str, Any]] = []
        self._asked = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        while header := stream.readline():
            if header.lower().startswith(b"content-length:"):
                length = int(header.split(b":")[1])
                while stream.readline().strip():
                    pass
                self._messages.put(json.loads(stream.read(length)))

    def tell(self, method: str, **params: Any) -> None:
        self._send({"method": method, "params": params})

    def ask(self, method: str, **params: Any) -> Any:
        self._asked += 1
        self._send({"id": self._asked, "method": method, "params": params})
        while True:
            message = self._messages.get(timeout=PATIENCE)
            if message.get("id") == self._asked and "method" not in message:
                assert "error" not in message, message
                return message["result"]
            self._known.append(message)

    def published(self, uri: str, *, code: str = "") -> list[dict[str, Any]]:
        """The next diagnostics of a file, of which one has the code if one is named."""
        while True:
            waiting, self._known = self._known, []
            message = waiting[0] if waiting else self._messages.get(timeout=PATIENCE)
            self._known = waiting[1:]
            if message.get("method") != "textDocument/publishDiagnostics":
                continue
            found: list[dict[str, Any]] = message["params"]["diagnostics"]
            has_code = any(item["code"].startswith(code) for item in found)
            if message["params"]["uri"] == uri and (has_code or not code):
                return found

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
        self.process.stdin.flush()


@pytest.fixture(scope="module")
def rubric(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("lsp")
    for name in ("rubric", "lists"):
        shutil.copytree(data_root() / "rules" / name, root / "rules" / name)
    return root / "rules" / "rubric"


@pytest.fixture(scope="module")
def editor(rubric: Path) -> Iterator[Editor]:
    made = Editor(rubric)
    capabilities = {"general": {"positionEncodings": ["utf-16"]}}
    made.ask("initialize", processId=None, rootUri=None, capabilities=capabilities)
    made.tell("initialized")
    yield made
    made.ask("shutdown")
    made.tell("exit")
    assert made.process.wait(timeout=PATIENCE) == 0


@pytest.fixture
def attacker(editor: Editor, rubric: Path) -> Iterator[tuple[str, str]]:
    """An open file: its URI and its text."""
    path = rubric / "attacker.v2.yaml"
    uri, text = path.as_uri(), path.read_text("utf-8")
    document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
    editor.tell("textDocument/didOpen", textDocument=document)
    yield uri, text
    editor.tell("textDocument/didClose", textDocument={"uri": uri})


def place(text: str, word: str, after: int = 0) -> dict[str, int]:
    at = text.index(word) + after
    line = text.count("\n", 0, at)
    return {"line": line, "character": at - text.rfind("\n", 0, at) - 1}


def change(editor: Editor, uri: str, text: str) -> None:
    document = {"uri": uri, "version": 2}
    changes = [{"text": text}]
    editor.tell("textDocument/didChange", textDocument=document, contentChanges=changes)


def test_a_misspelt_field_is_shown_and_can_be_changed(
    editor: Editor, attacker: tuple[str, str]
) -> None:
    uri, text = attacker
    wrong = text.replace("input.plausible", "input.plausibel", 1)
    change(editor, uri, wrong)
    found = editor.published(uri, code="E301")
    actions = editor.ask(
        "textDocument/codeAction",
        textDocument={"uri": uri},
        range=found[0]["range"],
        context={"diagnostics": found},
    )

    assert found[0]["range"]["start"] == place(wrong, "plausibel")
    assert actions[0]["edit"]["changes"][uri][0]["newText"] == "plausible"


def test_a_hover_says_the_type_of_a_field(
    editor: Editor, attacker: tuple[str, str]
) -> None:
    uri, text = attacker
    where = place(text, "input.novelty", len("input.n"))
    found = editor.ask("textDocument/hover", textDocument={"uri": uri}, position=where)

    assert "`input.novelty`: number" in found["contents"]["value"]


def test_an_editor_that_names_no_encoding_is_answered_in_its_units(
    rubric: Path,
) -> None:
    path = rubric / "attacker.v2.yaml"
    text = path.read_text("utf-8").replace("title: A plausible", "title: 😀 plausible")
    uri = path.as_uri()
    made = Editor(rubric)
    made.ask("initialize", processId=None, rootUri=None, capabilities={})
    document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
    made.tell("textDocument/didOpen", textDocument=document)
    where = place(text, "title: 😀", 1)
    found = made.ask("textDocument/hover", textDocument={"uri": uri}, position=where)
    made.ask("shutdown")
    made.tell("exit")

    assert found["range"]["end"]["character"] == where["character"] + len("itle")
    assert made.process.wait(timeout=PATIENCE) == 0


def test_fields_are_suggested_after_a_dot(
    editor: Editor, attacker: tuple[str, str]
) -> None:
    uri, text = attacker
    change(editor, uri, text.replace("input.plausible", "input.", 1))
    where = place(text, "input.plausible", len("input."))
    found = editor.ask(
        "textDocument/completion", textDocument={"uri": uri}, position=where
    )

    assert "plausible" in {item["label"] for item in found["items"]}


def test_a_case_leads_to_its_rule(editor: Editor, rubric: Path) -> None:
    cases = rubric / "attacker.v2.cases.yaml"
    text = cases.read_text("utf-8")
    where = place(text, "rule: ", len("rule: "))
    found = editor.ask(
        "textDocument/definition",
        textDocument={"uri": cases.as_uri()},
        position=where,
    )

    assert found["uri"] == (rubric / "attacker.v2.yaml").as_uri()


def test_a_failed_case_is_shown_when_a_file_is_saved(
    editor: Editor, rubric: Path, attacker: tuple[str, str]
) -> None:
    uri, text = attacker
    change(editor, uri, text.replace("value: 1\n", "value: 0.5\n", 1))
    editor.tell("textDocument/didSave", textDocument={"uri": uri})
    found = editor.published(
        (rubric / "attacker.v2.cases.yaml").as_uri(), code="failed-case"
    )

    assert "fails: value: expected" in found[0]["message"]


def test_a_file_is_put_into_canonical_form(
    editor: Editor, attacker: tuple[str, str]
) -> None:
    uri, text = attacker
    change(editor, uri, text.replace("{min: -0.5, max", "{min:  -0.5,max"))
    found = editor.ask(
        "textDocument/formatting",
        textDocument={"uri": uri},
        options={"tabSize": 2, "insertSpaces": True},
    )

    assert found[0]["newText"] == text


def test_half_a_file_is_answered(editor: Editor, attacker: tuple[str, str]) -> None:
    uri, text = attacker
    change(editor, uri, text[: len(text) // 2] + '"[{')

    assert editor.published(uri, code="E1")[0]["source"] == "opensoc"
    assert (
        editor.ask(
            "textDocument/formatting",
            textDocument={"uri": uri},
            options={"tabSize": 2, "insertSpaces": True},
        )
        == []
    )
