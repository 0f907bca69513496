-- Views: lists of tickets that are kept under a name, each with how many are in it.

create table public.ticket_views (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 100),
  -- Whose it is: a member's own, a team's, or neither: everybody's.
  user_id uuid,
  team_id uuid,
  position integer not null default 0,
  -- "me" for an assignee and "my_teams" for a team are whoever looks.
  conditions jsonb not null default '{"all": []}',
  sort text not null default 'last_message_at' check (sort in ('last_message_at', 'number', 'priority', 'due_at')),
  ascending boolean not null default false,
  -- What clients show of each ticket, as they call it.
  columns text[] not null default '{}' check (cardinality(columns) <= 50 and length(columns::text) <= 2000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  check (num_nonnulls(user_id, team_id) <= 1),
  foreign key (organization_id, user_id) references public.members (organization_id, user_id) on delete cascade,
  foreign key (organization_id, team_id) references public.teams (organization_id, id) on delete cascade
);
create index ticket_views_user_idx on public.ticket_views (organization_id, user_id);
create index ticket_views_team_idx on public.ticket_views (organization_id, team_id);
-- What is open, in the other orders that queues are worked off in.
create index tickets_priority_idx on public.tickets (organization_id, priority, id) where status_category = 'open';
create index tickets_due_idx on public.tickets (
  organization_id,
  coalesce(least(first_response_due_at, next_response_due_at, resolution_due_at), 'infinity'),
  id
) where status_category = 'open';
create index tickets_snoozed_idx on public.tickets (organization_id, snoozed_until) where snoozed_until is not null;

create trigger ticket_views_touch before update on public.ticket_views
for each row execute function private.touch();
create trigger ticket_views_conditions before insert or update of conditions on public.ticket_views
for each row execute function private.check_conditions();

-- Every organization starts with the lists of the trade.
create function private.furnish_views() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  mine constant jsonb := '{"field": "assignee_id", "op": "is", "value": "me"}';
  my_teams constant jsonb := '{"field": "team_id", "op": "is", "value": "my_teams"}';
  is_unassigned constant jsonb := '{"field": "assignee_id", "op": "is_not_set"}';
  is_open constant jsonb := '{"field": "status_category", "op": "is", "value": "open"}';
  is_waiting constant jsonb := '{"field": "status_category", "op": "is", "value": "waiting"}';
  is_resolved constant jsonb := '{"field": "status_category", "op": "is", "value": "resolved"}';
  is_snoozed constant jsonb := '{"field": "snoozed_until", "op": "is_set"}';
  is_no_spam constant jsonb := '{"field": "is_spam", "op": "is", "value": false}';
  is_late constant jsonb := '{"any": [
    {"field": "first_response_due_at", "op": "below", "value": "now"},
    {"field": "next_response_due_at", "op": "below", "value": "now"},
    {"field": "resolution_due_at", "op": "below", "value": "now"}
  ]}';
begin
  insert into public.ticket_views (organization_id, name, position, sort, ascending, conditions)
  select new.id, v.name, v.position, v.sort, v.ascending, jsonb_build_object('all', to_jsonb(v.parts))
  from (
    values
      ('Mine', 1, 'last_message_at', false, array[mine, is_open]),
      ('Unassigned', 2, 'last_message_at', true, array[is_unassigned, is_open, is_no_spam]),
      ('My teams', 3, 'last_message_at', true, array[my_teams, is_open, is_no_spam]),
      ('All open', 4, 'last_message_at', false, array[is_open, is_no_spam]),
      ('Late', 5, 'due_at', true, array[is_open, is_late]),
      ('Waiting', 6, 'last_message_at', false, array[is_waiting]),
      ('Snoozed', 7, 'last_message_at', false, array[is_snoozed]),
      ('Resolved', 8, 'last_message_at', false, array[is_resolved, is_no_spam])
  ) as v (name, position, sort, ascending, parts);
  return null;
end;
$$;

create trigger organizations_views after insert on public.organizations
for each row execute function private.furnish_views();

-- A page of an organization's tickets for which conditions hold, in order; for members. `after`: the last ticket of the
-- page before, as it was when it was read.
create function private.filter_tickets(
  organization_id uuid, conditions jsonb, sort text, ascending boolean, after jsonb, max_tickets integer
) returns table (ticket_id uuid, place bigint)
language plpgsql stable security definer set search_path = '' rows 50 as $$
declare
  page_size constant integer := least(greatest(coalesce(max_tickets, 50), 1), 200);
  -- Of a ticket; never null.
  key constant text := case filter_tickets.sort
    when 'last_message_at' then '(%1$s).last_message_at'
    when 'number' then '(%1$s).number'
    when 'priority' then '(%1$s).priority'
    when 'due_at' then
      'coalesce(least((%1$s).first_response_due_at, (%1$s).next_response_due_at, (%1$s).resolution_due_at), ''infinity'')'
  end;
  direction constant text := case when ascending then 'asc' else 'desc' end;
  last_seen constant public.tickets := jsonb_populate_record(null::public.tickets, after);
  predicate text;
  branches text[] := array['true'];
  beyond text;
