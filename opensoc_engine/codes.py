"""One table of diagnostic codes: code, slug, message template, explanation.

Families: E1 syntax, E2 shape, E3 names, E4 types, E5 trust, E6 policy, E7 limits,
W lints. A code is never reused. Templates start in lower case and end without a stop.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """A kind of diagnostic; `template` is filled by `diagnostics.diagnose`."""

    code: str
    slug: str
    template: str
    explanation: str


_TABLE = (
    # E1: the text can't be read as YAML or Rego.
    Code(
        "E101",
        "yaml-syntax",
        "{problem}",
        "The file is not valid YAML. Indent with spaces; close quotes and brackets.",
    ),
    Code(
        "E102",
        "yaml-duplicate-key",
        "duplicate key `{key}`",
        "A key stands twice in one mapping. YAML readers would silently keep the last "
        "one, so it is refused.",
    ),
    Code(
        "E103",
        "yaml-feature",
        "{feature} are not allowed in rule files",
        "Rule files use plain YAML: no tags, anchors, aliases, merge keys or several "
        "documents. They hide what a rule says.",
    ),
    Code(
        "E104",
        "yaml-depth",
        "nested deeper than {limit} levels",
        "Files are limited in depth, so that a hostile file costs nothing.",
    ),
    Code(
        "E105",
        "too-large",
        "larger than {limit} bytes",
        "Files are limited in size, so that a hostile file costs nothing.",
    ),
    Code(
        "E106",
        "empty-file",
        "the file is empty",
        "A rule file must hold one mapping.",
    ),
    Code(
        "E107",
        "unreadable",
        "can't read the file: {problem}",
        "The file is missing, is not a regular file, or is not UTF-8 text.",
    ),
    Code(
        "E110",
        "rego-syntax",
        "{problem}",
        "The body is not in our profile of Rego v1. A body is a list of lines that all "
        "must hold.",
    ),
    Code(
        "E111",
        "rego-unsupported",
        "{feature} is not part of the policy language",
        "The policy language is a strict profile of Rego v1: what makes Rego hard to "
        "read or to prove is left out, and each form has a plain replacement.",
    ),
    Code(
        "E112",
        "rego-depth",
        "nested deeper than {limit} levels",
        "Bodies are limited in depth and size, so that a hostile file costs nothing.",
    ),
    # E2: the YAML does not fit its JSON Schema.
    Code(
        "E201",
        "unknown-key",
        "unknown key `{key}`",
        "The file's schema has no such key here. Keys are never ignored, because a "
        "misspelt key would silently switch something off.",
    ),
    Code(
        "E202",
        "missing-key",
        "missing key `{key}`",
        "The file's schema requires this key.",
    ),
    Code(
        "E203",
        "wrong-shape",
        "{problem}",
        "A value does not have the type, length or pattern that the schema asks for.",
    ),
    Code(
        "E204",
        "not-one-of",
        "`{value}` is not one of {choices}",
        "Only the listed values are allowed here.",
    ),
    # E3: names.
    Code(
        "E301",
        "unknown-field",
        "unknown field `{name}`",
        "The schema of the input, or the list, has no such field here.",
    ),
    Code(
        "E302",
        "unknown-name",
        "unknown name `{name}`",
        "A variable must be bound by `some`, `every` or `:=` on an earlier line, or be "
        "`input`, `data` or a helper from `define`.",
    ),
    Code(
        "E303",
        "unknown-function",
        "unknown function `{name}`",
        "The function is neither a builtin nor a helper from `define`.",
    ),
    Code(
        "E304",
        "name-taken",
        "`{name}` is already bound",
        "Each variable is bound once in a body, and never hides a helper, `input` or "
        "`data`.",
    ),
    Code(
        "E305",
        "recursion",
        "`{name}` calls itself: {cycle}",
        "Helpers must not be recursive, so that every policy terminates.",
    ),
    Code(
        "E306",
        "unknown-list",
        "unknown list `{name}`",
        "`data.<name>` reads the file `<name>.yaml` of the lists folder.",
    ),
    Code(
        "E307",
        "unused-name",
        "`{name}` is bound but never used",
        "An unused binding is nearly always a slip of the pen.",
    ),
    # E4: types.
    Code(
        "E401",
        "type-mismatch",
        "{problem}",
        "The operation can't hold, or has no meaning, for values of these types.",
    ),
    Code(
        "E402",
        "argument-count",
        "`{name}` takes {expected} arguments, {got} given",
        "The call does not fit the function's signature.",
    ),
    Code(
        "E403",
        "unguarded-absence",
        "`{name}` may be absent here",
        "Where absence would silently switch a rule off or on (under `not`, inside "
        "`every`, in plausibility policies), a read of something that may be absent "
        "must be guarded: write the reference alone on an earlier line, or read it by "
        "`object.get` and say what absence means.",
    ),
    Code(
        "E404",
        "not-narrowed",
        "`{name}` is there only in some kinds of `{union}`",
        "The value is one of several shapes. Compare its discriminator first, on an "
        "earlier line, and only fields of that shape can be read.",
    ),
    Code(
        "E405",
        "never-equal",
        "`{value}` is never a value of {type}",
        "The comparison can't be true: the constant is not among the values that the "
        "schema allows. Usually it is misspelt.",
    ),
    Code(
        "E406",
        "not-a-value",
        "{problem}",
        "This expression can't be used as a value here.",
    ),
    Code(
        "E407",
        "bad-constant",
        "{problem}",
        "A constant argument (a pattern, a network, a format) is not valid.",
    ),
    # E5: trust.
    Code(
        "E501",
        "untrusted-field",
        "`{name}` is {trust}, which a {kind} policy may not read",
        "Verdicts come from structured events and the estate only. What an attacker "
        "claims or writes as free text must never decide them.",
    ),
    # E6: policies.
    Code(
        "E601",
        "name-mismatch",
        "name `{name}` differs from the file name `{file}`",
        "A policy, cases or list file has the name that it declares.",
    ),
    Code(
        "E602",
        "duplicate-rule",
        "rule `{rule}` is defined twice",
        "Rule ids are unique in a policy set.",
    ),
    Code(
        "E603",
        "wrong-kind",
        "a `{kind}` policy stands in a `{expected}` set",
        "Each kind has its own folder.",
    ),
    Code(
        "E604",
        "bad-outcome",
        "{problem}",
        "A rule must say what it decides, in the words of its set: `action` in a "
        "verifier, `field` and `message` in plausibility, `value` in a rubric.",
    ),
    Code(
        "E605",
        "bad-evidence",
        "`{name}` can't be evidence",
        "Evidence names variables of the rule's body that hold identified items of the "
        "input (or arrays of them), bound at the top level.",
    ),
    Code(
        "E606",
        "missing-manifest",
        "no `set.yaml` in `{folder}`",
        "A policy folder says in its manifest how its policies are put together.",
    ),
    Code(
        "E607",
        "bad-reference",
        "{problem}",
        "A file that is referred to (a schema, a base case) is missing or not valid.",
    ),
    Code(
        "E608",
        "missing-case",
        "rule `{rule}` has no case that is {kind}",
        "Every rule has a case that fires, a near miss (one fact changed) and a quiet "
        "one.",
    ),
    Code(
        "E609",
        "bad-case",
        "{problem}",
        "A case is not valid: its name is taken, its base is unknown, its path leads "
        "nowhere, or its input does not fit the schema.",
    ),
    Code(
        "E610",
        "bad-bounds",
        "{problem}",
        "A rubric declares bounds that its terms can keep.",
    ),
    Code(
        "E611",
        "not-locked",
        "{problem}",
        "`lock.json` holds the version and the digest of every policy and list. What "
        "changed needs a higher version, and `opensoc lock` records it, so that one "
        "version never means two things. Comments and formatting don't count.",
    ),
    # E7: limits.
    Code(
        "E701",
        "too-complex",
        "{problem}",
        "Policies are bounded in size and nesting, so that checking and running them "
        "stays cheap whatever their author intends.",
    ),
    # W: lints. The policy compiles; this is advice.
    Code(
        "W101",
        "line-always-holds",
        "the line always holds: {reason}",
        "A line that always holds decides nothing. Often it was meant to say "
        "something else, or an earlier line already says it.",
    ),
    Code(
        "W102",
        "line-never-holds",
        "the line never holds: {reason}",
        "A line that never holds switches its body off, so the rule or helper can't "
        "do what its title says.",
    ),
    Code(
        "W103",
        "constant-condition",
        "the condition is constant: {reason}",
        "A condition that reads nothing of the input is the same for every input. "
        "Write what it is meant to depend on, or remove it.",
    ),
    Code(
        "W104",
        "shadowed-rule",
        "rule `{rule}` fires only where `{other}` does, which asks for as much",
        "All lines of the other rule stand in this one too, and the other asks for "
        "the same or something stronger: this rule never changes what is decided.",
    ),
    Code(
        "W105",
        "duplicate-body",
        "{problem}",
        "A rule or body that repeats another one adds nothing, and will be forgotten "
        "when the other one is changed.",
    ),
    Code(
        "W106",
        "vacuous-every",
        "`every` holds if `{name}` is empty, which no earlier line rules out",
        "`every x in xs { ... }` holds for an empty collection, so a rule may fire "
        "though nothing was looked at. Prove first that there is something.",
    ),
    Code(
        "W107",
        "unused-define",
        "nothing uses the helper `{name}`",
        "A helper that no rule reaches, directly or through other helpers, is dead "
        "text. A shared one counts as used if any policy of the set uses it.",
    ),
    Code(
        "W108",
        "missing-technique",
        "policy `{policy}` names no ATT&CK technique",
        "A verifier policy, or each of its rules, says which technique it detects, "
        "so that coverage can be counted.",
    ),
    Code(
        "W109",
        "missing-references",
        "policy `{policy}` names no source",
        "A verifier policy says which published rules or reports it rests on, so "
        "that a reviewer can compare.",
    ),
    Code(
        "W110",
        "costly-pattern",
        "{problem}",
        "Patterns run in linear time, but a large one costs memory and time for each "
        "event, and nobody can review it.",
    ),
    Code(
        "W111",
        "bare-threshold",
        "the threshold {number} stands in the rule",
        "Numbers that decide belong into `rules/lists`, where they have a version, a "
        "source and one place. 0 and 1 are fine, and so are numbers that only "
        "convert units.",
    ),
    Code(
        "W112",
        "unread-list",
        "no policy reads the list `{name}`",
        "A list that no policy of any set beside it reads is dead data, or its name "
        "is misspelt where it should be read.",
    ),
)

CODES: dict[str, Code] = {row.code: row for row in _TABLE}
