"""`opensoc label PATH...`: recorded telemetry becomes verdicts.

Verdicts go to stdout, one a line; faults and the summary go to stderr. Exit code 1 if
some part of a file could not be read, 2 if nothing came to a verdict at all.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, TextIO

import typer

from opensoc_cli import reporting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from opensoc_env.judge import Judge
    from opensoc_env.telemetry.labeller import Label
    from opensoc_env.telemetry.mapping import Mapping
    from opensoc_env.telemetry.reader import Fault
    from opensoc_env.telemetry.tally import Row, Tally

    Wrap = Callable[[BinaryIO], BinaryIO]

AUTO = "auto"
STDIN = Path("-")
_SUFFIXES = {".json", ".jsonl", ".ndjson"}
# A file that is no JSON at all has a fault in every line; the first ones say enough.
_FAULTS_SHOWN = 100
_ITEMS_SHOWN = 8
_REASONS_SHOWN = 10
# Wide enough for every name, and narrow enough for 80 columns.
_COLUMNS = ("recordings", "records", "normalised", "non-dismiss")


class Form(StrEnum):
    """How verdicts are written."""

    TEXT = "text"
    JSON = "json"


def run(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Files, folders, or `-` for stdin."),
    ],
    origin: Annotated[
        str,
        typer.Option(
            "--from", help="sysmon, windows-security, cloudtrail or auto (all)."
        ),
    ] = AUTO,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Also write JSON lines to this file."),
    ] = None,
    form: Annotated[
        Form, typer.Option("--format", help="How to write verdicts on stdout.")
    ] = Form.TEXT,
    *,
    with_events: Annotated[
        bool,
        typer.Option(
            "--with-events", help="In JSON, add the incident and the raw records."
        ),
    ] = False,
    rules: Annotated[
        Path | None,
        typer.Option(help="A rules folder; the one that ships with OpenSOC if absent."),
    ] = None,
) -> None:
    """Label recorded telemetry: the right action, its rules and its evidence."""
    files = _files(paths)
    if out is not None and out.resolve() in {path.resolve() for path in files}:
        raise reporting.stop(f"`{out}` is read and written", "choose another output")
    session = _Session(_mappings(origin), _judge(rules), form, with_events=with_events)
    try:
        with ExitStack() as stack:
            session.sink = stack.enter_context(_output(out)) if out else None
            wrap = stack.enter_context(_progress(files))
            for path in files:
                session.label_file(path, wrap)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise reporting.stop(f"verdicts can't be written: {error}") from None
    _summarise(session.tally)
    _exit(session)


def _exit(session: _Session) -> None:
    if not session.tally.actions:
        raise reporting.stop(
            "no verdict: none of what was read is known telemetry",
            "see `opensoc label --help` for what --from knows",
        )
    if session.faults:
        raise typer.Exit(reporting.FINDINGS)


class _Session:
    """Labels files, writes each verdict as it comes, and counts."""

    def __init__(
        self,
        mappings: Sequence[Mapping],
        judge: Judge,
        form: Form,
        *,
        with_events: bool,
    ) -> None:
        from opensoc_env.telemetry.tally import Tally

        self._mappings = mappings
        self._judge = judge
        self._form = form
        self._with_events = with_events
        self.sink: TextIO | None = None
        self.tally: Tally = Tally()
        self.faults = 0

    def label_file(self, path: Path, wrap: Wrap) -> None:
        """Label everything in a file; what can't be read is a fault."""
        from opensoc_env.telemetry.reader import Fault

        before = self.faults
        for item in self._items(path, wrap):
            if isinstance(item, Fault):
                self._fault(path, item, self.faults - before)
            else:
                self._verdict(path, item)
        hidden = self.faults - before - _FAULTS_SHOWN
        if hidden > 0:
            _write(sys.stderr, f"{path}: and {hidden} more faults of this file")

    def _items(self, path: Path, wrap: Wrap) -> Iterator[Label | Fault]:
        from opensoc_env.telemetry.labeller import label_recording
        from opensoc_env.telemetry.reader import Fault
        from opensoc_env.telemetry.recordings import read_recordings

        name = "stdin" if path == STDIN else path.name
        try:
            with _open(path, wrap) as stream:
                for item in read_recordings(stream, name):
                    if isinstance(item, Fault):
                        yield item
                    else:
                        yield from label_recording(item, self._mappings, self._judge)
        except OSError as error:
            yield Fault(0, f"can't be read: {error.strerror}")

    def _fault(self, path: Path, fault: Fault, already: int) -> None:
        self.faults += 1
        if already < _FAULTS_SHOWN:
            at = f"{path}:{fault.line}" if fault.line else f"{path}"
            _write(sys.stderr, f"{at}: {fault.reason}")

    def _verdict(self, path: Path, label: Label) -> None:
        self.tally.add(str(path), label)
        if self.sink is not None:
            self.sink.write(self._json(path, label) + "\n")
        text = self._json(path, label) if self._form is Form.JSON else _line(label)
        _write(sys.stdout, text)

    def _json(self, path: Path, label: Label) -> str:
        line = label.to_json(str(path), with_events=self._with_events)
        return json.dumps(line, separators=(",", ":"))


