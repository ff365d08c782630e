"""`opensoc new RULE --set SET`: a policy and its cases, which pass check and test."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Annotated

import typer

from opensoc_cli import reporting

if TYPE_CHECKING:
    from opensoc_engine.policy.model import Manifest

# The inputs that the templates' cases fit.
_INPUTS = {"verifier": "incident.schema.json", "plausibility": "incident.schema.json"}


def run(
    rule: Annotated[
        str, typer.Argument(help="Name of the policy, as in `dns-tunnel`.")
    ],
    policy_set: Annotated[
        str, typer.Option("--set", help="Folder of the set, such as `verifier`.")
    ],
    rules: Annotated[
        Path | None, typer.Option(help="The rules folder; `rules` by default.")
    ] = None,
) -> None:
    """Write a small policy with its three cases, to be changed into your own."""
    root = rules or reporting.own_rules()
    _check_slug(rule)
    manifest = _manifest(root, policy_set)
    texts = _texts(rule, manifest)
    for path in texts:
        if path.exists():
            raise reporting.stop(f"`{path}` is there already", "choose another name")
    for path, text in texts.items():
        try:
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except OSError as error:
            raise reporting.stop(f"can't write `{path}`: {error.strerror}") from None
        typer.echo(f"wrote {path}")
    typer.echo(f"now edit it, and run `opensoc check {root}` and `opensoc test {root}`")


def _check_slug(slug: str) -> None:
    from opensoc_engine.schema_store import default_store

    known = default_store().documents["policy.schema.json"]["properties"]["policy"]
    if re.fullmatch(known["pattern"], slug) and len(slug) <= known["maxLength"]:
        return
    advice = "use small letters, digits and single dashes, as in `dns-tunnel`"
    raise reporting.stop(f"`{slug}` can't be the name of a policy", advice)


def _manifest(root: Path, policy_set: str) -> Manifest:
    """The manifest of the set; without a usable one nothing is written."""
    from opensoc_engine.diagnostics import DiagnosticCollector
    from opensoc_engine.loader import read_folder
    from opensoc_engine.set_files import policy_folders

    folder = root / policy_set
    known = [path.name for path in policy_folders(root)]
    if policy_set not in known:
        advice = f"there are {', '.join(known) or 'no sets'} in `{root}`"
        raise reporting.stop(f"there is no policy set `{folder}`", advice)
    parts = read_folder(folder, DiagnosticCollector())
    if parts is None:
        advice = f"run `opensoc check {folder}`"
        raise reporting.stop(f"`{folder}` can't be read", advice)
    manifest = parts.manifest
    expected = _INPUTS.get(manifest.kind, manifest.input_schema.text)
    if manifest.input_schema.text != expected:
        advice = "copy a policy of the set instead"
        raise reporting.stop(f"there is no template for `{folder}`", advice)
    return manifest


def _texts(slug: str, manifest: Manifest) -> dict[Path, str]:
    """The text of each file to write."""
    folder = Path(manifest.source.name).parent
    words = {"slug": slug, "id": slug.replace(".", "-")}
    made = {}
    for suffix in (".yaml", ".cases.yaml"):
        name = f"templates/{manifest.kind}{suffix}"
        template = files(__package__).joinpath(name).read_text("utf-8")
        made[folder / f"{slug}{suffix}"] = Template(template).substitute(words)
    return made
