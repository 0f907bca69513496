-- What an organization promises about time, and the clocks that watch over it.
--
-- A clock is computed from the ticket's history and from rules, which are a value of their own: so it can be computed
-- again at any time with the same result, and explained. private.sla_clock_spans says which stretches a clock ran
-- (the definition), private.sla_clocks_of adds them up within opening hours, private.run_sla stores what comes out.

create table public.sla_policies (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 100),
  -- The first policy whose conditions hold is the ticket's.
  position integer not null default 0,
  conditions jsonb not null default '{"all": []}',
  -- Null: the calendar of the ticket's team, or the organization's default.
  calendar_id uuid,
  -- The share of a target that may pass before somebody is warned.
  warn_after real not null default 0.75 check (warn_after > 0 and warn_after < 1),
  pauses_while_waiting boolean not null default true,
  -- Whether an answer that the AI sent is an answer.
  ai_counts boolean not null default true,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, name),
  foreign key (organization_id, calendar_id)
    references public.calendars (organization_id, id) on delete set null (calendar_id)
);
create index sla_policies_calendar_idx on public.sla_policies (organization_id, calendar_id);

-- In opening hours. Null, or no row for a priority: nothing is promised.
create table public.sla_targets (
  organization_id uuid not null,
  policy_id uuid not null,
  priority public.ticket_priority not null,
  first_response interval check (first_response > interval '0'),
  next_response interval check (next_response > interval '0'),
  resolution interval check (resolution > interval '0'),
  primary key (policy_id, priority),
  foreign key (organization_id, policy_id) references public.sla_policies (organization_id, id) on delete cascade
);
create index sla_targets_policy_idx on public.sla_targets (organization_id, policy_id);

-- What clocks were computed by, as a value: policy, targets of a priority, calendar. Kept for as long as it is referred
-- to, so that a promise can be explained after its policy has changed.
create table private.sla_rules (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  rules jsonb not null,
  digest bytea not null generated always as (sha256(rules::text::bytea)) stored,
  unique (organization_id, digest)
);

-- One row per promise: the first response, the resolution, and each time that a contact has to be answered again.
create table public.sla_clocks (
  organization_id uuid not null,
  ticket_id uuid not null,
  metric text not null check (metric in ('first_response', 'next_response', 'resolution')),
  cycle integer not null default 0, -- of next_response: how many answers and resolutions went before
  rules_id uuid not null references private.sla_rules (id),
  target interval not null,
  started_at timestamptz not null,
  stopped_at timestamptz,   -- answered, or resolved
  spent interval not null,  -- of the target, up to running_since or, where that is null, to now
  running_since timestamptz, -- null: stopped, or paused
  warn_at timestamptz,
  due_at timestamptz,       -- null while it is paused
  -- When it was told, each once.
  warned_at timestamptz,
  breached_at timestamptz,
  primary key (ticket_id, metric, cycle),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade
);
create index sla_clocks_ticket_idx on public.sla_clocks (organization_id, ticket_id);
create index sla_clocks_rules_idx on public.sla_clocks (rules_id);

create trigger sla_policies_touch before update on public.sla_policies
for each row execute function private.touch();
create trigger sla_policies_conditions before insert or update of conditions on public.sla_policies
for each row execute function private.check_conditions();

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'sla.warned', 'ticket', 'agents',
  'Most of the time for an answer or a resolution has passed. Once for each promise, and not after it is broken.',
  '{
    "metric": {"enum": ["first_response", "next_response", "resolution"]},
    "cycle": {"type": "integer", "minimum": 0, "description": "which answer of the ticket it is about"},
    "due_at": {"$ref": "#/$defs/instant_or_null"}
  }',
  false,
  '{"metric": "first_response", "cycle": 0, "due_at": "2026-01-31T11:00:00+00:00"}'
),
(
  'sla.breached', 'ticket', 'agents',
  'The time for an answer or a resolution has passed. Once for each promise.',
  '{
    "metric": {"enum": ["first_response", "next_response", "resolution"]},
    "cycle": {"type": "integer", "minimum": 0, "description": "which answer of the ticket it is about"},
    "due_at": {"$ref": "#/$defs/instant_or_null"}
  }',
  false,
  '{"metric": "resolution", "cycle": 0, "due_at": "2026-02-02T17:00:00+00:00"}'
);

