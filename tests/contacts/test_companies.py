"""Companies: a contact belongs to the one whose domain it writes from, and never to a public mail host's."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.data_model.shop import Shop
from tests.people import Actor


def company(shop: Shop, agent: Actor, name: str, *domains: str) -> UUID:
    (row,) = shop.as_(
        agent, "insert into public.companies (organization_id, name) values (%s, %s) returning id",
        shop.organization, name,
    )  # fmt: skip
    for domain in domains:
        shop.as_(
            agent, "insert into public.company_domains (organization_id, domain, company_id) values (%s, %s, %s)",
            shop.organization, domain, row["id"],
        )  # fmt: skip
    return UUID(str(row["id"]))


def company_of(shop: Shop, contact: UUID) -> UUID | None:
    found: UUID | None = shop.value("select company_id from public.contacts where id = %s", contact)
    return found


def test_who_writes_from_a_companys_domain_belongs_to_it(shop: Shop) -> None:
    acme = company(shop, shop.member(), "Acme", "acme.example", "acme.test")
    (by_mail,) = shop.as_(
        shop.functions, "select private.contact_for(%s, 'ann@acme.example', 'Ann') as id", shop.organization
    )
    assert company_of(shop, by_mail["id"]) == acme
    assert company_of(shop, shop.contact("ben@acme.test")) == acme
    for address in ("cleo@mail.acme.example", "dan@notacme.example", "acme.example@other.example"):
        assert company_of(shop, shop.contact(address)) is None


def test_a_companys_domain_is_known_in_its_organization_only(shop: Shop) -> None:
    other = Shop(
        shop.settings,
        shop.db,
        shop.value("insert into public.organizations (name, slug) values ('Else', gen_random_uuid()) returning id"),
    )
    company(other, other.member(), "Acme", "only-there.example")
    assert company_of(shop, shop.contact("ann@only-there.example")) is None


def test_a_public_mail_host_is_nobodys_company(shop: Shop) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match="anybody can have an address at gmail"):
        company(shop, shop.member(), "Acme", "gmail.com")


def test_a_domain_belongs_to_one_company_of_an_organization(shop: Shop) -> None:
    agent = shop.member()
    company(shop, agent, "Acme", "acme.example")
    with pytest.raises(psycopg.errors.UniqueViolation):
        company(shop, agent, "Acme again", "acme.example")


def test_what_a_member_said_stays(shop: Shop) -> None:
    agent = shop.member()
    company(shop, agent, "Acme", "acme.example")
    bolt = company(shop, agent, "Bolt")
    (row,) = shop.as_(
        agent,
        "insert into public.contacts (organization_id, email, company_id) values (%s, 'ann@acme.example', %s)"
        " returning company_id",
        shop.organization, bolt,
    )  # fmt: skip
    assert row["company_id"] == bolt


def test_who_was_there_before_the_domain_is_linked_in_the_background(shop: Shop) -> None:
    agent = shop.member()
    ann, ben, bolt = shop.contact("ann@acme.example"), shop.contact("ben@acme.example"), company(shop, agent, "Bolt")
    stranger = shop.contact("cleo@other.example")
    shop.db.execute("update public.contacts set company_id = %s where id = %s", [bolt, ben])
    acme = company(shop, agent, "Acme", "acme.example")
    assert company_of(shop, ann) is None
    payload = shop.value(
        "select payload from private.jobs where organization_id = %s and dedupe_key = 'company_domain:acme.example'",
        shop.organization,
    )
    with shop.acting(Actor("pgdesk_functions", organization_id=shop.organization)) as db:
        db.execute("select private.ring(%s)", [Jsonb(payload)])
    assert [company_of(shop, each) for each in (ann, ben, stranger)] == [acme, bolt, None]


def test_a_company_that_goes_leaves_its_people(shop: Shop) -> None:
    manager = shop.member("manager")
    acme = company(shop, manager, "Acme", "acme.example")
    ann = shop.contact("ann@acme.example")
    assert shop.as_(shop.member("agent"), "delete from public.companies where id = %s returning id", acme) == []
    assert shop.as_(manager, "delete from public.companies where id = %s returning id", acme)
    assert company_of(shop, ann) is None


def test_an_organization_with_companies_can_go(shop: Shop) -> None:
    company(shop, shop.member(), "Acme", "acme.example")
    contact = shop.contact("ann@acme.example")
    for table in (
        "contact_notes (organization_id, contact_id, body)",
        "contact_external_ids (organization_id, contact_id, system, external_id)",
    ):
        values = [shop.organization, contact, "a", "b"][: table.count(",") + 1]
        shop.db.execute(f"insert into public.{table} values ({', '.join(['%s'] * len(values))})", values)  # fmt: skip
    shop.db.execute("delete from public.organizations where id = %s", [shop.organization])
    assert shop.value("select count(*) from public.contacts where id = %s", contact) == 0
