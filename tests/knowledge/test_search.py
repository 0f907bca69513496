"""Search: what is found, by whom, and what a question cannot do."""

from __future__ import annotations

import psycopg
import pytest
from chalicelib.kit import database
from chalicelib.kit.embeddings import embed
from chalicelib.kit.retrieval import search
from chalicelib.kit.retrieval.vectors import literal

from tests.knowledge.conftest import Library
from tests.people import ANON, Actor

REFUND = ("How do I get a refund?", "You get your money back within 14 days. Write to billing.")
PARCEL = ("Where is my parcel?", "Follow the tracking number in your confirmation mail.")


def test_words_find_and_so_does_meaning_without_a_common_word(library: Library) -> None:
    library.publish(*REFUND)
    library.publish(*PARCEL)
    assert library.titles("refund", meaning=False) == [REFUND[0]]
    assert library.titles("my package has not come yet")[0] == PARCEL[0]
    assert library.titles("package", meaning=False) == []


def test_an_unpublished_article_is_never_found(library: Library) -> None:
    library.draft("Refund secrets", "refund refund")
    article = library.publish(*REFUND)
    assert library.titles("refund") == [REFUND[0]]
    library.run(library.agent, "select public.archive_article(%s)", article)
    for reader in (ANON, library.agent):
        assert library.titles("refund", reader) == []
    library.run(library.agent, "select public.publish_article(%s)", article)
    library.index()
    assert library.titles("refund") == [REFUND[0]]


def test_an_article_that_is_archived_while_it_is_indexed_stays_out(library: Library) -> None:
    article = library.publish(*REFUND, index=False)
    library.run(library.agent, "select public.archive_article(%s)", article)
    assert library.index() == ["done"]
    assert library.titles("refund") == []


def test_another_organizations_passages_never_surface_even_by_their_own_vector(library: Library) -> None:
    library.publish(*REFUND)
    for meaning in (True, False):
        assert library.search(REFUND[1], library.foreign_agent, organization=library.other, meaning=meaning) == []
    vector = literal(embed([REFUND[0]])[0])
    with database.transaction(library.other) as connection:
        assert search(connection, REFUND[0], "en") == []
    with database.transaction() as connection:
        assert search(connection, REFUND[0], "en") == []
    found = library.run(
        Actor("pgdesk_functions", organization_id=library.other),
        "select * from private.search_own_chunks('refund', %s)",
        vector,
    )
    assert found == []


def test_functions_see_the_passages_and_signals_of_their_tenant(library: Library) -> None:
    library.publish(*REFUND)
    with database.transaction(library.acme) as connection:
        best = search(connection, "How do I get a refund?", "en")[0]
    assert best.title == REFUND[0]
    assert best.title_cosine > 0.99
    assert best.coverage == pytest.approx(1)
    assert best.known == pytest.approx(1)
    assert 0 < best.bm25 <= 1
    assert best.score <= 1


