-- reply_context --
-- A public answer in a ticket that came by mail, with all that its mail needs. No row: there is nothing to mail.
select
  t.id as ticket_id, t.number, t.subject, m.id as message_id, null::uuid as user_id, m.sender::text as sender, m.body_text,
  m.seq, c.id as contact_id, c.email as to_address, c.name as to_name, c.suppressed_at is not null as suppressed,
  a.address as from_address, coalesce(nullif(a.display_name, ''), o.name) as from_name, o.name as organization,
  coalesce(nullif(d.display_name, ''), '') as author,
  coalesce(t.language, o.language) as language,
  (
    select array_agg(p.message_id_header order by p.id)
    from public.messages as p
    where p.ticket_id = t.id and p.message_id_header is not null and not p.is_internal and p.seq < m.seq
  ) as thread,
  copies.cc, copies.bcc, form.id as form_id
from public.messages as m
join public.tickets as t on t.id = m.ticket_id
join public.organizations as o on o.id = t.organization_id
join public.contacts as c on c.id = t.contact_id
-- An address that was given up: the organization's own one speaks for it.
left join lateral (
  select f.address, f.display_name from public.mail_addresses as f
  where f.organization_id = t.organization_id
  order by f.id is not distinct from t.mail_address_id desc, f.is_default desc, f.id
  limit 1
) as a on true
left join public.members as d on d.organization_id = m.organization_id and d.user_id = m.member_id
left join public.action_forms as form on form.organization_id = m.organization_id and form.message_id = m.id
-- Who else takes part gets what a person writes. Nothing goes by itself to others than who asked; nor does the link of a
-- form, which is for the contact to fill in.
cross join lateral (
  select
    coalesce(array_agg(q.email order by q.email) filter (where p.role = 'cc'), '{}') as cc,
    coalesce(array_agg(q.email order by q.email) filter (where p.role = 'bcc'), '{}') as bcc
  from public.ticket_participants as p
  join public.contacts as q on q.organization_id = p.organization_id and q.id = p.contact_id
  where m.sender = 'member' and p.ticket_id = t.id and p.removed_at is null and p.contact_id <> t.contact_id
    and q.email is not null and q.suppressed_at is null and form.id is null
) as copies
where m.id = %(message_id)s and m.sender in ('member', 'ai') and not m.is_internal
  and t.channel = 'email' and c.email is not null;

-- receipt_context --
-- A new ticket by mail whose first message a verified person wrote. No row: no receipt.
select
  t.id as ticket_id, t.number, t.subject, null::uuid as message_id, null::uuid as user_id, 'system' as sender,
  '' as body_text, m.seq, c.id as contact_id, c.email as to_address, c.name as to_name, c.suppressed_at is not null as suppressed,
  a.address as from_address, coalesce(nullif(a.display_name, ''), o.name) as from_name, o.name as organization,
  '' as author, coalesce(t.language, o.language) as language,
  array[m.message_id_header] as thread
from public.tickets as t
join public.organizations as o on o.id = t.organization_id
join public.contacts as c on c.id = t.contact_id
left join lateral (
  select f.address, f.display_name from public.mail_addresses as f
  where f.organization_id = t.organization_id
  order by f.id is not distinct from t.mail_address_id desc, f.is_default desc, f.id
  limit 1
) as a on true
join public.messages as m on m.ticket_id = t.id and m.seq = 1
where t.id = %(ticket_id)s and t.channel = 'email' and c.email is not null
  and m.sender = 'contact' and not m.is_machine and m.sender_status = 'known' and m.is_verified and not t.is_spam
  -- Later it would only puzzle: the second message of an old ticket is no new one.
  and t.created_at > now() - interval '1 hour'
  and coalesce(o.settings ->> 'receipts', 'true') <> 'false';

-- csat_context --
-- A survey that nobody has answered yet, of a ticket that came by mail and is resolved still. No row: nothing to ask.
select
  t.id as ticket_id, t.number, t.subject, null::uuid as message_id, s.id as about_id, null::uuid as user_id,
  'system' as sender, '' as body_text, c.id as contact_id, c.email as to_address, c.name as to_name,
  c.suppressed_at is not null as suppressed, a.address as from_address,
  coalesce(nullif(a.display_name, ''), o.name) as from_name, o.name as organization, '' as author,
  coalesce(t.language, o.language) as language,
  (
    select array_agg(p.message_id_header order by p.seq)
    from public.messages as p
    where p.ticket_id = t.id and p.message_id_header is not null and not p.is_internal
  ) as thread
from public.csat_surveys as s
join public.tickets as t on t.id = s.ticket_id
join public.organizations as o on o.id = t.organization_id
join public.contacts as c on c.id = s.contact_id
left join lateral (
  select f.address, f.display_name from public.mail_addresses as f
  where f.organization_id = t.organization_id
  order by f.id is not distinct from t.mail_address_id desc, f.is_default desc, f.id
  limit 1
) as a on true
where s.id = %(about_id)s and s.expires_at > now() and t.resolved_at = s.resolved_at
  and t.channel = 'email' and c.email is not null
  and not exists (select from public.csat_ratings as r where r.survey_id = s.id);

