"""Keeps numpy's BLAS to one thread.

The functions run in parallel already (several consumers in a process, or a Lambda of one core). Threads of OpenBLAS
that wait for each other spin: with both cores busy, two of them made one short text ten times slower than one did.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np


def use_one_thread() -> None:
    """For the whole process, also after numpy was imported. Without the OpenBLAS of numpy's wheels: does nothing."""
    for library in (Path(np.__file__).parent.parent / "numpy.libs").glob("libscipy_openblas*"):
        handle = ctypes.CDLL(str(library))  # already loaded: this gives the same one
        for name in ("scipy_openblas_set_num_threads64_", "scipy_openblas_set_num_threads"):
            if hasattr(handle, name):
                getattr(handle, name)(1)
