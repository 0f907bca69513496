"""Names, types and metadata made to lead elsewhere or to write headers: they are refused, or come back as they were."""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.local.storage.names import KEY
from tests.storage.conftest import Running

HOSTILE = st.lists(
    st.sampled_from(
        ["..", ".", "/", "\\", "%2e", "%2f", "%252e%252e", "\0", "\r\n", "\n", "a", "etc", "passwd", "~", " "]
    )
    | st.text(max_size=6),
    min_size=1,
    max_size=8,
).map("".join)
FEW = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
ANSWERS = {200, 400}


@pytest.fixture
def key(storage: Running) -> str:
    return storage.settings.keys.service_role_key


def utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@FEW
@given(name=HOSTILE.filter(utf8))
def test_a_key_names_one_object_or_nothing(storage: Running, key: str, name: str) -> None:
    path = f"/object/private/{quote(name, safe='').replace('.', '%2E')}"  # the client would resolve dot segments
    answer = storage.request("PUT", path, key, content=b"mine")
    assert answer.status_code in ANSWERS or ("\n" in name and answer.status_code == 404)  # no server's route holds it
    if answer.status_code == 200:
        assert answer.json()["Key"] == f"private/{name}"
        assert KEY.fullmatch(name)
        assert not {".", ".."} & set(name.split("/"))
        assert storage.request("GET", path, key).content == b"mine"
    elif answer.status_code == 400:
        assert answer.json()["code"] == "InvalidKey"
    assert {file.parent.parent.name for file in storage.files()} <= {storage.folder.name}


@FEW
@given(name=HOSTILE.filter(utf8))
def test_a_bucket_or_key_in_a_body_leads_nowhere_else(storage: Running, key: str, name: str) -> None:
    storage.request("PUT", "/object/private/a", key, content=b"mine")
    for body in (
        {"bucketId": name, "sourceKey": "a", "destinationKey": "b"},
        {"bucketId": "private", "sourceKey": name, "destinationKey": "b"},
        {"bucketId": "private", "sourceKey": "a", "destinationKey": name, "destinationBucket": "public"},
        {"bucketId": "private", "sourceKey": "a", "destinationKey": "b", "destinationBucket": name},
    ):
        assert storage.request("POST", "/object/copy", key, json=body).status_code in ANSWERS
    assert (
        storage.request("POST", "/object/list/private", key, json={"prefix": name, "search": name}).status_code
        in ANSWERS
    )
    assert storage.request("DELETE", "/object/small", key, json={"prefixes": [name]}).status_code in ANSWERS
    assert storage.request("GET", "/object/private/a", key).content == b"mine"


@FEW
@given(text=HOSTILE.filter(utf8))
def test_nothing_that_is_sent_becomes_a_header_of_its_own(storage: Running, key: str, text: str) -> None:
    fields = {"cacheControl": text, "contentType": text, "metadata": json.dumps({"note": text})}
    form = {"file": ("a", b"mine", "text/plain")}
    made = storage.request("PUT", "/object/public/a", key, files=form, data=fields)
    assert made.status_code in ANSWERS
    if made.status_code != 200:
        storage.request("PUT", "/object/public/a", key, content=b"mine", headers={"Content-Type": "text/plain"})
    answer = storage.request("GET", "/object/public/public/a", params={"download": text + "\r\nX-Injected: 1"})
    assert answer.status_code == 200
    assert "x-injected" not in answer.headers
    assert answer.headers["content-disposition"].isascii()
    assert storage.request("GET", "/object/info/private/a", key).status_code in ANSWERS


@FEW
@given(text=HOSTILE.filter(utf8).filter(bool))
def test_metadata_of_a_resumable_upload_is_only_that(storage: Running, key: str, text: str) -> None:
    values = {"bucketName": "public", "objectName": "r", "contentType": text, "cacheControl": text, "metadata": text}
    headers = {
        "Tus-Resumable": "1.0.0", "Upload-Length": "4", "Content-Type": "application/offset+octet-stream",
        "x-upsert": "true",
        "Upload-Metadata": ",".join(f"{name} {b64encode(value.encode()).decode()}" for name, value in values.items()),
    }  # fmt: skip
    made = storage.request("POST", "/upload/resumable", key, headers=headers, content=b"mine")
    assert made.status_code in {201, 400, 415}
    if made.status_code == 201:
        answer = storage.request("GET", "/object/public/public/r")
        assert (answer.status_code, answer.content) == (200, b"mine")


@pytest.mark.parametrize(
    "path", ["a" * 1025, "x/" * 600, "ü", "a\u202eb", "․․/a", "..\\..\\a", "a\ufeff", "%2e%2e%2fa"]
)
def test_a_name_that_looks_like_another_is_refused(storage: Running, key: str, path: str) -> None:
    answer = storage.request("PUT", f"/object/private/{quote(path, safe='/')}", key, content=b"x")
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidKey")
    assert storage.files() == []
