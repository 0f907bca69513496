-- What was measured, kept for reports: by ticket, and added up by day.
--
-- The sums follow from the tickets at all times: when a ticket has moved on, what it counted for before is taken out
-- and what it counts for now put in, in one transaction. All that is kept can be added and taken away exactly: numbers
-- of things, sums of milliseconds, and histograms.

-- Tickets to be measured anew. Appended to by whatever changes a ticket, and emptied by the clock below: who writes
-- waits for nobody, and a change that commits late leaves its row to the next round.
create table private.unmeasured (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  id bigint generated always as identity,
  ticket_id uuid not null, -- may be gone
  primary key (organization_id, id)
);

-- Without a foreign key to the ticket: where it is deleted, the row says what is to be taken out of the sums.
create table private.ticket_measures (
  ticket_id uuid primary key,
  organization_id uuid not null references public.organizations (id) on delete cascade,
  channel public.ticket_channel not null,
  category_id uuid,
  tags text[] not null,
  measures private.measure[] not null
);
create index ticket_measures_organization_idx on private.ticket_measures (organization_id);

-- By day (UTC), for the organization as a whole and for each team, agent, channel, category, tag, and who handled it.
create table private.daily_metrics (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  dimension text not null check (
    dimension in ('organization', 'team', 'agent', 'channel', 'category', 'tag', 'handled_by')
  ),
  day date not null,
  key text not null, -- which team, agent, …; of the organization: ''
  measure text not null,
  count bigint not null,
  sum bigint not null,
  -- How many of each length (private.duration_bucket); of what has a length only. Whole numbers, exact up to 2^24.
  histogram extensions.vector(96),
  primary key (organization_id, dimension, day, key, measure)
);
-- The backlog, whose days are those of the tickets' opening, however long ago.
create index daily_metrics_backlog_idx on private.daily_metrics (organization_id, dimension)
where measure in ('open', 'waiting') and count > 0;

-- A length of time as one of 96 buckets: below a second, four to each doubling, the last for all beyond 163 days.
create function private.duration_bucket(milliseconds bigint) returns integer
language sql immutable parallel safe set search_path = '' as $$
  select case
    when milliseconds < 1000 then 0
    else least(1 + floor(4 * ln(milliseconds / 1000.0::float8) / ln(2::float8))::integer, 95)
  end;
$$;

-- A histogram with `count` in one bucket.
create function private.one_bucket(bucket integer, count bigint) returns extensions.vector
language sql immutable parallel safe set search_path = '' as $$
  select (array_fill(0::real, array[bucket]) || count::real || array_fill(0::real, array[95 - bucket]))
    ::extensions.vector;
$$;

-- The length that a share of a histogram's entries does not exceed, in seconds: the middle of its bucket, so at most
-- 10 % beside the true one. Null for an empty one.
create function private.histogram_quantile(histogram extensions.vector, share float8) returns integer
language plpgsql immutable strict parallel safe set search_path = '' as $$
declare
  counts constant real[] := histogram::real[];
  wanted constant float8 := ceil(share * (select sum(c) from unnest(counts) as c));
  seen float8 := 0;
begin
  for bucket in 1..cardinality(counts) loop
    seen := seen + counts[bucket];
    if seen >= wanted and seen > 0 then
      return case when bucket = 1 then 0 else round(power(2, (bucket - 2 + 0.5) / 4)) end;
    end if;
  end loop;
  return null;
end;
$$;

-- Measures these tickets of an organization anew. Rounds of one organization come one after the other.
create function private.measure_tickets(organization_id uuid, ticket_ids uuid[]) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  perform pg_advisory_xact_lock(hashtextextended('pgdesk.metrics:' || organization_id, 0));
  with fresh as materialized (
    select
      t.id as ticket_id, t.channel, t.category_id, t.tags,
      array_agg(row(m.measure, m.at, m.value, m.agent_id, m.team_id, m.handled_by)::private.measure) as measures
    from private.measures_of(measure_tickets.ticket_ids) as m
    join public.tickets as t on t.id = m.ticket_id and t.organization_id = measure_tickets.organization_id
    group by t.id
  ), known as materialized (
    select k.ticket_id, k.channel, k.category_id, k.tags, k.measures
    from private.ticket_measures as k
    where k.ticket_id = any (measure_tickets.ticket_ids)
      and k.organization_id = measure_tickets.organization_id
  ), gone as (
    delete from private.ticket_measures as k
    where k.ticket_id in (select n.ticket_id from known as n except select f.ticket_id from fresh as f)
  ), kept as (
    insert into private.ticket_measures as k (ticket_id, organization_id, channel, category_id, tags, measures)
    select f.ticket_id, measure_tickets.organization_id, f.channel, f.category_id, f.tags, f.measures from fresh as f
    on conflict (ticket_id) do update
    set category_id = excluded.category_id, tags = excluded.tags, measures = excluded.measures
  ), entries as (
    select -1 as sign, k.channel, k.category_id, k.tags, m.*
    from known as k cross join lateral unnest(k.measures) as m
    union all
    select 1, f.channel, f.category_id, f.tags, m.* from fresh as f cross join lateral unnest(f.measures) as m
  ), differences as (
    -- Most of what a ticket counted for it still does.
    select
      e.channel, e.category_id, e.tags, e.agent_id, e.team_id, e.handled_by, e.measure,
      (e.at at time zone 'utc')::date as day, b.bucket, sum(e.sign) as count, coalesce(sum(e.sign * e.value), 0) as sum
    from entries as e
    cross join lateral (
      select case
        when e.measure in ('first_response', 'next_response', 'full_resolution') then private.duration_bucket(e.value)
      end as bucket
    ) as b
    group by e.channel, e.category_id, e.tags, e.agent_id, e.team_id, e.handled_by, e.measure, day, b.bucket
    having sum(e.sign) <> 0 or sum(e.sign * e.value) <> 0
  ), changes as (
    select p.dimension, p.key, c.measure, c.day, c.bucket, sum(c.count) as count, sum(c.sum) as sum
    from differences as c
    cross join lateral (
      select 'organization' as dimension, '' as key
      union all select 'team', c.team_id::text
      union all select 'agent', c.agent_id::text
      union all select 'channel', c.channel::text
      union all select 'category', c.category_id::text
      union all select 'handled_by', c.handled_by
      union all select distinct 'tag', tag from unnest(c.tags) as tag
    ) as p
    where p.key is not null
    group by p.dimension, p.key, c.measure, c.day, c.bucket
  )
  insert into private.daily_metrics as d (organization_id, dimension, day, key, measure, count, sum, histogram)
  select
    measure_tickets.organization_id, c.dimension, c.day, c.key, c.measure, sum(c.count), sum(c.sum),
    extensions.sum(private.one_bucket(c.bucket, c.count::bigint)) filter (where c.bucket is not null)
  from changes as c
  group by c.dimension, c.day, c.key, c.measure
  on conflict (organization_id, dimension, day, key, measure) do update
  set count = d.count + excluded.count, sum = d.sum + excluded.sum,
    histogram = d.histogram operator(extensions.+) excluded.histogram;
