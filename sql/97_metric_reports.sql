-- Reports: sums over the days asked for, read from private.daily_metrics alone, however many tickets there were.
--
-- Each column of public.metrics_row and public.backlog_row is said in docs/metrics.md; times are seconds.

create type public.metrics_row as (
  period date, key text, label text,
  created bigint, questions bigint, answers bigint,
  first_responses bigint, first_response_mean integer, first_response_p50 integer, first_response_p90 integer,
  next_responses bigint, next_response_mean integer, next_response_p50 integer, next_response_p90 integer,
  full_resolutions bigint, full_resolution_mean integer, full_resolution_p50 integer, full_resolution_p90 integer,
  sla_kept bigint, sla_broken bigint, sla_percent real,
  sla_first_response_percent real, sla_next_response_percent real, sla_resolution_percent real,
  csat_ratings bigint, csat_mean real, csat_percent real,
  resolved bigint, resolved_by_ai bigint, resolved_by_member bigint, resolved_by_both bigint, resolved_by_nobody bigint,
  confirmed bigint, disputed bigint, reopened bigint, assumed bigint, pending bigint
);

create type public.backlog_row as (
  key text, label text, unresolved bigint, open bigint, waiting bigint,
  oldest date, age_days_p50 integer, age_days_p90 integer,
  days_0 bigint, days_1_to_3 bigint, days_4_to_7 bigint, days_8_to_30 bigint, days_over_30 bigint
);

create function private.percent(part bigint, whole bigint) returns real
language sql immutable parallel safe set search_path = '' as $$
  select round(100.0 * part / nullif(whole, 0), 1)::real;
$$;

-- What a key of a dimension is called; null where it is no more.
create function private.metrics_label(organization_id uuid, dimension text, key text) returns text
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return case dimension
    when 'organization' then (select o.name from public.organizations as o where o.id = metrics_label.organization_id)
    when 'team' then (
      select t.name from public.teams as t
      where t.organization_id = metrics_label.organization_id and t.id = key::uuid
    )
    when 'agent' then (
      select m.display_name from public.members as m
      where m.organization_id = metrics_label.organization_id and m.user_id = key::uuid
    )
    when 'category' then (
      select c.name from public.ticket_categories as c
      where c.organization_id = metrics_label.organization_id and c.id = key::uuid
    )
    else key
  end;
end;
$$;

-- Whose numbers of an organization the caller may read, and whether the question makes sense. Members read all that is
-- added up; what it says of each agent, managers read, and each agent of themselves: then the answer is that key.
create function private.check_metrics(organization_id uuid, dimension text, key text) returns text
language plpgsql stable security definer set search_path = '' as $$
begin
  if check_metrics.organization_id is null
    or check_metrics.organization_id not in (select private.my_organizations())
  then
    raise exception 'only members read the numbers of an organization' using errcode = '42501';
  end if;
  if dimension is null
    or dimension not in ('organization', 'team', 'agent', 'channel', 'category', 'tag', 'handled_by')
  then
    raise exception 'there are no numbers by "%"', left(dimension, 60)
      using errcode = '22023',
        hint = 'by: organization, team, agent, channel, category, tag or handled_by';
  end if;
  if dimension = 'agent' and check_metrics.organization_id not in (select private.my_organizations('manager')) then
    if key <> (select auth.uid())::text then
      raise exception 'only managers read the numbers of other agents' using errcode = '42501';
    end if;
    return coalesce((select auth.uid())::text, '');
  end if;
  return key;
end;
$$;

create function private.metrics(organization_id uuid, since date, until date, by text, key text, per text)
returns setof public.metrics_row
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  wanted constant text := private.check_metrics(metrics.organization_id, metrics.by, metrics.key);
  today constant date := (now() at time zone 'utc')::date;
