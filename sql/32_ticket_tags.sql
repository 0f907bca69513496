-- Tags of tickets. A ticket names them (`tickets.tags`); here stands which tag each name is, so that tickets are found
-- by tag, newest first, by an index that serves under row-level security too.

create table public.ticket_tags (
  organization_id uuid not null,
  ticket_id uuid not null,
  tag_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (organization_id, ticket_id, tag_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, tag_id) references public.tags (organization_id, id) on delete cascade
);
create index ticket_tags_tag_idx on public.ticket_tags (organization_id, tag_id, ticket_id desc);

-- The names in their order, each once, but for those in `keys` (lower case): the first of them becomes `replacement`,
-- the others go; all of them, where that is null.
create function private.replace_tags(tags text[], keys text[], replacement text) returns text[]
language sql immutable parallel safe set search_path = '' as $$
  select coalesce(array_agg(once.name order by once.place), '{}')
  from (
    select distinct on (lower(n.name)) n.name, n.place
    from (
      select case when lower(t.name) = any (keys) then replacement else t.name end as name, t.place
      from unnest(tags) with ordinality as t (name, place)
    ) as n
    where n.name is not null
    order by lower(n.name), n.place
  ) as once;
$$;

-- A name that is new to the ticket is that of a tag, in the tag's spelling; where there is no such tag, one is made.
create function private.keep_ticket_tags() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  known constant text[] := case when tg_op = 'UPDATE' then old.tags else '{}' end;
  named text[] := '{}';
  name text;
begin
  foreach name in array new.tags loop
    named := named || case
      when name = any (known) then name
      else (private.take_tag(new.organization_id, name)).name
    end;
  end loop;
  new.tags := private.replace_tags(named, '{}', null);
  return new;
end;
$$;

create trigger tickets_tags_begin before insert on public.tickets
for each row when (new.tags <> '{}') execute function private.keep_ticket_tags();
create trigger tickets_tags before update on public.tickets
for each row when (new.tags is distinct from old.tags) execute function private.keep_ticket_tags();

create function private.link_ticket_tags() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  keys constant text[] := array(select lower(named.name) from unnest(new.tags) as named (name));
  wanted constant uuid[] := array(
    select t.id from public.tags as t where t.organization_id = new.organization_id and lower(t.name) = any (keys)
    union
    -- Renamed, and the ticket does not know yet.
    select a.tag_id from private.tag_aliases as a
    where a.organization_id = new.organization_id and a.name_key = any (keys)
  );
begin
  delete from public.ticket_tags as l
  where l.organization_id = new.organization_id and l.ticket_id = new.id and l.tag_id <> all (wanted);
  insert into public.ticket_tags (organization_id, ticket_id, tag_id)
  select new.organization_id, new.id, w.tag_id from unnest(wanted) as w (tag_id)
  on conflict do nothing;
  return null;
end;
$$;

create trigger tickets_link_tags_begins after insert on public.tickets
for each row when (new.tags <> '{}') execute function private.link_ticket_tags();
create trigger tickets_link_tags after update on public.tickets
for each row when (new.tags is distinct from old.tags) execute function private.link_ticket_tags();

-- Ids of tickets that have a tag or one below it, newest first; for members. As its definer: under row-level security
-- the planner takes it that next to nothing is left of a tag's tickets, and reads all of them.
create function private.tickets_tagged(
  tag_id uuid, with_descendants boolean, before_ticket_id uuid, max_tickets integer
) returns setof uuid
language plpgsql stable security definer set search_path = '' rows 50
-- In the order of the index, however many the planner thinks that a tag has.
set enable_bitmapscan = off set enable_seqscan = off
as $$
declare
  page_size constant integer := least(greatest(coalesce(max_tickets, 50), 1), 200);
begin
  return query
  select distinct l.ticket_id
  from public.tag_with_descendants(tickets_tagged.tag_id) as tag
  cross join lateral (
    select l.ticket_id
    from public.ticket_tags as l
    where l.organization_id = tag.organization_id and l.tag_id = tag.id
      and l.ticket_id < coalesce(before_ticket_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      and not exists (select from public.tickets as t where t.id = l.ticket_id and t.merged_into is not null)
    order by l.ticket_id desc
    limit page_size
  ) as l
  where (with_descendants or tag.id = tickets_tagged.tag_id)
    and tag.organization_id = any(array(select private.my_organizations()))
  order by l.ticket_id desc
  limit page_size;
end;
$$;

-- Tickets that have a tag or one below it, newest first. The next page: `before_ticket_id`, the last of this one.
create function public.tickets_tagged(
  tag_id uuid, with_descendants boolean default true, before_ticket_id uuid default null, max_tickets integer default 50
) returns setof public.tickets
language sql stable set search_path = '' rows 50 as $$
  select t.*
  from private.tickets_tagged(
    tickets_tagged.tag_id, tickets_tagged.with_descendants, tickets_tagged.before_ticket_id, tickets_tagged.max_tickets
  ) as found (ticket_id)
  join public.tickets as t on t.id = found.ticket_id
  order by t.id desc;
$$;