@pytest.mark.parametrize("actor", [ANON, Actor("pgdesk_functions")])
def test_clients_and_functions_read_no_vector_and_no_posting(library: Library, actor: Actor) -> None:
    library.publish(*REFUND)
    for table in ("postings", "chunk_index"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            library.run(actor, f"select * from private.{table}")


ODD_QUESTIONS = (
    "what is it and how do you", "", "   ", "?", "' \" \\", "a & b | !c <-> (d):*", "refund' or 1=1 --", "%s %(x)s",
    "🙂", "x" * 9000, "refund " * 5000,
)  # fmt: skip


def test_no_question_breaks_search(library: Library) -> None:
    library.publish(*REFUND)
    for question in ODD_QUESTIONS:
        library.search(question)
        library.search(question, meaning=False)


def test_a_question_of_stop_words_is_answered_by_meaning_alone(library: Library) -> None:
    library.publish(*REFUND)
    assert library.search("what is it and how do you", meaning=False) == []
    assert [row["title"] for row in library.search("what is it and how do you")] == [REFUND[0]]


def test_operators_in_a_question_are_only_words(library: Library) -> None:
    library.publish(*REFUND)
    library.publish(*PARCEL)
    plain = library.search("refund parcel", meaning=False)
    for odd in ("refund & parcel", "refund | !parcel", '"refund" <-> parcel', "(refund:* 'parcel')"):
        assert library.search(odd, meaning=False) == plain, odd


def test_words_are_stemmed_in_the_articles_language(library: Library) -> None:
    library.publish("Rechnungen", "Ihre Rechnungen liegen im Kundenkonto.", "de")
    library.publish("Invoices", "Your invoices are in your account.", "en")
    assert library.titles("Wo ist die Rechnung?", meaning=False, language="de") == ["Rechnungen"]
    assert library.titles("invoice", meaning=False) == ["Invoices"]


def test_a_new_language_of_an_article_is_indexed_anew(library: Library) -> None:
    article = library.publish("Rechnungen", "Ihre Rechnungen liegen im Kundenkonto.", "en")
    assert library.titles("Rechnung", meaning=False) == []
    library.run(library.agent, "update public.articles set language = 'de' where id = %s", article)
    assert library.index() == ["done"]
    assert library.titles("Rechnung", meaning=False) == ["Rechnungen"]


def test_an_embedding_of_the_wrong_size_is_refused_by_name(library: Library) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="384 numbers, not 3"):
        library.run(
            ANON, "select * from public.search_articles(%s, 'x', '[1,2,3]'::text::extensions.vector)", library.acme
        )


def test_a_vector_of_length_zero_counts_as_none(library: Library) -> None:
    library.publish(*REFUND)
    zero = "[" + ",".join("0" * 384) + "]"
    found = library.run(
        ANON, "select * from public.search_articles(%s, 'refund', %s::text::extensions.vector)", library.acme, zero
    )
    assert [row["title"] for row in found] == [REFUND[0]]


def test_an_article_is_listed_once_with_its_best_passage(library: Library) -> None:
    body = "\n\n".join(f"# Part {n}\n\nA refund takes {n} days." for n in range(30))
    library.publish("Refunds", body + "\n\n# Cheques\n\nA cheque for a refund is posted by hand.")
    library.publish(*PARCEL)
    found = library.search("refund by cheque")
    assert found[0]["title"] == "Refunds"
    assert len({row["article_id"] for row in found}) == len(found)
    assert found[0]["heading"] == "Cheques"


def test_indexing_twice_changes_nothing(library: Library) -> None:
    article = library.publish(*REFUND)
    chunks = "select id from public.chunks where article_id = %s order by id"
    before = library.run(library.agent, chunks, article)
    library.admin.execute(
        "select private.enqueue(%s, 'index_article', jsonb_build_object('subject_id', %s::text))",
        [library.acme, article],
    )
    assert library.index() == ["done"]
    assert library.run(library.agent, chunks, article) == before


def test_a_job_overtaken_by_a_newer_version_leaves_search_alone(library: Library) -> None:
    article = library.publish("One", "old words", index=False)
    old = library.run(library.agent, "select current_version_id as id from public.articles where id = %s", article)[0]
    library.run(library.agent, "select public.save_article(%s, 'Two', 'new words')", article)
    library.index()
    late = library.run(
        Actor("pgdesk_functions", organization_id=library.acme),
        "select private.replace_chunks(%s, %s, 'm', array['One'], array[''], array['old words'], array[4], array[%s],"
        " array[%s]) as done",
        article, old["id"], *[literal(embed(["x"])[0])] * 2,
    )  # fmt: skip
    assert late == [{"done": False}]
    assert library.titles("words") == ["Two"]


def test_a_change_of_model_queues_every_article_once(library: Library) -> None:
    articles = {library.publish(*REFUND), library.publish(*PARCEL)}
    for model, queued in (("all-MiniLM-L6-v2-int8", set()), ("another", articles), ("another", articles)):
        library.admin.execute("select private.reindex_articles(%s)", [model])
        waiting = library.admin.execute(
            "select payload ->> 'subject_id' as id from private.jobs where organization_id = %s and state = 'waiting'",
            [library.acme],
        ).fetchall()
        assert sorted(row["id"] for row in waiting) == sorted(map(str, queued))
