"""Addresses of models become opponents that callers of a server may name."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING

from opensoc_cli import reporting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opensoc_env.judge import Judge
    from opensoc_env.opponents.lineup import Lineup

KEY_VARIABLE = "OPENSOC_OPPONENT_KEY"
PREFIX = "endpoint:"
# A call of a session waits for its opponent, and clients wait a minute for a call.
SECONDS = 45.0


def lineup_with(endpoints: Sequence[str], judge: Judge | None = None) -> Lineup:
    """The built-in opponents and a model for each `URL#MODEL`, on both sides.

    Callers name a model `endpoint:URL#MODEL`. The key of the endpoints is read from
    `OPENSOC_OPPONENT_KEY`.

    Args:
        endpoints: The models.
        judge: Whose truth the built-in ones go by; the shipped rules by default.

    Raises:
        typer.Exit: One is no address with a model; the reason was written.
    """
    from opensoc_engine import OpenSocError
    from opensoc_env.opponents.lineup import built_in
    from opensoc_train.endpoint import EndpointModel
    from opensoc_train.model_attacker import ModelAttacker
    from opensoc_train.replies import ModelDefender

    lineup, key = built_in(judge), os.environ.get(KEY_VARIABLE, "")
    for endpoint in endpoints:
        url, _, name = endpoint.partition("#")
        if not name:
            problem = f"endpoint `{endpoint}` names no model"
            advice = "write it as `URL#MODEL`: http://127.0.0.1:8000/v1#my-model"
            raise reporting.stop(problem, advice)
        try:
            model = EndpointModel(
                url,
                name,
                key=key,
                key_variable=KEY_VARIABLE,
                timeout=SECONDS,
                patience=SECONDS,
            )
        except OpenSocError as error:
            raise reporting.stop(str(error)) from None
        called = PREFIX + endpoint
        lineup = lineup.joined_by(
            {called: partial(ModelAttacker, model)},
            {called: partial(ModelDefender, model)},
        )
    return lineup
