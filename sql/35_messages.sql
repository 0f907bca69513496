-- Messages, partitioned by month of their time-ordered key.

create type public.message_sender as enum ('contact', 'member', 'ai', 'system');

create table public.messages (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null,
  ticket_id uuid not null,
  -- 1, 2, 3 … within the ticket: what a sender has seen is told by it.
  seq integer not null,
  sender public.message_sender not null,
  contact_id uuid,
  member_id uuid,
  -- An internal note: members only, never a contact.
  is_internal boolean not null default false,
  -- Written by a machine (auto-reply, bounce): never answered.
  is_machine boolean not null default false,
  -- pending: the sender is not known to belong to the thread; shown to members, acted on by nobody.
  sender_status text not null default 'known' check (sender_status in ('known', 'pending')),
  -- The sender is who it says: signed in, or its mail passed DMARC at our receiver. Nothing goes by itself to others.
  is_verified boolean not null default false,
  -- Otherwise it is kept and told, and the AI leaves it alone.
  process boolean not null default true,
  -- Its writer asks for a person, by more than words: the AI does not answer it.
  wants_person boolean not null default false,
  body_text text not null default '' check (length(body_text) <= 1000000),
  -- What is new in it, without quotes and signature. Null where nothing was cut.
  reply_text text,
  -- Sanitised for display.
  body_html text,
  message_id_header text check (length(message_id_header) <= 998),
  created_at timestamptz not null default now(),
  -- A contact's message names the contact, a member's the member.
  check (sender <> 'contact' or contact_id is not null),
  check (sender not in ('contact') or not is_internal),
  unique (organization_id, id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id),
  foreign key (organization_id, member_id)
    references public.authors (organization_id, user_id) on delete set null (member_id)
) partition by range (id);
create index messages_ticket_idx on public.messages (ticket_id, seq);
create index messages_organization_ticket_idx on public.messages (organization_id, ticket_id);
create index messages_contact_idx on public.messages (organization_id, contact_id);
create index messages_member_idx on public.messages (organization_id, member_id);
create index messages_header_idx on public.messages (organization_id, message_id_header)
where message_id_header is not null;

create schema if not exists partitions;
comment on schema partitions is 'Leaves of partitioned tables. No grants: rows are reached through their parent.';

-- Makes the leaf of every month from last month to `ahead` months from now that is missing. Returns how many it made.
-- A new leaf needs its parent to itself for a moment: it would rather fail, and be called again, than make writers
-- queue.
create function private.ensure_message_partitions(ahead integer default 3) returns integer
language plpgsql security definer set search_path = '' set lock_timeout = '2s' as $$
declare
  month timestamptz;
  leaf text;
  made integer := 0;
begin
  perform pg_advisory_xact_lock(hashtext('pgdesk.message_partitions'));
  for month in
    select generate_series(
      date_trunc('month', now() at time zone 'utc') - interval '1 month',
      date_trunc('month', now() at time zone 'utc') + make_interval(months => ahead),
      interval '1 month'
    ) at time zone 'utc'
  loop
    leaf := 'messages_' || to_char(month at time zone 'utc', 'YYYY_MM');
    if to_regclass('partitions.' || leaf) is null then
      execute format(
        'create table partitions.%I partition of public.messages for values from (%L) to (%L)',
        leaf, private.uuid7_floor(month),
        private.uuid7_floor((month at time zone 'utc' + interval '1 month') at time zone 'utc')
      );
      execute format('alter table partitions.%I enable row level security', leaf);
      made := made + 1;
    end if;
  end loop;
  return made;
end;
$$;

select private.ensure_message_partitions();

-- Numbers a message within its ticket and moves the ticket with it. The ticket's row lock puts writers in line.
create function private.keep_message() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  by_caller uuid := (select auth.uid());
  counts boolean := not (new.is_internal or new.is_machine) and new.sender_status = 'known';
  reopens boolean;
begin
  if new.sender = 'member' and new.member_id is null then
    new.member_id := by_caller;
  end if;
  -- Who is signed in is who they say; not so a contact in whose name a member writes down a call.
  new.is_verified := new.is_verified or (
    by_caller is not null and (new.sender = 'member' or new.contact_id in (select private.my_contacts()))
  );
  for round in 1..2 loop
    update public.tickets as t
    set last_seq = t.last_seq + 1,
      last_message_at = greatest(t.last_message_at, now()),
      last_contact_at = case when counts and new.sender = 'contact' then clock_timestamp() else t.last_contact_at end,
      last_answer_at = case
        when counts and new.sender in ('member', 'ai') then clock_timestamp()
        else t.last_answer_at
      end,
      last_answer_by = case
        when counts and new.sender in ('member', 'ai') then new.sender::text
        else t.last_answer_by
      end,
      first_responded_at = case
        when new.sender in ('member', 'ai') and not new.is_internal then coalesce(t.first_responded_at, now())
        else t.first_responded_at
      end,
      -- A contact who writes opens the ticket again; a member who answers waits for the contact.
      status = case
        when not counts then t.status
        when new.sender = 'contact' and t.status_category <> 'open' and coalesce(reopens, true) then 'open'
        when new.sender in ('member', 'ai') and t.status_category = 'open' then 'pending'
        else t.status
      end,
      -- From the first word of a human on, no bot posts.
      ai_state = case when new.sender = 'member' and not new.is_internal then 'off' else t.ai_state end
    where t.organization_id = new.organization_id and t.id = new.ticket_id and t.merged_into is null
      and (reopens is not null or not counts or new.sender <> 'contact' or t.status_category <> 'resolved')
    returning t.last_seq into new.seq;
    exit when found;
    -- The ticket is merged, or over: rules say where the message belongs (57_reopen.sql).
    select p.place, p.reopens into strict new.ticket_id, reopens
    from private.place_message(
      new.organization_id, new.ticket_id, new.sender, new.contact_id, counts, coalesce(new.reply_text, new.body_text)
    ) as p;
  end loop;
  return new;