-- The rules that a ticket stands under now, null for none.
create function private.sla_rules_of(ticket public.tickets) returns uuid
language plpgsql volatile set search_path = '' as $$
declare
  facts constant jsonb := private.ticket_facts(ticket);
  policy public.sla_policies;
  target public.sla_targets;
  value jsonb;
  known uuid;
begin
  select p.* into policy from public.sla_policies as p
  where p.organization_id = ticket.organization_id and p.is_active and private.condition_holds(p.conditions, facts)
  order by p.position, p.id
  limit 1;
  select t.* into target from public.sla_targets as t where t.policy_id = policy.id and t.priority = ticket.priority;
  if target.policy_id is null then
    return null;
  end if;
  value := jsonb_build_object(
    'policy', policy.id, 'name', policy.name,
    'first_response', target.first_response, 'next_response', target.next_response, 'resolution', target.resolution,
    'warn_after', policy.warn_after, 'pauses', policy.pauses_while_waiting, 'ai_counts', policy.ai_counts,
    'calendar', private.calendar_value(coalesce(
      policy.calendar_id,
      (select t.calendar_id from public.teams as t where t.id = ticket.team_id),
      (select c.id from public.calendars as c where c.organization_id = ticket.organization_id and c.is_default)
    ))
  );
  insert into private.sla_rules (organization_id, rules) values (ticket.organization_id, value)
  on conflict (organization_id, digest) do nothing
  returning id into known;
  if known is null then
    select r.id into known from private.sla_rules as r
    where r.organization_id = ticket.organization_id and r.digest = sha256(value::text::bytea);
  end if;
  return known;
end;
$$;

-- The stretches of a ticket's life that its clocks go through, in order, each `counted` or `paused`; the last one of a
-- clock that has not stopped is open. (Like all that runs at every change of a ticket in plpgsql, which keeps plans.)
--
-- first_response: from the contact's first message to the first answer.
-- next_response:  from the first message after an answer (or a resolution) to the next answer, or to the resolution.
-- resolution:     from the beginning to the resolution, and on if it is opened again; the time between does not count.
create function private.sla_clock_spans(ticket_id uuid, rules jsonb)
returns table (
  metric text, cycle integer, target interval, started_at timestamptz, stopped_at timestamptz, starts timestamptz,
  ends timestamptz, counted boolean
)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  with steps as (
    select
      h.step, h.at, h.status_category as category, h.wrote,
      lead(h.at) over life as next_at,
      h.wrote = 'member' or h.wrote = 'ai' and (rules ->> 'ai_counts')::boolean as answers,
      h.status_category = 'resolved' and lag(h.status_category) over life is distinct from 'resolved' as resolves
    from public.ticket_history as h
    where h.ticket_id = sla_clock_spans.ticket_id
    window life as (order by h.step)
  ), turns as (
    select
      s.*,
      count(*) filter (where s.answers) over before as answers_before,
      count(*) filter (where s.answers or s.resolves) over before as turns_before
    from steps as s
    window before as (order by s.step rows between unbounded preceding and 1 preceding)
  ), clocks as (
    select 'first_response' as metric, 0 as cycle, min(t.at) filter (where t.wrote = 'contact') as started_at,
      min(t.at) filter (where t.answers) as stopped_at
    from turns as t
    union all
    select 'next_response', t.turns_before::integer, min(t.at) filter (where t.wrote = 'contact'),
      min(t.at) filter (where t.answers or t.resolves)
    from turns as t
    where t.answers_before > 0
    group by t.turns_before
    union all
    select 'resolution', 0, min(t.at),
      case
        when (array_agg(t.category order by t.step desc))[1] = 'resolved' then max(t.at) filter (where t.resolves)
      end
    from turns as t
  ), stretches as (
    select
      c.*, t.step, greatest(t.at, c.started_at) as starts, least(t.next_at, c.stopped_at) as ends,
      t.category = 'open' or t.category = 'waiting' and not (rules ->> 'pauses')::boolean as counted
    from clocks as c
    join turns as t
      on coalesce(t.next_at, 'infinity') > c.started_at and t.at < coalesce(c.stopped_at, 'infinity')
    where c.started_at is not null
      and c.started_at < coalesce(c.stopped_at, 'infinity')
      and rules ->> c.metric is not null
  ), numbered as (
    -- Steps that change nothing for a clock make one stretch.
    select
      s.*,
      s.step - row_number() over (partition by s.metric, s.cycle, s.counted order by s.step) as island
    from stretches as s
  )
  select
    n.metric, n.cycle, (rules ->> n.metric)::interval, n.started_at, n.stopped_at, min(n.starts),
    case when count(n.ends) = count(*) then max(n.ends) end, n.counted
  from numbered as n
  group by n.metric, n.cycle, n.started_at, n.stopped_at, n.counted, n.island
  order by n.metric, n.cycle, min(n.starts);
