"""`opensoc export rego`: policies as plain Rego modules, for OPA."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opensoc_cli import reporting

if TYPE_CHECKING:
    from opensoc_engine.codegen.rego_set import ExportedSet
    from opensoc_engine.loader import PolicyFolder

app = typer.Typer(no_args_is_help=True, help="Policies in the words of other engines.")


@app.callback()
def root() -> None:
    """Policies in the words of other engines."""


@app.command()
def rego(
    path: Annotated[
        Path | None, typer.Argument(help="A rules folder, or one policy set.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder for the files.")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="An OPA bundle, `.tar.gz`.")
    ] = None,
) -> None:
    """Write Rego modules, lists as data and a manifest; the same bytes each time."""
    from opensoc_engine.codegen.rego_set import bundle as pack
    from opensoc_engine.codegen.rego_set import export
    from opensoc_engine.errors import InputError

    if output is None and bundle is None:
        raise reporting.stop("nowhere to write", "add `-o FOLDER` or `--bundle FILE`")
    rules = path or reporting.default_rules()
    sets, folder = _load(rules)
    try:
        files = export(sets, folder.lists)
    except InputError as error:
        raise reporting.stop(str(error)) from None
    if output is not None:
        for name, text in files.items():
            _write(output / name, text.encode())
        typer.echo(f"{len(files)} files written to {output}", err=True)
    if bundle is not None:
        _write(bundle, pack(files))
        typer.echo(f"bundle written to {bundle}", err=True)


def _load(rules: Path) -> tuple[list[ExportedSet], PolicyFolder]:
    """The checked sets below a path, and one folder that has their lists."""
    from opensoc_engine.codegen.rego_set import ExportedSet
    from opensoc_engine.compiler import check_set
    from opensoc_engine.diagnostics import DiagnosticCollector
    from opensoc_engine.loader import load_folder
    from opensoc_engine.set_files import policy_folders

    paths = policy_folders(rules)
    if not paths:
        raise reporting.stop(
            f"no policy set in `{rules}`", "a policy set is a folder with a `set.yaml`"
        )
    sets: list[ExportedSet] = []
    for path in paths:
        loaded = load_folder(path)
        folder = loaded.folder
        if loaded.policy_set is None or folder is None:
            reporting.write_diagnostics(loaded.diagnostics, reporting.Format.TEXT)
            raise typer.Exit(reporting.FINDINGS)
        checked = check_set(
            folder.manifest,
            loaded.policy_set.policies,
            folder.lists,
            folder.store,
            DiagnosticCollector(),
        )
        programs = tuple(item.checked for item in checked)
        sets.append(ExportedSet(folder.manifest, programs, loaded.policy_set.digest))
    assert folder is not None
    return sets, folder


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise reporting.stop(
            f"can't write `{path}`: {error.strerror or error}", "choose another place"
        ) from None