end;
$$;

-- By name before messages_keep, which locks the ticket.
create trigger messages_contact before insert on public.messages
for each row when (new.contact_id is not null) execute function private.land_at_standing_contact();
create trigger messages_keep before insert on public.messages
for each row execute function private.keep_message();

create function private.announce_message() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.emit(
    new.organization_id,
    case
      when new.is_internal then 'note.created'
      when new.sender = 'contact' then 'message.received'
      else 'message.sent'
    end,
    new.id,
    jsonb_build_object(
      'seq', new.seq, 'sender', new.sender, 'is_machine', new.is_machine, 'sender_status', new.sender_status
    ) || case when new.sender = 'contact' then jsonb_build_object('process', new.process) else '{}' end,
    case when new.is_internal or new.sender_status = 'pending' then 'agents' else 'contact' end,
    new.ticket_id
  );
  return null;
end;
$$;

create trigger messages_announce after insert on public.messages
for each row execute function private.announce_message();

-- Tickets of an organization that hold a message with one of these Message-IDs: how a mail finds its thread.
create function private.tickets_by_message_id(organization_id uuid, message_ids text[])
returns table (ticket_id uuid, message_id_header text)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  select m.ticket_id, m.message_id_header
  from public.messages as m
  where m.organization_id = tickets_by_message_id.organization_id
    and m.message_id_header = any (tickets_by_message_id.message_ids);
end;
$$;

-- A contact or a member opens a ticket with its first message. Everything else follows from the rows.
create function public.open_ticket(
  organization_id uuid, subject text, body text, channel public.ticket_channel default 'portal',
  contact_id uuid default null
) returns public.tickets
language plpgsql set search_path = '' as $$
declare
  opened public.tickets;
  author uuid := coalesce(open_ticket.contact_id, private.my_contact_id(open_ticket.organization_id));
begin
  if author is null then
    raise exception 'you are not a contact of this organization' using errcode = '42501';
  end if;
  if coalesce(body, '') !~ '\S' then
    raise exception 'a ticket needs a first message' using errcode = '23514';
  end if;
  insert into public.tickets (organization_id, subject, channel, contact_id)
  values (open_ticket.organization_id, open_ticket.subject, open_ticket.channel, author)
  returning * into opened;
  insert into public.messages (organization_id, ticket_id, sender, contact_id, body_text)
  values (open_ticket.organization_id, opened.id, 'contact', author, body);
  return opened;
end;
$$;

-- A reply to the contact, sent only if its writer has seen everything: refuses when the ticket has a newer public
-- message than `expected_seq`. `files`: uploads of the caller that go with it (77_files.sql).
create function public.send_reply(
  ticket_id uuid, body text, expected_seq integer, internal boolean default false, files text[] default '{}'
) returns public.messages
language plpgsql set search_path = '' as $$
declare
  ticket public.tickets;
  sent public.messages;
begin
  if coalesce(body, '') !~ '\S' then
    raise exception 'a reply needs words' using errcode = '23514';
  end if;
  select * into ticket from public.tickets as t where t.id = send_reply.ticket_id for update;
  if not found then
    raise exception 'there is no ticket %', send_reply.ticket_id using errcode = 'PT404';
  end if;
  if ticket.merged_into is not null then
    raise exception 'the ticket was merged into another: answer there'
      using errcode = 'PT409', detail = ticket.merged_into::text;
  end if;
  if not internal and exists (
    select from public.messages as m
    where m.ticket_id = ticket.id and m.seq > coalesce(expected_seq, 0) and not m.is_internal
  ) then
    raise exception 'a newer message has arrived: read it before you answer'
      using errcode = 'PT409',
        detail = format('seen up to %s, the ticket is at %s', coalesce(expected_seq, 0), ticket.last_seq);
  end if;
  insert into public.messages (organization_id, ticket_id, sender, member_id, is_internal, body_text)
  values (ticket.organization_id, ticket.id, 'member', (select auth.uid()), internal, body)
  returning * into sent;
  if files <> '{}' then
    perform private.attach_files(sent.id, files);
  end if;
  return sent;
end;
$$;
