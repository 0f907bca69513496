"""Contacts: who signs in with a confirmed address may write, and sees of the desk what concerns them."""

from __future__ import annotations

from uuid import UUID, uuid4

import psycopg
import pytest

from tests.data_model.shop import Shop
from tests.people import ANON, Actor, new_user


def become(shop: Shop, actor: Actor) -> UUID:
    (row,) = shop.as_(actor, "select public.become_contact(%s) as id", shop.organization)
    return UUID(str(row["id"]))


def test_who_has_never_mailed_opens_a_first_ticket_in_the_portal(shop: Shop) -> None:
    stranger = Actor("authenticated", new_user(shop.db))
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        shop.as_(stranger, "select public.open_ticket(%s, 'Hello', 'Is anybody there?')", shop.organization)
    contact = become(shop, stranger)
    assert become(shop, stranger) == contact
    shop.as_(stranger, "select public.open_ticket(%s, 'Hello', 'Is anybody there?')", shop.organization)
    (ticket,) = shop.as_(stranger, "select subject, contact_id from public.tickets")
    assert ticket == {"subject": "Hello", "contact_id": contact}


def test_who_has_mailed_before_stays_the_same_contact(shop: Shop) -> None:
    contact, customer = shop.customer()
    assert become(shop, customer) == contact


def test_an_unconfirmed_or_anonymous_user_becomes_nobody(shop: Shop) -> None:
    claimant = Actor("authenticated", new_user(shop.db, f"{uuid4()}@people.example", confirmed=False))
    visitor = new_user(shop.db)
    shop.db.execute("update auth.users set is_anonymous = true where id = %s", [visitor])
    before = shop.value("select count(*) from public.contacts where organization_id = %s", shop.organization)
    for actor in (claimant, Actor("authenticated", visitor), ANON):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            become(shop, actor)
    assert shop.value("select count(*) from public.contacts where organization_id = %s", shop.organization) == before


def test_a_closed_portal_takes_nobody_new(shop: Shop) -> None:
    shop.db.execute(
        """update public.organizations set settings = settings || '{"portal": false}' where id = %s""",
        [shop.organization],
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="portal"):
        become(shop, Actor("authenticated", new_user(shop.db)))
    contact, customer = shop.customer()
    assert become(shop, customer) == contact


def test_a_contact_sees_the_desks_name_and_not_how_it_is_set_up(shop: Shop) -> None:
    _, customer = shop.customer()
    assert shop.as_(customer, "select * from public.organizations") == []
    (desk,) = shop.as_(customer, "select * from public.my_desks()")
    assert set(desk) == {"id", "name", "slug", "language"}
    assert desk["id"] == shop.organization
    assert shop.as_(Actor("authenticated", new_user(shop.db)), "select * from public.my_desks()") == []
