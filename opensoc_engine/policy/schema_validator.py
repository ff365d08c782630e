"""What of a document does not fit its JSON Schema, in plain words and with its place.

`validate_node` gives diagnostics for YAML files, `validate_instance` problems for JSON
documents. Both bound what they report, and any document is answered, however hostile.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from opensoc_engine.diagnostics import diagnose
from opensoc_engine.errors import InputError
from opensoc_engine.policy import schema_wording as words
from opensoc_engine.policy.schema_acceptor import build_acceptor
from opensoc_engine.policy.schema_formats import matches
from opensoc_engine.policy.yaml_nodes import (
    MAX_DEPTH,
    MappingNode,
    ScalarNode,
    SequenceNode,
    to_plain,
)
from opensoc_engine.suggestions import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType

    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

    from opensoc_engine.diagnostics import Diagnostic, DiagnosticCollector
    from opensoc_engine.policy.schema_acceptor import Accept
    from opensoc_engine.policy.yaml_nodes import Node
    from opensoc_engine.source import Span

MAX_PROBLEMS = 50

# What older YAML took for booleans.
_TRUTHS = dict.fromkeys(("yes", "on", "y"), "true") | dict.fromkeys(
    ("no", "off", "n"), "false"
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing in a document that does not fit.

    Attributes:
        path: Keys and indexes from the document's root; a missing key is included.
    """

    path: tuple[str | int, ...]
    message: str
    expected: str


@dataclass(frozen=True, slots=True)
class SchemaStore:
    """JSON Schemas by file name; validators are built when they are first used.

    Attributes:
        sound: Names of those that surely are JSON Schemas.
    """

    documents: Mapping[str, Any]
    sound: frozenset[str] = frozenset()
    _validators: dict[str, Validator] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _acceptors: dict[str, Accept | None] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def validator(self, name: str) -> Validator:
        """The library's validator of a schema.

        Raises:
            InputError: There is no such schema, or it is not valid.
        """
        if name not in self._validators:
            build = _dialect().build_validator
            self._validators[name] = build(name, self.documents)
        return self._validators[name]

    def accepts(self, name: str, document: Any) -> bool:
        """True if the document surely fits; False if the validator must look.

        Raises:
            InputError: There is no such schema, or it is not valid.
        """
        if name not in self._acceptors:
            if name not in self.sound:
                self.validator(name)
            self._acceptors[name] = build_acceptor(name, self.documents)
        accept = self._acceptors[name]
        return accept is not None and accept(document)


def _dialect() -> ModuleType:
    """The library, which is only needed to say what is wrong, and slow to import."""
    from opensoc_engine.policy import schema_dialect  # noqa: PLC0415

    return schema_dialect


def validate_instance(
    document: Any, schema_name: str, store: SchemaStore
) -> list[Problem]:
    """What is wrong with JSON values, at most 50 problems; empty if they fit.

    Raises:
        InputError: There is no such schema, or it is not valid.
    """
    deep = _too_deep(document)
    if deep is not None:
        return [deep]
    if store.accepts(schema_name, document):
        return []
    errors = _dialect().errors_of(store.validator(schema_name), document)
    return [_problem(error) for error in islice(_one_per_place(errors), MAX_PROBLEMS)]


def validate_node(
    node: Node, schema_name: str, store: SchemaStore, collector: DiagnosticCollector
) -> bool:
    """True if the tree fits the schema; otherwise diagnostics say where it does not."""
    document = to_plain(node)
    try:
        if store.accepts(schema_name, document):
            return True
        errors = _dialect().errors_of(store.validator(schema_name), document)
        found = list(islice(_one_per_place(errors), MAX_PROBLEMS))
    except InputError as error:
        collector.add(diagnose("E607", _start(node), problem=str(error)))
        return False
    for violation in found:
        collector.add(_diagnostic(violation, node))
    return not found


def _one_per_place(errors: Iterator[ValidationError]) -> Iterator[ValidationError]:
    """The first error of each place; what else is wrong there would only repeat it."""
    seen = set()
    for error in errors:
        if _path(error) not in seen:
            seen.add(_path(error))
            yield error


def _path(error: ValidationError) -> tuple[str | int, ...]:
    path = tuple(error.absolute_path)
    return (*path, error.message) if _is_about_key(error) else path


def _is_about_key(error: ValidationError) -> bool:
    return error.validator in {"required", "additionalProperties"}


def _too_deep(document: Any) -> Problem | None:
    """The problem of a document that nests too deep, found without recursion."""
    level = [document]
    for _ in range(MAX_DEPTH + 1):
        level = [
            item
            for holder in level
            if isinstance(holder, dict | list)
            for item in (holder.values() if isinstance(holder, dict) else holder)
        ]
        if not level:
            return None
    message = f"nested deeper than {MAX_DEPTH} levels"
    return Problem((), message, f"at most {MAX_DEPTH} levels of lists and mappings")