end;
$$;

-- The clocks of a ticket under rules: each stretch counted within opening hours.
create function private.sla_clocks_of(ticket_id uuid, rules jsonb)
returns table (
  metric text, cycle integer, target interval, started_at timestamptz, stopped_at timestamptz, spent interval,
  running_since timestamptz, warn_at timestamptz, due_at timestamptz
)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
declare
  calendar constant jsonb := nullif(rules -> 'calendar', 'null');
  warn_after constant float8 := (rules ->> 'warn_after')::float8;
  span record;
  is_new boolean;
begin
  for span in
    select s.*,
      row_number() over (partition by s.metric, s.cycle order by s.starts) = 1 as is_first,
      row_number() over (partition by s.metric, s.cycle order by s.starts desc) = 1 as is_last
    from private.sla_clock_spans(sla_clocks_of.ticket_id, sla_clocks_of.rules) as s
    order by s.metric, s.cycle, s.starts
  loop
    if span.is_first then
      metric := span.metric;
      cycle := span.cycle;
      target := span.target;
      started_at := span.started_at;
      stopped_at := span.stopped_at;
      spent := interval '0';
      running_since := null;
      warn_at := null;
      due_at := null;
    end if;
    if span.counted then
      -- Where a target is reached in a stretch that has ended, it stays reached.
      warn_at := coalesce(warn_at, private.open_until(calendar, span.starts, target * warn_after - spent));
      due_at := coalesce(due_at, private.open_until(calendar, span.starts, target - spent));
      if span.ends is null then
        running_since := span.starts;
      else
        warn_at := case when warn_at <= span.ends then warn_at end;
        due_at := case when due_at <= span.ends then due_at end;
        spent := spent + private.open_time(calendar, span.starts, span.ends);
      end if;
    end if;
    if span.is_last then
      return next;
    end if;
  end loop;
end;
$$;

-- Brings a ticket's clocks up to its history and to the time, tells what is to be told, and asks to be woken for what
-- comes next. The ticket's row is locked by the caller.
create function private.run_sla(ticket public.tickets) returns void
language plpgsql security definer set search_path = '' as $$
declare
  under uuid;
  rule_values jsonb;
  told integer;
  wake_at timestamptz;