begin
  if metrics.per is null or metrics.per not in ('total', 'month', 'week', 'day') then
    raise exception 'there are no numbers per "%"', left(metrics.per, 60)
      using errcode = '22023', hint = 'per: total, month, week or day';
  end if;
  if not coalesce(metrics.since <= metrics.until and metrics.until - metrics.since < 3660, false) then
    raise exception 'not a stretch of days: from % to %', metrics.since, metrics.until
      using errcode = '22023', hint = 'Ten years at most.';
  end if;
  return query
  with added as materialized (
    select
      case when metrics.per = 'total' then metrics.since else date_trunc(metrics.per, d.day::timestamp)::date end
        as period,
      d.key, d.measure, sum(d.count)::bigint as count, sum(d.sum)::bigint as sum,
      extensions.sum(d.histogram) as histogram,
      -- Of the last seven days it is not known yet whether what was resolved will hold.
      sum(d.count) filter (where d.day >= today - 7)::bigint as count_lately
    from private.daily_metrics as d
    where d.organization_id = metrics.organization_id and d.dimension = metrics.by
      and d.day between metrics.since and metrics.until
      and (wanted is null or d.key = wanted)
    group by 1, d.key, d.measure
  ), named as (
    select a.period, a.key,
      sum(a.count) filter (where a.measure = 'created') as created,
      sum(a.count) filter (where a.measure = 'question') as questions,
      sum(a.count) filter (where a.measure = 'answer') as answers,
      sum(a.count) filter (where a.measure = 'first_response') as first_responses,
      sum(a.sum) filter (where a.measure = 'first_response') as first_response_ms,
      extensions.sum(a.histogram) filter (where a.measure = 'first_response') as first_response,
      sum(a.count) filter (where a.measure = 'next_response') as next_responses,
      sum(a.sum) filter (where a.measure = 'next_response') as next_response_ms,
      extensions.sum(a.histogram) filter (where a.measure = 'next_response') as next_response,
      sum(a.count) filter (where a.measure = 'full_resolution') as full_resolutions,
      sum(a.sum) filter (where a.measure = 'full_resolution') as full_resolution_ms,
      extensions.sum(a.histogram) filter (where a.measure = 'full_resolution') as full_resolution,
      coalesce(sum(a.count) filter (where a.measure = 'first_response_kept'), 0) as first_kept,
      coalesce(sum(a.count) filter (where a.measure = 'first_response_broken'), 0) as first_broken,
      coalesce(sum(a.count) filter (where a.measure = 'next_response_kept'), 0) as next_kept,
      coalesce(sum(a.count) filter (where a.measure = 'next_response_broken'), 0) as next_broken,
      coalesce(sum(a.count) filter (where a.measure = 'resolution_kept'), 0) as resolution_kept,
      coalesce(sum(a.count) filter (where a.measure = 'resolution_broken'), 0) as resolution_broken,
      sum(a.count) filter (where a.measure = 'csat') as csat,
      sum(a.sum) filter (where a.measure = 'csat') as csat_sum,
      coalesce(sum(a.count) filter (where a.measure = 'csat_good'), 0) as csat_good,
      sum(a.count) filter (where a.measure = 'resolved') as resolved,
      sum(a.count) filter (where a.measure = 'resolved_by_ai') as resolved_by_ai,
      sum(a.count) filter (where a.measure = 'resolved_by_member') as resolved_by_member,
      sum(a.count) filter (where a.measure = 'resolved_by_both') as resolved_by_both,
      sum(a.count) filter (where a.measure = 'resolved_by_nobody') as resolved_by_nobody,
      sum(a.count) filter (where a.measure = 'confirmed') as confirmed,
      sum(a.count) filter (where a.measure = 'disputed') as disputed,
      sum(a.count) filter (where a.measure = 'reopened') as reopened,
      coalesce(sum(a.count) filter (where a.measure in ('confirmed', 'disputed', 'reopened')), 0) as known,
      coalesce(sum(a.count_lately) filter (where a.measure = 'resolved'), 0)
        - coalesce(sum(a.count_lately) filter (where a.measure in ('confirmed', 'disputed', 'reopened')), 0) as pending
    from added as a
    group by a.period, a.key
    having bool_or(a.count > 0)
  )
  select
    n.period, n.key, private.metrics_label(metrics.organization_id, metrics.by, n.key),
    coalesce(n.created, 0)::bigint, coalesce(n.questions, 0)::bigint, coalesce(n.answers, 0)::bigint,
    coalesce(n.first_responses, 0)::bigint,
    round(n.first_response_ms / nullif(n.first_responses, 0) / 1000)::integer,
    private.histogram_quantile(n.first_response, 0.5), private.histogram_quantile(n.first_response, 0.9),
    coalesce(n.next_responses, 0)::bigint,
    round(n.next_response_ms / nullif(n.next_responses, 0) / 1000)::integer,
    private.histogram_quantile(n.next_response, 0.5), private.histogram_quantile(n.next_response, 0.9),
    coalesce(n.full_resolutions, 0)::bigint,
    round(n.full_resolution_ms / nullif(n.full_resolutions, 0) / 1000)::integer,
    private.histogram_quantile(n.full_resolution, 0.5), private.histogram_quantile(n.full_resolution, 0.9),
    s.kept, s.broken, private.percent(s.kept, s.kept + s.broken),
    private.percent(n.first_kept::bigint, (n.first_kept + n.first_broken)::bigint),
    private.percent(n.next_kept::bigint, (n.next_kept + n.next_broken)::bigint),
    private.percent(n.resolution_kept::bigint, (n.resolution_kept + n.resolution_broken)::bigint),
    coalesce(n.csat, 0)::bigint, round(n.csat_sum / nullif(n.csat, 0), 2)::real,
    private.percent(n.csat_good::bigint, n.csat::bigint),
    coalesce(n.resolved, 0)::bigint, coalesce(n.resolved_by_ai, 0)::bigint,
    coalesce(n.resolved_by_member, 0)::bigint, coalesce(n.resolved_by_both, 0)::bigint,
    coalesce(n.resolved_by_nobody, 0)::bigint,
    coalesce(n.confirmed, 0)::bigint, coalesce(n.disputed, 0)::bigint, coalesce(n.reopened, 0)::bigint,
    (coalesce(n.resolved, 0) - n.known - n.pending)::bigint, n.pending::bigint
  from named as n
  cross join lateral (
    select (n.first_kept + n.next_kept + n.resolution_kept)::bigint as kept,
      (n.first_broken + n.next_broken + n.resolution_broken)::bigint as broken
  ) as s
  order by n.period, n.key;
