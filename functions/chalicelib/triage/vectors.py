"""Dense vectors on their way into Postgres and out of it."""

from __future__ import annotations

import numpy as np

from chalicelib.triage.head import Floats


def literal(vector: Floats) -> str:
    """As pgvector reads a vector; eight digits carry a float32."""
    return "[" + ",".join(format(number, ".8g") for number in vector.tolist()) + "]"


def of_bytes(data: bytes) -> Floats:
    """From `vector_send`: two big-endian int16 (dimensions, unused), then float32."""
    return np.frombuffer(data, ">f4", -1, 4).astype(np.float32)
