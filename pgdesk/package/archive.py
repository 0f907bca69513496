"""From Chalice's archive to ours: the model, numpy and Pillow in a layer, unused data left out, modules compiled."""

from __future__ import annotations

import compileall
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from py_compile import PycInvalidationMode

# What is large and seldom changes goes into the layer: a change of the code is a small upload.
MODEL = ("minilm.npz", "vocab.txt")
MODEL_FOLDER = Path("chalicelib", "kit", "embeddings")
LAYER_FOLDER = "pgdesk"  # below /opt
DISTRIBUTIONS = ("numpy", "py3langid", "PIL", "pillow")
# Where Lambda unpacks code and layer: what tracebacks name. Both are on sys.path.
# https://docs.aws.amazon.com/lambda/latest/dg/python-package.html#python-package-searchpath
TASK, OPT_PYTHON = "/var/task", "/opt/python"
EPOCH = (1980, 1, 1, 0, 0, 0)  # the same content is the same archive
CLIENT = re.compile(r"""\.(?:client|resource)\(\s*["']([a-z0-9-]+)["']""")


@dataclass(frozen=True)
class Size:
    """Bytes of an archive, and of what is in it."""

    packed: int
    unpacked: int


def split(packed: Path, code: Path, layer: Path) -> tuple[Size, Size]:
    """Write the archives of code and layer from the one that Chalice made. Returns their sizes."""
    with tempfile.TemporaryDirectory(prefix="pgdesk-archive-") as scratch:
        task, opt = Path(scratch, "task"), Path(scratch, "opt")
        modules = opt / "python"
        with zipfile.ZipFile(packed) as archive:
            archive.extractall(task)
        (opt / LAYER_FOLDER).mkdir(parents=True)
        modules.mkdir()
        for name in MODEL:
            shutil.move(task / MODEL_FOLDER / name, opt / LAYER_FOLDER / name)
        for path in unused(task):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name in DISTRIBUTIONS:
            for path in [*task.glob(name), *task.glob(f"{name}[.-]*")]:  # with its libraries, and its licence
                shutil.move(path, modules / path.name)
        _compile(task, TASK)
        _compile(modules, OPT_PYTHON)
        return _zip(task, code), _zip(opt, layer)


def unused(task: Path) -> Iterator[Path]:
    """What no function reads: stubs for type checkers, tests, descriptions of AWS services that are not called."""
    called = {name for file in (task / "chalicelib").rglob("*.py") for name in CLIENT.findall(file.read_text())}
    for service in sorted((task / "botocore" / "data").glob("*/")):
        if service.is_dir() and service.name not in called:
            yield service
    yield from sorted(task.rglob("*.pyi"))
    yield from (folder for folder in sorted(task.rglob("tests")) if folder.is_dir())


def _compile(folder: Path, deployed: str) -> None:
    """Bytecode beside every module: what Lambda unpacks is read-only, so each container would compile them all.

    Not checked against the source, whose time is lost on the way.
    """
    compileall.compile_dir(
        folder, quiet=2, stripdir=str(folder), prependdir=deployed, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH
    )


def _zip(folder: Path, target: Path) -> Size:
    unpacked = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            member = zipfile.ZipInfo(str(file.relative_to(folder)), EPOCH)
            member.external_attr = 0o100644 << 16  # readable by the user that Lambda runs as
            member.compress_type = zipfile.ZIP_DEFLATED
            content = file.read_bytes()
            archive.writestr(member, content, compresslevel=6)
            unpacked += len(content)
    return Size(target.stat().st_size, unpacked)
