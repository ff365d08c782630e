from __future__ import annotations

import gzip
import json
import re
import shutil
import tarfile
from io import BytesIO
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from compiled_texts import PolicyTexts, RuleTexts, checked_texts
from typer.testing import CliRunner

from opensoc_cli import export as verb
from opensoc_engine import data_root, load_policy_set
from opensoc_engine import types as t
from opensoc_engine.codegen.rego import policy_module
from opensoc_engine.codegen.rego_names import package_name, renamed

if TYPE_CHECKING:
    from pathlib import Path

RULES = data_root() / "rules"
EVENT = t.Object(
    "Event", (t.Field("id", t.Text(), identity=True), t.Field("host", t.Text()))
)
DOCUMENT = t.Object("Document", (t.Field("events", t.Array(EVENT)),))
ANY_EVENT = "some e in input.events\n"


def module(*bodies: str, evidence: tuple[str, ...] = (), **more: Any) -> str:
    rule = RuleTexts(bodies, evidence, more.pop("value", None))
    texts = PolicyTexts({"a-rule": rule}, more.pop("defines", {}))
    checked, found = checked_texts(texts, DOCUMENT, {"names": ("a", "b")})
    assert checked is not None, [item.message for item in found]
    manifest: Any = SimpleNamespace(name="verifier")
    return policy_module(checked, manifest)


def export(*arguments: object) -> Any:
    return CliRunner().invoke(verb.app, ["rego", *map(str, arguments)])


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rego")
    assert export(RULES, "-o", folder).exit_code == 0
    return folder


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("c2-beacon", "c2_beacon"),
        ("defender.v2", "defender_v2"),
        ("7-zip", "p_7_zip"),
        ("default", "default_"),
        ("decision", "decision_"),
    ],
)
def test_every_name_becomes_a_part_of_a_package(name: str, package: str) -> None:
    assert package_name(name) == package


def test_names_that_rego_has_taken_get_free_ones() -> None:
    assert renamed({"div", "div_", "beat"}) == {"div": "div__"}


def test_a_rule_is_a_member_of_fired_with_its_evidence() -> None:
    text = module(ANY_EVENT + 'e.host == "a"', evidence=("e",))

    assert "package opensoc.verifier.test\n\nimport rego.v1\n" in text
    assert text.endswith(
        'fired contains {"rule": "a-rule", "evidence": evidence} if {\n'
        "\tsome e in input.events\n"
        '\te.host == "a"\n'
        "\tevidence := [e.id]\n"
        "}\n"
    )


def test_evidence_of_several_events_is_each_id_once() -> None:
    body = 'xs := [e | some e in input.events]\nsome e in xs\ne.host == "a"'
    text = module(body, evidence=("e", "xs"))

    ids = "array.concat([e.id], [item.id | some item in xs])"
    assert f"evidence := distinct({ids})" in text
    assert "distinct(ids) := [ids[at] |" in text


def test_each_body_is_a_definition_of_its_own() -> None:
    text = module(ANY_EVENT + 'e.host == "a"', ANY_EVENT + 'e.host == "b"')

    assert text.count("fired contains") == 2


def test_helpers_keep_their_bodies_and_only_those_that_are_called_are_there() -> None:
    defines = {
        "is_a(e)": ('e.host == "a"', 'e.id == "a"'),
        "never(e)": ('e.host == "never"',),
    }
    text = module(ANY_EVENT + "is_a(e)", defines=defines)

    assert text.count("is_a(e) if {") == 2
    assert "never" not in text


def test_a_helper_that_is_called_like_an_operator_of_opa_is_renamed() -> None:
    defines = {"div(e) := e.host": ("",)}
    text = module(ANY_EVENT + 'div(e) == "a"', defines=defines)

    assert "div_(e) := e.host\n" in text
    assert '\tdiv_(e) == "a"\n' in text