def _problem(error: ValidationError) -> Problem:
    if error.validator == "required":
        names = _schema(error).get("required", ())
        wanted = f"the key{'' if len(names) == 1 else 's'} {words.choices(names)}"
        return Problem(_path(error), _missing(error), wanted)
    if error.validator == "additionalProperties":
        known = _known_keys(error)
        advice = suggest(error.message, known)
        message = f"unknown key {words.quoted(error.message)}"
        expected = f"one of the keys {words.choices(known)}" if known else "no keys"
        return Problem(_path(error), _with(message, advice), expected)
    if _is_choice(error):
        message = f"{words.quoted(error.instance)} is not one of the known values"
        return Problem(_path(error), _with(message, _nearest(error)), _expected(error))
    message = f"got {words.got(error.instance, str(error.validator))}"
    return Problem(_path(error), message, _expected(error))


def _with(message: str, advice: str | None) -> str:
    return message if advice is None else f"{message}, {advice}"


def _missing(error: ValidationError) -> str:
    return f"missing key {words.quoted(error.message)}"


def _schema(error: ValidationError) -> Mapping[str, Any]:
    return error.schema if isinstance(error.schema, dict) else {}


def _known_keys(error: ValidationError) -> list[str]:
    return sorted(_schema(error).get("properties", {}))


def _is_choice(error: ValidationError) -> bool:
    """True if a single value is none of those that are allowed."""
    is_single = (
        not isinstance(error.instance, dict | list) and error.instance is not None
    )
    return error.validator in {"enum", "const"} and is_single


def _allowed(error: ValidationError) -> list[Any]:
    schema = _schema(error)
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


def _nearest(error: ValidationError) -> str | None:
    texts = [value for value in _allowed(error) if isinstance(value, str)]
    return suggest(str(error.instance), texts)


def _expected(error: ValidationError) -> str:
    if error.validator == "oneOf" and error.context:
        kinds = dict.fromkeys(words.kind(_schema(part)) for part in error.context)
        return " or ".join(kinds)
    return words.expected(_schema(error))


def _diagnostic(error: ValidationError, root: Node) -> Diagnostic:
    node = _find(root, error)
    if error.validator == "required":
        label = f"this mapping has no `{error.message}`"
        return diagnose("E202", _start(node), label=label, key=error.message)
    if error.validator == "additionalProperties":
        return _unknown_key(error, node)
    if _is_choice(error):
        value, allowed = words.shown(error.instance), words.choices(_allowed(error))
        span, advice = node.span, _nearest(error)
        return diagnose("E204", span, help=advice, value=value, choices=allowed)
    found = words.got(error.instance, str(error.validator))
    problem = f"expected {_expected(error)}, got {found}"
    label = str(_schema(error).get("description", "")).rstrip(".")
    return diagnose(
        "E203", node.span, label=label, help=_advice(error, node), problem=problem
    )


def _unknown_key(error: ValidationError, node: Node) -> Diagnostic:
    key = node.key(error.message) if isinstance(node, MappingNode) else None
    known = _known_keys(error)
    advice = suggest(error.message, known)
    if advice is None and known:
        advice = f"known keys: {words.choices(known)}"
    span = key.span if key is not None else node.span
    return diagnose("E201", span, help=advice, key=words.shown(error.message))


def _advice(error: ValidationError, node: Node) -> str | None:
    """How to write what YAML took for something else."""
    if error.validator not in {"type", "oneOf"}:
        return None
    if _schema(error).get("type") == "boolean":
        truth = _TRUTHS.get(str(error.instance).lower())
        return None if truth is None else f"write `{truth}`"
    if "text" not in _expected(error).split(" "):
        return None
    if isinstance(node, MappingNode):
        return "text that holds `: ` or starts with `{` needs quotes or a block: `|`"
    if isinstance(node, ScalarNode) and node.value is not None:
        pattern, written = _schema(error).get("pattern", ""), node.span.text
        is_good = matches(pattern, written)
        return f'quote it: `"{words.shown(written)}"`' if is_good else None
    return None


def _find(node: Node, error: ValidationError) -> Node:
    """The node that an error is about."""
    for step in error.absolute_path:
        if isinstance(node, MappingNode):
            node = node.get(str(step)) or node
        elif isinstance(node, SequenceNode) and isinstance(step, int):
            node = node.items[step]
    return node


def _start(node: Node) -> Span:
    """Where a mapping starts: its first key."""
    if isinstance(node, MappingNode) and node.items:
        return node.items[0][0].span
    return node.span