begin
  if key is null then
    raise exception 'tickets are sorted by last_message_at, number, priority or due_at, not by %',
      coalesce(filter_tickets.sort, 'nothing') using errcode = '22023';
  elsif after is not null and last_seen.id is null then
    raise exception 'after: the last ticket of the page before, with its id' using errcode = '22023';
  elsif not filter_tickets.organization_id in (select private.my_organizations()) then
    return;
  end if;
  predicate := private.my_predicate(conditions);
  if filter_tickets.sort = 'last_message_at' then
    -- The index has a category's tickets in their order: so each category by itself that the conditions leave possible.
    branches := array(
      select distinct format('t.status_category = %L', s.category)
      from public.ticket_statuses as s
      where s.organization_id = filter_tickets.organization_id
        and not exists (
          select from private.certain_questions(conditions) as q
          where q ->> 'field' in ('status', 'status_category')
            and not private.question_holds(q, jsonb_build_object('status', s.key, 'status_category', s.category))
        )
    );
  end if;
  if cardinality(branches) = 0 then
    return;
  end if;
  if after is not null then
    beyond := format(
      'and (%s, t.id) %s (%s, ($2).id)', format(key, 't'), case when ascending then '>' else '<' end, format(key, '$2')
    );
  end if;
  return query execute (
    select format(
      'select page.id, row_number() over (order by page.key %1$s, page.id %1$s) from (%2$s) as page (id, key)'
      ' order by page.key %1$s, page.id %1$s limit %3$s',
      direction, string_agg(
        concat_ws(
          ' ',
          '(select t.id,', format(key, 't'), 'from public.tickets as t',
          'left join public.contacts as c on c.organization_id = t.organization_id and c.id = t.contact_id',
          'where t.organization_id = $1 and t.merged_into is null and', branch, 'and', predicate,
          beyond,
          'order by', format(key, 't'), direction || ', t.id', direction, 'limit', page_size || ')'
        ),
        ' union all '
      ), page_size
    )
    from unnest(branches) as branch
  ) using filter_tickets.organization_id, last_seen;
end;
$$;

-- How many tickets there are for which conditions hold: exactly, or at least so many.
create function private.count_tickets(organization_id uuid, conditions jsonb)
returns table (tickets integer, is_capped boolean)
language plpgsql stable security definer set search_path = '' rows 1 as $$
declare
  -- As much as anybody reads, and as much as is looked at for it.
  most constant integer := 1000;
  looked_at constant integer := 20000;
  predicate text;
  within text;
begin
  if not count_tickets.organization_id in (select private.my_organizations()) then
    return;
  end if;
  predicate := private.my_predicate(conditions);
  -- What an index can answer says which tickets are looked at.
  select coalesce(
    string_agg(private.question_sql(q, (select auth.uid()), array(select private.my_teams())), ' and '), 'true'
  ) into within
  from private.certain_questions(conditions) as q
  where q ->> 'field' in ('status', 'status_category', 'assignee_id', 'team_id', 'category_id', 'contact_id', 'snoozed_until')
    and q ->> 'op' in ('is', 'in', 'is_set', 'is_not_set', 'is_not', 'not_in');
  return query execute concat_ws(
    ' ',
    'select least(count(*) filter (where holds and place <= $2), $3)::integer,',
    'coalesce(bool_or(place > $2) or count(*) > $3, false)',
    'from (select * from (select', predicate, 'as holds, row_number() over () as place from public.tickets as t',
    'left join public.contacts as c on c.organization_id = t.organization_id and c.id = t.contact_id',
    'where t.organization_id = $1 and t.merged_into is null and', within, 'limit $2 + 1) as seen where holds or place > $2 limit $3 + 1) as counted'
  ) using count_tickets.organization_id, looked_at, most;
end;
$$;

-- A page of the tickets for which conditions hold: what a view would show before it is one.
create function public.filter_tickets(
  organization_id uuid, conditions jsonb, sort text default 'last_message_at', ascending boolean default false,
  after jsonb default null, max_tickets integer default 50
) returns setof public.tickets
language sql stable set search_path = '' as $$
  select t.*
  from private.filter_tickets(
    filter_tickets.organization_id, filter_tickets.conditions, filter_tickets.sort, filter_tickets.ascending,
    filter_tickets.after, filter_tickets.max_tickets
  ) as found
  join public.tickets as t on t.id = found.ticket_id
  order by found.place;
$$;

-- A page of a view. The next one: `after`, the last ticket of this one.
create function public.view_tickets(view_id uuid, after jsonb default null, max_tickets integer default 50)
returns setof public.tickets
language plpgsql stable set search_path = '' rows 50 as $$
declare
  seen public.ticket_views;
begin
  select * into seen from public.ticket_views as v where v.id = view_tickets.view_id;
  if seen.id is null then
    raise exception 'there is no view %', view_tickets.view_id using errcode = 'PT404';
  end if;
  return query
  select * from public.filter_tickets(
    seen.organization_id, seen.conditions, seen.sort, seen.ascending, view_tickets.after, view_tickets.max_tickets
  );
end;
$$;

-- How many tickets are in each of the caller's views. `is_capped`: there are at least so many.
create function public.view_counts(organization_id uuid)
returns table (view_id uuid, tickets integer, is_capped boolean)
language sql stable set search_path = '' rows 20 as $$
  select v.id, n.tickets, n.is_capped
  from (
    select * from public.ticket_views as v
    where v.organization_id = view_counts.organization_id
    order by v.position, v.id
    limit 100
  ) as v
  cross join lateral private.count_tickets(v.organization_id, v.conditions) as n
  order by v.position, v.id;
$$;
