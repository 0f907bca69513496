-- Work to do because of an event, or at a time. Postgres is the queue of record; SQS carries only wake-ups (job ids).

create type private.job_state as enum (
  'waiting',   -- due at run_at; the relay has not handed it out
  'published', -- the relay has claimed it; a wake-up with its id is, or soon will be, in SQS
  'running',   -- a consumer holds its token
  'done',
  'dead'       -- gave up: somebody has to look
);

-- Who takes jobs, and how patiently. Names are those of the table CONSUMERS in functions/app.py.
create table private.consumers (
  name text primary key,
  in_flight integer not null check (in_flight > 0),        -- published and running at once, over all tenants
  lease interval not null,                                  -- a run that is silent for longer is taken for dead
  max_attempts integer not null default 8,
  backoff interval not null default '5 seconds'             -- doubled by every attempt, at most 6 hours
);

insert into private.consumers (name, in_flight, lease, max_attempts) values
  ('fetch_mail', 6, '5 minutes', 16),
  ('intake', 24, '3 minutes', 12),
  ('triage', 24, '2 minutes', 8),
  ('reply', 24, '5 minutes', 8),
  ('send_mail', 24, '3 minutes', 20), -- for about two days
  ('index_article', 24, '5 minutes', 8),
  ('clock', 24, '2 minutes', 12),
  ('refit', 2, '10 minutes', 4),
  ('maintain', 2, '10 minutes', 4);

-- An event of this type becomes a job of this consumer.
create table private.routes (
  event_type text not null references private.event_types (type),
  consumer text not null references private.consumers (name),
  -- Where set, only events whose data contain it.
  only_if jsonb,
  primary key (event_type, consumer)
);
create index routes_consumer_idx on private.routes (consumer);

create table private.jobs (
  id uuid primary key default private.uuid7(),
  organization_id uuid references public.organizations (id) on delete cascade, -- null: work on the installation itself
  consumer text not null references private.consumers (name),
  payload jsonb not null default '{}',
  state private.job_state not null default 'waiting',
  run_at timestamptz not null default now(),
  dedupe_key text,
  order_key text,
  attempt integer not null default 0,
  token uuid,            -- of the attempt that runs; who finishes must show it
  lease_until timestamptz, -- published: publish again after; running: taken for dead after
  claim bigint not null default 0, -- which claim handed it out; later ones have larger numbers
  error text,
  event_id uuid,
  trace_id uuid not null default gen_random_uuid(),
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz
);
-- Enqueueing again while the first still waits moves it; while it runs, the new one waits beside it.
create unique index jobs_dedupe_idx on private.jobs (organization_id, consumer, dedupe_key) nulls not distinct
where state = 'waiting' and dedupe_key is not null;
create index jobs_due_idx on private.jobs (consumer, run_at, id) where state = 'waiting';
create index jobs_flight_idx on private.jobs (consumer, claim) where state in ('published', 'running');
-- By order_key first: the organization may be null, and `is not distinct from` is no condition for an index.
create index jobs_order_idx on private.jobs (order_key, id)
where order_key is not null and state in ('waiting', 'published', 'running');
create index jobs_order_flight_idx on private.jobs (order_key)
where order_key is not null and state in ('published', 'running');
create index jobs_finished_idx on private.jobs (finished_at) where state = 'done';
create index jobs_dead_idx on private.jobs (organization_id, finished_at) where state = 'dead';

-- What claims remember of each consumer.
--
-- While some session holds an old snapshot, every state that a job has left stays in the indexes, and a claim would
-- wade through all jobs of that time to find those that wait. So a claim that had to wade notes where it ended, and for
-- a few seconds the next ones begin there; then one looks at everything again, for what came late or was held back.
create table private.claim_marks (
  consumer text primary key references private.consumers (name) on delete cascade,
  backlog_since timestamptz,                     -- the window was full: who finishes makes room for those that wait
  oldest_claim bigint not null default 0,        -- no job in flight is of an older claim
  past_run_at timestamptz not null default '-infinity', -- those that wait come after (run_at, id), unless late or held
  past_id uuid not null default '00000000-0000-0000-0000-000000000000',
  good_until timestamptz not null default '-infinity'   -- what the mark says, but for the backlog, ends here
);
create sequence private.claim_number;

