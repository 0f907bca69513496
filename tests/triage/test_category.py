"""The category of a ticket: learned from examples, calibrated, corrected by people, abstaining where nothing fits."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import psycopg
import pytest
from chalicelib.kit.database import rows, transaction
from chalicelib.kit.embeddings import embed
from chalicelib.triage import blend, category
from chalicelib.triage.head import fit
from chalicelib.triage.lexical import lexical
from chalicelib.triage.vectors import literal

from tests.triage.conftest import Shop

TEXTS = {
    "delivery": [
        "Where is my parcel?", "My order has not arrived yet.", "The tracking has not moved for days.",
        "When will the delivery come?", "The courier did not find my house.", "Has my package been sent?",
    ],
    "returns": [
        "I want to send the shoes back.", "How do I return an item?", "Please give me a return label.",
        "It does not fit, can I exchange it?", "Can I bring it back to the store?", "The return period is over, is it?",
    ],
    "invoice": [
        "I need an invoice for my company.", "There is no VAT number on the bill.", "Please send me the receipt again.",
        "The name on the invoice is wrong.", "Where can I download my bills?", "Can our address be on the receipt?",
    ],
}  # fmt: skip


@pytest.fixture
def taught(shop: Shop) -> dict[str, UUID]:
    """Three categories with six seeds each, learned."""
    shop.run("insert into public.skills (organization_id, name) values (%(o)s, 'parcels')", o=shop.id)
    found = {key: shop.category(key, "parcels" if key == "delivery" else None) for key in TEXTS}
    for key, texts in TEXTS.items():
        shop.teach(found[key], *texts)
    assert shop.work("refit") == ["done"]
    return found


def test_seeds_are_embedded_and_learned_by_one_job(shop: Shop, taught: dict[str, UUID]) -> None:
    counted = shop.one(
        "select count(*) as n, count(embedding) as embedded, count(lexical) as worded from public.triage_examples"
    )
    assert counted == {"n": 18, "embedded": 18, "worded": 18}
    assert shop.one("select examples, model from private.triage_heads") == {
        "examples": 18, "model": "all-MiniLM-L6-v2-int8",
    }  # fmt: skip
    assert shop.one("select count(*) as n from private.triage_weights")["n"] == 3
    assert shop.one("select count(*) as n from private.jobs where consumer = 'refit'")["n"] == 1


def test_a_new_ticket_gets_the_category_of_the_nearest_examples(shop: Shop, taught: dict[str, UUID]) -> None:
    result = shop.triage("Hello, could you tell me where my package is? The tracking says nothing.")
    ticket = shop.one("select category_id from public.tickets")
    assert result["category_id"] == ticket["category_id"] == taught["delivery"]
    assert 0.5 < result["confidence"] <= 1
    assert not result["abstained"]
    assert sum(entry["confidence"] for entry in result["ranking"]) == pytest.approx(1, abs=0.01)
    evidence = shop.all(
        "select distinct category_id from public.triage_examples where id = any (%(ids)s)", ids=result["evidence"]
    )
    assert evidence == [{"category_id": taught["delivery"]}]


def test_no_category_is_taken_where_none_fits(shop: Shop, taught: dict[str, UUID]) -> None:
    result = shop.triage("What is the recipe for a good lemon cake with poppy seeds?")
    assert result["abstained"]
    assert shop.one("select category_id from public.tickets")["category_id"] is None


def test_without_any_example_triage_abstains(shop: Shop) -> None:
    shop.category("delivery")
    result = shop.triage("Where is my parcel?")
    assert result["abstained"]
    assert result["ranking"] == []


def test_examples_count_before_the_first_fit(shop: Shop) -> None:
    found = {key: shop.category(key) for key in TEXTS}
    for key, texts in TEXTS.items():
        shop.teach(found[key], *texts)
    from chalicelib.triage.refit import embed_missing

    assert embed_missing(shop.id) == 18
    assert shop.triage("Where is my parcel please?")["category_id"] == found["delivery"]


def test_the_team_that_knows_the_category_gets_the_ticket(shop: Shop, taught: dict[str, UUID]) -> None:
    team = shop.one(
        "insert into public.teams (organization_id, name) values (%(o)s, 'Parcels') returning id", o=shop.id
    )["id"]
    shop.run(
        "insert into public.team_skills (organization_id, team_id, skill_id)"
        " select %(o)s, %(t)s, id from public.skills", o=shop.id, t=team,
    )  # fmt: skip
    shop.triage("My parcel has not arrived yet, where is it?")
    assert shop.one("select team_id from public.tickets")["team_id"] == team


def test_a_correction_counts_from_the_very_next_ticket(shop: Shop, taught: dict[str, UUID]) -> None:
    text = "The parcel arrived but I need the bill that should be in it."
    first = shop.triage(text)
    wrong = first["category_id"]
    right = next(c for c in taught.values() if c != wrong)
    shop.as_agent("select public.correct_triage(%(t)s, %(c)s)", t=first["ticket_id"], c=right)
    second = shop.triage(text)
    assert second["category_id"] == right
    assert second["confidence"] > 0.8
    learned = shop.one("select source, category_id, ticket_id from public.triage_examples where ticket_id is not null")
    assert learned == {"source": "correction", "category_id": right, "ticket_id": first["ticket_id"]}


def test_a_correction_to_a_category_that_the_head_has_never_seen_counts_too(
    shop: Shop, taught: dict[str, UUID]
) -> None:
    warranty = shop.category("warranty")
    first = shop.triage("The zip of my jacket broke after a year, is that covered?")
    shop.as_agent("select public.correct_triage(%(t)s, %(c)s)", t=first["ticket_id"], c=warranty)
    second = shop.triage("The zip of my jacket broke after one year. Is it covered?")
    assert (second["category_id"], second["abstained"]) == (warranty, False)


def test_changing_the_category_of_a_ticket_is_a_correction_however_it_is_done(
    shop: Shop, taught: dict[str, UUID]
) -> None:
    first = shop.triage("Where is my parcel?")
    for wanted in (taught["returns"], taught["invoice"]):
        shop.as_agent("update public.tickets set category_id = %(c)s where id = %(t)s", c=wanted, t=first["ticket_id"])
    learned = shop.all("select category_id, source from public.triage_examples where ticket_id is not null")
    assert learned == [{"category_id": taught["invoice"], "source": "correction"}]
    shop.as_agent("update public.tickets set category_id = null where id = %(t)s", t=first["ticket_id"])
    assert shop.all("select from public.triage_examples where ticket_id is not null") == []


def test_solving_a_ticket_and_leaving_its_label_confirms_it(shop: Shop, taught: dict[str, UUID]) -> None:
    first = shop.triage("Where is my parcel?")
    shop.as_agent("update public.tickets set status = 'solved' where id = %(t)s", t=first["ticket_id"])
    learned = shop.one("select category_id, source from public.triage_examples where ticket_id is not null")
    assert learned == {"category_id": taught["delivery"], "source": "confirmation"}


def test_naming_the_category_it_has_confirms_it(shop: Shop, taught: dict[str, UUID]) -> None:
    first = shop.triage("Where is my parcel?")
    shop.as_agent("select public.correct_triage(%(t)s, %(c)s)", t=first["ticket_id"], c=taught["delivery"])
    assert shop.one("select source from public.triage_examples where ticket_id is not null")["source"] == "confirmation"


def test_what_the_ai_solves_by_itself_teaches_nothing(shop: Shop, taught: dict[str, UUID]) -> None:
    first = shop.triage("Where is my parcel?")
    shop.run("update public.tickets set status = 'solved' where id = %(t)s", t=first["ticket_id"])
    assert shop.all("select from public.triage_examples where ticket_id is not null") == []


def test_corrections_ask_for_one_refit_that_is_never_put_off(shop: Shop, taught: dict[str, UUID]) -> None:
    due = []
    for text in ("Where is my parcel?", "I want to return the shoes.", "Send me the invoice."):
        ticket = shop.triage(text)["ticket_id"]
        shop.as_agent("select public.correct_triage(%(t)s, %(c)s)", t=ticket, c=taught["invoice"])
        due.append(shop.one("select run_at from private.jobs where consumer = 'refit' and state = 'waiting'")["run_at"])
    assert due[0] == due[1] == due[2]
    assert shop.work("refit") == ["done"]
    assert shop.one("select examples from private.triage_heads")["examples"] == 21


def test_a_member_s_word_is_never_overwritten(shop: Shop, taught: dict[str, UUID]) -> None:
    ticket, _ = shop.write("URGENT: where is my parcel?")
    shop.as_agent(
        "update public.tickets set category_id = %(c)s, priority = 'low' where id = %(t)s",
        c=taught["invoice"],
        t=ticket,
    )
    assert shop.work("triage") == ["done"]
    kept = shop.one("select category_id, priority::text from public.tickets")
    assert kept == {"category_id": taught["invoice"], "priority": "low"}
    # The member was faster than triage: it is learned all the same.
    assert (
        shop.one("select source from public.triage_examples where ticket_id = %(t)s", t=ticket)["source"]
        == "correction"
    )


def test_only_agents_of_the_organization_correct(shop: Shop, taught: dict[str, UUID]) -> None:
    first = shop.triage("Where is my parcel?")
    shop.run("update public.members set role = 'viewer'")
    with pytest.raises(psycopg.Error, match="that you may file"):
        shop.as_agent("select public.correct_triage(%(t)s, %(c)s)", t=first["ticket_id"], c=taught["invoice"])
    with pytest.raises(psycopg.Error, match="that you may file"):
        shop.as_agent("select private.confirm_category(%(t)s)", t=first["ticket_id"])
    assert shop.one("select category_id from public.tickets")["category_id"] == taught["delivery"]


def test_a_deleted_category_leaves_results_and_heads_whole(shop: Shop, taught: dict[str, UUID]) -> None:
    shop.triage("Where is my parcel?")
    shop.run("delete from public.ticket_categories where id = %(c)s", c=taught["delivery"])
    assert shop.one("select category_id from public.triage_results")["category_id"] is None
    assert shop.triage("I want to return the shoes.")["category_id"] == taught["returns"]
    assert shop.work("refit") == ["done"]
    assert shop.one("select examples from private.triage_heads")["examples"] == 12


def test_an_edited_seed_is_learned_anew(shop: Shop, taught: dict[str, UUID]) -> None:
    shop.run("update public.triage_examples set text = 'Do you repair tents?' where text = 'Where is my parcel?'")
    edited = shop.one("select embedding is null as forgotten from public.triage_examples where text like 'Do you%%'")
    assert edited["forgotten"]
    assert shop.work("refit") == ["done"]
    learned = shop.one("select embedding is null as forgotten from public.triage_examples where text like 'Do you%%'")
    assert not learned["forgotten"]


def test_postgres_and_the_fit_blend_logits_and_votes_alike(shop: Shop, taught: dict[str, UUID]) -> None:
    questions = [
        "Has the parcel left?",
        "Wrong size, how to send it back?",
        "Bill without tax number",
        "Nothing of that",
    ]
    keys = {identifier: at for at, identifier in enumerate(sorted(taught.values()))}
    texts = [text for key in TEXTS for text in TEXTS[key]]
    labels = np.array([keys[taught[key]] for key in TEXTS for _ in TEXTS[key]])
    head = shop.one("select * from private.triage_heads")
    fitted = blend.Blend(**{name: head[name] for name in blend.Blend.__dataclass_fields__})
    for question in questions:
        vectors = embed([*texts, question])
        wording = [lexical(text) for text in [*texts, question]]
        near = blend.neighbours(vectors, wording, np.append(labels, 0), 3, np.array([len(texts)]))
        expected = blend.probabilities(fit(vectors[:-1], labels, 3), fitted, vectors[-1:], near)[0]
        found = category.predict(shop.id, vectors[-1], wording[-1])
        ranked = {keys[UUID(entry["category_id"])]: entry["confidence"] for entry in found.ranking}
        assert [ranked[at] for at in range(3)] == pytest.approx(expected, abs=0.01)


def test_examples_of_another_organization_never_vote(shop: Shop, taught: dict[str, UUID]) -> None:
    other = shop.one("insert into public.organizations (name, slug) values ('Other', 'other') returning id")["id"]
    mine, shop.id = shop.id, other
    assert shop.triage("Where is my parcel?")["ranking"] == []
    with transaction(other) as connection:
        text = "Where is my parcel?"
        asked = {"organization_id": mine, "embedding": literal(embed([text])[0]), "lexical": lexical(text).literal()}
        assert rows(connection, category.SQL["predict_category"], asked) == []
