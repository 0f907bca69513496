-- What an organization promises about time, and the clocks that watch over it.
--
-- A clock is computed from the ticket's history and from rules, which are a value of their own: so it can be computed
-- again at any time with the same result, and explained. private.sla_clock_spans says which stretches a clock ran
-- (the definition), private.sla_clocks_of adds them up within opening hours, private.run_sla
-- (49_sla_clocks.sql) stores what comes out.

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
    from private.ticket_steps(sla_clock_spans.ticket_id) as h
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
