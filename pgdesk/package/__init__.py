"""The deployment package: what runs on Lambda as an archive, its model as a layer, and the template of it all."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

import yaml  # type: ignore[import-untyped]
from chalicelib.kit.settings import Settings as FunctionsSettings
from pydantic import SecretStr

from infra.aws import Template, Variable, complete
from pgdesk import models
from pgdesk.environment import ROOT
from pgdesk.package import archive, chalice

TARGET = ROOT / "build" / "package"
FUNCTIONS = ROOT / "functions"
# The template as it is today, kept so that a change of it can be read: `python -m pgdesk.package` writes it.
GOLDEN = ROOT / "infra" / "aws" / "template.yaml"
CODE, LAYER, TEMPLATE = "deployment.zip", "model-layer.zip", "template.yaml"
RUNTIME = "python3.11"  # in GOLDEN, whichever Python wrote it


@dataclass(frozen=True)
class Built:
    """What was built: the folder it lies in, and how large it is in bytes."""

    folder: Path
    code: archive.Size
    layer: archive.Size

    @property
    def unpacked(self) -> int:
        """Of code and layer together: Lambda takes 250 MB."""
        return self.code.unpacked + self.layer.unpacked


def build(target: Path = TARGET, app: Path = FUNCTIONS) -> Built:
    """Build the Chalice app in folder `app` into `target`: deployment.zip, model-layer.zip and template.yaml.

    Wheels for Lambda are fetched by pip as the requirements pin them. The Lambda runtime will be the Python that runs
    this (3.11 to 3.13). Raises RuntimeError with what was wrong in one line.
    """
    models.prepare()
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pgdesk-package-") as scratch:
        made = chalice.package(app, Path(scratch))
        code, layer = archive.split(Path(scratch) / chalice.ARCHIVE, target / CODE, target / LAYER)
    (target / TEMPLATE).write_text(written(completed(made)))
    return Built(target, code, layer)


def template() -> Template:
    """The template alone, without wheels."""
    with tempfile.TemporaryDirectory(prefix="pgdesk-package-") as scratch:
        return completed(chalice.package(chalice.without_wheels(FUNCTIONS, Path(scratch)), Path(scratch)))


def completed(made: Template) -> Template:
    """Chalice's template with all that stands around it."""
    return complete(made, variables(), f"./{CODE}", f"./{LAYER}")


def variables() -> list[Variable]:
    """What the functions read, as kit/settings.py declares it."""
    found = []
    for name, field in FunctionsSettings.model_fields.items():
        # The functions know their defaults; only the prefix is a part of the queues' names too.
        default = None if field.is_required() else str(field.default) if name == "queue_prefix" else ""
        found.append(Variable(name.upper(), field.annotation is SecretStr, default))
    return found


def golden(template: Template) -> str:
    """The template as it is kept in the repository: the same whichever Python packs it."""
    return written(template).replace(template["Globals"]["Function"]["Runtime"], RUNTIME)


def written(template: Template) -> str:
    """The template as a file. Its keys stay in their order, and nothing is an alias of something else."""
    plain = json.loads(json.dumps(template))
    return str(yaml.safe_dump(plain, sort_keys=False, width=120, allow_unicode=True))
