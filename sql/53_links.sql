-- How tickets belong together, and which ones may be about the same thing.

-- Read as a sentence: `ticket_id` <kind> `other_ticket_id`. Two tickets have one link of a kind, whichever way it is
-- written.
create table public.ticket_links (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid not null,
  other_ticket_id uuid not null,
  -- child_of: an incident of a problem; follows: was opened because of the other, after it was over or split from it;
  -- distinct: somebody looked, and they are not about the same thing: no hint any more.
  kind text not null check (kind in ('relates', 'duplicates', 'child_of', 'follows', 'distinct')),
  created_by uuid,
  created_at timestamptz not null default now(),
  primary key (ticket_id, other_ticket_id, kind),
  check (ticket_id <> other_ticket_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, other_ticket_id) references public.tickets (organization_id, id) on delete cascade
);
create unique index ticket_links_pair_idx on public.ticket_links
  (least(ticket_id, other_ticket_id), greatest(ticket_id, other_ticket_id), kind);
create unique index ticket_links_parent_idx on public.ticket_links (ticket_id) where kind = 'child_of';
create index ticket_links_ticket_idx on public.ticket_links (organization_id, ticket_id);
create index ticket_links_other_idx on public.ticket_links (organization_id, other_ticket_id);

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'ticket.linked', 'ticket', 'agents',
  'Two tickets were linked. It is told of the one that the link begins with: this ticket duplicates the other, say.',
  '{
    "kind": {"enum": ["relates", "duplicates", "child_of", "follows", "distinct"]},
    "other_ticket_id": {"$ref": "#/$defs/ticket_id"}
  }',
  false,
  '{"kind": "child_of", "other_ticket_id": "01993f2b-0100-7e21-9d22-7a8b9c0d1e2f"}'
),
(
  'ticket.unlinked', 'ticket', 'agents',
  'A link between two tickets was taken away.',
  '{
    "kind": {"enum": ["relates", "duplicates", "child_of", "follows", "distinct"]},
    "other_ticket_id": {"$ref": "#/$defs/ticket_id"}
  }',
  false,
  '{"kind": "relates", "other_ticket_id": "01993f2b-0100-7e21-9d22-7a8b9c0d1e2f"}'
);

-- Is `ancestor` this ticket, or above it?
create function private.is_above(ancestor uuid, ticket_id uuid) returns boolean
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return exists (
    with recursive line as (
      select is_above.ticket_id as id
      union
      select l.other_ticket_id from line join public.ticket_links as l on l.ticket_id = line.id and l.kind = 'child_of'
    )
    select from line where line.id = is_above.ancestor
  );
end;
$$;

create function private.keep_link() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  new.created_by := (select private.actor_id());
  if new.kind = 'child_of' then
    -- One at a time for an organization: two that are made at once could close a circle.
    perform pg_advisory_xact_lock(hashtextextended('pgdesk.links:' || new.organization_id, 0));
    if private.is_above(new.ticket_id, new.other_ticket_id) then
      raise exception 'ticket % stands above ticket % already', new.ticket_id, new.other_ticket_id
        using errcode = '23514';
    end if;
  end if;
  return new;
end;
$$;

create trigger ticket_links_keep before insert on public.ticket_links
for each row execute function private.keep_link();

create function private.announce_link() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  link public.ticket_links := coalesce(new, old);
begin
  -- What goes with a ticket, or with its organization, needs no word of its own.
  if tg_op = 'INSERT' or exists (select from public.tickets as t where t.id = link.ticket_id) then
    perform private.emit(
      link.organization_id, case tg_op when 'INSERT' then 'ticket.linked' else 'ticket.unlinked' end, link.ticket_id,
      jsonb_build_object('kind', link.kind, 'other_ticket_id', link.other_ticket_id), 'agents', link.ticket_id
    );
  end if;
  return null;
end;
$$;

create trigger ticket_links_announce after insert or delete on public.ticket_links
for each row execute function private.announce_link();

