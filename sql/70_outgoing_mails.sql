-- Mail out: rendered once, stored first, then sent; what became of it stays visible.

-- What a provider told of a mail it took, the weaker word first: of all that is told, the strongest counts.
create type public.mail_delivery as enum (
  'sent', 'delayed',
  'soft_bounced', -- not this time: a full mailbox, a busy server
  'delivered',
  'suppressed',   -- the provider sends nothing to this address any more
  'failed',       -- the provider could not send it
  'bounced',      -- there is no such address
  'complained'    -- the recipient calls it spam
);

create table public.outgoing_mails (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid,
  -- The message it carries, of several in a chat the last; null for a mail about the ticket itself.
  message_id uuid,
  -- What else it is about: a survey, a member's bundle of notifications, a sending of an invitation.
  about_id uuid,
  kind text not null check (kind in ('reply', 'receipt', 'csat', 'notices', 'invitation', 'chat')),
  -- Nobody pressed a button: it says so in Auto-Submitted and counts against the limits.
  is_automatic boolean not null,
  contact_id uuid,
  -- The member it goes to, where it goes to no contact.
  user_id uuid,
  -- stored: to be sent; sent: the provider has taken it; failed: it never will; suppressed: not to be sent;
  -- unknown: the provider may or may not have it, a person looks; given_up: a person looked, it is not to be sent.
  status text not null default 'stored' check (
    status in ('stored', 'sent', 'failed', 'suppressed', 'unknown', 'given_up')
  ),
  reason text,
  to_address text not null,
  -- Who else gets it, as it was when the mail was rendered.
  cc text[] not null default '{}',
  bcc text[] not null default '{}',
  from_address text not null,
  reply_to text not null,
  subject text not null check (subject !~ '[\r\n]'),
  body_text text not null,
  body_html text not null,
  headers jsonb not null default '{}',
  -- Noted before the provider is called: whether it took the mail is not known since then. Null: it certainly has not.
  attempted_at timestamptz,
  -- Of the job's attempt that noted this last: a later one has taken over from any other.
  attempt_token uuid,
  -- The job that tried first; where another tries again, it must be by the same key.
  idempotency_key uuid,
  provider text,
  provider_id text,
  message_id_header text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  sent_at timestamptz,
  -- Computed from all of public.mail_events, whatever order they came in.
  delivery public.mail_delivery,
  delivered_at timestamptz,
  bounced_at timestamptz,
  complained_at timestamptz,
  opened_at timestamptz,
  clicked_at timestamptz,
  unique (organization_id, id),
  unique (organization_id, message_id, kind),
  unique (organization_id, about_id, kind),
  check (
    case
      -- Who is invited is no member yet.
      when kind = 'invitation' then about_id is not null and num_nonnulls(ticket_id, contact_id, user_id) = 0
      when user_id is null then contact_id is not null and ticket_id is not null
      else contact_id is null
    end
  ),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, message_id) references public.messages (organization_id, id) on delete cascade,
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id),
  foreign key (organization_id, user_id) references public.members (organization_id, user_id) on delete cascade
);
create index outgoing_mails_user_idx on public.outgoing_mails (organization_id, user_id) where user_id is not null;
create unique index outgoing_mails_receipt_idx on public.outgoing_mails (organization_id, ticket_id)
where kind = 'receipt';
create index outgoing_mails_ticket_idx on public.outgoing_mails (organization_id, ticket_id);
create index outgoing_mails_contact_idx on public.outgoing_mails (organization_id, contact_id, created_at);
create unique index outgoing_mails_provider_idx on public.outgoing_mails (provider, provider_id)
where provider_id is not null;

-- What goes to addresses that nobody has proved is counted, by day.
create index outgoing_mails_address_idx on public.outgoing_mails (organization_id, kind, to_address, created_at)
where kind in ('invitation', 'chat');
create index outgoing_mails_header_idx on public.outgoing_mails (message_id_header, organization_id)
where message_id_header is not null;

create trigger outgoing_mails_touch before update on public.outgoing_mails
for each row execute function private.touch();

-- A reply is mailed when it stands in a ticket that came by mail; a new ticket is confirmed to its
-- requester once triage has looked at it: by then its language is known, and spam gets no receipt.
insert into private.routes (event_type, consumer, only_if) values
  ('message.sent', 'send_mail', null),
  ('ticket.triaged', 'send_mail', '{"is_spam": false}'),
  ('csat.asked', 'send_mail', null);

-- Members hear of a mail that did not go out.
create function private.announce_outgoing_mail() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.emit(
    new.organization_id, 'mail.' || new.status, new.id,
    jsonb_build_object('kind', new.kind, 'message_id', new.message_id, 'reason', new.reason), 'agents', new.ticket_id
  );
  return null;
end;
$$;

create trigger outgoing_mails_announce_new after insert on public.outgoing_mails
for each row when (new.status = 'suppressed') execute function private.announce_outgoing_mail();
create trigger outgoing_mails_announce after update of status on public.outgoing_mails
for each row when (new.status in ('failed', 'unknown', 'suppressed') and old.status <> new.status)
execute function private.announce_outgoing_mail();

