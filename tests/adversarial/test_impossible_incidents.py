"""Incidents that could not have happened, and what no border lets in."""

from __future__ import annotations

from typing import Any

import pytest
from attacks import (
    at,
    changed,
    estate,
    event,
    failed,
    flow,
    guesses,
    incident,
    label,
    logged_on,
    native,
    objections,
    play,
    seen,
    started,
    truth_of,
)
from traces import granted, key_set, posted, question, rewritten

from opensoc_env.incident import IncidentError, craft_incident
from opensoc_env.novelty import Archive

AGENT: dict[str, Any] = {"entity_id": "p1", "pid": 7}
PAIRS = {
    "a success with a reason to fail": (
        [changed(logged_on(), fields__event__reason="0xc000006a")],
        "events.fields.event.reason",
    ),
    "a failure without a reason": (
        [changed(failed(), fields__event__reason=None)],
        "events.fields.event.reason",
    ),
    "one process with two images": (
        [started(**AGENT), started("cmd.exe", log_id="e2", **AGENT)],
        "events.fields.process",
    ),
    "one process of two accounts": (
        [started(**AGENT), started(log_id="e2", user="bob", **AGENT)],
        "events.fields.user.name",
    ),
    "one process on two machines": (
        [started(**AGENT), started(log_id="e2", host="ws-02", **AGENT)],
        "events.fields.process.entity_id",
    ),
    "one address of two machines": (
        [flow(), changed(flow("f2"), fields__host__name="ws-02")],
        "events.fields.source.ip",
    ),
    "a blocked connection with an answer": (
        [changed(flow(disposition="blocked"), fields__destination__bytes=5)],
        "events.fields.destination.bytes",
    ),
    "a child before its parent": (
        [
            changed(started(when=1), fields__process__parent__pid=7),
            started("winword.exe", log_id="p", when=2, parent="explorer.exe", pid=7),
        ],
        "events",
    ),
    "a connection before its process": (
        [flow(entity_id="p1"), started("curl.exe", when=5, entity_id="p1")],
        "events",
    ),
    "a name that is not the end of its path": (
        [started("powershell.exe", executable=r"C:\Windows\notepad.exe")],
        "events.fields.process",
    ),
    "a path of another system": (
        [started(executable="/usr/bin/powershell.exe")],
        "events.fields.process.executable",
    ),
    "a machine that is not ours": (
        [started(host="ws-99")],
        "events.fields.host.name",
    ),
    "an account that is not ours": (
        [started(user="mallory")],
        "events.fields.user.name",
    ),
    "a sensor that sees no such thing": (
        [changed(started(), source="dlp")],
        "events.source",
    ),
    "a source that is not the machine's": (
        [changed(flow(), fields__source__ip="10.0.1.99")],
        "events.fields.source.ip",
    ),
    "a value of the registry on Linux": (
        [changed(key_set(r"HKLM\Software\Vendor", "x"), fields__host__name="lnx-01")],
        "events.event_type",
    ),
    "a file below /etc on Windows": (
        [changed(rewritten(1)[0], fields__file__path="/etc/passwd")],
        "events.fields.file.path",
    ),
    "a logon from an address inside that no machine has": (
        [logged_on(ip="10.0.1.99")],
        "events.fields.source.ip",
    ),
    "an answer from an address inside that no machine has": (
        [changed(flow(ip="10.0.2.99"), fields__destination__bytes=5)],
        "events.fields.destination.ip",
    ),
    "an agent that sees a flow of two other machines": (
        [
            changed(
                flow(ip="10.0.2.41"),
                source="edr",
                fields__network={},
                fields__source__ip="10.0.1.12",
            )
        ],
        "events.fields.host.name",
    ),
    "a question from the address of another machine": (
        [changed(question(1, 0), fields__source={"ip": "10.0.1.12"})],
        "events.fields.source.ip",
    ),
    "a password of an account that is not ours": (
        [changed(granted("g", 0, "password_reset"), fields__user__target__name="x")],
        "events.fields.user.target.name",
    ),
    "a clerk at the console of a domain controller": (
        [changed(logged_on(host="dc-01"), fields__logon_type="interactive")],
        "events.fields.user.name",
    ),
    "a link to another host than its domain": (
        [changed(posted(), fields__url__domain="vendor.example")],
        "events.fields.url.domain",
    ),
    "a few bytes with the entropy of many": (
        [changed(rewritten(1)[0], fields__file__size=68)],
        "events.fields.file.entropy",
    ),
    "a blocked flow that carries bytes a second later": (
        [
            changed(flow("f1", 0, disposition="blocked"), fields__source__port=50_100),
            changed(flow("f2", 1), fields__source__port=50_100),
        ],
        "events.fields.source.bytes",
    ),
    "a logon that succeeds after the account was disabled": (
        [
            event(
                "c",
                "control.outcome",
                "identity",
                0,
                user={"name": "alice", "target": {"name": "alice"}},
                event={"action": "account_disabled", "outcome": "success"},
            ),
            logged_on(),
        ],
        "events.fields.event.outcome",
    ),
}


