from __future__ import annotations

import pytest

from opensoc_env.telemetry.library import load_mapping, mapping_names, read_mapping
from opensoc_env.telemetry.mapping import MappingError

GOOD = """\
mapping: demo
version: 1.0.0
title: A demonstration
shape: json
sensor: firewall
present: [kind]
code: kind
timestamp: at
tables:
  verdict: {ok: allowed}
events:
  - code: flow
    title: A flow
    event_type: network.connection
    fields:
      source.ip: from_ip
      destination.ip: {from: to_ip}
      disposition: {from: verdict, table: verdict, otherwise: blocked}
"""


def faults(text: str) -> str:
    with pytest.raises(MappingError) as caught:
        read_mapping(text, "demo.yaml")
    return str(caught.value)


def test_the_shipped_mappings_are_valid() -> None:
    names = mapping_names()

    assert names == ("cloudtrail", "ecs", "sysmon", "windows-security")
    assert [load_mapping(name).name for name in names] == list(names)


def test_a_valid_mapping_is_compiled() -> None:
    mapping = read_mapping(GOOD, "demo.yaml")

    (rule,) = mapping.rules_for("", "flow")
    assert rule.event_type == "network.connection"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("source.ip:", "source.ipp:", "unknown field `source.ipp`; did you mean"),
        (
            "network.connection",
            "network.conection",
            "did you mean `network.connection`",
        ),
        ("table: verdict", "table: verdicts", "unknown table `verdicts`"),
        ("ok: allowed", "ok: fine", "the event schema has no room for `fine`"),
        ("{from: to_ip}", "{from: a, as: ipp}", "unknown conversion `ipp`"),
        ("{from: to_ip}", "{from: a, take: '('}", "`(` is no RE2 pattern"),
        ("      source.ip: from_ip\n", "", "no source for `source.ip`"),
        ("    fields:", "    use: actor\n    fields:", "unknown group `actor`"),
        ("mapping: demo", "mapping: other", "must be `demo`, the name of the file"),
        ("shape: json", "shape: xml", "demo.yaml:4"),
        ("version: 1.0.0", "version: [", "demo.yaml:"),
    ],
)
def test_what_is_wrong_with_a_mapping_is_named(
    old: str, new: str, expected: str
) -> None:
    assert old in GOOD
    assert expected in faults(GOOD.replace(old, new, 1))


def test_all_faults_of_a_mapping_are_told_at_once() -> None:
    text = GOOD.replace("source.ip:", "source.ipp:").replace("to_ip}", "a, as: q}")

    assert "source.ipp" in faults(text)
    assert "unknown conversion `q`" in faults(text)


def test_a_kind_of_record_can_be_set_aside_with_its_reason() -> None:
    aside = "aside:\n  - {code: [keepalive], why: it says nothing}\nevents:"

    mapping = read_mapping(GOOD.replace("events:", aside), "demo.yaml")

    assert mapping.why_aside("", "keepalive") == "it says nothing"
    assert mapping.why_aside("", "flow") == ""
