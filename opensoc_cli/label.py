"""`opensoc label PATH...`: recorded telemetry becomes verdicts.

Verdicts go to stdout, one a line, or else a report on them; faults and the summary go
to stderr. Exit code 1 if some part of a file could not be read, 2 if nothing came to a
verdict at all.
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
from opensoc_cli.judges import judge_of
from opensoc_cli.label_report import (
    write_agreement,
    write_alarms,
    write_line,
    write_summary,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from opensoc_env.judge import Judge
    from opensoc_env.telemetry.agreement import Agreement
    from opensoc_env.telemetry.alarms import Alarms
    from opensoc_env.telemetry.labeller import Label
    from opensoc_env.telemetry.mapping import Mapping
    from opensoc_env.telemetry.reader import Fault

    Wrap = Callable[[BinaryIO], BinaryIO]

AUTO = "auto"
STDIN = Path("-")
_SUFFIXES = {".json", ".jsonl", ".ndjson"}
# A file that is no JSON at all has a fault in every line; the first ones say enough.
_FAULTS_SHOWN = 100
_ITEMS_SHOWN = 8
# Less is labelled before a bar could be seen.
_MUCH = 1_000_000


class Form(StrEnum):
    """How verdicts are written."""

    TEXT = "text"
    JSON = "json"


class Report(StrEnum):
    """What is written on stdout."""

    VERDICTS = "verdicts"
    AGREEMENT = "agreement"
    ALARMS = "alarms"


def run(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH", help="Files, folders, or `-` for stdin."),
    ],
    origin: Annotated[
        str,
        typer.Option("--from", help="The name of a mapping, or auto (all)."),
    ] = AUTO,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Also write JSON lines to this file."),
    ] = None,
    form: Annotated[
        Form, typer.Option("--format", help="How to write on stdout.")
    ] = Form.TEXT,
    report: Annotated[
        Report,
        typer.Option(
            help="Verdicts; how many agree with what was published; or how many "
            "alarms there are on what is not called an attack."
        ),
    ] = Report.VERDICTS,
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
    session = _Session(
        _mappings(origin), judge_of(rules), form, report, with_events=with_events
    )
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
    _report(session, form)
    _exit(session)


def _report(session: _Session, form: Form) -> None:
    as_json = form is Form.JSON
    if session.agreement is not None:
        write_agreement(session.agreement, as_json=as_json)
    elif session.alarms is not None:
        write_alarms(session.alarms, as_json=as_json)
    else:
        write_summary(session.tally)


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
        report: Report,
        *,
        with_events: bool,
    ) -> None:
        from opensoc_env.telemetry.tally import Tally

        self._mappings = mappings
        self._judge = judge
        self._form = form
        self._with_events = with_events
        self.sink: TextIO | None = None
        self.tally = Tally()
        self.agreement = _agreement() if report is Report.AGREEMENT else None
        self.alarms = _alarms() if report is Report.ALARMS else None
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
            write_line(sys.stderr, f"{path}: and {hidden} more faults of this file")

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
            write_line(sys.stderr, f"{at}: {fault.reason}")

    def _verdict(self, path: Path, label: Label) -> None:
        self.tally.add(str(path), label)
        report = self.agreement or self.alarms
        if self.sink is not None:
            self.sink.write(self._json(path, label) + "\n")
        if report is not None:
            report.add(str(path), label)
            return
        text = self._json(path, label) if self._form is Form.JSON else _line(label)
        write_line(sys.stdout, text)

    def _json(self, path: Path, label: Label) -> str:
        line = label.to_json(str(path), with_events=self._with_events)
        return json.dumps(line, separators=(",", ":"))


def _agreement() -> Agreement:
    from opensoc_env.telemetry.agreement import Agreement

    return Agreement()


def _alarms() -> Alarms:
    from opensoc_env.telemetry.alarms import Alarms

    return Alarms()


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
    """A bar of bytes on stderr, if that is a terminal and there is much to read."""
    is_shown = sys.stderr.isatty() and STDIN not in files
    total = sum(path.stat().st_size for path in files) if is_shown else 0
    if total < _MUCH:
        yield lambda stream: stream
        return
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    shared = sys.stdout.isatty()
    with Progress(console=console, transient=True, redirect_stdout=shared) as bar:
        task = bar.add_task("labelling", total=total)
        yield lambda stream: bar.wrap_file(stream, task_id=task)
