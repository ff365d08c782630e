"""The entry point of `opensoc`: finds the verb, imports it alone, sets the exit code.

Exit codes: 0 clean, 1 findings (a failed check, test or malformed line), 2 usage,
configuration or our own fault.
"""

from __future__ import annotations

import importlib
import sys

import click
import typer
from typer.core import TyperGroup

VERBS: dict[str, tuple[str, str]] = {
    "check": ("check", "Check policies, lists and cases; print what is wrong and where."),
    "test": ("test", "Run the cases that stand beside the policies."),
    "label": ("label", "Label recorded telemetry: one verdict a line."),
    "play": ("play", "Play a seeded match of built-in defenders; print the scoreboard."),
    "generate": ("generate", "Write generated incidents, or the committed data sets."),
    "serve": ("serve", "Serve the environment over HTTP and WebSocket."),
    "app": ("app", "Open the before/after app in a browser."),
    "train": ("train", "Fetch the base model; train with SFT or GRPO."),
    "eval": ("eval", "Evaluate a defender over the hold-out."),
    "explain-code": ("explain_code", "Explain a diagnostic code such as E301."),
}


class LazyGroup(TyperGroup):
    """A command group that imports a verb's module only when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs in the order of the table."""
        del ctx
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb's command, or a stand-in with only its help while listing."""
        if cmd_name not in VERBS:
            return None
        module, summary = VERBS[cmd_name]
        if ctx.resilient_parsing or _is_listing(ctx):
            return click.Command(cmd_name, help=summary)
        return _load(cmd_name, module, summary)


def _is_listing(ctx: click.Context) -> bool:
    """True while the group prints its own help and runs no verb."""
    return not ctx.protected_args and not ctx.args


def _load(name: str, module: str, summary: str) -> click.Command:
    loaded = importlib.import_module(f"opensoc_cli.{module}")
    app = getattr(loaded, "app", None)
    if app is None:
        app = typer.Typer(add_completion=False, pretty_exceptions_show_locals=False)
        app.command(name, help=summary)(loaded.run)
    command = typer.main.get_command(app)
    command.name = name
    return command


cli = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    help="OpenSOC: deterministic ground truth and reward for security agents.",
)


@cli.callback()
def _root() -> None:
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