-- notices_context --
-- What a member was told of and has not read. No row: nothing is left of it, or they get no mail.
select
  null::uuid as ticket_id, null::uuid as message_id, null::uuid as contact_id, w.user_id, w.to_address, w.to_name,
  false as suppressed, a.address as from_address, o.name as from_name, o.name as organization, o.language,
  null::text[] as thread, told.tickets, told.others
from private.notices_recipient(%(about_id)s) as w
join public.organizations as o on o.id = (select private.current_organization())
left join lateral (
  select f.address from public.mail_addresses as f
  where f.organization_id = o.id
  order by f.is_default desc, f.id
  limit 1
) as a on true
cross join lateral (
  select
    coalesce(jsonb_agg(each.told order by each.at) filter (where each.ticket_id is not null), '[]') as tickets,
    coalesce(jsonb_agg(each.told order by each.at) filter (where each.ticket_id is null), '[]') as others,
    count(*) as found
  from (
    select
      n.ticket_id, min(n.at) as at,
      jsonb_build_object(
        'id', n.ticket_id, 'number', min(t.number), 'subject', min(t.subject),
        'news', jsonb_agg(
          jsonb_build_object('kind', n.kind, 'count', n.count, 'by', m.display_name) order by n.at
        )
      ) as told
    from public.notifications as n
    left join public.tickets as t on t.id = n.ticket_id
    left join public.members as m on m.organization_id = n.organization_id and m.user_id = n.actor_id
    where n.organization_id = o.id and n.mailed_in = %(about_id)s and n.user_id = w.user_id and n.read_at is null
    group by n.ticket_id
  ) as each
) as told
where told.found > 0;

-- invitation_context --
-- An invitation that can still be accepted, as it was sent last. No row: it was taken back, taken up or has expired, was
-- sent again meanwhile, its inviter may invite no more, or there is no address to send it from.
select
  null::uuid as ticket_id, null::uuid as message_id, null::uuid as contact_id, null::uuid as user_id, i.id as invitation_id,
  i.email as to_address, '' as to_name,
  private.is_refused_address(i.email) or exists (
    select from public.contacts as c where c.email = i.email and c.suppressed_at is not null
  ) as suppressed,
  private.may_mail_invitation(i.organization_id, i.email) as may_be_mailed,
  a.address as from_address, o.name as from_name, o.name as organization, o.language, m.display_name as author,
  to_char(i.expires_at at time zone 'utc', 'YYYY-MM-DD') as until, null::text[] as thread
from public.invitations as i
join public.organizations as o on o.id = i.organization_id
join public.members as m on m.organization_id = i.organization_id and m.user_id = i.invited_by
  and m.role >= greatest(i.role, 'admin')
cross join lateral (
  select f.address from public.mail_addresses as f
  where f.organization_id = o.id
  order by f.is_default desc, f.id
  limit 1
) as a
where i.mailed_in = %(about_id)s and i.accepted_at is null and i.expires_at > now();

-- chat_context --
-- What the visitor of a chat has not seen, up to its last answer. No row: they have seen it, or were mailed it; a newer one
-- has come, which takes it along; or there is no address to send from. To an address that nobody has proved go few.
select
  t.id as ticket_id, t.number, m.id as message_id, null::uuid as user_id,
  case when u.by_person then 'member' else 'ai' end as sender, c.id as contact_id, u.to_address, '' as to_name,
  u.is_proved,
  private.is_refused_address(u.to_address) or exists (
    select from public.contacts as s where s.email = u.to_address and s.suppressed_at is not null
  ) as suppressed,
  u.is_proved or (
    select count(*) < 10 from public.outgoing_mails as e
    where e.organization_id = t.organization_id and e.kind = 'chat' and e.to_address = u.to_address
      and e.status <> 'suppressed' and e.created_at > now() - interval '1 day'
  ) as may_be_mailed,
  a.address as from_address, coalesce(nullif(a.display_name, ''), o.name) as from_name, o.name as organization,
  coalesce(t.language, o.language) as language, said.answers,
  (
    select array_agg(p.message_id_header order by p.seq)
    from public.messages as p
    where p.ticket_id = t.id and p.message_id_header is not null and not p.is_internal and p.seq < m.seq
  ) as thread
from public.tickets as t
cross join lateral private.unseen_answers(t.id) as u
join public.messages as m on m.id = u.message_id
join public.organizations as o on o.id = t.organization_id
join public.contacts as c on c.id = t.contact_id
cross join lateral (
  select f.address, f.display_name from public.mail_addresses as f
  where f.organization_id = t.organization_id
  order by f.id is not distinct from t.mail_address_id desc, f.is_default desc, f.id
  limit 1
) as a
cross join lateral (
  select jsonb_agg(
    jsonb_build_object(
      'text', btrim(n.body_text), 'author', d.display_name,
      'files', (
        select jsonb_agg(f.file_name order by f.id) from public.attachments as f
        where f.organization_id = n.organization_id and f.message_id = n.id
      )
    )
    order by n.seq
  ) as answers
  from public.messages as n
  left join public.members as d on d.organization_id = n.organization_id and d.user_id = n.member_id
  where n.ticket_id = t.id and n.seq > u.after_seq and n.seq <= u.up_to_seq and n.sender in ('member', 'ai')
    and not n.is_internal
) as said
where t.id = %(ticket_id)s and u.message_id = %(message_id)s;

