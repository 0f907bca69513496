-- note_webhook --
select private.note_webhook(%(source)s, %(id)s) as is_new;

-- record --
select id, state::text as state from private.record_provider_mail(
  %(organization_id)s, %(provider)s, %(provider_id)s, %(state)s::public.provider_mail_state, %(recipients)s::text[],
  %(locator)s, %(envelope_from)s, %(verdicts)s
);

-- mark_kept --
update public.provider_mails
set state = 'kept', reason = null, inbound_mail_id = %(inbound_mail_id)s
where id = %(id)s;

-- mark_failed --
update public.provider_mails set state = 'failed', reason = left(%(reason)s, 1000) where id = %(id)s and state = 'waiting';

-- mark_unaddressed --
update public.provider_mails
set state = 'unaddressed', reason = null, recipients = %(recipients)s::text[]
where id = %(id)s;

-- forget_nobodys --
-- A mail that was nobody's has found its owners, who have rows of their own.
delete from public.provider_mails
where provider = %(provider)s and provider_id = %(provider_id)s and organization_id is null;

-- to_fetch --
select id, organization_id, provider, provider_id, locator, recipients, envelope_from, verdicts,
  state::text as state
from public.provider_mails
where id = %(id)s;

-- fetch_later --
select private.fetch_provider_mail(%(id)s, now() + %(after)s, %(dedupe_key)s);

-- uploaded --
-- An upload that was granted to the current tenant.
select id, state::text as state from public.provider_mails where provider = 'upload' and provider_id = %(path)s;

-- hand_in --
select id, state::text as state from private.record_provider_mail(
  %(organization_id)s, 'upload', %(path)s, 'waiting', %(recipients)s::text[], null, %(envelope_from)s
);

-- forget_announced --
delete from public.provider_mails where id = %(id)s and state = 'announced';

-- known --
select provider_id, is_unaddressed, recipients from private.known_provider_mails(%(provider)s, %(ids)s::text[]);

-- announce --
select id from private.record_provider_mail(%(organization_id)s, 'upload', %(path)s, 'announced', %(recipients)s::text[]);
