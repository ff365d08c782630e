"""The entry point of `opensoc`: registers the verbs and sets the exit code.

Exit codes: 0 clean, 1 findings (a failed check, test or malformed line), 2 usage,
configuration or our own fault. A verb's module stays light: it imports its room only
when it runs.
"""

from __future__ import annotations

import sys

import typer

from opensoc_cli import (
    app,
    bench,
    check,
    explain,
    explain_code,
    export,
    fmt,
    generate,
    import_rego,
    label,
    lint,
    lock,
    lsp,
    new,
    play,
    serve,
    test,
    train,
)
from opensoc_cli import eval as evaluate

HELP = "OpenSOC: deterministic ground truth and reward for security agents."

cli = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help=HELP,
)
for name, module, text in (
    ("check", check, "Check policies."),
    ("test", test, "Run the cases beside the policies."),
    ("lint", lint, "Give advice on policies that compile."),
    ("fmt", fmt, "Put rule files into canonical form."),
    ("new", new, "Write a policy and its cases to start from."),
    ("lock", lock, "Record versions and digests in lock.json."),
    ("explain", explain, "Say why a verdict is what it is, and what would change it."),
    ("explain-code", explain_code, "Explain a diagnostic code such as E301."),
    ("label", label, "Label recorded telemetry."),
    ("play", play, "Play a match of built-in defenders."),
    ("eval", evaluate, "Score any defender on the hold-out."),
    ("bench", bench, "Measure labelling beside other engines."),
    ("lsp", lsp, "Answer an editor about rule files."),
    ("serve", serve, "Serve the environment over HTTP and WebSocket."),
    ("app", app, "Open the before/after app."),
):
    cli.command(name, help=text)(module.run)
cli.add_typer(generate.app, name="generate")
cli.add_typer(export.app, name="export")
cli.add_typer(import_rego.app, name="import")
cli.add_typer(train.app, name="train")


@cli.callback()
def root() -> None:
    """OpenSOC: deterministic ground truth and reward for security agents."""


def main() -> None:
    """Run the command line; an uncaught exception exits with 2, not 1."""
    try:
        cli()
    except Exception as error:  # noqa: BLE001 - the last line of defence
        name = type(error).__name__
        sys.stderr.write(f"opensoc: internal error: {name}: {error}\n")
        sys.stderr.write("This is a fault of opensoc. Please report the command.\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