LINUX = {
    "name": "lnx-01",
    "ip": "10.0.2.91",
    "os": "linux",
    "role": "server",
    "tier": "T1",
    "tolerates_isolation": True,
    "sensors": ["edr"],
}


def with_linux(document: dict[str, Any]) -> dict[str, Any]:
    """The same incident where the office has a Linux server as well."""
    hosts = document["context"]["hosts"]
    return changed(document, context__hosts=[*hosts, LINUX])


class TestContradictions:
    @pytest.mark.parametrize("pair", PAIRS)
    def test_plausibility_names_the_field(self, pair: str) -> None:
        events, field = PAIRS[pair]

        assert field in objections(with_linux(incident(*events)))

    def test_plausibility_names_the_sensor_that_a_machine_lacks(self) -> None:
        bare = changed(incident(started()), context__hosts__0__sensors=["windows"])

        assert objections(bare) == ["events.source"]

    def test_plausibility_names_the_sensor_that_is_blind(self) -> None:
        blind = changed(incident(started()), context__sensor_health__0__healthy=False)
        other = changed(blind, events__0__source="windows")

        assert objections(blind) == ["events.source"]
        assert objections(other) == []

    def test_an_implausible_incident_that_fools_pays_nothing(self) -> None:
        result = play([changed(native(), fields__host__name="nowhere")])

        assert not result.plausible
        assert result.violations[0].field == "events.fields.host.name"
        assert result.attacker_reward == 0

    def test_an_implausible_incident_is_not_archived(self) -> None:
        archive = Archive()
        play([changed(native(), fields__host__name="nowhere")], archive)

        assert len(archive) == 0

    def test_what_acts_after_its_stop_is_escalated_and_not_hidden(self) -> None:
        blocked = started(disposition="blocked", pid=7)
        act = flow(when=5, image="powershell.exe", pid=7, sent=9)

        assert objections(incident(blocked, act)) == []
        assert label(blocked, act) == "escalate"


OVERSIZED = {
    "command line": started(command="a" * 8_193),
    "image": started("a" * 257),
    "account": started(user="a" * 129),
    "machine": started(host="a" * 129),
    "bytes": flow(sent=2**53),
    "negative bytes": flow(sent=-1),
    "port": flow(port=65_536),
    "hash": started(hash={"sha256": "a" * 63}),
    "entropy": event(
        "x",
        "file.change",
        "edr",
        0,
        host={"name": "ws-01"},
        file={"path": "x", "entropy": 8.1},
    ),
    "infinite entropy": event(
        "x",
        "file.change",
        "edr",
        0,
        host={"name": "ws-01"},
        file={"path": "x", "entropy": float("nan")},
    ),
    "address": flow(ip="203.0.113.256"),
}


class TestBudget:
    @pytest.mark.parametrize("part", OVERSIZED)
    def test_an_oversized_value_is_refused(self, part: str) -> None:
        with pytest.raises(IncidentError):
            truth_of(incident(OVERSIZED[part]))

    def test_more_events_than_a_window_holds_are_refused(self) -> None:
        events = [native(log_id=f"e{n}") for n in range(33)]

        assert play(events).attacker_reward == -0.5
        assert play(events[:32]).attacker_reward == 1.2

    def test_a_window_of_more_than_a_day_is_implausible(self) -> None:
        late = changed(started(log_id="e2"), timestamp="2026-03-03T09:00:01Z")

        assert objections(incident(started(), late)) == ["events.timestamp"]

    def test_a_day_is_not(self) -> None:
        late = changed(started(log_id="e2"), timestamp="2026-03-03T09:00:00Z")

        assert objections(incident(started(), late)) == []

    def test_a_story_may_be_so_long_and_no_longer(self) -> None:
        assert play([native()], narrative="x" * 4_001).attacker_reward == -0.5
        assert play([native()], narrative="x" * 4_000).attacker_reward == 1.2

    def test_an_incident_is_counted_at_its_own_time_whatever_its_order(self) -> None:
        events = [*guesses(), logged_on()]

        assert label(*events[::-1]) == label(*events) == "escalate"
        assert events[0]["timestamp"] == at(0)


class TestEmptyWindow:
    def test_no_event_is_dismissed(self) -> None:
        assert label() == "dismiss"

    def test_no_event_is_plausible_and_shown(self) -> None:
        assert seen(incident()).log_window == []

    def test_an_attacker_has_to_send_one(self) -> None:
        assert play([]).attacker_reward == -0.5

    @pytest.mark.parametrize("events", [None, {}, "", 0, [None], [[]], [{}]])
    def test_what_is_no_event_is_refused(self, events: Any) -> None:
        crafted = {"target_label": "dismiss", "category": "ransomware", "narrative": ""}
        with pytest.raises(IncidentError):
            craft_incident({**crafted, "events": events}, estate())
