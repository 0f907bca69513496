-- What each member has read of each ticket, and what is new to them.

create table public.ticket_reads (
  organization_id uuid not null,
  ticket_id uuid not null,
  user_id uuid not null,
  -- Up to this message of the ticket; only ever grows, unless marked unread.
  seq integer not null,
  read_at timestamptz not null default now(),
  primary key (ticket_id, user_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, user_id) references public.members (organization_id, user_id) on delete cascade
);
create index ticket_reads_ticket_idx on public.ticket_reads (organization_id, ticket_id);
create index ticket_reads_user_idx on public.ticket_reads (organization_id, user_id);

-- The caller has read a ticket up to a message; of an older and a newer word the newer counts, in whatever order they
-- come. Null: up to now. With `unread` the word is taken back: read up to this message and no further.
create function private.mark_read(ticket_id uuid, seq integer, unread boolean) returns integer
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  ticket public.tickets;
  now_read integer;
begin
  select * into ticket from public.tickets as t
  where t.id = mark_read.ticket_id
    and t.organization_id in (select private.my_organizations());
  if ticket.id is null then
    raise exception 'there is no ticket %', mark_read.ticket_id using errcode = 'PT404';
  end if;
  insert into public.ticket_reads as r (organization_id, ticket_id, user_id, seq)
  values (
    ticket.organization_id, ticket.id, (select auth.uid()),
    least(greatest(coalesce(mark_read.seq, ticket.last_seq), 0), ticket.last_seq)
  )
  on conflict (ticket_id, user_id) do update
  set seq = case when mark_read.unread then excluded.seq else greatest(r.seq, excluded.seq) end, read_at = now()
  returning r.seq into now_read;
  return now_read;
end;
$$;

create function public.mark_read(ticket_id uuid, seq integer default null, unread boolean default false) returns integer
language sql set search_path = '' as $$
  select private.mark_read(mark_read.ticket_id, mark_read.seq, mark_read.unread);
$$;

-- How many messages and notes of others the caller has not read, of one ticket: a computed column of the API
-- (`tickets?select=id,unread`). Who is no member has read nothing and is told nothing.
create function public.unread(ticket public.tickets) returns integer
language sql stable set search_path = '' as $$
  select count(*)::integer
  from public.messages as m
  where m.ticket_id = (ticket).id
    and m.seq > coalesce(
      (select r.seq from public.ticket_reads as r where r.ticket_id = (ticket).id and r.user_id = (select auth.uid())),
      0
    )
    and m.member_id is distinct from (select auth.uid());
$$;

-- How the latest message of a ticket begins, on one line, for lists: a computed column of the API
-- (`tickets?select=id,preview`). Notes are no part of what was said.
create function public.preview(ticket public.tickets) returns text
language sql stable set search_path = '' as $$
  select btrim(left(regexp_replace(left(m.body_text, 800), '\s+', ' ', 'g'), 160))
  from public.messages as m
  where m.ticket_id = (ticket).id and not m.is_internal
  order by m.seq desc
  limit 1;
$$;

-- Who writes has read what stands above.
create function private.read_by_writing() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.ticket_reads as r (organization_id, ticket_id, user_id, seq)
  values (new.organization_id, new.ticket_id, new.member_id, new.seq)
  on conflict (ticket_id, user_id) do update set seq = greatest(r.seq, excluded.seq), read_at = now();
  return null;
end;
$$;

create trigger messages_read after insert on public.messages
for each row when (new.sender = 'member' and new.member_id is not null) execute function private.read_by_writing();

-- The caller's unread tickets, for the badge of the inbox: those of theirs that hold something new, and all that wait
-- for nobody.
create function private.unread_counts(organization_id uuid) returns table (mine integer, unassigned integer)
language sql stable security definer set search_path = '' as $$
  select
    count(*) filter (where t.assignee_id = (select auth.uid()))::integer,
    count(*) filter (where t.assignee_id is null)::integer
  from public.tickets as t
  left join public.ticket_reads as r on r.ticket_id = t.id and r.user_id = (select auth.uid())
  where t.organization_id = unread_counts.organization_id
    and t.organization_id in (select private.my_organizations())
    and t.status_category = 'open'
    and (t.assignee_id is null or t.assignee_id = (select auth.uid()))
    and t.last_seq > coalesce(r.seq, 0);
$$;

create function public.unread_counts(organization_id uuid) returns table (mine integer, unassigned integer)
language sql stable set search_path = '' as $$
  select * from private.unread_counts(unread_counts.organization_id);
$$;
