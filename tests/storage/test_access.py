"""Policies decide; nothing that an attacker sends reaches bytes, rows or paths that are not theirs."""

from __future__ import annotations

import time
from typing import Any

import jwt
import psycopg
import pytest
from storage3 import SyncStorageClient
from storage3.exceptions import StorageApiError

from infra.local import tokens
from infra.local.storage import signing
from tests.storage.conftest import Running

DENIED = {
    "statusCode": "403",
    "code": "AccessDenied",
    "error": "Unauthorized",
    "message": "new row violates row-level security policy",
}


def test_a_user_keeps_to_their_own_folder(storage: Running, ann: str) -> None:
    mine, hers = storage.token(ann), storage.token("bob")
    assert storage.request("POST", f"/object/private/{ann}/a.txt", mine, content=b"mine").status_code == 200
    answer = storage.request("POST", f"/object/private/{ann}/b.txt", hers, content=b"hers")
    assert (answer.status_code, answer.json()) == (400, DENIED)
    for method, path in [
        ("GET", f"/object/private/{ann}/a.txt"), ("GET", f"/object/authenticated/private/{ann}/a.txt"),
        ("GET", f"/object/info/private/{ann}/a.txt"), ("HEAD", f"/object/private/{ann}/a.txt"),
    ]:  # fmt: skip
        answer = storage.request(method, path, hers)
        assert answer.status_code == 400
        assert method == "HEAD" or answer.json()["code"] == "NoSuchKey"
    assert storage.request("POST", f"/object/sign/private/{ann}/a.txt", hers, json={"expiresIn": 60}).status_code == 400
    body = {"bucketId": "private", "sourceKey": f"{ann}/a.txt", "destinationKey": "bob/a.txt"}
    assert storage.request("POST", "/object/copy", hers, json=body).json()["code"] == "NoSuchKey"
    assert storage.request("POST", "/object/move", hers, json=body).json()["code"] == "NoSuchKey"
    assert storage.request("DELETE", f"/object/private/{ann}/a.txt", hers).json()["code"] == "AccessDenied"
    assert storage.request("DELETE", "/object/private", hers, json={"prefixes": [f"{ann}/a.txt"]}).json() == []
    assert storage.request("POST", "/object/list/private", hers, json={"prefix": ann}).json() == []
    assert storage.request("POST", "/object/list-v2/private", hers, json={}).json()["objects"] == []
    assert storage.request("GET", f"/object/private/{ann}/a.txt", mine).content == b"mine"


def test_a_copy_or_move_must_be_allowed_at_its_end(storage: Running, ann: str) -> None:
    mine = storage.token(ann)
    storage.request("POST", f"/object/private/{ann}/a.txt", mine, content=b"mine")
    for verb in ("copy", "move"):
        body = {"bucketId": "private", "sourceKey": f"{ann}/a.txt", "destinationKey": "bob/a.txt"}
        assert storage.request("POST", f"/object/{verb}", mine, json=body).json() == DENIED
    assert storage.request("GET", f"/object/private/{ann}/a.txt", mine).content == b"mine"


def test_a_refused_upload_leaves_nothing_and_reads_nothing(storage: Running) -> None:
    answer = storage.request(
        "POST", "/object/private/bob/a.txt", storage.settings.keys.anon_key, content=b"x" * 100_000
    )
    assert answer.json() == DENIED
    assert storage.files() == []
    with storage.database() as db:
        assert db.execute("select * from storage.objects").fetchall() == []


def test_buckets_need_policies_too(storage: Running, ann: str) -> None:
    token = storage.token(ann)
    assert storage.request("POST", "/bucket", token, json={"name": "mine"}).json() == DENIED
    assert storage.request("GET", "/bucket", token).json() == []
    assert storage.request("GET", "/bucket/private", token).json()["code"] == "NoSuchBucket"
    assert storage.request("PUT", "/bucket/private", token, json={"public": True}).json()["code"] == "NoSuchBucket"
    assert storage.request("DELETE", "/bucket/private", token).json()["code"] == "NoSuchBucket"
    assert storage.request("POST", "/bucket/private/empty", token).json()["code"] == "NoSuchBucket"


def test_only_who_may_remove_everything_empties_a_bucket(storage: Running, admin: SyncStorageClient, ann: str) -> None:
    admin.from_("private").upload("bob/a.txt", b"a")
    admin.from_("private").upload(f"{ann}/a.txt", b"a")
    with storage.database() as db:
        db.execute("create policy see on storage.buckets for select to authenticated using (true)")
    emptied = storage.request("POST", "/bucket/private/empty", storage.token(ann))
    assert (emptied.status_code, emptied.json()["message"]) == (403, "Access denied: Invalid role")
    assert len(admin.from_("private").list()) == 2
    admin.from_("private").remove(["bob/a.txt"])
    assert storage.request("POST", "/bucket/private/empty", storage.token(ann)).status_code == 200
    assert admin.from_("private").list() == []


