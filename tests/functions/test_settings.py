"""The environment of the functions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from chalicelib.kit.settings import Settings, SettingsError, settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PGDESK_DATABASE_URL", "postgresql://somebody:hidden@db/pgdesk")
    settings.cache_clear()
    yield
    settings.cache_clear()


@pytest.mark.parametrize("value", [None, ""])
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    if value is None:
        monkeypatch.delenv("PGDESK_DATABASE_URL")
    else:
        monkeypatch.setenv("PGDESK_DATABASE_URL", value)
    with pytest.raises(SettingsError, match="PGDESK_DATABASE_URL: Field required"):
        settings()


def test_every_wrong_value_is_named_and_none_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDESK_MODEL_TIMEOUT", "s3cret-soon")
    monkeypatch.setenv("PGDESK_MODEL_BUDGET", "-1")
    with pytest.raises(SettingsError) as caught:
        settings()
    said = str(caught.value)
    assert "PGDESK_MODEL_TIMEOUT" in said
    assert "PGDESK_MODEL_BUDGET" in said
    assert "s3cret" not in said


def test_secrets_do_not_show_when_settings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGDESK_INBOUND_SECRET", "open sesame")
    assert "hidden" not in repr(settings())
    assert "open sesame" not in repr(settings())
    assert settings().inbound_secret.get_secret_value() == "open sesame"


def test_settings_are_read_once_per_container(monkeypatch: pytest.MonkeyPatch) -> None:
    first = settings()
    monkeypatch.setenv("PGDESK_QUEUE_PREFIX", "other-")
    assert settings() is first


def test_every_variable_is_explained() -> None:
    explained = set(re.findall(r"^#?PGDESK_([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert {name.upper() for name in Settings.model_fields} <= explained
