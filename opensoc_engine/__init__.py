"""The rules engine: versioned YAML policies with Rego bodies become decisions.

It knows YAML, Rego and JSON Schema, and nothing about security operations. This module
is the public interface.
"""

from opensoc_engine.decision import Decision, Finding, PolicySet, RuleInfo
from opensoc_engine.errors import (
    InputError,
    InternalError,
    OpenSocError,
    PolicyError,
)
from opensoc_engine.library import compile_policies, load_shipped, problems_of
from opensoc_engine.loader import load_policy_set
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
