from __future__ import annotations

from typer.testing import CliRunner

from opensoc_cli.main import cli


def test_a_known_code_is_explained() -> None:
    result = CliRunner().invoke(cli, ["explain-code", "e403"])

    assert result.exit_code == 0
    assert "object.get" in result.stdout


def test_an_unknown_code_exits_with_two() -> None:
    result = CliRunner().invoke(cli, ["explain-code", "E999"])

    assert result.exit_code == 2
    assert "unknown code `E999`" in result.stderr


def test_help_lists_the_verbs() -> None:
    result = CliRunner().invoke(cli, ["--help"])

    assert result.exit_code == 0
    assert "explain-code" in result.stdout
