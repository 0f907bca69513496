"""The admin API: what the service role may do, and that nobody else may."""

from __future__ import annotations

from uuid import uuid4

import pytest
from supabase_auth.errors import AuthApiError

from tests.auth.conftest import PASSWORD, Auth, fragment, new_address, query

ENDPOINTS = [
    ("GET", "/admin/users"),
    ("POST", "/admin/users"),
    ("GET", "/admin/users/{id}"),
    ("PUT", "/admin/users/{id}"),
    ("DELETE", "/admin/users/{id}"),
    ("GET", "/admin/users/{id}/factors"),
    ("DELETE", "/admin/users/{id}/factors/{id}"),
    ("POST", "/admin/generate_link"),
    ("POST", "/invite"),
]


@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_only_the_service_role_is_let_in(auth: Auth, method: str, path: str) -> None:
    session = auth.session(auth.user(user_metadata={"role": "service_role"}, app_metadata={"role": "service_role"}))
    path = path.replace("{id}", session["user"]["id"])
    for token in (auth.settings.keys.anon_key, session["access_token"]):
        answer = auth.call(method, path, token)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_admin")
    assert auth.call(method, path).status_code == 401
    assert auth.call("GET", "/user", session["access_token"]).status_code == 200


def test_opaque_keys_stand_for_their_roles(auth: Auth) -> None:
    keys = auth.settings.keys
    for headers, status in (
        ({"apikey": keys.secret_key, "Authorization": f"Bearer {keys.secret_key}"}, 200),
        ({"apikey": keys.secret_key}, 200),
        ({"apikey": keys.publishable_key, "Authorization": f"Bearer {keys.publishable_key}"}, 403),
        ({"apikey": "sb_secret_wrong"}, 403),
    ):
        assert auth.call("GET", "/admin/users", headers=headers).status_code == status


def test_users_are_made_read_changed_and_deleted(auth: Auth) -> None:
    admin, address, moved = auth.admin().admin, new_address(), new_address()
    made = admin.create_user(
        {
            "email": address,
            "password": PASSWORD,
            "email_confirm": True,
            "user_metadata": {"name": "Ada"},
            "app_metadata": {"plan": "pro"},
        }
    ).user
    assert made.app_metadata == {"provider": "email", "providers": ["email"], "plan": "pro"}
    assert admin.get_user_by_id(made.id).user == made
    changed = admin.update_user_by_id(
        made.id,
        {"email": moved, "password": "a new password", "app_metadata": {"plan": None}, "user_metadata": {"x": 1}},
    ).user
    assert changed.email == moved
    assert "plan" not in changed.app_metadata
    assert changed.user_metadata["x"] == 1
    assert auth.sign_in(moved, "a new password").status_code == 200
    admin.delete_user(made.id)
    with pytest.raises(AuthApiError) as missing:
        admin.get_user_by_id(made.id)
    assert (missing.value.code, missing.value.status) == ("user_not_found", 404)


def test_an_admin_may_choose_id_role_and_hash(auth: Auth) -> None:
    chosen, address = str(uuid4()), new_address()
    hashed = "$2b$04$k5hNwtAaVcWIJh6nUuAMQOwH4rfE2pQKFkIDVlhh2VvvHVp0RTV5m"
    made = auth.as_service(
        "POST", "/admin/users", json={"email": address, "id": chosen, "role": "auditor", "password_hash": hashed}
    ).json()
    assert (made["id"], made["role"]) == (chosen, "auditor")
    [row] = auth.rows("select encrypted_password from auth.users where id = %s", chosen)
    assert row["encrypted_password"] == hashed


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "validation_failed"),
        ({"email": "nobody"}, "validation_failed"),
        ({"email": "n@example.com", "id": "1"}, "validation_failed"),
        ({"email": "n@example.com", "id": "00000000-0000-0000-0000-000000000000"}, "validation_failed"),
        ({"email": "n@example.com", "ban_duration": "soon"}, "validation_failed"),
        ({"email": "n@example.com", "ban_duration": "9" * 400 + "h"}, "validation_failed"),
        ({"email": "n@example.com", "password_hash": "plain"}, "validation_failed"),
        ({"email": "n@example.com", "password": "x", "password_hash": "y"}, "validation_failed"),
        ({"email": "n@example.com", "password": "x" * 73}, "validation_failed"),
        ({"email": "n@example.com", "email_confirm": "yes"}, "bad_json"),
    ],
)
def test_bad_attributes_make_no_user(auth: Auth, body: dict[str, str], code: str) -> None:
    answer = auth.as_service("POST", "/admin/users", json=body)
    assert answer.status_code in {400, 422}
    assert answer.json()["code"] == code
    assert auth.rows("select 1 from auth.users where email = 'n@example.com'") == []


def test_an_address_or_id_cannot_be_given_twice(auth: Auth) -> None:
    address = auth.user()
    user_id = auth.session(address)["user"]["id"]
    for body, code in (
        ({"email": address}, "email_exists"),
        ({"email": new_address(), "id": user_id}, "validation_failed"),
    ):
        assert auth.as_service("POST", "/admin/users", json=body).json()["code"] == code
    answer = auth.as_service("PUT", f"/admin/users/{user_id}", json={"email": auth.user()})
    assert (answer.status_code, answer.json()["code"]) == (422, "email_exists")