-- May one more automatic mail go to this contact about this ticket? At most two answers in ten minutes about a ticket,
-- and five mails in a day to a contact, so that two machines that answer each other come to rest (RFC 3834, section 2).
create function private.may_mail_automatically(contact_id uuid, ticket_id uuid) returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return (
    select count(*) filter (
        where m.ticket_id = may_mail_automatically.ticket_id and m.created_at > now() - interval '10 minutes'
          and m.kind = 'reply'
      ) < 2
      and count(*) < 5
    from public.outgoing_mails as m
    where m.organization_id = (select private.current_organization())
      and m.contact_id = may_mail_automatically.contact_id
      and m.is_automatic
      and m.status <> 'suppressed'
      and m.created_at > now() - interval '1 day'
  );
end;
$$;

-- The provider has the mail: so it is told by the one who sent it, and by each of the provider's events. Also where
-- somebody had given it up. Where it was sent again, what is told late of the first sending does not take the place of
-- the second. For the tenant that the function works for.
create function private.mark_sent(
  outgoing_mail_id uuid, provider text, provider_id text, message_id_header text, sent_at timestamptz
) returns void
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  mail public.outgoing_mails;
begin
  select * into mail from public.outgoing_mails as m where m.id = mark_sent.outgoing_mail_id;
  if mail.status = 'sent' and mail.provider = mark_sent.provider and mail.sent_at is not null and (
    mail.provider_id <> mark_sent.provider_id
    or mail.provider_id = mark_sent.provider_id
    and (mark_sent.message_id_header is null or mail.message_id_header = mark_sent.message_id_header)
  ) then
    return; -- nothing of it is new
  end if;
  update public.outgoing_mails as m
  set status = 'sent', reason = null, provider = mark_sent.provider,
    provider_id = coalesce(m.provider_id, mark_sent.provider_id),
    message_id_header = case
      when coalesce(m.provider_id, mark_sent.provider_id) = mark_sent.provider_id
      then coalesce(mark_sent.message_id_header, m.message_id_header)
      else m.message_id_header
    end,
    sent_at = coalesce(m.sent_at, mark_sent.sent_at, now())
  where m.id = mark_sent.outgoing_mail_id
  returning m.* into mail;
  if mail.message_id is not null and mail.message_id_header is not null then
    -- So that an answer which quotes it finds its ticket.
    update public.messages as m set message_id_header = mail.message_id_header where m.id = mail.message_id;
  end if;
end;
$$;

-- A mail that is failed or unknown is a person's to decide about: `was_sent` leaves it, `send_again` sends it once more
-- as it was rendered, `give_up` files it. Agents of its organization. Returns the mail's new status.
create function private.resolve_outgoing_mail(id uuid, decision text) returns text
language plpgsql security definer set search_path = '' as $$
declare
  mail public.outgoing_mails;
  status constant text := case decision
    when 'was_sent' then 'sent' when 'send_again' then 'stored' when 'give_up' then 'given_up'
  end;
begin
  if status is null then
    raise exception 'not a decision: %', left(decision, 60)
      using errcode = '22023', hint = 'It is was_sent, send_again or give_up.';
  end if;
  select m.* into mail
  from public.outgoing_mails as m
  where m.id = resolve_outgoing_mail.id
    and m.organization_id = any(array(select private.my_organizations('agent')))
    and (m.user_id is null or m.user_id = (select auth.uid()))
    and (m.kind <> 'invitation' or m.organization_id = any(array(select private.my_organizations('admin'))))
  for no key update;
  if mail.id is null then
    raise exception 'there is no mail %', resolve_outgoing_mail.id using errcode = 'PT404';
  end if;
  if mail.status not in ('failed', 'unknown') then
    raise exception 'the mail is %: there is nothing to decide', mail.status using errcode = 'PT409';
  end if;
  if decision = 'send_again' and exists (
    select from public.contacts as c
    where c.organization_id = mail.organization_id and c.id = mail.contact_id and c.suppressed_at is not null
  ) then
    raise exception 'the address bounced or complained: nothing is sent there'
      using errcode = 'PT409', hint = 'Call unsuppress_contact first.';
  end if;
  if decision = 'send_again' then
    -- As if it had never been tried: the provider must not take it for a repetition.
    update public.outgoing_mails as m
    set status = 'stored', reason = null, attempted_at = null, attempt_token = null, idempotency_key = null,
      provider = null, provider_id = null, message_id_header = null
    where m.id = mail.id;
    perform private.enqueue(
      mail.organization_id, 'send_mail',
      jsonb_build_object(
        'type', case mail.kind
          when 'reply' then 'message.sent' when 'receipt' then 'ticket.triaged' when 'csat' then 'csat.asked'
          else mail.kind
        end,
        'subject_id', coalesce(mail.message_id, mail.about_id, mail.ticket_id), 'ticket_id', mail.ticket_id
      ),
      order_key => 'send_mail:' || coalesce(mail.ticket_id, mail.user_id, mail.about_id)
    );
  elsif decision = 'was_sent' then
    update public.outgoing_mails as m
    set status = 'sent', reason = null, sent_at = coalesce(m.attempted_at, m.updated_at)
    where m.id = mail.id;
  else
    update public.outgoing_mails as m set status = 'given_up' where m.id = mail.id;
  end if;
  perform private.emit(
    mail.organization_id, 'mail.resolved', mail.id,
    jsonb_build_object('kind', mail.kind, 'message_id', mail.message_id, 'decision', decision), 'agents', mail.ticket_id
  );
  return status;
end;
$$;

create function public.resolve_outgoing_mail(id uuid, decision text) returns text
language sql set search_path = '' as $$
  select private.resolve_outgoing_mail(resolve_outgoing_mail.id, resolve_outgoing_mail.decision);
$$;