-- Where the relay listens on the hosted platform: one row, written at deployment. None on one machine.
create table private.relay_address (
  only_row boolean primary key default true check (only_row),
  url text not null check (url like 'https://%'),
  -- PGDESK_RELAY_SECRET of the functions.
  secret text not null check (length(secret) >= 16)
);

-- Wakes the relay once this transaction commits: LISTEN on one machine, pg_net where the platform has it and the
-- address is known. The relay's sweep each minute stands behind both.
create function private.wake_relay() returns void
language plpgsql security definer set search_path = '' as $$
declare
  relay private.relay_address;
begin
  perform pg_notify('pgdesk_jobs', '');
  select * into relay from private.relay_address;
  if relay.url is not null and to_regprocedure('net.http_post(text,jsonb,jsonb,jsonb,integer)') is not null then
    execute 'select net.http_post(url := $1, headers := $2)'
    using relay.url, jsonb_build_object('authorization', 'Bearer ' || relay.secret);
  end if;
end;
$$;

-- Queues work for a tenant (null: for the installation). With a dedupe_key a job that still waits is moved instead.
create function private.enqueue(
  organization_id uuid, consumer text, payload jsonb default '{}', run_at timestamptz default now(),
  dedupe_key text default null, order_key text default null, event_id uuid default null
) returns uuid
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  job_id uuid;
begin
  insert into private.jobs as j (organization_id, consumer, payload, run_at, dedupe_key, order_key, event_id, trace_id)
  values (
    enqueue.organization_id, enqueue.consumer, enqueue.payload, enqueue.run_at, enqueue.dedupe_key, enqueue.order_key,
    enqueue.event_id,
    -- What a job causes belongs to the same trace.
    coalesce(private.try_uuid(current_setting('app.trace_id', true)), gen_random_uuid())
  )
  on conflict (organization_id, consumer, dedupe_key) where state = 'waiting' and dedupe_key is not null
  do update set run_at = excluded.run_at, payload = excluded.payload
  returning j.id into job_id;
  if enqueue.run_at <= now() + interval '1 minute' then
    perform private.wake_relay();
  end if;
  return job_id;
end;
$$;

-- The same for a Lambda function, for the tenant it works for and no other.
create function private.enqueue_own(
  consumer text, payload jsonb default '{}', run_at timestamptz default now(), dedupe_key text default null,
  order_key text default null
) returns uuid
language plpgsql security definer set search_path = '' as $$
begin
  if private.current_organization() is null then
    raise exception 'no tenant is set' using errcode = '42501';
  end if;
  return private.enqueue(
    private.current_organization(), enqueue_own.consumer, enqueue_own.payload, enqueue_own.run_at,
    enqueue_own.dedupe_key, enqueue_own.order_key
  );
end;
$$;

-- Expands an event into jobs, in the transaction of the change.
create function private.route_event() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.enqueue(
    new.organization_id, r.consumer,
    jsonb_build_object(
      'event_id', new.id, 'type', new.type, 'subject_id', new.subject_id, 'ticket_id', new.ticket_id, 'data', new.data
    ),
    -- One after the other per ticket and consumer.
    order_key => r.consumer || ':' || new.ticket_id,
    event_id => new.id
  )
  from private.routes as r
  where r.event_type = new.type and (r.only_if is null or new.data @> r.only_if);
  return null;
end;
$$;

create trigger events_route after insert on public.events
for each row execute function private.route_event();

-- Gives back what was handed out and not brought home: a wake-up that got lost, a consumer that died.
create function private.expire_leases() returns integer
language plpgsql security definer set search_path = '' as $$
declare
  expired integer;