def _line(label: Label) -> str:
    """A verdict as people read it."""
    span = label.span if label.is_window else ()
    name = f"{label.name} [{' to '.join(span)}]" if span else label.name
    share = f"events {label.events}/{label.records}"
    if label.decision is None:
        return f"{'no verdict':<15}  {name}  {share}"
    rules = tuple(finding.rule for finding in label.decision.findings)
    parts = [f"{label.decision.outcome:<15}", name]
    parts += [f"rules {_shown(rules)}"] if rules else ["no rule fired"]
    parts += [f"evidence {_shown(label.evidence)}"] if label.evidence else []
    parts += [f"technique {_shown(label.techniques)}"] if label.techniques else []
    return "  ".join([*parts, share, f"digest {label.decision.digest[:12]}"])


def _shown(items: Sequence[str]) -> str:
    rest = len(items) - _ITEMS_SHOWN
    shown = ", ".join(items[:_ITEMS_SHOWN])
    return f"{shown} and {rest} more" if rest > 0 else shown


def _write(stream: TextIO, text: str) -> None:
    """Write a line; what could steer a terminal, or its code lacks, is escaped."""
    plain = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )
    encoding = stream.encoding or "utf-8"
    stream.write(plain.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def _files(paths: Iterable[Path]) -> list[Path]:
    """The files that are meant, each once; folders stand for their JSON files."""
    found: dict[Path, None] = {}
    for path in paths:
        if path != STDIN and not path.exists():
            raise reporting.stop(f"there is no `{path}`", "name files or folders")
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        files = [p for p in inside if p == path or p.suffix.lower() in _SUFFIXES]
        found |= dict.fromkeys(p for p in files if not p.is_dir())
    if not found:
        raise reporting.stop(
            "no file to read",
            f"folders are searched for {', '.join(sorted(_SUFFIXES))}",
        )
    return list(found)


def _mappings(origin: str) -> list[Mapping]:
    from opensoc_env.telemetry.library import load_mapping, mapping_names

    names = mapping_names()
    if origin != AUTO and origin not in names:
        known = ", ".join([*names, AUTO])
        raise reporting.stop(f"unknown telemetry `{origin}`", f"--from knows {known}")
    return [load_mapping(name) for name in names if origin in {AUTO, name}]


def _judge(rules: Path | None) -> Judge:
    from opensoc_engine.errors import OpenSocError
    from opensoc_env.judge import Judge, default_judge

    try:
        return default_judge() if rules is None else Judge.load(rules)
    except OpenSocError as error:
        raise reporting.stop(str(error)) from None


@contextmanager
def _open(path: Path, wrap: Wrap) -> Iterator[BinaryIO]:
    if path == STDIN:
        yield sys.stdin.buffer
        return
    with path.open("rb") as stream:
        yield wrap(stream)


@contextmanager
def _output(path: Path) -> Iterator[TextIO]:
    """A file that takes its name only when it is complete."""
    part = path.with_name(f"{path.name}.part")
    with part.open("w", encoding="utf-8") as stream:
        try:
            yield stream
            stream.close()
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def _progress(files: Sequence[Path]) -> Iterator[Wrap]:
    """A bar of bytes on stderr, if that is a terminal."""
    if not sys.stderr.isatty() or STDIN in files:
        yield lambda stream: stream
        return
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    total = sum(path.stat().st_size for path in files)
    shared = sys.stdout.isatty()
    with Progress(console=console, transient=True, redirect_stdout=shared) as bar:
        task = bar.add_task("labelling", total=total)
        yield lambda stream: bar.wrap_file(stream, task_id=task)


def _summarise(tally: Tally) -> None:
    from rich.box import ASCII2, SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    table = Table(box=SIMPLE_HEAD if console.is_terminal else ASCII2)
    table.add_column("telemetry", no_wrap=True)
    for title in _COLUMNS:
        table.add_column(title, justify="right", no_wrap=True)
    rows = tally.rows()
    for row in [*rows, tally.total()] if len(rows) > 1 else rows:
        table.add_row(*_cells(row))
    console.print(table)
    actions = (f"{action} {n}" for action, n in tally.actions.most_common())
    _write(sys.stderr, f"verdicts: {', '.join(actions) or 'none'}")
    if unjudged := tally.total().unjudged:
        _write(sys.stderr, f"recordings without any known record: {unjudged}")
    _write_reasons(tally)


def _cells(row: Row) -> tuple[str, ...]:
    normalised = f"{row.events} ({_percent(row.events, row.records)})"
    flagged = f"{row.flagged} ({_percent(row.flagged, row.recordings)})"
    counts = (str(row.recordings), str(row.records), normalised, flagged)
    return (row.telemetry, *counts)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "n/a"


def _write_reasons(tally: Tally) -> None:
    total = tally.skipped.total()
    if not total:
        return
    _write(sys.stderr, f"records that became no event: {total}")
    for reason, count in tally.skipped.most_common(_REASONS_SHOWN):
        _write(sys.stderr, f"  {count:>6}  {reason}")
    rest = total - sum(n for _, n in tally.skipped.most_common(_REASONS_SHOWN))
    if rest:
        _write(sys.stderr, f"  {rest:>6}  other reasons")
