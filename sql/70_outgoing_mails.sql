-- Mail out: rendered once, stored first, then sent; what became of it stays visible.

create table public.outgoing_mails (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid not null,
  -- The message it carries; null for a mail about the ticket itself.
  message_id uuid,
  kind text not null check (kind in ('reply', 'receipt')),
  -- Nobody pressed a button: it says so in Auto-Submitted and counts against the limits.
  is_automatic boolean not null,
  contact_id uuid not null,
  -- stored: not tried yet; sent: the provider has taken it; failed: it never will; suppressed: not to be sent;
  -- unknown: the provider may or may not have it, a person looks.
  status text not null default 'stored' check (status in ('stored', 'sent', 'failed', 'suppressed', 'unknown')),
  reason text,
  to_address text not null,
  from_address text not null,
  reply_to text not null,
  subject text not null check (subject !~ '[\r\n]'),
  body_text text not null,
  body_html text not null,
  headers jsonb not null default '{}',
  provider text,
  provider_id text,
  message_id_header text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  sent_at timestamptz,
  unique (organization_id, id),
  unique (organization_id, message_id, kind),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, message_id) references public.messages (organization_id, id) on delete cascade,
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id)
);
create unique index outgoing_mails_receipt_idx on public.outgoing_mails (organization_id, ticket_id)
where kind = 'receipt';
create index outgoing_mails_ticket_idx on public.outgoing_mails (organization_id, ticket_id);
create index outgoing_mails_contact_idx on public.outgoing_mails (organization_id, contact_id, created_at);
create unique index outgoing_mails_provider_idx on public.outgoing_mails (provider, provider_id)
where provider_id is not null;

create index outgoing_mails_header_idx on public.outgoing_mails (organization_id, message_id_header)
where message_id_header is not null;

create trigger outgoing_mails_touch before update on public.outgoing_mails
for each row execute function private.touch();

-- A reply is mailed when it stands in a ticket that came by mail; a new ticket is confirmed to its
-- requester once triage has looked at it: by then its language is known, and spam gets no receipt.
insert into private.routes (event_type, consumer, only_if) values
  ('message.sent', 'send_mail', null),
  ('ticket.triaged', 'send_mail', '{"is_spam": false}');

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
for each row when (new.status in ('failed', 'unknown') and old.status <> new.status)
execute function private.announce_outgoing_mail();

-- May one more automatic mail go to this contact about this ticket? At most two answers in ten minutes about a ticket,
-- and five mails in a day to a contact, so that two machines that answer each other come to rest (RFC 3834, section 2).
create function private.may_mail_automatically(contact_id uuid, ticket_id uuid) returns boolean
language sql stable set search_path = '' as $$
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
    and m.created_at > now() - interval '1 day';
$$;