begin
  with silent as (
    select late.id
    from private.consumers as c
    left join private.claim_marks as m on m.consumer = c.name and m.good_until > now()
    cross join lateral (
      select j.id from private.jobs as j
      where j.consumer = c.name
        and j.state in ('published', 'running')
        and j.claim >= coalesce(m.oldest_claim, 0)
        and j.lease_until < now()
      limit 1000
      for update skip locked
    ) as late
  ), given_up as (
    select j.id, j.state = 'running' and j.attempt >= c.max_attempts as dead
    from private.jobs as j
    join silent using (id)
    join private.consumers as c on c.name = j.consumer
  )
  update private.jobs as j
  set state = case when g.dead then 'dead'::private.job_state else 'waiting' end,
    -- Two jobs with one dedupe_key cannot both wait: the later one stands for both, this one keeps its turn without.
    dedupe_key = null,
    error = case when j.state = 'running' then 'the consumer fell silent' else j.error end,
    finished_at = case when g.dead then now() end,
    token = null, lease_until = null
  from given_up as g
  where j.id = g.id;
  get diagnostics expired = row_count;
  return expired;
end;
$$;

-- The helpers of claims and finishes are in plpgsql, which keeps their plans.

-- How many entries this transaction has read in the indexes that claims walk, those of states long left included.
create function private.job_entries_read() returns bigint
language plpgsql volatile set search_path = '' as $$
begin
  return pg_stat_get_xact_tuples_returned('private.jobs_due_idx'::regclass)
    + pg_stat_get_xact_tuples_returned('private.jobs_flight_idx'::regclass);
end;
$$;

-- A claim has filled a consumer's window: others may wait for it.
create function private.note_backlog(consumer text) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  insert into private.claim_marks as m (consumer, backlog_since) values (note_backlog.consumer, now())
  on conflict (consumer) do update set backlog_since = now() where m.backlog_since is null;
end;
$$;

-- Called when everything that was due has been claimed. Not at once: each change leaves a version of the row.
create function private.forget_backlogs() returns void
language plpgsql security definer set search_path = '' as $$
begin
  update private.claim_marks as m
  set backlog_since = null
  from private.consumers as c
  where m.backlog_since < now() - interval '5 seconds'
    and c.name = m.consumer
    and c.in_flight > (
      select count(*) from private.jobs as f
      where f.consumer = m.consumer and f.state in ('published', 'running') and f.claim >= m.oldest_claim
    );
end;
$$;

-- Notes where claim `number` ended. `was_cut`: it took as many as it was asked for, and may not have seen all.
create function private.mark_claims(number bigint, was_cut boolean) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  insert into private.claim_marks as m (consumer, oldest_claim, past_run_at, past_id, good_until)
  select c.name, flight.oldest_claim, ended.run_at, ended.id, now() + interval '5 seconds'
  from private.consumers as c
  left join private.claim_marks as known on known.consumer = c.name
  cross join lateral (
    select coalesce(min(f.claim), number) as oldest_claim, was_cut or count(*) >= c.in_flight as stopped_early
    from private.jobs as f
    where f.consumer = c.name and f.state in ('published', 'running') and f.claim >= coalesce(known.oldest_claim, 0)
  ) as flight
  left join lateral (
    select j.run_at, j.id from private.jobs as j
    where j.consumer = c.name and j.state = 'published' and j.claim = number
    order by j.run_at desc, j.id desc
    limit 1
  ) as last on flight.stopped_early
  cross join lateral (
    select e.run_at, e.id
    from (values
      -- Who enqueues commits within two seconds, or is found when everything is looked at again.
      (now() - interval '2 seconds', '00000000-0000-0000-0000-000000000000'::uuid), (last.run_at, last.id)
    ) as e (run_at, id)
    where e.run_at is not null
    order by e.run_at, e.id
    limit 1
  ) as ended
  where last.id is not null or not flight.stopped_early
  on conflict (consumer) do update
  set oldest_claim = excluded.oldest_claim, past_run_at = excluded.past_run_at, past_id = excluded.past_id,
    good_until = case when m.good_until > now() then m.good_until else excluded.good_until end;
end;
$$;

-- Claims jobs for the relay, oldest first, so that no consumer has more than its in_flight at once. Jobs that come due
-- within a minute, the grain of the sweep, are among them: SQS holds their wake-ups back for `delay` seconds. A claim
-- lasts 30 seconds; mark_published makes it last until the job should be published anew.
--
-- No job is claimed while an earlier unfinished one, or a later one already handed out, has its order_key. One relay
-- claims at a time, so two claims cannot each overlook the other's.
--
-- Without bitmaps: the planner cannot know how long the line behind an order_key is, and would read all of it to find
-- its first.
create function private.claim_jobs(max_jobs integer default 100) returns table (id uuid, consumer text, delay integer)
language plpgsql security definer set search_path = '' set enable_bitmapscan = off as $$
#variable_conflict use_column
declare
  found record;
  total integer := 0;
  number bigint;
  entries_before bigint;