def test_a_list_is_paged_newest_first(auth: Auth) -> None:
    addresses = [auth.user() for _ in range(3)]
    admin = auth.admin().admin
    assert [user.email for user in admin.list_users(page=1, per_page=2)] == [addresses[2], addresses[1]]
    assert admin.list_users(page=2, per_page=2)[0].email == addresses[0]
    answer = auth.as_service("GET", "/admin/users?per_page=2")
    total = int(answer.headers["x-total-count"])
    last = -(-total // 2)
    assert 'page=2>; rel="next"' in answer.headers["link"]
    assert f'page={last}>; rel="last"' in answer.headers["link"]
    assert answer.json()["aud"] == "authenticated"
    filtered = auth.as_service("GET", "/admin/users", params={"filter": addresses[1].upper()})
    assert [user["email"] for user in filtered.json()["users"]] == [addresses[1]]
    for bad in ("page=-1", "per_page=x", "page=99999999999999999999"):
        assert auth.as_service("GET", f"/admin/users?{bad}").status_code == 400


def test_an_invited_user_comes_in_by_the_link_and_sets_a_password(auth: Auth) -> None:
    address = new_address()
    invited = auth.admin().admin.invite_user_by_email(address, {"data": {"team": "billing"}}).user
    assert invited.invited_at is not None
    client = auth.client()
    client.initialize(url=auth.follow(address))
    client.update_user({"password": "chosen by me"})
    user = auth.sign_in(address, "chosen by me").json()["user"]
    assert user["user_metadata"]["team"] == "billing"
    again = auth.as_service("POST", "/invite", json={"email": address})
    assert (again.status_code, again.json()["code"]) == (422, "email_exists")


def test_signing_up_with_an_invited_address_does_not_show_what_the_inviter_noted(auth: Auth) -> None:
    address = new_address()
    auth.admin().admin.invite_user_by_email(address, {"data": {"note": "secret"}})
    answer = auth.call("POST", "/signup", json={"email": address, "password": PASSWORD})
    assert "secret" not in answer.text


@pytest.mark.parametrize("kind", ["signup", "invite", "magiclink", "recovery"])
def test_a_generated_link_works_and_is_not_mailed(auth: Auth, kind: str) -> None:
    address = new_address() if kind in {"signup", "invite"} else auth.user()
    link = auth.as_service(
        "POST", "/admin/generate_link", json={"type": kind, "email": address, "password": PASSWORD}
    ).json()
    assert (link["verification_type"], link["email"]) == (kind, address)
    assert query(link["action_link"])["token"] == link["hashed_token"]
    assert auth.mails(address) == []
    assert fragment(auth.open(link["action_link"]))["type"] == kind


def test_the_official_client_reads_a_generated_link(auth: Auth) -> None:
    address = auth.user()
    made = auth.admin().admin.generate_link({"type": "magiclink", "email": address})
    answer = auth.client().verify_otp({"email": address, "token": made.properties.email_otp, "type": "magiclink"})
    assert answer.session is not None


def test_links_change_an_address_too(auth: Auth) -> None:
    old, new = auth.user(), new_address()
    for kind in ("email_change_current", "email_change_new"):
        body = {"type": kind, "email": old, "new_email": new}
        link = auth.as_service("POST", "/admin/generate_link", json=body).json()
        assert link["verification_type"] == kind
    missing = auth.as_service("POST", "/admin/generate_link", json={"type": "recovery", "email": new_address()})
    assert (missing.status_code, missing.json()["code"]) == (404, "user_not_found")


def test_a_soft_deleted_user_leaves_a_row_that_names_nobody(auth: Auth) -> None:
    address = auth.user(user_metadata={"name": "Ada Lovelace"})
    session = auth.session(address)
    auth.admin().admin.delete_user(session["user"]["id"], should_soft_delete=True)
    rows = auth.rows(
        "select to_jsonb(u)::text || to_jsonb(i)::text as kept from auth.users u "
        "join auth.identities i on i.user_id = u.id where u.id = %s",
        session["user"]["id"],
    )
    assert len(rows) == 1
    assert address not in rows[0]["kept"]
    assert "Ada" not in rows[0]["kept"]
    assert auth.sign_in(address).status_code == 400
    assert auth.call("GET", "/user", session["access_token"]).status_code == 403
    auth.user(address)  # the address is free again


def test_deleting_a_user_ends_their_sessions(auth: Auth) -> None:
    session = auth.session()
    auth.admin().admin.delete_user(session["user"]["id"])
    assert auth.call("GET", "/user", session["access_token"]).json()["code"] == "user_not_found"
    assert auth.refresh(session["refresh_token"]).json()["code"] == "refresh_token_not_found"


def test_what_happened_is_in_the_audit_log(auth: Auth) -> None:
    address = auth.user()
    user_id = auth.session(address)["user"]["id"]
    entries = auth.rows("select payload from auth.audit_log_entries where payload ->> 'actor_id' = %s", user_id)
    assert [entry["payload"]["action"] for entry in entries] == ["login"]
    made = auth.rows("select payload from auth.audit_log_entries where payload -> 'traits' ->> 'user_id' = %s", user_id)
    assert made[0]["payload"]["actor_username"] == "service_role"


def test_an_odd_id_is_not_found(auth: Auth) -> None:
    answer = auth.as_service("GET", "/admin/users/1")
    assert (answer.status_code, answer.json()["code"]) == (404, "validation_failed")
