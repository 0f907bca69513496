"""Bodies, headers and statuses that clients of the platform rely on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.storage.conftest import Running


@pytest.fixture
def key(storage: Running) -> str:
    return storage.settings.keys.service_role_key


@pytest.fixture
def stored(storage: Running, key: str) -> str:
    headers = {"Content-Type": "text/plain", "Cache-Control": "max-age=60"}
    assert storage.request("POST", "/object/private/a.txt", key, content=b"0123456789", headers=headers).is_success
    return "/object/private/a.txt"


def test_an_upload_is_answered_with_its_id_and_key_a_signed_one_with_its_key(storage: Running, key: str) -> None:
    made = storage.request("POST", "/object/private/a/b.txt", key, content=b"x").json()
    assert made.keys() == {"Id", "Key"}
    assert made["Key"] == "private/a/b.txt"
    signed = storage.request("POST", "/object/upload/sign/private/c.txt", key).json()
    assert signed["url"] == f"/object/upload/sign/private/c.txt?token={signed['token']}"
    assert storage.request("PUT", signed["url"], content=b"x").json() == {"Key": "private/c.txt"}


def test_the_callers_metadata_is_an_object_and_never_null(storage: Running, key: str, stored: str) -> None:
    info = storage.request("GET", "/object/info/private/a.txt", key)
    assert info.json()["metadata"] == {}
    assert (info.json()["size"], info.json()["content_type"]) == (10, "text/plain")
    assert info.headers["etag"] == info.json()["etag"]
    assert info.headers["cache-control"] == "max-age=60"


def test_info_of_a_public_bucket_needs_no_token(storage: Running, key: str) -> None:
    storage.request("POST", "/object/public/a.txt", key, content=b"x")
    assert storage.request("GET", "/object/info/public/public/a.txt").json()["name"] == "a.txt"
    assert storage.request("GET", "/object/info/public/a.txt").json()["name"] == "a.txt"
    assert storage.request("GET", "/object/info/public/private/a.txt").json()["code"] == "NoSuchBucket"
    assert storage.request("GET", "/object/info/private/a.txt").json()["code"] == "NoSuchBucket"


def test_a_cache_may_go_on_with_the_old_file_while_it_fetches_the_new_one(
    storage: Running, key: str, stored: str
) -> None:
    answer = storage.request("GET", stored, key, headers={"If-None-Match": '"old"'})
    assert answer.headers["cache-control"] == "max-age=60, stale-while-revalidate=30"


@pytest.mark.parametrize(
    ("rules", "good"),
    [
        ("noindex", True), ("noindex, nofollow", True), ("max-snippet: 50, noarchive", False),
        ("max-snippet:-2", False),
        ("googlebot: noindex", True), ("max-image-preview: large", True), ("max-image-preview: huge", False),
        ("unavailable_after: Wed, 03 Dec 2025 13:09:53 GMT, noindex", True), ("unavailable_after: someday", False),
        ("anything", False), ("noindex,", False),
    ],
)  # fmt: skip
def test_an_uploader_says_what_search_engines_may_do(storage: Running, key: str, rules: str, good: bool) -> None:
    answer = storage.request("POST", "/object/public/a.txt", key, content=b"x", headers={"X-Robots-Tag": rules})
    assert answer.is_success == good
    if good:
        assert storage.request("GET", "/object/public/public/a.txt").headers["x-robots-tag"] == rules
    else:
        assert answer.json()["error"] == "invalid_x_robots_tag"


def test_without_a_word_search_engines_stay_away(storage: Running, key: str, stored: str) -> None:
    assert storage.request("GET", stored, key).headers["x-robots-tag"] == "none"


def test_only_newer_clients_are_told_a_buckets_type(storage: Running, key: str) -> None:
    def types(**headers: str) -> set[bool]:
        return {"type" in bucket for bucket in storage.request("GET", "/bucket", key, headers=headers).json()}

    assert types() == types(**{"X-Client-Info": "supabase-py/2.18.0"}) == {True}
    assert types(**{"X-Client-Info": "supabase-py/2.17.9"}) == {False}
    assert types(**{"User-Agent": "supabase-py/storage3 v0.9.0"}) == {False}
    assert "type" not in storage.request("GET", "/bucket/private", key).json()


def test_pages_tell_files_from_folders(storage: Running, key: str) -> None:
    for name in ("a.txt", "docs/b.txt", "docs/c/d.txt"):
        storage.request("POST", f"/object/private/{name}", key, content=b"x")

    def page(**asked: Any) -> Any:
        return storage.request("POST", "/object/list-v2/private", key, json=asked).json()

    top = page(with_delimiter=True)
    assert [(row["name"], row["key"], row["id"]) for row in top["folders"]] == [("docs/", "docs", None)]
    assert [(row["name"], row["key"]) for row in top["objects"]] == [("a.txt", "a.txt")]
    below = page(with_delimiter=True, prefix="docs/")
    assert [row["name"] for row in below["folders"]] == ["docs/c/"]
    assert [(row["name"], row["key"]) for row in below["objects"]] == [("docs/b.txt", "b.txt")]
    flat = page(limit=2)
    assert [row["name"] for row in flat["objects"]] == ["a.txt", "docs/b.txt"]
    assert (flat["folders"], flat["hasNext"], flat["nextCursorKey"]) == ([], True, "docs/b.txt")


def test_policies_see_the_operation_and_what_is_known_of_the_file(storage: Running, ann: str) -> None:
    with storage.database() as db:
        db.execute("""
            create policy small on storage.objects for insert to authenticated with check (
                bucket_id = 'public' and storage.allow_only_operation('object.upload')
                and (metadata ->> 'contentLength')::int < 100 and metadata ->> 'mimetype' = 'text/plain'
                and user_metadata ->> 'kind' = 'note'
            )""")
    token, note = storage.token(ann), {"Content-Type": "text/plain", "x-metadata": "eyJraW5kIjoibm90ZSJ9"}
    assert storage.request("POST", "/object/public/a", token, content=b"x", headers=note).status_code == 200
    for content, headers in [
        (b"x" * 100, note), (b"x", note | {"Content-Type": "text/css"}), (b"x", {"Content-Type": "text/plain"}),
        (b"x", note | {"x-metadata": "eyJraW5kIjoi"}),
    ]:  # fmt: skip
        answer = storage.request("POST", "/object/public/b", token, content=content, headers=headers)
        assert answer.json()["code"] == "AccessDenied"
    assert (
        storage.request("PUT", "/object/public/a", token, content=b"x", headers=note).json()["code"] == "AccessDenied"
    )


def test_replacing_needs_the_right_to_see_and_to_change(storage: Running, ann: str) -> None:
    token, upsert = storage.token(ann), {"x-upsert": "true"}
    path = f"/object/private/{ann}/a"
    assert storage.request("POST", path, token, content=b"old", headers=upsert).status_code == 200
    assert storage.request("POST", path, token, content=b"new", headers=upsert).status_code == 200
    for policy in ("see", "change"):
        with storage.database() as db:
            db.execute(f'drop policy "own folder, {policy}" on storage.objects')
        answer = storage.request("POST", path, token, content=b"bad", headers=upsert)
        assert answer.json()["code"] == "AccessDenied"
    assert storage.request("GET", path, storage.settings.keys.service_role_key).content == b"new"


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/bucket", {}, "body must have required property 'name'"),
        ("/bucket", {"name": "x", "type": "OTHER"}, "body/type must be equal to one of the allowed values"),
        ("/object/list/private", {}, "body must have required property 'prefix'"),
        ("/object/list/private", {"prefix": "", "limit": 0}, "body/limit must be >= 1"),
        ("/object/sign/private/a", {}, "body must have required property 'expiresIn'"),
        ("/object/sign/private/a", {"expiresIn": 0}, "body/expiresIn must be >= 1"),
        ("/object/sign/private", {"expiresIn": 1, "paths": []}, "body/paths must NOT have fewer than 1 items"),
        ("/object/move", {"bucketId": "private"}, "body must have required property 'sourceKey'"),
    ],
)
def test_a_body_without_its_form_is_told_what_it_lacks(
    storage: Running, key: str, path: str, body: dict[str, Any], message: str
) -> None:
    answer = storage.request("POST", path, key, json=body)
    told = {"statusCode": "400", "code": "InvalidRequest", "error": "Error", "message": message}
    assert (answer.status_code, answer.json()) == (400, told)


def test_bounds_of_a_request_are_the_platforms(storage: Running, key: str, stored: str) -> None:
    many = [f"{number}" for number in range(1001)]
    assert storage.request("DELETE", "/object/private", key, json={"prefixes": many}).json() == []
    refused = storage.request("POST", "/object/sign/private", key, json={"expiresIn": 1, "paths": many})
    assert refused.json()["message"] == "body/paths must NOT have more than 1000 items"
    for seconds in (10**12, 10**21, 1e21):
        answer = storage.request("POST", "/object/sign/private/a.txt", key, json={"expiresIn": seconds})
        assert (answer.status_code, "expiresIn" in answer.json()["message"]) == (400, True)
    long = storage.request("POST", "/object/sign/private/a.txt", key, json={"expiresIn": 2 * 10**11}).json()[
        "signedURL"
    ]
    assert storage.request("GET", long).content == b"0123456789"


def test_a_name_that_is_taken_is_not_given_twice(storage: Running, key: str, stored: str) -> None:
    storage.request("POST", "/object/private/b.txt", key, content=b"b")
    body = {"bucketId": "private", "sourceKey": "b.txt", "destinationKey": "a.txt"}
    for verb, code in (("move", "ResourceAlreadyExists"), ("copy", "KeyAlreadyExists")):
        answer = storage.request("POST", f"/object/{verb}", key, json=body).json()
        assert (answer["statusCode"], answer["code"], answer["error"]) == ("409", code, "Duplicate")
    assert storage.request("GET", stored, key).content == b"0123456789"


def test_there_is_no_cache_to_purge_but_for_the_service_role(storage: Running, key: str, ann: str) -> None:
    for path in ("/cdn", "/cdn/private", "/cdn/private/a/b.txt?transformations=true"):
        assert storage.request("DELETE", path, key).json()["message"] == "success"
        assert storage.request("DELETE", path, storage.token(ann)).status_code == 403


def test_what_has_no_route_is_not_found(storage: Running, key: str) -> None:
    answer = storage.request("POST", "/nowhere/at/all", key)
    assert (answer.status_code, answer.json()["message"]) == (404, "Route POST:/nowhere/at/all not found")


def test_a_buckets_own_words_are_kept(storage: Running, key: str) -> None:
    assert storage.request("POST", "/bucket", key, json={"name": "x--iceberg"}).json()["code"] == "InvalidBucketName"
    analytics = storage.request("POST", "/bucket", key, json={"name": "x", "type": "ANALYTICS"})
    assert analytics.json()["code"] == "FeatureNotEnabled"
    limits = {"name": "limits", "file_size_limit": "1.5kb", "allowed_mime_types": ["image/*"]}
    assert storage.request("POST", "/bucket", key, json=limits).json() == {"name": "limits"}
    made = storage.request("GET", "/bucket/limits", key).json()
    assert (made["file_size_limit"], made["allowed_mime_types"]) == (1500, ["image/*"])


def test_buckets_are_listed_in_pages_in_an_order_and_by_name(storage: Running, key: str) -> None:
    def names(**asked: str) -> list[str]:
        return [bucket["name"] for bucket in storage.request("GET", "/bucket", key, params=asked).json()]

    storage.request("POST", "/bucket", key, json={"name": "100_Mail"})
    assert names(sortColumn="name") == sorted(names())
    assert names(sortColumn="name", sortOrder="desc", limit="2", offset="1") == sorted(names(), reverse=True)[1:3]
    assert names(search="PRIV") == ["private"]
    assert names(search="_") == ["100_Mail"]
    assert names(search="%") == []
    for wrong in ({"limit": "0"}, {"offset": "-1"}, {"sortColumn": "owner"}, {"sortOrder": "up"}, {"limit": "x"}):
        answer = storage.request("GET", "/bucket", key, params=wrong)
        assert (answer.status_code, answer.json()["code"]) == (400, "InvalidRequest")


def test_files_move_and_are_copied_between_buckets(storage: Running, key: str, stored: str) -> None:
    body = {"bucketId": "private", "sourceKey": "a.txt", "destinationBucket": "public", "destinationKey": "b.txt"}
    copied = storage.request("POST", "/object/copy", key, json=body).json()
    assert (copied["Key"], copied["bucket_id"], copied["name"]) == ("public/b.txt", "public", "b.txt")
    changed = body | {"copyMetadata": False, "metadata": {"mimetype": "text/css"}, "destinationKey": "c.css"}
    assert storage.request("POST", "/object/copy", key, json=changed).json()["metadata"]["cacheControl"] == "max-age=60"
    assert storage.request("GET", "/object/public/public/c.css").headers["content-type"] == "text/css"
    moved = storage.request("POST", "/object/move", key, json=body | {"destinationKey": "d.txt"}).json()
    assert (moved["message"], moved["Key"]) == ("Successfully moved", "d.txt")
    assert storage.request("GET", stored, key).json()["code"] == "NoSuchKey"
    assert storage.request("GET", "/object/public/public/d.txt").content == b"0123456789"
    nowhere = body | {"destinationBucket": "nowhere"}
    assert storage.request("POST", "/object/copy", key, json=nowhere).status_code == 400