begin
  perform pg_advisory_xact_lock(hashtext('pgdesk.claim_jobs'));
  -- Of webhooks only the deliveries are queued: who commits an event does not wait for another who does.
  perform private.queue_webhooks();
  number := nextval('private.claim_number');
  entries_before := private.job_entries_read();
  perform private.expire_leases();
  for found in
    with windows as (
      select
        c.name, greatest(c.in_flight - flight.jobs, 0) as room,
        coalesce(m.past_run_at, '-infinity') as past_run_at,
        coalesce(m.past_id, '00000000-0000-0000-0000-000000000000') as past_id
      from private.consumers as c
      left join private.claim_marks as m on m.consumer = c.name and m.good_until > now()
      cross join lateral (
        select count(*) as jobs
        from private.jobs as f
        where f.consumer = c.name and f.state in ('published', 'running') and f.claim >= coalesce(m.oldest_claim, 0)
      ) as flight
    ), due as (
      select next.id, w.room
      from windows as w
      cross join lateral (
        select j.id
        from private.jobs as j
        where j.consumer = w.name
          and j.state = 'waiting'
          and j.run_at <= now() + interval '1 minute'
          and (j.run_at, j.id) >= (w.past_run_at, w.past_id)
          -- The first unfinished one of its order_key, and none of them handed out. Asked in two ways that each take one
          -- step in an index, however many stand in line behind it.
          and (
            j.order_key is null
            or j.id = (
              select first.id
              from private.jobs as first
              where first.order_key = j.order_key
                and first.organization_id is not distinct from j.organization_id
                and first.state in ('waiting', 'published', 'running')
              order by first.id
              limit 1
            )
            and not exists (
              select from private.jobs as other
              where other.order_key = j.order_key
                and other.organization_id is not distinct from j.organization_id
                and other.state in ('published', 'running')
            )
          )
        order by j.run_at, j.id
        limit w.room
        for update skip locked
      ) as next
      limit max_jobs
    ), published as (
      update private.jobs as j
      set state = 'published', claim = number, lease_until = now() + interval '30 seconds'
      from due
      where j.id = due.id
      returning j.id, j.consumer, j.run_at, due.room
    )
    select
      p.consumer, array_agg(p.id order by p.run_at, p.id) as ids,
      array_agg(greatest(ceil(extract(epoch from p.run_at - now())), 0)::integer order by p.run_at, p.id) as delays,
      count(*) >= min(p.room) as is_full
    from published as p
    group by p.consumer
  loop
    total := total + cardinality(found.ids);
    if found.is_full then
      perform private.note_backlog(found.consumer);
    end if;
    return query select u.id, found.consumer, u.delay from unnest(found.ids, found.delays) as u (id, delay);
  end loop;
  perform private.forget_backlogs();
  if private.job_entries_read() - entries_before > 2000 + 10 * total then
    perform private.mark_claims(number, total >= max_jobs);
  end if;
end;
$$;

-- What the queue accepted: it is left alone for a while, then published again.
create function private.mark_published(ids uuid[]) returns void
language plpgsql security definer set search_path = '' as $$
begin
  update private.jobs
  set lease_until = now() + interval '5 minutes'
  where id = any (ids) and state::text = 'published'; -- as text: see begin_job
end;
$$;

-- What the queue refused waits again, without its turn being counted.
create function private.release_jobs(ids uuid[]) returns void
language sql security definer set search_path = '' as $$
  update private.jobs
  set state = 'waiting', dedupe_key = null, lease_until = null, run_at = greatest(run_at, now() + interval '1 second')
  where id = any (ids) and state::text = 'published'; -- as text: see begin_job
$$;

