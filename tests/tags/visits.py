"""Sessions, and who begins them."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from tests.data_model.shop import Shop
from tests.people import ROLE_OF_VISITORS, Actor


def visitor(shop: Shop) -> tuple[UUID, Actor]:
    """A contact without an address, and who has a widget's token for it."""
    contact: UUID = shop.value(
        "insert into public.contacts (organization_id) values (%s) returning id", shop.organization
    )
    someone = uuid4()
    shop.db.execute(
        "insert into public.visitors (id, organization_id, contact_id) values (%s, %s, %s)",
        [someone, shop.organization, contact],
    )
    return contact, Actor(ROLE_OF_VISITORS, organization_id=shop.organization, visitor_id=someone)


def register(shop: Shop, actor: Actor, **given: Any) -> dict[str, Any]:
    """What register_session answers."""
    given = {"organization_id": shop.organization} | given
    places = ", ".join(f"{name} => %({name})s" for name in given)
    with shop.acting(actor) as db:
        row = db.execute(f"select public.register_session({places}) as answer", given).fetchone()
    assert row
    answer: dict[str, Any] = row["answer"]
    return answer


def session(shop: Shop, contact_id: UUID | None = None) -> UUID:
    """A session, as the superuser makes it."""
    made: UUID = shop.value(
        "insert into public.sessions (organization_id, contact_id) values (%s, %s) returning id",
        shop.organization, contact_id,
    )  # fmt: skip
    return made


def session_row(shop: Shop, session_id: object) -> dict[str, Any]:
    row = shop.db.execute("select * from public.sessions where id = %s", [session_id]).fetchone()
    assert row
    return row


def see(shop: Shop, actor: Actor, session_id: object, url: str) -> None:
    shop.as_(actor, "select public.record_session_event(%s, url => %s)", session_id, url)


def journey(shop: Shop, actor: Actor, contact: UUID, cursor: str | None = None, size: int = 50) -> dict[str, Any]:
    (row,) = shop.as_(actor, "select public.journey(%s, %s, %s) as answer", contact, cursor, size)
    answer: dict[str, Any] = row["answer"]
    return answer
