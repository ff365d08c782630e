"""The JSON Schema library, made strict, and with errors that one message can explain.

Draft 2020-12, but integers are integers, numbers are finite, text is UTF-8, patterns
are RE2, `$ref` is by file name, and formats are checked. Each unknown or missing key is
an error of its own, and a `oneOf` gives the errors of the branch that was meant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from opensoc_engine.errors import InputError
from opensoc_engine.policy.schema_acceptor import TYPES, tag_name, tagged_branches
from opensoc_engine.policy.schema_formats import FORMATS, has_format, matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from jsonschema.protocols import Validator


def build_validator(name: str, documents: Mapping[str, Any]) -> Validator:
    """The library's validator of a schema file.

    Raises:
        InputError: There is no such schema, or it is not valid.
    """
    if name not in documents:
        raise InputError(f"there is no schema `{name}`")
    try:
        Draft202012Validator.check_schema(documents[name])
    except SchemaError as error:
        raise InputError(f"`{name}` is not a JSON Schema: {error.message}") from None
    own = {file: _without_dialect(document) for file, document in documents.items()}
    resources = ((file, DRAFT202012.create_resource(own[file])) for file in own)
    registry: Registry[Any] = Registry().with_resources(resources)
    found = _Strict(own[name], registry=registry, format_checker=_format_checker())
    return cast("Validator", found)


def _without_dialect(document: Any) -> Any:
    """The schema without `$schema`, which would bring back the lax dialect."""
    if not isinstance(document, dict):
        return document
    return {key: value for key, value in document.items() if key != "$schema"}


def errors_of(validator: Validator, document: Any) -> Iterator[ValidationError]:
    """The errors of a document, in the order of the schema.

    Raises:
        InputError: A `$ref` of the schema leads nowhere.
    """
    try:
        yield from validator.iter_errors(document)
    except Unresolvable as error:
        raise InputError(f"the schema refers to nothing: {error}") from None


def _required(
    validator: Any, names: list[str], instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    if validator.is_type(instance, "object"):
        yield from (ValidationError(name) for name in names if name not in instance)


def _additional(
    validator: Any, more: Any, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if not validator.is_type(instance, "object"):
        return
    patterns = schema.get("patternProperties", ())
    for key in instance:
        name = str(key)
        if name in schema.get("properties", ()) or any(
            matches(pattern, name) for pattern in patterns
        ):
            continue
        if more is False:
            yield ValidationError(name)
        elif more is not True:
            yield from validator.descend(instance[key], more, path=key)


def _pattern(
    validator: Any, pattern: str, instance: Any, _schema: Any
) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and not matches(pattern, instance):
        yield ValidationError(pattern)


def _one_of(
    validator: Any, branches: list[Any], instance: Any, schema: Any
) -> Iterator[ValidationError]:
    tag = tag_name(schema)
    table = tagged_branches(schema) if tag else None
    if tag and table is not None:
        yield from _tagged(validator, tag, table, instance, schema)
        return
    found = [list(validator.descend(instance, branch)) for branch in branches]
    fitting = sum(not errors for errors in found)
    if fitting == 1:
        return
    if fitting:
        yield ValidationError("several branches fit", context=[])
        return
    meant = [errors for errors in found if not any(map(_is_other_type, errors))]
    if meant:
        yield from min(meant, key=len)
        return
    others = [error for errors in found for error in errors if _is_other_type(error)]
    yield ValidationError("no branch fits", context=others)


def _is_other_type(error: ValidationError) -> bool:
    return error.validator == "type" and not error.path


def _tagged(
    validator: Any, tag: str, table: Mapping[str, int], instance: Any, schema: Any
) -> Iterator[ValidationError]:
    """The errors of the branch that the tag names, or what is wrong with the tag."""
    if not isinstance(instance, dict):
        yield ValidationError("object", validator="type", schema={"type": "object"})
    elif tag not in instance:
        yield ValidationError(tag, validator="required", schema={"required": [tag]})
    elif isinstance(instance[tag], str) and instance[tag] in table:
        branch = schema["oneOf"][table[instance[tag]]]
        yield from validator.descend(instance, branch)
    else:
        yield ValidationError(
            tag,
            validator="enum",
            path=[tag],
            instance=instance[tag],
            schema={"enum": list(table)},
        )


def _format_checker() -> FormatChecker:
    checker = FormatChecker(formats=[])
    for name in FORMATS:
        checker.checks(name)(lambda value, n=name: _fits_format(n, value))
    return checker


def _fits_format(name: str, value: Any) -> bool:
    return not isinstance(value, str) or has_format(name, value)


_Strict: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    validators={
        "required": _required,
        "additionalProperties": _additional,
        "pattern": _pattern,
        "oneOf": _one_of,
    },
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            name: lambda _, value, is_it=check: is_it(value)
            for name, check in TYPES.items()
        }
    ),
)