-- Starts an attempt. No row: the wake-up was a repeat, or came too late; there is nothing to do. The caller shows
-- `token` when it finishes.
--
-- The state is compared as text, so that only the key's index fits: with few in flight when it last looked, the planner
-- prefers to read all that is in flight, and every version that it has left.
create function private.begin_job(job_id uuid) returns table (
  id uuid, organization_id uuid, consumer text, payload jsonb, attempt integer, token uuid, trace_id uuid,
  created_at timestamptz
)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  -- This commit does not wait for the disk. A crash that forgets it leaves the job published: it is begun anew. What the
  -- attempt goes on to commit reaches the disk together with it, or not at all.
  perform set_config('synchronous_commit', 'off', true);
  return query
  update private.jobs as j
  set state = 'running', attempt = j.attempt + 1, token = gen_random_uuid(), started_at = now(), error = null,
    lease_until = now() + c.lease
  from private.consumers as c
  where j.id = begin_job.job_id and j.state::text = 'published' and c.name = j.consumer
  returning j.id, j.organization_id, j.consumer, j.payload, j.attempt, j.token, j.trace_id, j.created_at;
end;
$$;

-- Binds a later transaction of the same attempt to its tenant. Raises where the attempt is no longer the current one.
create function private.enter_job(job_id uuid, token uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  job private.jobs;
begin
  select * into job from private.jobs as j
  where j.id = enter_job.job_id and j.token = enter_job.token and j.state::text = 'running';
  if not found then
    raise exception 'job % is no longer held by this attempt', job_id using errcode = 'PD001';
  end if;
  perform set_config('app.organization_id', coalesce(job.organization_id::text, ''), true);
  perform set_config('app.trace_id', job.trace_id::text, true);
end;
$$;

-- Do jobs wait for room in a consumer's window, and is half of it empty?
create function private.has_room_for_backlog(consumer text) returns boolean
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return (
    select (
      select count(*) from private.jobs as f
      where f.consumer = m.consumer and f.state in ('published', 'running') and f.claim >= m.oldest_claim
    ) * 2 < c.in_flight
    from private.claim_marks as m
    join private.consumers as c on c.name = m.consumer
    where m.consumer = has_room_for_backlog.consumer and m.backlog_since is not null
  );
end;
$$;

-- Ends an attempt well. It stands in the transaction of all the job's effects: where the token is no longer the
-- current one it raises, and the effects are undone with it. So they happen once.
create function private.finish_job(job_id uuid, token uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  finished private.jobs;
  next_in_line uuid;
begin
  update private.jobs as j
  set state = 'done', finished_at = now(), token = null, lease_until = null
  where j.id = finish_job.job_id and j.token = finish_job.token and j.state::text = 'running' -- as text: see begin_job
  returning * into finished;
  if finished.id is null then
    raise exception 'job % is no longer held by this attempt', job_id using errcode = 'PD001';
  end if;
  if finished.order_key is not null then
    select j.id into next_in_line
    from private.jobs as j
    where j.state = 'waiting' and j.order_key = finished.order_key
      and j.organization_id is not distinct from finished.organization_id
    order by j.id
    limit 1;
    -- A claim may have passed it by while it was held back.
    update private.jobs as j
    set run_at = now()
    from private.claim_marks as m
    where j.id = next_in_line and j.state::text = 'waiting' and m.consumer = j.consumer and m.good_until > now()
      and (j.run_at, j.id) < (m.past_run_at, m.past_id);
  end if;
  -- It held the next one back, or others wait and the window is half empty: let the relay look. Of several that finish at
  -- once one tells of the room: transactions that notify commit one after the other.
  if next_in_line is not null or (
    pg_try_advisory_xact_lock(hashtext('pgdesk.wake_relay'), hashtext(finished.consumer))
    and private.has_room_for_backlog(finished.consumer)
  ) then
    perform private.wake_relay();
  end if;
end;
$$;

-- Ends an attempt badly: waits and tries again, or gives up (`fatal`, or attempts used up). Returns the new state,
-- null where the attempt was no longer the current one.
create function private.fail_job(
  job_id uuid, token uuid, error text, retry_after interval default null, fatal boolean default false
) returns text
language plpgsql security definer set search_path = '' as $$
declare
  failed private.jobs;
begin
  update private.jobs as j
  set state = case when fatal or j.attempt >= c.max_attempts then 'dead'::private.job_state else 'waiting' end,
    finished_at = case when fatal or j.attempt >= c.max_attempts then now() end,
    run_at = now() + coalesce(
      retry_after, least(c.backoff * power(2, j.attempt - 1), interval '6 hours') * (0.8 + random() * 0.4)
    ),
    error = left(fail_job.error, 2000), dedupe_key = null, token = null, lease_until = null
  from private.consumers as c
  where j.id = fail_job.job_id and j.token = fail_job.token and j.state::text = 'running' and c.name = j.consumer
  returning j.* into failed;
  if failed.run_at <= now() + interval '1 minute' or (failed.state = 'dead' and failed.order_key is not null) then
    perform private.wake_relay(); -- it soon has another try, or what waited behind it may go on
  end if;
  return failed.state;
end;
$$;

-- Dead letters of the organizations that the caller administers.
create function private.dead_jobs(organization_id uuid) returns table (
  id uuid, consumer text, payload jsonb, attempt integer, error text, created_at timestamptz, finished_at timestamptz
)
language sql stable security definer set search_path = '' as $$
  select j.id, j.consumer, j.payload, j.attempt, j.error, j.created_at, j.finished_at
  from private.jobs as j
  where j.state = 'dead'
    and j.organization_id = dead_jobs.organization_id
    and j.organization_id = any(array(select private.my_organizations('admin')))
  order by j.finished_at desc
  limit 500;
$$;

create function public.dead_jobs(organization_id uuid) returns table (
  id uuid, consumer text, payload jsonb, attempt integer, error text, created_at timestamptz, finished_at timestamptz
)
language sql stable set search_path = '' as $$
  select * from private.dead_jobs(dead_jobs.organization_id);
$$;

-- Gives dead jobs another life with fresh attempts. Returns how many. No ids: all of the organization's.
create function private.retry_dead_jobs(organization_id uuid, ids uuid[] default null) returns integer
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  revived integer;
begin
  update private.jobs as j
  set state = 'waiting', run_at = now(), attempt = 0, finished_at = null
  where j.state = 'dead'
    and j.organization_id = retry_dead_jobs.organization_id
    and j.organization_id = any(array(select private.my_organizations('admin')))
    and (retry_dead_jobs.ids is null or j.id = any (retry_dead_jobs.ids));
  get diagnostics revived = row_count;
  if revived > 0 then
    perform private.wake_relay();
  end if;
  return revived;
end;
$$;

create function public.retry_dead_jobs(organization_id uuid, ids uuid[] default null) returns integer
language sql set search_path = '' as $$
  select private.retry_dead_jobs(retry_dead_jobs.organization_id, retry_dead_jobs.ids);
$$;

-- What an operator looks at first: per consumer how many jobs stand in which state, and how old the oldest due one is.
create function private.queue_status() returns table (
  consumer text, waiting bigint, scheduled bigint, published bigint, running bigint, dead bigint,
  oldest_due_seconds real
)
language sql stable security definer set search_path = '' as $$
  -- State by state, as the indexes are: one of all unfinished jobs would cost each job three entries more.
  select
    c.name, due.jobs, due.later, flight.published, flight.running, coalesce(gone.dead, 0),
    coalesce(extract(epoch from now() - due.since), 0)::real
  from private.consumers as c
  cross join lateral (
    select
      count(*) filter (where j.run_at <= now()) as jobs, count(*) filter (where j.run_at > now()) as later,
      min(j.run_at) filter (where j.run_at <= now()) as since
    from private.jobs as j
    where j.consumer = c.name and j.state = 'waiting'
  ) as due
  cross join lateral (
    select
      count(*) filter (where j.state = 'published') as published,
      count(*) filter (where j.state = 'running') as running
    from private.jobs as j
    where j.consumer = c.name and j.state in ('published', 'running')
  ) as flight
  left join (
    select j.consumer, count(*) as dead from private.jobs as j where j.state = 'dead' group by j.consumer
  ) as gone on gone.consumer = c.name
  order by c.name;
$$;

-- Puts the hourly cleaning in line; one that still waits is enough.
create function private.enqueue_maintenance() returns uuid
language sql security definer set search_path = '' as $$
  select private.enqueue(null, 'maintain', dedupe_key => 'maintain');
$$;