-- What a ticket was opened with, as a vector: kept by triage, which made it. Apart from what else triage saw, so that
-- the newest thousands are read in a few milliseconds.
create table private.ticket_vectors (
  organization_id uuid not null,
  ticket_id uuid not null,
  embedding extensions.halfvec(384) not null,
  model text not null,
  primary key (organization_id, ticket_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade
);
alter table private.ticket_vectors alter column embedding set storage plain;

-- From which likeness on two tickets are shown as possible duplicates (tests/tickets/test_similar.py measures it).
create function private.alike_enough() returns real
language sql immutable parallel safe set search_path = '' as $$
  select 0.75::real;
$$;

-- Tickets that may be about the same thing as this one, the most alike first: opened within 90 days of it, among the
-- 20,000 next before it and after it, neither merged nor spam, and not looked at before. So many are compared exactly,
-- in one pass over their vectors: a duplicate is recent, and an index of all vectors would cost every mail.
create function private.similar_tickets(ticket_id uuid, max_tickets integer)
returns table (other_ticket_id uuid, likeness real)
language plpgsql stable security definer set search_path = '' rows 10 as $$
#variable_conflict use_column
declare
  ticket public.tickets;
  own private.ticket_vectors;
begin
  select * into ticket from public.tickets as t
  where t.id = similar_tickets.ticket_id and t.organization_id in (select private.my_organizations());
  if ticket.id is null then
    raise exception 'there is no ticket %', similar_tickets.ticket_id using errcode = 'PT404';
  end if;
  select * into own from private.ticket_vectors as v
  where v.organization_id = ticket.organization_id and v.ticket_id = ticket.id;
  return query
  with near as materialized (
    select v.ticket_id as id, -(v.embedding operator(extensions.<#>) own.embedding) as alike
    from (
      (
        select older.* from private.ticket_vectors as older
        where older.organization_id = ticket.organization_id and older.ticket_id < ticket.id
          and older.ticket_id > private.uuid7_floor(ticket.created_at - interval '90 days')
        order by older.ticket_id desc
        limit 20000
      )
      union all
      (
        select newer.* from private.ticket_vectors as newer
        where newer.organization_id = ticket.organization_id and newer.ticket_id > ticket.id
          and newer.ticket_id < private.uuid7_floor(ticket.created_at + interval '90 days')
        order by newer.ticket_id
        limit 20000
      )
    ) as v
    where v.model = own.model
      and -(v.embedding operator(extensions.<#>) own.embedding) >= private.alike_enough()
  )
  select n.id, n.alike::real
  from near as n
  join public.tickets as t on t.organization_id = ticket.organization_id and t.id = n.id
  where t.merged_into is null and not t.is_spam
    and not exists (
      select from public.ticket_links as l
      where least(l.ticket_id, l.other_ticket_id) = least(t.id, ticket.id)
        and greatest(l.ticket_id, l.other_ticket_id) = greatest(t.id, ticket.id)
        and l.kind in ('duplicates', 'distinct')
    )
  order by n.alike desc, n.id desc
  limit least(greatest(coalesce(similar_tickets.max_tickets, 5), 1), 50);
end;
$$;

create function public.similar_tickets(ticket_id uuid, max_tickets integer default 5)
returns table (
  other_ticket_id uuid, likeness real, number bigint, subject text, status text, contact_id uuid,
  is_same_contact boolean, created_at timestamptz
)
language sql stable set search_path = '' as $$
  select
    s.other_ticket_id, s.likeness, t.number, t.subject, t.status, t.contact_id,
    t.contact_id = (select o.contact_id from public.tickets as o where o.id = similar_tickets.ticket_id), t.created_at
  from private.similar_tickets(similar_tickets.ticket_id, similar_tickets.max_tickets) as s
  -- Left, so that it is asked and can refuse, also where its caller sees no tickets at all.
  left join public.tickets as t on t.id = s.other_ticket_id
  order by s.likeness desc, s.other_ticket_id desc;
$$;
