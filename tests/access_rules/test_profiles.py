"""Who sees a user's name, picture, time zone and language."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import psycopg
import pytest

from infra.local import tokens
from infra.local.settings import Settings
from tests.data_model.shop import Shop, new_shop
from tests.people import Actor, new_user
from tests.serving import serve
from tests.storage.conftest import storage_app

PROFILE = "insert into public.profiles (user_id, name, time_zone, locale) values (%s, %s, 'Europe/Berlin', 'de-AT')"
NAMES = "select user_id, name from public.profiles where user_id = any(%s)"


def profile(shop: Shop, actor: Actor, name: str) -> None:
    shop.as_(actor, PROFILE, actor.user_id, name)


def seen(shop: Shop, by: Actor, *whom: Actor) -> list[str]:
    return [row["name"] for row in shop.as_(by, NAMES, [actor.user_id for actor in whom])]


def authors(shop: Shop, by: Actor) -> list[dict[str, Any]]:
    return shop.as_(by, "select user_id, name, avatar_path from public.authors order by name")


def test_a_profile_is_seen_by_colleagues_and_changed_by_its_owner(shop: Shop) -> None:
    ada, ben, stranger = shop.member(), shop.member("viewer"), new_shop(shop.settings, shop.db).member("owner")
    profile(shop, ada, "Ada")
    assert (seen(shop, ada, ada), seen(shop, ben, ada), seen(shop, stranger, ada)) == (["Ada"], ["Ada"], [])
    shop.as_(ben, "update public.profiles set name = 'x' where user_id = %s", ada.user_id)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.as_(ben, PROFILE, shop.member().user_id, "x")
    shop.as_(ada, "update public.profiles set name = 'Ada L.' where user_id = %s", ada.user_id)
    assert seen(shop, ben, ada) == ["Ada L."]
    shop.db.execute("delete from public.members where user_id = %s", [ada.user_id])
    assert seen(shop, ben, ada) == []


@pytest.mark.parametrize(
    ("column", "value"),
    [("time_zone", "Mars/Olympus"), ("locale", "english"), ("avatar_path", "someone/else.png"), ("name", "x" * 201)],
)
def test_what_is_no_zone_locale_or_own_picture_is_refused(shop: Shop, column: str, value: str) -> None:
    ada = shop.member()
    profile(shop, ada, "Ada")
    with pytest.raises(psycopg.errors.CheckViolation):
        shop.as_(ada, f"update public.profiles set {column} = %s where user_id = %s", value, ada.user_id)


def test_a_name_in_an_organization_goes_before_the_profiles(shop: Shop) -> None:
    ada, other = shop.member(), new_shop(shop.settings, shop.db)
    other.db.execute(
        "insert into public.members (organization_id, user_id, role) values (%s, %s, 'agent')",
        [other.organization, ada.user_id],
    )
    profile(shop, ada, "Ada")
    shop.as_(ada, "select public.set_display_name(%s, 'Support Ada')", shop.organization)
    shop.as_(ada, "update public.profiles set name = 'Ada L.' where user_id = %s", ada.user_id)
    names = {
        row["organization_id"]: row["name"]
        for row in shop.db.execute(
            "select organization_id, name from public.authors where user_id = %s", [ada.user_id]
        ).fetchall()
    }
    assert names == {shop.organization: "Support Ada", other.organization: "Ada L."}


def test_a_contact_sees_who_answered_them_and_nobody_else(shop: Shop) -> None:
    answering, noting, idle = shop.member(), shop.member(), shop.member()
    for actor, name in ((answering, "Ada"), (noting, "Ben"), (idle, "Cem")):
        profile(shop, actor, name)
    contact, customer = shop.customer()
    ticket, foreign = shop.ticket(contact), shop.ticket()
    shop.say(ticket, "member", member_id=answering.user_id)
    shop.say(ticket, "member", member_id=noting.user_id, is_internal=True)
    shop.say(foreign, "member", member_id=idle.user_id)
    assert [row["name"] for row in authors(shop, customer)] == ["Ada"]
    assert seen(shop, customer, answering, noting, idle) == []
    assert [row["name"] for row in authors(shop, shop.member("viewer"))] == ["", "Ada", "Ben", "Cem"]


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c626001000000050001a5f645400000000049454e44ae426082"
)


def test_pictures_are_kept_in_ones_own_folder_and_seen_with_the_name(shop: Shop, shared: Settings) -> None:
    ada, ben = shop.member(), shop.member()
    stranger = Actor("authenticated", new_user(shop.db))
    contact, customer = shop.customer()
    _, other_customer = shop.customer()
    shop.say(shop.ticket(contact), "member", member_id=ada.user_id)

    with serve(storage_app(shared)) as url, httpx.Client(base_url=f"{url}/storage/v1") as client:

        def call(actor: Actor, method: str, path: str, **options: Any) -> httpx.Response:
            token = tokens.sign(shared.keys, actor.claims | {"aud": "authenticated", "exp": 4102444800})
            headers = {"authorization": f"Bearer {token}", "apikey": shared.keys.publishable_key}
            return client.request(method, path, headers=headers | options.pop("headers", {}), **options)

        def keep(actor: Actor, folder: UUID | None, kind: str = "image/png", content: bytes = PNG) -> int:
            path = f"/object/avatars/{folder}/me.png"
            return call(actor, "POST", path, content=content, headers={"content-type": kind}).status_code

        path = f"/object/authenticated/avatars/{ada.user_id}/me.png"
        assert keep(ada, ben.user_id) == 400
        assert keep(ada, ada.user_id, "text/html", b"<script>") == 400
        assert keep(ada, ada.user_id, content=b"x" * 2_100_000) == 400
        assert keep(ada, ada.user_id) == 200
        answers = [call(actor, "GET", path).status_code for actor in (ada, ben, customer, stranger, other_customer)]
        assert answers == [200, 200, 200, 400, 400]
        assert call(ben, "DELETE", f"/object/avatars/{ada.user_id}/me.png").status_code == 400
        assert call(ada, "DELETE", f"/object/avatars/{ada.user_id}/me.png").status_code == 200
