"""The rules engine: versioned YAML policies with Rego bodies become decisions.

It knows YAML, Rego and JSON Schema, and nothing about security operations. This module
is the public interface. Each name is imported when it is first asked for, so that a
program which only needs compiled rules never loads the compiler.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opensoc_engine.cached import load_policy_set
    from opensoc_engine.decision import Decision, Finding, PolicySet, RuleInfo
    from opensoc_engine.errors import (
        InputError,
        InternalError,
        OpenSocError,
        PolicyError,
    )
    from opensoc_engine.library import compile_policies, load_shipped, problems_of
    from opensoc_engine.policy.schema_validator import Problem
    from opensoc_engine.resources import data_root
    from opensoc_engine.schema_store import validate_document

__all__ = [
    "Decision",
    "Finding",
    "InputError",
    "InternalError",
    "OpenSocError",
    "PolicyError",
    "PolicySet",
    "Problem",
    "RuleInfo",
    "compile_policies",
    "data_root",
    "load_policy_set",
    "load_shipped",
    "problems_of",
    "validate_document",
]

_HOMES = {
    "Decision": "decision",
    "Finding": "decision",
    "InputError": "errors",
    "InternalError": "errors",
    "OpenSocError": "errors",
    "PolicyError": "errors",
    "PolicySet": "decision",
    "Problem": "policy.schema_validator",
    "RuleInfo": "decision",
    "compile_policies": "library",
    "data_root": "resources",
    "load_policy_set": "cached",
    "load_shipped": "library",
    "problems_of": "library",
    "validate_document": "schema_store",
}


def __getattr__(name: str) -> Any:
    """A public name, from the module that it lives in."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    found = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = found
    return found
