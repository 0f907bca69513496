-- resolve_address --
select organization_id, mail_address_id from private.resolve_address(%(address)s);

-- act_for --
select set_config('app.organization_id', coalesce(%(organization_id)s::uuid::text, ''), true);

-- accept --
select id, is_duplicate from private.accept_mail(
  %(organization_id)s, %(mail_address_id)s, %(recipient)s, %(envelope_from)s, %(message_id_header)s, %(content_sha256)s,
  %(raw)b, %(order_key)s
);

-- to_read --
-- A mail that waits to be read, and which addresses are our own.
select m.state::text as state, m.recipients, m.envelope_from, r.raw,
  array(select a.address from public.mail_addresses as a where a.organization_id = m.organization_id) as own_addresses,
  (
    select p.verdicts from public.provider_mails as p
    where p.organization_id = m.organization_id and p.inbound_mail_id = m.id and p.verdicts is not null
    order by p.id
    limit 1
  ) as verdicts
from public.inbound_mails as m
join private.inbound_raw as r on r.inbound_mail_id = m.id
where m.id = %(id)s;

-- note_parsed --
select private.note_parsed(
  %(id)s, %(sender)s, %(subject)s, %(verdict)s, %(dmarc)s, %(decision)s, %(message_ids)s::text[]
) as must_wait;

-- file --
select state::text as state, outcome, ticket_id, message_id from private.file_mail(%(id)s, %(mail)s);

-- quarantine --
select private.quarantine_mail(%(id)s, %(reason)s);
