"""From a mail that was filed to the mail that answers it: triage, reply and mail out, each as its own job."""

from __future__ import annotations

import pytest
from chalicelib.knowledge import consumer as knowledge
from chalicelib.replies import consumer as replies
from chalicelib.triage import consumer as triage

from tests.email.conftest import Post
from tests.replies.world import POINTS, RETURNS, TENTS


@pytest.fixture
def desk_with_articles(post: Post) -> Post:
    post.world.article("return-an-item", "Return an item", RETURNS)
    post.world.article("wash-a-tent", "Wash and dry a tent", TENTS)
    post.world.article("pick-up-points", "Pick-up points", POINTS)
    post.world.run_all(knowledge.handle, "index_article")
    return post


def run_through(post: Post) -> None:
    assert set(post.world.run_all(triage.handle, "triage")) == {"done"}
    assert set(post.world.run_all(replies.handle, "reply")) <= {"done"}
    assert set(post.run()) <= {"done"}


def test_a_question_by_mail_is_answered_by_mail(desk_with_articles: Post) -> None:
    post = desk_with_articles
    post.ticket("Hello,\n\nhow many days do I have to return an item?\n\nKind regards\nAnn", "Return an item")
    run_through(post)
    by_kind = {mail.tags["kind"]: mail for mail in post.provider.sent}
    assert set(by_kind) == {"receipt", "reply"}
    answer = by_kind["reply"]
    assert "You have 30 days from the day of delivery" in str(answer.text)
    assert "This answer was written by our assistant." in str(answer.text)
    assert answer.subject == "Re: Return an item"
    assert answer.headers["In-Reply-To"] == "<1@customer.example>"
    assert answer.headers["Auto-Submitted"] == "auto-replied"


def test_who_asks_for_a_person_gets_no_answer_of_a_machine(desk_with_articles: Post) -> None:
    post = desk_with_articles
    post.ticket("I want to speak to a human being, please. How many days do I have to return an item?", "Return")
    run_through(post)
    assert [mail.tags["kind"] for mail in post.provider.sent] == ["receipt"]
    draft = post.world.one("select * from public.drafts")
    assert draft["decision"] == "escalate"
    assert "wants_human" in draft["reasons"]
