-- resolve_address --
select organization_id, mail_address_id from private.resolve_address(%(address)s);

-- accept --
select id, is_duplicate from private.accept_mail(
  %(organization_id)s, %(mail_address_id)s, %(recipient)s, %(envelope_from)s, %(message_id_header)s, %(content_sha256)s,
  %(raw)s, %(order_key)s
);

-- to_read --
-- A mail that waits to be read, and which addresses are our own.
select m.state::text as state, m.recipients, m.envelope_from, r.raw,
  array(select a.address from public.mail_addresses as a where a.organization_id = m.organization_id) as own_addresses
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
