"""`opensoc serve`: the environment as an HTTP and WebSocket server."""

from __future__ import annotations

import gc
import signal
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from opensoc_cli import reporting
from opensoc_cli.judges import judge_of
from opensoc_cli.opponent_models import lineup_with
from opensoc_engine.errors import OpenSocError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_env.server.app import Demo
    from opensoc_env.store import EpisodeStore

# Where strangers can call, each may make as many calls a second.
_STRANGERS_RATE = 100.0


def run(
    host: Annotated[
        str, typer.Option(help="Address to listen on; loopback unless told otherwise.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port.")] = 7860,
    max_sessions: Annotated[
        int, typer.Option(min=1, max=4096, help="WebSocket sessions at once.")
    ] = 64,
    store: Annotated[
        Path | None, typer.Option(help="File that keeps finished episodes.")
    ] = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            envvar="OPENSOC_API_KEY", help="Key that callers must bring; none."
        ),
    ] = None,
    rate_limit: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Calls a second of one client, 0 for no limit; 100 beyond loopback.",
        ),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(help="Site whose pages may call; repeat for more."),
    ] = None,
    endpoint: Annotated[
        list[str] | None,
        typer.Option(
            help="Model that callers may play against, as `URL#MODEL`; repeat for more."
        ),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option(help="A rules folder; the shipped one by default."),
    ] = None,
    demo: Annotated[
        bool, typer.Option(help="Serve the app under /demo, if it is installed.")
    ] = True,
) -> None:
    """Serve OpenEnv's protocol, the HTTP API and the demo on one port."""
    try:
        from opensoc_env.server.access import is_loopback
        from opensoc_env.server.app import Access, build_app
        from opensoc_env.server.listen import listener
    except ModuleNotFoundError as error:
        raise reporting.stop(
            f"the server needs `{error.name}`", "install the extra: `opensoc[serve]`"
        ) from None
    judge = judge_of(rules)
    lineup = lineup_with(endpoint or [], judge)
    is_open = not is_loopback(host)
    rate = (_STRANGERS_RATE if is_open else 0.0) if rate_limit is None else rate_limit
    with _told_to_stop(), ExitStack() as until_stop:
        app = build_app(
            judge=judge,
            max_sessions=max_sessions,
            store=None if store is None else until_stop.enter_context(_opened(store)),
            lineup=lineup,
            access=Access(api_key or None, rate, tuple(allow_origin or ())),
            demo=_demo() if demo else None,
        )
        if is_open and not api_key:
            typer.echo(
                "anybody who reaches this port may play: no key is set", err=True
            )
        typer.echo(f"OpenSOC listens on http://{host}:{port}", err=True)
        # Policies stay as long as the process: no collection need look at them again.
        gc.collect()
        gc.freeze()
        listener(app, host=host, port=port).run()


@contextmanager
def _told_to_stop() -> Iterator[None]:
    """Closes what is open after SIGTERM too: uvicorn stops and raises it again."""
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


def _opened(path: Path) -> EpisodeStore:
    from opensoc_env.store import EpisodeStore

    try:
        return EpisodeStore.open(path)
    except OpenSocError as error:
        raise reporting.stop(str(error)) from None


def _demo() -> Demo | None:
    """The app, if Streamlit is installed."""
    from opensoc_env.server.app import Demo

    if find_spec("streamlit") is None:
        typer.echo("no /demo: install the extra `opensoc[app]` for it", err=True)
        return None
    from opensoc_app.desk import SHOWN
    from opensoc_app.mounted import mounted_app
    from opensoc_app.seating import HOUSE

    page = mounted_app()
    return Demo(page, page.lifespan(), HOUSE.use, shows=SHOWN)