def test_variables_that_hide_a_builtin_are_renamed() -> None:
    text = module("some net in input.events\ncount(net.host) > 1", evidence=("net",))

    assert "\tsome net_ in input.events\n\tcount(net_.host) > 1\n" in text
    assert "evidence := [net_.id]" in text


def test_names_of_a_policy_never_meet_those_of_the_module() -> None:
    body = 'some evidence in input.events\nevidence.host == "a"\nvalue := 1\nvalue == 1'
    text = module(body, evidence=("evidence",), value="2 + value")

    assert '"evidence": evidence_, "value": value_}' in text
    assert "evidence_ := [evidence.id]" in text
    assert "value_ := 2 + value" in text


def test_lists_are_read_below_the_root_of_the_bundle() -> None:
    text = module(ANY_EVENT + "e.host in data.names")

    assert "e.host in data.opensoc.lists.names" in text


def test_the_exported_verifier_names_nothing_that_an_attacker_claims(
    exported: Path,
) -> None:
    hidden = re.compile(r"input\.(narrative|category|target_label|incident_id)")
    texts = [path.read_text() for path in exported.glob("opensoc/verifier/*.rego")]

    assert len(texts) == len(load_policy_set(RULES / "verifier").policies) + 1
    assert not [text for text in texts if hidden.search(text)]


def test_all_sets_and_lists_are_written(exported: Path) -> None:
    manifest = json.loads((exported / ".manifest").read_text())
    lists = json.loads((exported / "data.json").read_text())["opensoc"]["lists"]
    verifier = load_policy_set(RULES / "verifier")

    assert manifest["roots"] == ["opensoc"]
    assert manifest["metadata"]["opensoc"]["digests"]["verifier"] == verifier.digest
    assert lists["thresholds"]["beacon"]["min_connections"] == 6
    assert (exported / "opensoc" / "rubric" / "defender_v2.rego").is_file()


def test_a_set_decides_by_its_order(exported: Path) -> None:
    text = (exported / "opensoc" / "verifier" / "decision.rego").read_text()

    assert 'default outcome := "dismiss"' in text
    assert '{"escalate": 0, "quarantine_host": 1, "block_ip": 2, "monitor": 3}' in text
    assert "data.opensoc.verifier.c2_beacon.fired" in text


def test_a_bundle_has_the_same_bytes_each_time(exported: Path, tmp_path: Path) -> None:
    files = [tmp_path / "one.tar.gz", tmp_path / "two.tar.gz"]
    for file in files:
        assert export(RULES / "rubric", "--bundle", file).exit_code == 0
    one, two = (file.read_bytes() for file in files)

    assert one == two
    with tarfile.open(fileobj=BytesIO(gzip.decompress(one))) as archive:
        names = archive.getnames()
    assert names == sorted(names)
    assert {"/.manifest", "/data.json"} <= {f"/{name.lstrip('/')}" for name in names}


def test_one_set_can_be_exported_alone(tmp_path: Path) -> None:
    assert export(RULES / "rubric", "-o", tmp_path).exit_code == 0
    assert [path.name for path in (tmp_path / "opensoc").iterdir()] == ["rubric"]


def test_somewhere_to_write_must_be_named() -> None:
    result = export(RULES)

    assert result.exit_code == 2
    assert "nowhere to write" in result.output


def test_rules_that_do_not_compile_are_not_exported(tmp_path: Path) -> None:
    shutil.copytree(RULES / "rubric", tmp_path / "rubric")
    shutil.copytree(RULES / "lists", tmp_path / "lists")
    policy = tmp_path / "rubric" / "defender.v2.yaml"
    policy.write_text(policy.read_text().replace("input.truth.action", "input.what"))
    result = export(tmp_path / "rubric", "-o", tmp_path / "out")

    assert result.exit_code == 1
    assert "error[E301]" in result.output
    assert not (tmp_path / "out").exists()


def test_a_place_that_can_not_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = export(RULES / "rubric", "-o", tmp_path / "file")

    assert result.exit_code == 2
    assert "can't write" in result.output
