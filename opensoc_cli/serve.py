"""`opensoc serve`: the environment as an HTTP and WebSocket server."""

from __future__ import annotations

from typing import Annotated

import typer

from opensoc_cli import reporting


def run(
    host: Annotated[
        str, typer.Option(help="Address to listen on; loopback unless told otherwise.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 7860,
    max_sessions: Annotated[
        int, typer.Option(min=1, max=4096, help="WebSocket sessions at once.")
    ] = 64,
) -> None:
    """Serve OpenEnv's protocol and the HTTP API on one port."""
    try:
        import uvicorn

        from opensoc_env.server.app import MAX_BODY_BYTES, build_app
    except ModuleNotFoundError as error:
        raise reporting.stop(
            f"the server needs `{error.name}`", "install the extra: `opensoc[serve]`"
        ) from None
    app = build_app(max_sessions=max_sessions)
    typer.echo(f"OpenSOC listens on http://{host}:{port}", err=True)
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_level="warning",
        ws_max_size=MAX_BODY_BYTES,
    )
