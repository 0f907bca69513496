"""The model files are built once for the run."""

from __future__ import annotations

import pytest

from pgdesk import models


@pytest.fixture(scope="session", autouse=True)
def model_files() -> None:
    models.build()
