"""What keeps a server running asks for: is it alive, is it ready, what did it count?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from opensoc_engine.errors import InternalError
from opensoc_env.generator import generate
from opensoc_env.judge import first_way, reward_of
from opensoc_env.models import ACTIONS, SubmitTriage
from opensoc_env.server.problems import ApiError

if TYPE_CHECKING:
    from opensoc_env.judge import Judge
    from opensoc_env.server.metrics import Metrics


class Alive(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class Ready(BaseModel):
    """The policies are compiled and judge a known incident as they should."""

    status: Literal["ready"] = "ready"
    policy_digest: str = Field(description="Names the rules that decide.")
    policies: dict[str, str] = Field(description="Each policy set and its version.")


def build_router(judge: Judge, metrics: Metrics) -> APIRouter:
    """The routes of a server that judges by some policies."""
    router = APIRouter(tags=["Operation"])

    @router.get("/healthz")
    def healthz() -> Alive:
        """Whether the process answers."""
        return Alive()

    @router.get("/readyz")
    def readyz() -> Ready:
        """Whether episodes can be played: the policies judge a known incident."""
        fault = self_check(judge)
        if fault:
            raise ApiError(503, "not_ready", fault)
        sets = (judge.verifier, judge.plausibility, judge.rubric)
        return Ready(
            policy_digest=judge.digest,
            policies={item.name: item.version for item in sets},
        )

    @router.get("/metrics", response_class=Response)
    def metrics_page() -> Response:
        """Counters in the text format of Prometheus."""
        return Response(metrics.page(), media_type=CONTENT_TYPE_LATEST)

    return router


def self_check(judge: Judge) -> str:
    """What is wrong with the policies, asked about a known incident; empty if nothing.

    A plausible incident is found, its truth is an action, and the right answer with its
    proof is paid more than each wrong one.
    """
    try:
        incident = generate("stage1_basic", 0, judge=judge)
    except InternalError as error:
        return str(error)
    truth = judge.truth(incident)
    if truth.outcome not in ACTIONS:
        return f"the verifier said `{truth.outcome}`, which is no action"
    proof = list(first_way(truth))
    paid = {
        action: reward_of(
            judge.grade_defender(
                truth, SubmitTriage(action=action, cited_log_ids=proof)
            )
        )
        for action in ACTIONS
    }
    right = paid.pop(truth.outcome)
    if right <= max(paid.values()):
        return "the rubric pays a wrong answer as well as the right one"
    return ""