def test_a_custom_role_acts_as_itself(storage: Running) -> None:
    role = "keeper_of_mail"
    with storage.database() as db:
        db.execute(f"create role {role} nologin")
        try:
            db.execute(f"grant {role} to authenticator; grant anon to {role}")
            db.execute(f"create policy keeper on storage.objects to {role} using (bucket_id = 'private')")
            token = storage.token(role=role, tenant="t1")
            assert storage.request("POST", "/object/private/raw/1.eml", token, content=b"mail").status_code == 200
            assert storage.request("GET", "/object/private/raw/1.eml", token).content == b"mail"
            assert storage.request("POST", "/object/small/1.txt", token, content=b"x", headers=PLAIN).json() == DENIED
        finally:
            db.execute("drop policy if exists keeper on storage.objects")
            db.execute(f"drop role {role}")


PLAIN = {"Content-Type": "text/plain"}


@pytest.mark.parametrize("role", ["postgres", "supabase_admin", "supabase_storage_admin", "nobody_at_all", "x\0y"])
def test_a_token_cannot_name_a_role_beyond_the_api(storage: Running, role: str) -> None:
    answer = storage.request("GET", "/bucket", storage.token(role=role))
    assert answer.status_code == 400
    assert answer.json()["statusCode"] in {"400", "403"}


def test_a_request_without_a_valid_token_is_refused(storage: Running, ann: str) -> None:
    assert storage.request("GET", "/bucket").status_code == 400
    expired = storage.token(ann, exp=int(time.time()) - 3600)
    assert storage.request("GET", "/bucket", expired).json()["error"] == "Unauthorized"
    forged = jwt.encode({"role": "service_role"}, "another secret that is long enough for HS256", "HS256")
    assert storage.request("GET", "/bucket", forged).json()["error"] == "Unauthorized"
    unsigned = jwt.encode({"role": "service_role"}, "", "none")
    assert storage.request("GET", "/bucket", unsigned).json()["error"] == "Unauthorized"
    assert storage.request("GET", f"/object/private/{ann}/a.txt").json()["code"] == "NoSuchBucket"


@pytest.mark.parametrize(
    "key",
    [
        "%2e%2e/%2e%2e/etc/passwd", "a/%2e%2e/%2e%2e/b", "..%2f..%2fetc%2fpasswd", "%2e", "a/%2e/b", "a%00b", "a%5cb",
        "%C3%BC.txt", "a" * 1025, "",
    ],
)  # fmt: skip
def test_a_key_that_could_lead_elsewhere_is_refused(storage: Running, key: str) -> None:
    token = storage.settings.keys.service_role_key
    for method in ("POST", "PUT", "GET"):
        answer = storage.request(method, f"/object/private/{key}", token, content=b"x" if method != "GET" else None)
        assert (answer.status_code, answer.json()["code"]) == (400, "InvalidKey")
    body = {"bucketId": "private", "sourceKey": "a", "destinationKey": "../../b"}
    assert storage.request("POST", "/object/move", token, json=body).json()["code"] == "InvalidKey"
    assert storage.files() == []


@pytest.mark.parametrize("name", ["../x", "a/b", "", " a", "a" * 101, ".", "..", "ü", "a\0b", 7, None])
def test_a_bucket_has_a_plain_name(storage: Running, name: Any) -> None:
    answer = storage.request("POST", "/bucket", storage.settings.keys.service_role_key, json={"name": name})
    assert answer.status_code == 400


def test_a_row_written_by_hand_names_no_file_of_the_machine(storage: Running) -> None:
    with storage.database() as db:
        db.execute(
            "insert into storage.objects (bucket_id, name, version) values ('public', 'x', '../../../../etc/passwd')"
        )
    assert storage.request("GET", "/object/public/public/x").json()["statusCode"] == "404"


def test_a_row_written_by_hand_writes_no_header(storage: Running, admin: SyncStorageClient) -> None:
    admin.from_("public").upload("a", b"a")
    for field in ("mimetype", "cacheControl", "eTag", "xRobotsTag"):
        with storage.database() as db:
            db.execute(
                "update storage.objects set metadata = metadata || jsonb_build_object(%s::text, %s::text)",
                [field, "x\r\nX-Injected: 1"],
            )
        answer = storage.request("GET", "/object/public/public/a")
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_header_char")
        assert "x-injected" not in answer.headers


