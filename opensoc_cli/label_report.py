"""The tables of `opensoc label`: what was read, how often it is right, false alarms."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Sequence

    from opensoc_env.telemetry.agreement import Agreement, AgreementRow
    from opensoc_env.telemetry.alarms import Alarms
    from opensoc_env.telemetry.share import Share
    from opensoc_env.telemetry.tally import Row, Tally

_COUNTS_SHOWN = 10
_SUMMARY = ("recordings", "records", "events", "set aside", "non-dismiss")
_AGREEMENT = ("recordings", "flagged", "tactic agrees", "technique agrees")
_ALARMS = ("recordings", "judged", "flagged")


def write_line(stream: TextIO, text: str) -> None:
    """Write a line; what could steer a terminal, or its code lacks, is escaped."""
    plain = "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in text
    )
    encoding = stream.encoding or "utf-8"
    stream.write(plain.encode(encoding, "backslashreplace").decode(encoding) + "\n")


def write_summary(tally: Tally) -> None:
    """Say on stderr what was read and what came of it."""
    rows = tally.rows()
    shown = [*rows, tally.total()] if len(rows) > 1 else rows
    _write_table(sys.stderr, "telemetry", _SUMMARY, map(_summary_cells, shown))
    actions = (f"{action} {n}" for action, n in tally.actions.most_common())
    write_line(sys.stderr, f"verdicts: {', '.join(actions) or 'none'}")
    if unjudged := tally.total().unjudged:
        write_line(sys.stderr, f"recordings without any verdict: {unjudged}")
    _write_counts(sys.stderr, "records that became no event", tally.skipped)


def write_agreement(agreement: Agreement, *, as_json: bool) -> None:
    """Say on stdout how often a verdict agrees with what was published."""
    if as_json:
        _write_json(agreement.to_json())
        return
    telemetry = map(_agreement_cells, agreement.by_telemetry())
    _write_table(sys.stdout, "telemetry", _AGREEMENT, telemetry)
    tactics = map(_agreement_cells, agreement.by_tactic())
    _write_table(sys.stdout, "published tactic", _AGREEMENT, tactics)
    write_line(sys.stdout, "in brackets: Wilson interval at 95 %")


def write_alarms(alarms: Alarms, *, as_json: bool) -> None:
    """Say on stdout how often what is no attack raised an alarm."""
    if as_json:
        _write_json(alarms.to_json())
        return
    cells = (
        (row.product, str(row.recordings), str(row.judged), _share(row.alarms))
        for row in alarms.rows()
    )
    _write_table(sys.stdout, "product", _ALARMS, cells)
    write_line(sys.stdout, "in brackets: Wilson interval at 95 %")
    _write_counts(sys.stdout, "alarms by rule", alarms.rules)
    unjudged = alarms.unjudged()
    if unjudged:
        names = ", ".join(f"{name} {count}" for name, count in unjudged.items())
        write_line(sys.stdout, f"not judged, for want of a mapping: {names}")


def _summary_cells(row: Row) -> tuple[str, ...]:
    return (
        row.telemetry,
        str(row.recordings),
        str(row.records),
        f"{row.events} ({_percent(row.events, row.records)})",
        f"{row.aside} ({_percent(row.aside, row.records)})",
        f"{row.flagged} ({_percent(row.flagged, row.recordings)})",
    )


def _agreement_cells(row: AgreementRow) -> tuple[str, ...]:
    shares = (row.flagged, row.tactic, row.technique)
    return (row.name, str(row.recordings), *map(_share, shares))


def _share(share: Share) -> str:
    if not share.whole:
        return "n/a"
    low, high = share.interval
    percent = _percent(share.part, share.whole)
    return f"{share.part} = {percent} ({100 * low:.0f}-{100 * high:.0f})"


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "n/a"


def _write_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _write_table(
    stream: TextIO, first: str, titles: Sequence[str], rows: Iterable[tuple[str, ...]]
) -> None:
    """Write aligned columns; importing `rich` takes longer than labelling a file."""
    lines = [(first, *titles), *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for name, *rest in lines:
        cells = [text.rjust(w) for text, w in zip(rest, widths[1:], strict=True)]
        write_line(stream, "  ".join([name.ljust(widths[0]), *cells]))


def _write_counts(stream: TextIO, title: str, counts: Counter[str]) -> None:
    total = counts.total()
    if not total:
        return
    write_line(stream, f"{title}: {total}")
    for name, count in counts.most_common(_COUNTS_SHOWN):
        write_line(stream, f"  {count:>6}  {name}")
    rest = total - sum(n for _, n in counts.most_common(_COUNTS_SHOWN))
    if rest:
        write_line(stream, f"  {rest:>6}  others")
