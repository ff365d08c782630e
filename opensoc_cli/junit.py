"""Results of cases become JUnit XML: a suite for each policy, with its coverage."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from opensoc_cli.coverage_report import place, shown
from opensoc_engine.coverage import gaps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opensoc_engine.cases import CaseResult
    from opensoc_engine.coverage import FileCoverage

# XML 1.0 can't hold these, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def document(
    results: Sequence[CaseResult], measured: Sequence[FileCoverage] | None
) -> str:
    """The results as one XML document."""
    root = ET.Element("testsuites", {"name": "opensoc test", **_counts(results)})
    files = {file.name: file for file in measured or ()}
    for policy in dict.fromkeys([*(result.policy for result in results), *files]):
        own = [result for result in results if result.policy == policy]
        suite = ET.SubElement(root, "testsuite", {"name": policy, **_counts(own)})
        if policy in files:
            _add_coverage(suite, files[policy])
        for result in own:
            _add_case(suite, result)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True)


def _counts(results: Sequence[CaseResult]) -> dict[str, str]:
    failed = sum(not result.passed for result in results)
    return {"tests": str(len(results)), "failures": str(failed), "errors": "0"}


def _add_coverage(suite: ET.Element, file: FileCoverage) -> None:
    properties = ET.SubElement(suite, "properties")
    values = [("coverage.percent", f"{file.percent:.1f}")]
    values.append(("coverage.lines", str(len(file.lines))))
    for gap, line in gaps([file]):
        name = f"coverage.{gap.replace(' ', '_')}"
        values.append((name, f"{place(line)}: {shown(line)}"))
    for name, value in values:
        ET.SubElement(properties, "property", name=name, value=_text(value))


def _add_case(suite: ET.Element, result: CaseResult) -> None:
    span = result.case.name.span
    case = ET.SubElement(
        suite,
        "testcase",
        classname=_text(result.policy),
        name=_text(result.case.name.text),
        file=_text(span.source.name),
        line=str(span.begin.line),
    )
    if result.passed:
        return
    lines = [
        f"{found.what}: expected {found.expected}, actual {found.actual}"
        for found in result.mismatches
    ]
    failure = ET.SubElement(case, "failure", message=_text("; ".join(lines)))
    failure.text = _text("\n".join(lines))


def _text(value: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", value)