begin
  select c.rules_id into under from public.sla_clocks as c where c.ticket_id = ticket.id limit 1;
  -- What has been resolved was promised under the rules of its time.
  if under is null or ticket.status_category <> 'resolved' then
    if under is null
      and not exists (select from public.sla_policies as p where p.organization_id = ticket.organization_id)
    then
      return;
    end if;
    under := private.sla_rules_of(ticket);
  end if;
  select r.rules into rule_values from private.sla_rules as r where r.id = under;

  with computed as materialized (
    select * from private.sla_clocks_of(ticket.id, rule_values)
  ), gone as (
    delete from public.sla_clocks as c
    where c.ticket_id = ticket.id
      and not exists (select from computed as n where n.metric = c.metric and n.cycle = c.cycle)
  )
  insert into public.sla_clocks as c (
    organization_id, ticket_id, rules_id, metric, cycle, target, started_at, stopped_at, spent, running_since, warn_at,
    due_at
  )
  select ticket.organization_id, ticket.id, under, n.* from computed as n
  on conflict (ticket_id, metric, cycle) do update
  set rules_id = excluded.rules_id, target = excluded.target, started_at = excluded.started_at,
    stopped_at = excluded.stopped_at, spent = excluded.spent, running_since = excluded.running_since,
    warn_at = excluded.warn_at, due_at = excluded.due_at
  where (c.rules_id, c.stopped_at, c.spent, c.running_since, c.warn_at, c.due_at, c.started_at) is distinct from (
    excluded.rules_id, excluded.stopped_at, excluded.spent, excluded.running_since, excluded.warn_at, excluded.due_at,
    excluded.started_at
  );

  with broken as (
    update public.sla_clocks as c
    set breached_at = clock_timestamp()
    where c.ticket_id = ticket.id and c.breached_at is null
      and c.due_at <= clock_timestamp() and c.due_at < coalesce(c.stopped_at, 'infinity')
    returning c.metric, c.cycle, c.due_at
  )
  select count(private.emit(ticket.organization_id, 'sla.breached', ticket.id, to_jsonb(b), 'agents', ticket.id))
  into told from broken as b;
  with late as (
    update public.sla_clocks as c
    set warned_at = clock_timestamp()
    where c.ticket_id = ticket.id and c.warned_at is null and c.breached_at is null
      and c.warn_at <= clock_timestamp() and c.stopped_at is null
    returning c.metric, c.cycle, c.due_at
  )
  select count(private.emit(ticket.organization_id, 'sla.warned', ticket.id, to_jsonb(l), 'agents', ticket.id))
  into told from late as l;

  update public.tickets as t
  set first_response_due_at = due.first_response, next_response_due_at = due.next_response,
    resolution_due_at = due.resolution
  from (
    select
      max(c.due_at) filter (where c.metric = 'first_response') as first_response,
      max(c.due_at) filter (where c.metric = 'next_response') as next_response,
      max(c.due_at) filter (where c.metric = 'resolution') as resolution
    from public.sla_clocks as c
    where c.ticket_id = ticket.id and c.running_since is not null
  ) as due
  where t.id = ticket.id
    and (t.first_response_due_at, t.next_response_due_at, t.resolution_due_at)
      is distinct from (due.first_response, due.next_response, due.resolution);

  select min(next_at) into wake_at
  from public.sla_clocks as c
  cross join lateral (values (case when c.warned_at is null then c.warn_at end), (c.due_at)) as v (next_at)
  where c.ticket_id = ticket.id and c.running_since is not null and c.breached_at is null;
  if wake_at is not null then
    perform private.enqueue(
      ticket.organization_id, 'clock', jsonb_build_object('ring', 'sla', 'ticket_id', ticket.id), wake_at,
      dedupe_key => 'sla:' || ticket.id
    );
  end if;
end;
$$;

create function private.follow_sla() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.run_sla(new);
  return null;
end;
$$;

create trigger tickets_sla_begins after insert on public.tickets
for each row execute function private.follow_sla();
-- Not after what run_sla itself has written.
create trigger tickets_sla after update on public.tickets
for each row when (
  (old.first_response_due_at, old.next_response_due_at, old.resolution_due_at)
  is not distinct from (new.first_response_due_at, new.next_response_due_at, new.resolution_due_at)
)
execute function private.follow_sla();

