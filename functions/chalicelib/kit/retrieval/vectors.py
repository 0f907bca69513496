"""Vectors on their way into Postgres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def literal(vector: NDArray[np.float32]) -> str:
    """pgvector's text form of a vector; eight digits carry a float32."""
    return "[" + ",".join(format(number, ".8g") for number in vector.tolist()) + "]"
