"""The hourly cleaning takes what has served its time and nothing else."""

from __future__ import annotations

from infra.local.settings import Settings
from tests.data_model.shop import new_shop
from tests.people import connect


def test_cleaning_goes_in_slices_and_comes_back_until_it_is_done(desk: Settings) -> None:
    with connect(desk, "supabase_admin") as db:
        shop = new_shop(desk, db)
        db.execute(
            "insert into private.jobs (consumer, state, finished_at)"
            " select 'triage', 'done', now() - interval '8 days' from generate_series(1, 20010)"
        )
        db.execute(
            "insert into private.jobs (consumer, state, finished_at) values"
            " ('triage', 'done', now() - interval '6 days'), ('triage', 'dead', now() - interval '100 days')"
        )
        shop.ticket()
        again = "select count(*) from private.jobs where consumer = 'maintain' and state = 'waiting'"
        assert shop.value("select private.maintain() -> 'jobs'") == 20000
        assert shop.value(again) == 1
        db.execute("delete from private.jobs where consumer = 'maintain'")
        report = shop.value("select private.maintain()")
        assert {what: count for what, count in report.items() if count} == {"jobs": 10}
        assert shop.value(again) == 0
        left = db.execute(
            "select state from private.jobs where consumer = 'triage' and finished_at is not null"
        ).fetchall()
        assert sorted(row["state"] for row in left) == ["dead", "done"]


def test_a_webhook_is_remembered_for_longer_than_anybody_repeats_it_and_then_forgotten(desk: Settings) -> None:
    with connect(desk, "supabase_admin") as db:
        shop = new_shop(desk, db)
        for webhook, age in (("recent", "29 days"), ("old", "31 days")):
            assert shop.value(f"select private.note_webhook('resend', '{webhook}')") is True
            db.execute(
                "update private.received_webhooks set received_at = now() - %s::interval where id = %s", [age, webhook]
            )
        assert shop.value("select private.maintain() -> 'webhook_ids'") == 1
        assert shop.value("select private.note_webhook('resend', 'recent')") is False
        assert shop.value("select private.note_webhook('mailgun', 'recent')") is True


def test_mail_to_nobody_is_forgotten_after_a_month_and_no_other_mail_is(desk: Settings) -> None:
    with connect(desk, "supabase_admin") as db:
        shop = new_shop(desk, db)
        db.execute(
            "insert into public.provider_mails (provider, provider_id, state, created_at) values"
            " ('ses', 'old', 'unaddressed', now() - interval '31 days'), ('ses', 'recent', 'unaddressed', now()),"
            " ('ses', 'failed', 'failed', now() - interval '31 days')"
        )
        assert shop.value("select private.maintain() -> 'unaddressed_mails'") == 1
        left = db.execute("select provider_id from public.provider_mails order by 1").fetchall()
        assert [row["provider_id"] for row in left] == ["failed", "recent"]


def test_what_was_tagged_in_bulk_is_remembered_for_a_month(desk: Settings) -> None:
    with connect(desk, "supabase_admin") as db:
        shop = new_shop(desk, db)
        for days, state in ((31, "done"), (29, "done"), (None, "running")):
            db.execute(
                "insert into public.tag_jobs (organization_id, kind, target, filter, state, finished_at)"
                " values (%s, 'tag', 'contacts', '{\"ids\": []}', %s, now() - make_interval(days => %s))",
                [shop.organization, state, days],
            )
        shop.value("select private.maintain()")
        assert shop.value("select count(*) from public.tag_jobs where organization_id = %s", shop.organization) == 2