end;
$$;

-- The clock of the numbers: measures what is to be, some tickets at a time, and comes again while there are more.
create function private.ring_metrics(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  organization constant uuid := private.current_organization();
  slice constant integer := 1000;
  tickets uuid[];
begin
  with taken as (
    delete from private.unmeasured as u
    where u.organization_id = organization
      and u.id in (
        select w.id from private.unmeasured as w
        where w.organization_id = organization
        order by w.id
        limit slice
        for update skip locked
      )
    returning u.ticket_id
  )
  select array_agg(distinct ticket_id) into tickets from taken;
  -- A statement of its own, which sees whatever had been committed with the rows that were taken.
  perform private.measure_tickets(organization, tickets);
  if exists (select from private.unmeasured as u where u.organization_id = organization) then
    perform private.enqueue_own('clock', '{"ring": "metrics"}', dedupe_key => 'metrics');
  end if;
end;
$$;

-- Sees to it that the clock rings within two minutes. Nobody waits for anybody here: who finds that another is asking
-- leaves it to them. Where they undo it, the next change asks, or the hourly maintenance.
create function private.request_metrics(organization_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if not exists (
    select from private.jobs as j
    where j.organization_id = request_metrics.organization_id and j.consumer = 'clock' and j.dedupe_key = 'metrics'
      and j.state = 'waiting'
  ) and pg_try_advisory_xact_lock(hashtextextended('pgdesk.request_metrics:' || request_metrics.organization_id, 0))
  then
    perform private.enqueue(
      request_metrics.organization_id, 'clock', '{"ring": "metrics"}', now() + interval '2 minutes',
      dedupe_key => 'metrics'
    );
  end if;
end;
$$;

-- The hourly maintenance's part: whose tickets are to be measured, and no clock is set.
create function private.request_all_metrics() returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform private.request_metrics(o.id) from public.organizations as o
  where exists (select from private.unmeasured as u where u.organization_id = o.id);
end;
$$;

-- Has all tickets of an organization measured anew: after an import, a restore, or a change of what is measured.
create function private.remeasure(organization_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  insert into private.unmeasured (organization_id, ticket_id)
  select t.organization_id, t.id from public.tickets as t where t.organization_id = remeasure.organization_id
  union
  select k.organization_id, k.ticket_id from private.ticket_measures as k
  where k.organization_id = remeasure.organization_id;
  perform private.request_metrics(remeasure.organization_id);
end;
$$;

create function private.follow_measures() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  organization uuid;
  ticket uuid;
begin
  if tg_table_name = 'tickets' then
    organization := old.organization_id;
    ticket := old.id;
  elsif tg_op = 'DELETE' then
    organization := old.organization_id;
    ticket := old.ticket_id;
  else
    organization := new.organization_id;
    ticket := new.ticket_id;
  end if;
  insert into private.unmeasured (organization_id, ticket_id) values (organization, ticket);
  perform private.request_metrics(organization);
  return null;
end;
$$;

create trigger ticket_history_measure after insert on public.ticket_history
for each row execute function private.follow_measures();
create trigger sla_clocks_measure_begun after insert on public.sla_clocks
for each row when (new.stopped_at is not null) execute function private.follow_measures();
create trigger sla_clocks_measure after update on public.sla_clocks
for each row when ((old.stopped_at, old.breached_at) is distinct from (new.stopped_at, new.breached_at))
execute function private.follow_measures();
create trigger sla_clocks_measure_gone after delete on public.sla_clocks
for each row when (old.stopped_at is not null or old.breached_at is not null)
execute function private.follow_measures();
create trigger csat_ratings_measure after insert or update or delete on public.csat_ratings
for each row execute function private.follow_measures();
-- What is in no history.
create trigger tickets_measure after update on public.tickets
for each row when (
  (old.tags, old.is_spam, old.merged_into) is distinct from (new.tags, new.is_spam, new.merged_into)
)
execute function private.follow_measures();
create trigger tickets_unmeasure after delete on public.tickets
for each row execute function private.follow_measures();
