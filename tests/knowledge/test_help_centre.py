"""The help centre as the public meets it: whose it is, and having a word on an article."""

from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from tests.knowledge.conftest import Library
from tests.people import ANON, not_there


def slug_of(library: Library) -> str:
    row = library.admin.execute("select slug from public.organizations where id = %s", [library.acme]).fetchone()
    assert row
    return str(row["slug"])


def settings(library: Library, values: str) -> None:
    library.admin.execute("update public.organizations set settings = %s where id = %s", [values, library.acme])


def test_the_public_is_told_the_name_and_the_looks_and_nothing_else_of_the_set_up(library: Library) -> None:
    settings(library, '{"brand_color": "#1c6e4a", "logo_url": "https://acme.example/logo.svg", "reply_style": "x"}')
    told = library.run(ANON, "select * from public.help_centre(%s)", slug_of(library))[0]
    assert told["id"] == library.acme
    assert told["brand_color"] == "#1c6e4a"
    assert told["logo_url"] == "https://acme.example/logo.svg"
    assert set(told) == {
        "id", "name", "slug", "language", "brand_color", "logo_url", "takes_tickets", "asks_rating"
    }  # fmt: skip


def test_looks_that_are_no_colour_and_no_picture_of_the_web_are_left_out(library: Library) -> None:
    settings(library, '{"brand_color": "red;}body{", "logo_url": "javascript:alert(1)"}')
    told = library.run(ANON, "select * from public.help_centre(%s)", slug_of(library))[0]
    assert (told["brand_color"], told["logo_url"]) == (None, None)


def test_a_closed_portal_shows_what_is_published_or_is_not_there(library: Library) -> None:
    settings(library, '{"portal": false}')
    assert library.run(ANON, "select * from public.help_centre(%s)", slug_of(library)) == []
    library.publish("A", "b", index=False)
    told = library.run(ANON, "select * from public.help_centre(%s)", slug_of(library))
    assert [row["takes_tickets"] for row in told] == [False]
    assert library.run(ANON, "select * from public.help_centre('nobody-s')") == []


def test_a_reader_has_one_word_on_what_an_article_says_now_and_may_change_it(library: Library) -> None:
    article = library.publish("A", "b", index=False)
    reader = uuid4()
    for helpful in (True, False):
        library.run(ANON, "select public.rate_article(%s, %s, ' why ', %s)", article, helpful, reader)
    said = library.run(library.agent, "select * from public.article_feedback where article_id = %s", article)
    assert [(row["helpful"], row["comment"], row["contact_id"]) for row in said] == [(False, "why", None)]
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        library.run(ANON, "select public.rate_article(%s, true)", article)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        library.run(ANON, "select * from public.article_feedback")


def test_nobody_has_a_word_on_what_they_may_not_read(library: Library) -> None:
    draft = library.draft("A", "b")
    with not_there():
        library.run(ANON, "select public.rate_article(%s, true, '', %s)", draft, uuid4())


def test_made_up_readers_say_only_so_much_in_a_minute(library: Library) -> None:
    article = library.publish("A", "b", index=False)
    statement = "select count(public.rate_article(%s, true, '', gen_random_uuid())::text) from generate_series(1, 130)"
    with pytest.raises(psycopg.Error, match="too much is said"):
        library.run(ANON, statement, article)
