"""What the names in rule files lead to, and which names there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opensoc_engine.editing.patching import PLACEHOLDER
from opensoc_engine.editing.schema_words import follow, root_place
from opensoc_engine.editing.sites import analyses, value_at
from opensoc_engine.editing.workspace import Kind
from opensoc_engine.policy.yaml_reader import MappingNode, ScalarNode, SequenceNode
from opensoc_engine.policy.yaml_reader import to_plain as plain
from opensoc_engine.rego import nodes as n

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opensoc_engine.editing.schema_words import SchemaPlace, Step
    from opensoc_engine.editing.sites import Document
    from opensoc_engine.editing.workspace import Workspace
    from opensoc_engine.policy.model import Policy


def schema_places(
    document: Document, path: tuple[Step, ...]
) -> tuple[SchemaPlace, ...]:
    """The schemas of the value at a path; those of inputs are the inputs' own."""
    name = document.kind.schema
    start: tuple[Step, ...] = ()
    if document.kind is Kind.CASES:
        match path:
            case ("given", *_):
                name, start = input_schema(document), path[:1]
            case ("examples", int(), "input", *_):
                name, start = input_schema(document), path[:3]
    root, value = root_place(name, document.view.store), value_at(document.tree, start)
    if root is None:
        return ()
    known = None if value is None else _without_stand_in(plain(value))
    return follow(root, path[len(start) :], known)


def _without_stand_in(value: Any) -> Any:
    """The value without what is still being written."""
    if isinstance(value, dict):
        return {
            key: _without_stand_in(item)
            for key, item in value.items()
            if item != PLACEHOLDER
        }
    return [_without_stand_in(i) for i in value] if isinstance(value, list) else value


def input_schema(document: Document) -> str:
    """The schema of the inputs of a file's policy."""
    policy, manifest = policy_of_cases(document), document.view.manifest
    if policy is not None and policy.input_schema is not None:
        return policy.input_schema.text
    return manifest.input_schema.text if manifest else ""


def policy_of_cases(document: Document) -> Policy | None:
    """The policy that a cases file, or a policy itself, is about."""
    key = "cases" if document.kind is Kind.CASES else "policy"
    slug = document.tree.get(key)
    policies = document.view.policies.values()
    if not isinstance(slug, ScalarNode):
        return None
    return next((item for item in policies if item.slug.text == slug.text), None)


def case_keys(document: Document) -> Iterator[ScalarNode]:
    """The names of the cases of a file, with their places."""
    examples = document.tree.get("examples")
    items = examples.items if isinstance(examples, SequenceNode) else ()
    for item in items:
        name = item.get("name") if isinstance(item, MappingNode) else None
        if isinstance(name, ScalarNode):
            yield name


def evidence_names(
    workspace: Workspace, document: Document, rule: int
) -> tuple[n.Name, ...]:
    """The variables that the bodies of a rule bind on lines of their own."""
    node = value_at(document.tree, ("rules", rule))
    found = []
    for analysis in analyses(workspace, document):
        for item in analysis.program.rules:
            if node is None or item.rule.span != node.span:
                continue
            for body in item.bodies:
                for line in body.statements:
                    if isinstance(line, n.Some):
                        found += [name for name in (line.key, line.value) if name]
                    elif isinstance(line, n.Assign):
                        found.append(line.name)
    return tuple(found)