class TestSignedAddresses:
    @pytest.fixture(autouse=True)
    def files(self, admin: SyncStorageClient) -> None:
        for name in ("a.txt", "b.txt"):
            admin.from_("private").upload(name, name.encode())

    def open(self, storage: Running, token: str, path: str = "private/a.txt") -> dict[str, Any]:
        answer = storage.request("GET", f"/object/sign/{path}", params={"token": token})
        assert answer.status_code == 400
        body: dict[str, Any] = answer.json()
        return body

    def test_open_no_other_object(self, storage: Running) -> None:
        token = signing.sign(storage.settings.keys, signing.DOWNLOAD, "private/a.txt", 60)
        assert self.open(storage, token, "private/b.txt")["code"] == "InvalidSignature"
        assert self.open(storage, token, "public/a.txt")["code"] == "InvalidSignature"

    def test_end(self, storage: Running) -> None:
        token = signing.sign(storage.settings.keys, signing.DOWNLOAD, "private/a.txt", -1)
        assert self.open(storage, token)["code"] == "InvalidJWT"

    def test_are_for_one_use(self, storage: Running) -> None:
        download = signing.sign(storage.settings.keys, signing.DOWNLOAD, "private/a.txt", 60, upsert=True)
        upload = signing.sign(storage.settings.keys, signing.UPLOAD, "private/a.txt", 60, upsert=True)
        assert self.open(storage, upload)["code"] == "InvalidSignature"
        answer = storage.request("PUT", "/object/upload/sign/private/a.txt", params={"token": download}, content=b"x")
        assert answer.json()["code"] == "InvalidSignature"

    def test_are_no_sessions_and_sessions_are_none(self, storage: Running) -> None:
        keys = storage.settings.keys
        token = signing.sign(keys, signing.DOWNLOAD, "private/a.txt", 60, role="service_role")
        assert storage.request("GET", "/bucket", token).json()["error"] == "Unauthorized"
        forged = {"url": "private/a.txt", "scope": "download", "exp": int(time.time()) + 60}
        assert self.open(storage, tokens.sign(keys, forged))["code"] == "InvalidJWT"
        assert self.open(storage, tokens.sign_shared(keys, forged))["code"] == "InvalidJWT"
        assert self.open(storage, "")["code"] == "InvalidJWT"

    @pytest.mark.parametrize("seconds", [0, -1, "x", None, True, 1.5])
    def test_last_a_time_that_makes_sense(self, storage: Running, seconds: Any) -> None:
        token = storage.settings.keys.service_role_key
        answer = storage.request("POST", "/object/sign/private/a.txt", token, json={"expiresIn": seconds})
        assert answer.status_code == 400 or seconds is None


def test_a_user_without_insert_gets_no_upload_address(storage: Running) -> None:
    with pytest.raises(StorageApiError, match="row-level security"):
        storage.client(storage.token("bob")).from_("private").create_signed_upload_url("ann/a.txt")


def test_a_policy_sees_operation_type_and_length(storage: Running, ann: str) -> None:
    with storage.database() as db:
        db.execute(
            "create policy narrow on storage.objects as restrictive for insert to authenticated with check ("
            "storage.allow_only_operation('object.upload') and metadata ->> 'mimetype' = 'text/plain' "
            "and (metadata ->> 'contentLength')::int < 10)"
        )
    token = storage.token(ann)
    plain = {"Content-Type": "text/plain"}
    assert (
        storage.request("POST", f"/object/private/{ann}/1", token, content=b"short", headers=plain).status_code == 200
    )
    assert storage.request("POST", f"/object/private/{ann}/2", token, content=b"x" * 10, headers=plain).json() == DENIED
    assert storage.request("POST", f"/object/private/{ann}/3", token, content=b"short").json() == DENIED
    assert storage.request("PUT", f"/object/private/{ann}/4", token, content=b"short", headers=plain).json() == DENIED


def test_a_broken_database_is_an_error_that_shows_no_statement(storage: Running) -> None:
    with psycopg.connect(storage.settings.database_url("supabase_admin"), autocommit=True) as db:
        db.execute("alter table storage.objects rename to gone")
        try:
            answer = storage.request("GET", "/object/public/public/x.txt")
        finally:
            db.execute("alter table storage.gone rename to objects")
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "The database schema is out of sync. Please run migrations or contact support.",
    )


def test_a_key_of_two_lines_reaches_nothing(storage: Running) -> None:
    token = storage.settings.keys.service_role_key
    answer = storage.request("POST", "/object/private/a%0d%0aX-Injected:1", token, content=b"x")
    assert answer.status_code in {400, 404}
    assert "x-injected" not in answer.headers
    assert storage.files() == []
