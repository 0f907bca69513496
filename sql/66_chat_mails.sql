-- Answers in a chat whose visitor has left go to them by mail: once, together, and only what they have not seen.

alter table public.organizations
-- How long after they were last there a visitor has left. Null: chats are never mailed.
add column mail_chat_after interval default '10 minutes'
check (mail_chat_after between interval '1 minute' and interval '7 days');

-- How far a ticket's contact has read it, as they say. Who writes has read what stands above.
create table public.contact_reads (
  ticket_id uuid primary key,
  organization_id uuid not null,
  -- Only ever grows.
  seq integer not null,
  read_at timestamptz not null default now(),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade
);
create index contact_reads_ticket_idx on public.contact_reads (organization_id, ticket_id);

-- The calling contact has read a ticket of theirs up to a message; null: up to now. Of an older and a newer word the
-- newer counts.
create function private.mark_seen(ticket_id uuid, seq integer) returns integer
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  ticket public.tickets;
  now_read integer;
begin
  select * into ticket from public.tickets as t
  where t.id = mark_seen.ticket_id and t.contact_id in (select private.my_contacts());
  if ticket.id is null then
    raise exception 'there is no ticket %', mark_seen.ticket_id using errcode = 'PT404';
  end if;
  update public.visitors as v set seen_at = now()
  where v.id = private.try_uuid(private.visitor_claim('visitor_id'));
  insert into public.contact_reads as r (ticket_id, organization_id, seq)
  values (
    ticket.id, ticket.organization_id, least(greatest(coalesce(mark_seen.seq, ticket.last_seq), 0), ticket.last_seq)
  )
  on conflict (ticket_id) do update set seq = greatest(r.seq, excluded.seq), read_at = now()
  returning r.seq into now_read;
  return now_read;
end;
$$;

create function public.mark_seen(ticket_id uuid, seq integer default null) returns integer
language sql set search_path = '' as $$
  select private.mark_seen(mark_seen.ticket_id, mark_seen.seq);
$$;

-- The answers in a chat that its visitor has neither seen nor been mailed, and where and when they are mailed; no row:
-- there are none, or nowhere to mail them to. An address that the visitor gave and nobody has proved may be somebody
-- else's: then it takes a person's answer, as nothing goes to it by itself. It is proved by a verified mail from there
-- in this ticket.
create function private.unseen_answers(ticket_id uuid) returns table (
  message_id uuid, after_seq integer, up_to_seq integer, by_person boolean, to_address text, is_proved boolean,
  due timestamptz
)
language plpgsql stable set search_path = '' rows 1 as $$
#variable_conflict use_column
declare
  chat record;
begin
  select
    t.organization_id, t.contact_id, o.mail_chat_after as patience, there.seen_at,
    coalesce(c.email, there.email) as to_address,
    c.email is not null or exists (
      select from public.messages as m
      join public.contacts as w on w.organization_id = m.organization_id and w.id = m.contact_id
      where m.ticket_id = t.id and w.email = there.email and m.is_verified and m.sender_status = 'known'
        and not m.is_machine
    ) as is_proved
  into chat
  from public.tickets as t
  join public.organizations as o on o.id = t.organization_id
  join public.contacts as c on c.organization_id = t.organization_id and c.id = t.contact_id
  cross join lateral (
    select
      max(v.seen_at) as seen_at,
      (array_agg(v.email order by v.seen_at desc) filter (where v.email is not null))[1] as email
    from public.visitors as v
    where v.organization_id = t.organization_id and v.contact_id = t.contact_id
  ) as there
  where t.id = unseen_answers.ticket_id and t.channel = 'chat' and not t.is_spam and there.seen_at is not null
    -- What an adapter carries on, it carries the answers of.
    and not exists (
      select from public.channel_threads as h
      where h.organization_id = t.organization_id and h.ticket_id = t.id and h.thread not like 'visitor:%'
    );
  if chat.patience is null or chat.to_address is null then
    return;
  end if;
  after_seq := greatest(
    (select r.seq from public.contact_reads as r where r.ticket_id = unseen_answers.ticket_id),
    (
      select max(m.seq) from public.messages as m
      where m.ticket_id = unseen_answers.ticket_id and m.sender = 'contact' and m.sender_status = 'known'
        and not m.is_machine
    ),
    (
      select max(m.seq) from public.outgoing_mails as e
      join public.messages as m on m.organization_id = e.organization_id and m.id = e.message_id
      where e.organization_id = chat.organization_id and e.ticket_id = unseen_answers.ticket_id and e.kind = 'chat'
        and e.status <> 'suppressed' and m.ticket_id = e.ticket_id
    ),
    0
  );
  select
    (array_agg(m.id order by m.seq desc))[1], max(m.seq), bool_or(m.sender = 'member'),
    -- A little later, so that what is said in one go comes in one mail; an hour later even where a page stands open
    -- that nobody looks at.
    least(
      greatest(max(m.created_at) + interval '2 minutes', chat.seen_at + chat.patience),
      min(m.created_at) + chat.patience + interval '1 hour'
    )
  into message_id, up_to_seq, by_person, due
  from public.messages as m
  where m.ticket_id = unseen_answers.ticket_id and m.sender in ('member', 'ai') and not m.is_internal
    and m.seq > after_seq;
  if message_id is not null and (chat.is_proved or by_person) then
    to_address := chat.to_address;
    is_proved := chat.is_proved;
    return next;
  end if;
end;
$$;

-- The time to mail a chat's answers has come, unless its visitor was there meanwhile.
create function private.ring_chat_mail(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  unseen record;
  ticket constant uuid := payload ->> 'ticket_id';
begin
  select u.* into unseen
  from public.tickets as t
  cross join lateral private.unseen_answers(t.id) as u
  where t.id = ticket and t.organization_id = private.current_organization();
  if unseen.due > now() then
    perform private.enqueue(
      private.current_organization(), 'clock', payload, unseen.due, dedupe_key => 'chat_mail:' || ticket
    );
  elsif unseen.message_id is not null then
    perform private.enqueue(
      private.current_organization(), 'send_mail',
      jsonb_build_object('type', 'chat', 'subject_id', unseen.message_id, 'ticket_id', ticket),
      order_key => 'send_mail:' || ticket
    );
  end if;
end;
$$;

create function private.await_chat_mail() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  due timestamptz;
begin
  select u.due into due from private.unseen_answers(new.ticket_id) as u;
  if due is not null then
    perform private.enqueue(
      new.organization_id, 'clock', jsonb_build_object('ring', 'chat_mail', 'ticket_id', new.ticket_id), due,
      dedupe_key => 'chat_mail:' || new.ticket_id
    );
  end if;
  return null;
end;
$$;

create trigger messages_chat_mail after insert on public.messages
for each row when (new.sender in ('member', 'ai') and not new.is_internal)
execute function private.await_chat_mail();
