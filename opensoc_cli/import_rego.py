"""`opensoc import rego FILE`: a Rego module as a policy file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opensoc_cli import reporting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.policy.model import Define

app = typer.Typer(no_args_is_help=True, help="Policies from the words of others.")


@app.callback()
def root() -> None:
    """Policies from the words of others."""


@app.command()
def rego(
    file: Annotated[Path, typer.Argument(help="A Rego v1 module.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The policy file.")
    ] = None,
) -> None:
    """Write a policy that says what a module says, or say why there is none."""
    from opensoc_engine.diagnostics import DiagnosticCollector
    from opensoc_engine.importing.importer import import_module
    from opensoc_engine.loader import read_source
    from opensoc_engine.schema_store import default_store

    collector = DiagnosticCollector()
    source = read_source(file, collector)
    name = _policy_name(output or file)
    text = None
    if source is not None:
        identities = frozenset(_identities(default_store().documents))
        shared = _shared(output.parent) if output else ()
        text = import_module(source, name, identities, shared, collector)
    if text is None:
        reporting.write_diagnostics(collector.sorted(), reporting.Format.TEXT)
        raise typer.Exit(reporting.FINDINGS)
    text = _formatted(str(output or f"{name}.yaml"), text)
    if output is None:
        typer.echo(text, nl=False)
        return
    _write(output, text)
    typer.echo(f"written to {output}; now run `opensoc check {output}`", err=True)


def _policy_name(path: Path) -> str:
    """What a file calls its policy: in small letters, with hyphens."""
    return path.stem.lower().replace("_", "-")


def _identities(schema: Any) -> Iterator[str]:
    """The properties of schemas that name a value in evidence."""
    if isinstance(schema, list):
        for item in schema:
            yield from _identities(item)
    if not isinstance(schema, Mapping):
        return
    for key, item in schema.items():
        if isinstance(item, dict) and item.get("x-identity") is True:
            yield key
        yield from _identities(item)


def _shared(folder: Path) -> tuple[Define, ...]:
    """The helpers that the policies of a folder share."""
    from opensoc_engine.diagnostics import DiagnosticCollector
    from opensoc_engine.loader import read_source
    from opensoc_engine.policy.parser import parse_manifest
    from opensoc_engine.schema_store import default_store
    from opensoc_engine.set_files import MANIFEST

    ignored = DiagnosticCollector()
    if not (folder / MANIFEST).is_file():
        return ()
    source = read_source(folder / MANIFEST, ignored)
    manifest = source and parse_manifest(source, default_store(), ignored)
    return manifest.defines if manifest else ()


def _formatted(name: str, text: str) -> str:
    """The text in canonical form."""
    from opensoc_engine.diagnostics import DiagnosticCollector
    from opensoc_engine.formatter import format_source
    from opensoc_engine.schema_store import default_store
    from opensoc_engine.source import Source

    formatted = format_source(
        Source(name, text), default_store(), DiagnosticCollector()
    )
    return formatted.text if formatted else text


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise reporting.stop(
            f"can't write `{path}`: {error.strerror or error}", "choose another place"
        ) from None
