"""Whatever is typed is a query: no search is an error, none goes on for long, none leaves its organization."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as sizes
from hypothesis import strategies as some

from infra.local.settings import Settings
from tests.conftest import FULL
from tests.data_model.shop import Shop, new_shop
from tests.people import Connection

SEARCHES = ("search_tickets", "search_messages", "search_contacts")
# What means something to a query, to SQL, to full text search, to patterns.
PIECES = (
    "refund", "status:open", "status:", "tag:x", "#1", "#", '"', '"refund "', "before:", "before:now", "after:infinity",
    "from:%", "team:mine", ":*", "&", "|", "!", "(", "<->", "'", "\\", "%s", "$1", "--", ";", "\\m", "[", "{1,9}", "*",
    "ﬁ", "\u0301", "İ", "ß", "\ue000", "\u200f", "漢字", "-5", "1e5", "a@b.c", "http://x.y/z?q=1", "x" * 70, "<b>",
)  # fmt: skip


@pytest.fixture(scope="module")
def searched(database: tuple[Settings, Connection]) -> Shop:
    shop = new_shop(*database)
    made = shop.ticket(shop.contact("ann@people.example"))
    shop.db.execute("update public.tickets set subject = 'A <refund>' where id = %s", [made])
    shop.say(made, body_text=" ".join(PIECES))
    return shop


def test_no_query_is_an_error_and_no_snippet_holds_html(searched: Shop) -> None:
    agent = searched.member()
    text = some.characters(exclude_categories=["Cs"], exclude_characters="\0")
    queries = some.lists(some.sampled_from(PIECES) | some.text(text, max_size=6), max_size=8).flatmap(
        lambda pieces: some.sampled_from(("", " ")).map(lambda glue: glue.join(pieces))
    )

    @sizes(max_examples=3000 if FULL else 100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(queries)
    def answered(query: str) -> None:
        with searched.acting(agent) as db:
            for search in SEARCHES:
                rows = db.execute(f"select * from public.{search}(%s, %s)", [searched.organization, query]).fetchall()
                for row in rows:
                    assert not set(row.get("snippet") or "") & set("<>\"'")

    answered()


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("length", [10_000, 200_000])
def test_what_is_endless_is_a_query_too(searched: Shop, search: str, length: int) -> None:
    agent = searched.member()
    for endless in ("a" * length, "a " * length, '"' * length, "tag:x " * length, "(" * length, "\u0301" * length):
        searched.as_(agent, f"select * from public.{search}(%s, %s)", searched.organization, endless)


@pytest.mark.parametrize("search", SEARCHES)
def test_no_cursor_or_size_is_an_error(searched: Shop, search: str) -> None:
    agent = searched.member()
    most = {"search_tickets": "max_tickets", "search_messages": "max_messages", "search_contacts": "max_contacts"}
    cursor = {"search_tickets": "before_rank", "search_messages": "before_number"}
    for value in (-(2**31), -1, 0, 1, 2**31 - 1, None):
        statement = f"select * from public.{search}(%s, 'refund', {most[search]} => %s)"
        searched.as_(agent, statement, searched.organization, value)
    for value in (-(2**63), 0, 2**63 - 1) if search in cursor else ():
        for query in ("refund", "status:open"):
            statement = f"select * from public.{search}(%s, %s, {cursor[search]} => %s)"
            searched.as_(agent, statement, searched.organization, query, value)