-- The time of a warning or a breach has come.
create function private.ring_sla(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  ticket public.tickets;
begin
  select * into ticket from public.tickets as t
  where t.organization_id = private.current_organization() and t.id = (payload ->> 'ticket_id')::uuid
  for update;
  if found then
    perform private.run_sla(ticket);
  end if;
end;
$$;

-- Policies, targets or hours have changed: all that is not resolved stands under the new ones, some tickets at a time.
create function private.ring_sla_all(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  slice constant integer := 200;
  ticket public.tickets;
  seen integer := 0;
begin
  for ticket in
    select t.* from public.tickets as t
    where t.organization_id = private.current_organization() and t.status_category in ('open', 'waiting')
      and t.id > coalesce((payload ->> 'after')::uuid, '00000000-0000-0000-0000-000000000000')
    order by t.id
    limit slice
    for update
  loop
    perform private.run_sla(ticket);
    seen := seen + 1;
  end loop;
  if seen = slice then
    perform private.enqueue_own('clock', jsonb_build_object('ring', 'sla_all', 'after', ticket.id));
  end if;
end;
$$;

create function private.rerun_sla() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  organization uuid := coalesce(new.organization_id, old.organization_id);
begin
  if exists (select from public.organizations where id = organization) then
    perform private.enqueue(organization, 'clock', '{"ring": "sla_all"}', dedupe_key => 'sla');
  end if;
  return null;
end;
$$;

create trigger sla_policies_rerun after insert or update or delete on public.sla_policies
for each row execute function private.rerun_sla();
create trigger sla_targets_rerun after insert or update or delete on public.sla_targets
for each row execute function private.rerun_sla();
create trigger calendars_rerun after update or delete on public.calendars
for each row execute function private.rerun_sla();
create trigger calendar_hours_rerun after insert or update or delete on public.calendar_hours
for each row execute function private.rerun_sla();
create trigger calendar_holidays_rerun after insert or update or delete on public.calendar_holidays
for each row execute function private.rerun_sla();
create trigger teams_rerun_sla after update of calendar_id on public.teams
for each row execute function private.rerun_sla();

-- Why the clocks of a ticket stand where they stand: every stretch, cut at opening hours, in order. `counted` is what
-- it added; a stretch that was paused, or lay outside opening hours, added nothing and says so. The last may be open.
create function private.explain_sla(ticket_id uuid)
returns table (
  metric text, cycle integer, target interval, state text, starts timestamptz, ends timestamptz, counted interval,
  policy text
)
language sql stable security definer set search_path = '' as $$
  with rules as (
    select r.rules, nullif(r.rules -> 'calendar', 'null') as calendar
    from private.sla_rules as r
    where r.id = (select c.rules_id from public.sla_clocks as c where c.ticket_id = explain_sla.ticket_id limit 1)
      and exists (
        select from public.tickets as t
        where t.id = explain_sla.ticket_id and t.organization_id in (select private.my_organizations())
      )
  ), spans as (
    select s.*, rules.calendar, rules.rules ->> 'name' as policy, coalesce(s.ends, greatest(now(), s.starts)) as until
    from rules
    cross join lateral private.sla_clock_spans(explain_sla.ticket_id, rules.rules) as s
  ), pieces as (
    select s.*, lower(o) as opens, upper(o) as closes, true as is_open
    from spans as s
    cross join lateral unnest(private.open_spans(s.calendar, tstzrange(s.starts, s.until))) as o
    where s.counted
    union all
    select s.*, lower(o), upper(o), false
    from spans as s
    cross join lateral unnest(
      tstzmultirange(tstzrange(s.starts, s.until)) - private.open_spans(s.calendar, tstzrange(s.starts, s.until))
    ) as o
    where s.counted
    union all
    select s.*, s.starts, s.until, false from spans as s where not s.counted
  )
  select
    p.metric, p.cycle, p.target,
    case when not p.counted then 'paused' when p.is_open then 'counted' else 'closed' end,
    p.opens, case when p.ends is not null or p.closes < p.until then p.closes end,
    case
      when p.counted and p.is_open
        then make_interval(secs => (extract(epoch from p.closes) - extract(epoch from p.opens))::float8)
      else interval '0'
    end,
    p.policy
  from pieces as p
  order by p.metric, p.cycle, p.opens;
$$;

create function public.explain_sla(ticket_id uuid)
returns table (
  metric text, cycle integer, target interval, state text, starts timestamptz, ends timestamptz, counted interval,
  policy text
)
language sql stable set search_path = '' as $$
  select * from private.explain_sla(explain_sla.ticket_id);
$$;
