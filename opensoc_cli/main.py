"""The entry point of `opensoc`: registers the verbs and sets the exit code.

Exit codes: 0 clean, 1 findings (a failed check, test or malformed line), 2 usage,
configuration or our own fault. A verb's module is imported when the verb is asked for,
and imports its room only when it runs. Help is plain text, as pages of help in boxes
take longer to import than most verbs take to run.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

HELP = "OpenSOC: deterministic ground truth and reward for security agents."

# Verbs by name: the module with `run`, or with `app` if the verb has verbs itself.
VERBS = {
    "check": ("check", "Check policies."),
    "test": ("test", "Run the cases beside the policies."),
    "lint": ("lint", "Give advice on policies that compile."),
    "fmt": ("fmt", "Put rule files into canonical form."),
    "new": ("new", "Write a policy and its cases to start from."),
    "lock": ("lock", "Record versions and digests in lock.json."),
    "explain": (
        "explain",
        "Say why a verdict is what it is, and what would change it.",
    ),
    "explain-code": ("explain_code", "Explain a diagnostic code such as E301."),
    "label": ("label", "Label recorded telemetry."),
    "play": ("play", "Play a match of built-in defenders."),
    "attack": ("attack", "Search for incidents that beat a defender."),
    "eval": ("eval", "Score any defender on the hold-out."),
    "bench": ("bench", "Measure labelling beside other engines."),
    "lsp": ("lsp", "Answer an editor about rule files."),
    "serve": ("serve", "Serve the environment over HTTP and WebSocket."),
    "episodes": ("episodes", "Finished episodes: list, show, export, rescore."),
    "app": ("app", "Open the before/after app."),
    "generate": ("generate", "Incidents by seed, and data sets."),
    "export": ("export", "Policies in the words of other engines."),
    "import": ("import_rego", "Policies from the words of others."),
    "train": ("train", "Train a defender."),
}


class _Verbs(TyperGroup):
    """The verbs, each loaded when it is asked for; help needs none of them.

    Typer's own signatures name classes that are private to it, hence `Any`.
    """

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        return _load(cmd_name) if cmd_name in VERBS else None

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args[0] not in VERBS:
            # Typer names the nearest of those that it knows.
            self.commands = {name: _load(name) for name in VERBS}
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in VERBS.items()])


def _typer(**settings: Any) -> typer.Typer:
    return typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        **settings,
    )


def _load(name: str) -> Any:
    """The command of a verb."""
    file, text = VERBS[name]
    module = import_module(f"opensoc_cli.{file}")
    holder = _typer()
    if hasattr(module, "run"):
        holder.command(name, help=text)(module.run)
    else:
        holder.add_typer(module.app, name=name, help=text)
    return get_group(holder).commands[name]


cli = _typer(cls=_Verbs, no_args_is_help=True, help=HELP)


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
