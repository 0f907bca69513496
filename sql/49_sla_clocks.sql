-- SLA clocks kept: stored with every change of a ticket, told when their time has come, and explained.

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
