"""A typed client of the `openenv` package for our environment.

One client is one session of the server, so parallel rollouts take one client each. The
package's `GenericEnvClient` works too, with plain dictionaries. `OpenSOCClient` is the
client that needs neither the package nor a session.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from openenv.core.client_types import StepResult
from openenv.core.env_client import EnvClient

from opensoc_env.server.openenv_messages import (
    TriageAction,
    TriageObservation,
    TriageState,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OpenSOCEnv", "TriageAction", "TriageObservation", "TriageState"]


class OpenSOCEnv(EnvClient[TriageAction, TriageObservation, TriageState]):
    """A session with typed turns, observations and state.

    Example:
        >>> from opensoc_env.models import SubmitTriage
        >>> with OpenSOCEnv("http://127.0.0.1:7860").sync() as env:  # doctest: +SKIP
        ...     env.reset(task="stage1_basic", seed=1)
        ...     env.step(TriageAction(submit_triage=SubmitTriage(action="dismiss")))
    """

    def _step_payload(self, action: TriageAction) -> dict[str, Any]:
        return action.turn()

    def _parse_result(
        self, payload: Mapping[str, Any]
    ) -> StepResult[TriageObservation]:
        paid = {"done": payload["done"], "reward": payload["reward"]}
        observation = TriageObservation(**payload["observation"], **paid)
        return StepResult(observation=observation, **paid)

    def _parse_state(self, payload: Mapping[str, Any]) -> TriageState:
        return TriageState(**payload)
