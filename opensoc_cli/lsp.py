"""`opensoc lsp`: the language server for rule files, over stdin and stdout."""

from __future__ import annotations

from opensoc_cli import reporting


def run() -> None:
    """Answer an editor about rule files until it hangs up."""
    try:
        from opensoc_cli.lsp_server import build_server
    except ModuleNotFoundError as error:
        raise reporting.stop(
            f"the language server needs `{error.name}`",
            "install the extra: `opensoc[lsp]`",
        ) from None
    build_server().start_io()
