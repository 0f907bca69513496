"""Articles: versions, publishing, who reads and who writes."""

from __future__ import annotations

import psycopg
import pytest

from tests.knowledge.conftest import Library
from tests.people import ANON, new_member, not_there

BODY = "Open **Settings**, then choose *Reset password*."


def test_an_edit_makes_a_new_version_and_leaves_the_old_one_citable(library: Library) -> None:
    article = library.publish("Reset your password", BODY)
    cited = library.run(library.agent, "select * from public.chunks where article_id = %s", article)[0]
    library.run(library.agent, "select public.save_article(%s, %s, %s)", article, "Reset it", "Call us instead.")
    assert library.index() == ["done"]
    versions = library.run(
        library.agent, "select * from public.article_versions where article_id = %s order by number", article
    )
    assert [(row["number"], row["title"]) for row in versions] == [(1, "Reset your password"), (2, "Reset it")]
    kept = library.run(library.agent, "select * from public.chunks where id = %s", cited["id"])[0]
    assert kept["text"] == "Open Settings, then choose Reset password."
    assert kept["retired_at"] is not None
    assert library.titles("reset password") == ["Reset it"]
    assert [row["excerpt"] for row in library.search("reset password")] == ["Call us instead."]


def test_a_version_says_who_wrote_it_whatever_the_client_claims(library: Library) -> None:
    article = library.draft("A", "b")
    versions = library.run(library.agent, "select * from public.article_versions where article_id = %s", article)
    assert versions[0]["author_id"] == library.agent.user_id
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        library.run(
            library.agent,
            "insert into public.article_versions (organization_id, article_id, title, body, number)"
            " values (%s, %s, 'x', 'x', 7)",
            library.acme,
            article,
        )


def test_a_version_is_never_changed_even_by_the_owner_of_the_table(library: Library) -> None:
    library.draft("A", "b")
    with pytest.raises(psycopg.errors.CheckViolation, match="never changed"):
        library.admin.execute(
            "update public.article_versions set body = 'c' where organization_id = %s", [library.acme]
        )


def test_a_member_who_leaves_leaves_the_versions(library: Library) -> None:
    article = library.draft("A", "b")
    library.admin.execute("delete from auth.users where id = %s", [library.agent.user_id])
    row = library.admin.execute("select * from public.article_versions where article_id = %s", [article]).fetchone()
    assert row is not None
    assert row["author_id"] == library.agent.user_id


def test_an_article_without_a_text_is_not_published(library: Library) -> None:
    library.run(library.agent, "insert into public.articles (organization_id, slug) values (%s, 'empty')", library.acme)
    with pytest.raises(psycopg.errors.CheckViolation, match="needs a text"):
        library.run(
            library.agent,
            "update public.articles set status = 'published' where slug = 'empty' and organization_id = %s",
            library.acme,
        )


def test_publishing_editing_and_archiving_are_told_once_each(library: Library) -> None:
    article = library.draft("A", "b")
    for _ in range(2):
        library.run(library.agent, "select public.publish_article(%s)", article)
    library.run(library.agent, "select public.save_article(%s, 'A', 'c')", article)
    library.run(library.agent, "select public.archive_article(%s)", article)
    for kind in ("created", "published", "updated", "archived"):
        assert [event["subject_id"] for event in library.events(f"article.{kind}")] == [article], kind


def test_a_draft_is_edited_without_anybody_being_told_or_anything_indexed(library: Library) -> None:
    article = library.draft("A", "b")
    library.run(library.agent, "select public.save_article(%s, 'A', 'c')", article)
    assert library.events("article.updated") == []
    assert library.index() == []


def test_indexing_names_the_version_it_replaced(library: Library) -> None:
    article = library.publish("A title", "some text")
    first = library.events("article.reindexed")[0]["data"]
    library.run(library.agent, "select public.save_article(%s, 'A title', 'other text')", article)
    library.index()
    second = library.events("article.reindexed")[1]["data"]
    assert first["previous_version_id"] is None
    assert second["previous_version_id"] == first["version_id"]


def test_slugs_come_from_titles_and_never_collide(library: Library) -> None:
    for title in ("Über uns: Größe!", "Reset, now", "Reset now?", "退款"):
        library.draft(title, "b")
    slugs = library.run(
        library.agent, "select slug from public.articles where organization_id = %s order by id", library.acme
    )
    assert [row["slug"] for row in slugs] == ["ber-uns-gr-e", "reset-now", "reset-now-2", "article"]


def test_visitors_read_what_a_published_article_says_now_and_nothing_else(library: Library) -> None:
    article = library.publish("Public", "first", index=False)
    library.run(library.agent, "select public.save_article(%s, 'Public', 'second')", article)
    library.draft("Secret", "plans")
    archived = library.publish("Old", "gone", index=False)
    library.run(library.agent, "select public.archive_article(%s)", archived)
    for reader in (ANON, library.foreign_agent):
        seen = library.run(reader, "select body from public.article_versions where organization_id = %s", library.acme)
        assert [row["body"] for row in seen] == ["second"]
        listed = library.run(reader, "select slug from public.articles where organization_id = %s", library.acme)
        assert [row["slug"] for row in listed] == ["public"]


def test_viewers_and_strangers_write_nothing(library: Library) -> None:
    article = library.draft("A", "b")
    for actor in (new_member(library.admin, library.acme, "viewer"), library.foreign_agent):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            library.run(actor, "select public.create_article(%s, 'x', 'x')", library.acme)
        with pytest.raises(psycopg.Error):
            library.run(actor, "select public.save_article(%s, 'x', 'x')", article)
        with not_there():
            library.run(actor, "select public.publish_article(%s)", article)
