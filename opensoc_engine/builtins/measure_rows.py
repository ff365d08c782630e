"""Rows of builtins on times, versions and sizes."""

from opensoc_engine import types as t
from opensoc_engine.builtin_functions import time_, units, versions
from opensoc_engine.builtins.rows import INTEGER, IS, TEXT, partial, row, total

_WEEKDAYS = t.Enum(tuple(sorted(time_.WEEKDAYS)))

ROWS = (
    row(
        "time.parse_rfc3339_ns",
        time_.parse_rfc3339_ns,
        'time.parse_rfc3339_ns("1970-01-01T01:00:01.5+01:00")',
        "1500000000",
        total(t.Timestamp(), INTEGER),
        partial(TEXT, INTEGER),
        check=time_.check_time,
        settled_by=(0,),
    ),
    row(
        "time.parse_duration_ns",
        time_.parse_duration_ns,
        'time.parse_duration_ns("1m30s")',
        "90000000000",
        partial(TEXT, INTEGER),
        check=time_.check_duration,
        settled_by=(0,),
    ),
    row(
        "time.weekday",
        time_.weekday,
        "time.weekday(0)",
        '"Thursday"',
        total(INTEGER, _WEEKDAYS),
    ),
    row(
        "time.clock",
        time_.clock,
        "time.clock(3661000000000)",
        "[1, 1, 1]",
        total(INTEGER, t.Array(INTEGER)),
    ),
    row(
        "time.date",
        time_.calendar_date,
        "time.date(0)",
        "[1970, 1, 1]",
        total(INTEGER, t.Array(INTEGER)),
    ),
    row(
        "semver.compare",
        versions.semver_compare,
        'semver.compare("1.9.0", "1.10.0")',
        "-1",
        partial(TEXT, TEXT, INTEGER),
        check=versions.check_version,
        settled_by=(0, 1),
    ),
    row(
        "semver.is_valid",
        versions.semver_is_valid,
        'semver.is_valid("1.0")',
        "false",
        *IS,
    ),
    row(
        "units.parse_bytes",
        units.parse_bytes,
        'units.parse_bytes("1.5KiB")',
        "1536",
        partial(TEXT, INTEGER),
        check=units.check_size,
        settled_by=(0,),
    ),
)