-- queue_up --
select pg_advisory_xact_lock(
  hashtext('pgdesk.outgoing_mails'), hashtext(coalesce(%(contact_id)s::text, %(user_id)s::text, %(to_address)s))
);

-- had_receipt --
-- Who had one within the hour does not need to be told again.
select exists (
  select from public.outgoing_mails as e
  where e.contact_id = %(contact_id)s and e.kind = 'receipt' and e.created_at > now() - interval '1 hour'
) as had;

-- may_mail_automatically --
select private.may_mail_automatically(%(contact_id)s, %(ticket_id)s) as may;

-- store --
insert into public.outgoing_mails (
  organization_id, ticket_id, message_id, about_id, kind, is_automatic, contact_id, user_id, status, reason,
  to_address, cc, bcc, from_address, reply_to, subject, body_text, body_html, headers
) values (
  %(organization_id)s, %(ticket_id)s, %(message_id)s, %(about_id)s, %(kind)s, %(is_automatic)s, %(contact_id)s,
  %(user_id)s, %(status)s, %(reason)s, %(to_address)s,
  %(cc)s::text[], %(bcc)s::text[], %(from_address)s, %(reply_to)s, %(subject)s, %(body_text)s, %(body_html)s, %(headers)s
)
on conflict do nothing;

-- stored --
-- What stands for this message, for the receipt of this ticket, or for what else it is about. `held_back`: why it is
-- not to be sent any more.
select
  m.*,
  case
    when exists (
      select from public.contacts as c
      where c.id = m.contact_id and c.suppressed_at is not null and c.email = lower(btrim(m.to_address))
    ) then 'the address bounced or complained'
    when m.kind = 'invitation' and not exists (
      select from public.invitations as i
      where i.mailed_in = m.about_id and i.accepted_at is null and i.expires_at > now()
    ) then 'the invitation is over'
    when m.kind = 'chat' and exists (
      select from public.contact_reads as r
      join public.messages as n on n.ticket_id = r.ticket_id and n.seq <= r.seq
      where r.ticket_id = m.ticket_id and n.id = m.message_id
    ) then 'the visitor has read it'
  end as held_back,
  -- What was said in a chat is mailed without its files, which are there.
  m.kind <> 'chat' and exists (
    select from public.attachments as a where a.organization_id = m.organization_id and a.message_id = m.message_id
  ) as has_files
from public.outgoing_mails as m
-- A message may have moved to another ticket since.
where m.kind = %(kind)s and (
  m.message_id = %(message_id)s
  or m.about_id = %(about_id)s
  or num_nonnulls(%(message_id)s::uuid, %(about_id)s::uuid) = 0 and m.message_id is null and m.about_id is null
    and m.ticket_id = %(ticket_id)s
);

-- files --
-- What goes with the mail of a message.
select a.file_name, a.storage_path, a.verdict, a.verdict_because, a.detected_type, a.bytes
from public.attachments as a
where a.message_id = %(message_id)s
order by a.id;

-- note_attempt --
-- Before the provider is called, and only by the attempt that holds the job. In one statement: who is stopped between a
-- check and a note might note what is no longer true. No row: it is not to be sent any more.
with holder as materialized (
  select private.enter_job(%(job_id)s, %(token)s)
)
update public.outgoing_mails as m
set attempted_at = case when %(anew)s then clock_timestamp() else coalesce(m.attempted_at, clock_timestamp()) end,
  attempt_token = %(token)s, idempotency_key = coalesce(m.idempotency_key, %(job_id)s), provider = %(provider)s,
  message_id_header = %(message_id_header)s
from holder
where m.id = %(id)s and m.status = 'stored'
returning m.*;

-- take_back_attempt --
-- The provider said that it did not take the mail. Only what this attempt noted itself.
update public.outgoing_mails
set attempted_at = null, attempt_token = null
where id = %(id)s and attempt_token = %(token)s and status = 'stored';

-- mark_sent --
select private.mark_sent(%(outgoing_mail_id)s, %(provider)s, %(provider_id)s, %(message_id)s, %(at)s);

-- mark --
-- Not where an event of the provider has told in the meantime that it was sent.
update public.outgoing_mails set status = %(status)s, reason = %(reason)s where id = %(id)s and status = 'stored';

-- find_outgoing_mail --
-- Whose mail an event is about; the rest of the transaction works for that tenant.
select outgoing_mail_id, set_config('app.organization_id', organization_id::text, true)
from private.find_outgoing_mail(%(provider)s, %(provider_id)s, %(own_id)s, %(message_id)s);

-- note_event --
select private.note_mail_event(
  %(source)s, %(webhook_id)s, %(outgoing_mail_id)s, %(provider)s, %(id)s, %(provider_id)s, %(message_id)s, %(type)s,
  %(bounce)s, %(at)s, %(detail)s
) as is_new;