end;
$$;

-- The numbers from one day to another, both included (UTC), in rows by what they are added up for, and per stretch of
-- time. `key`: of one team, agent, … alone.
create function public.metrics(
  organization_id uuid, since date, until date, by text default 'organization', key text default null,
  per text default 'total'
) returns setof public.metrics_row
language sql stable set search_path = '' as $$
  select * from private.metrics(
    metrics.organization_id, metrics.since, metrics.until, metrics.by, metrics.key, metrics.per
  );
$$;

create function private.backlog(organization_id uuid, by text, key text) returns setof public.backlog_row
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  wanted constant text := private.check_metrics(backlog.organization_id, backlog.by, backlog.key);
  today constant date := (now() at time zone 'utc')::date;
begin
  return query
  with days as (
    select
      d.key, d.day, today - d.day as age,
      sum(d.count)::bigint as tickets,
      coalesce(sum(d.count) filter (where d.measure = 'open'), 0)::bigint as open
    from private.daily_metrics as d
    where d.organization_id = backlog.organization_id and d.dimension = backlog.by
      and d.measure in ('open', 'waiting') and d.count > 0
      and (wanted is null or d.key = wanted)
    group by d.key, d.day
  ), ranked as (
    select
      d.*, sum(d.tickets) over (partition by d.key order by d.age) as younger,
      sum(d.tickets) over (partition by d.key) as total
    from days as d
  )
  select
    r.key, private.metrics_label(backlog.organization_id, backlog.by, r.key),
    sum(r.tickets)::bigint, sum(r.open)::bigint, sum(r.tickets - r.open)::bigint, min(r.day),
    min(r.age) filter (where r.younger >= r.total * 0.5), min(r.age) filter (where r.younger >= r.total * 0.9),
    coalesce(sum(r.tickets) filter (where r.age < 1), 0)::bigint,
    coalesce(sum(r.tickets) filter (where r.age between 1 and 3), 0)::bigint,
    coalesce(sum(r.tickets) filter (where r.age between 4 and 7), 0)::bigint,
    coalesce(sum(r.tickets) filter (where r.age between 8 and 30), 0)::bigint,
    coalesce(sum(r.tickets) filter (where r.age > 30), 0)::bigint
  from ranked as r
  group by r.key
  order by r.key;
end;
$$;

-- What is not resolved now, and how old it is in days.
create function public.backlog(organization_id uuid, by text default 'organization', key text default null)
returns setof public.backlog_row
language sql stable set search_path = '' as $$
  select * from private.backlog(backlog.organization_id, backlog.by, backlog.key);
$$;

create function private.ticket_metrics(ticket_id uuid) returns table (
  measure text, at timestamptz, seconds numeric, score bigint, agent_id uuid, team_id uuid, handled_by text
)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if not exists (
    select from public.tickets as t
    where t.id = ticket_metrics.ticket_id and t.organization_id in (select private.my_organizations())
  ) then
    raise exception 'there is no ticket %', ticket_metrics.ticket_id using errcode = 'PT404';
  end if;
  return query
  select
    m.measure, m.at, case when m.measure <> 'csat' then round(m.value / 1000.0, 3) end,
    case when m.measure = 'csat' then m.value end, m.agent_id, m.team_id, m.handled_by
  from private.measures_of(array[ticket_metrics.ticket_id]) as m
  order by m.at, m.measure;
end;
$$;

-- All that one ticket counts for, as of now.
create function public.ticket_metrics(ticket_id uuid) returns table (
  measure text, at timestamptz, seconds numeric, score bigint, agent_id uuid, team_id uuid, handled_by text
)
language sql stable set search_path = '' as $$
  select * from private.ticket_metrics(ticket_metrics.ticket_id);
$$;
