-- Webhooks out: what is to be told to whom, what was tried, and what became of it.

insert into private.consumers (name, in_flight, lease, max_attempts) values ('deliver', 20, '3 minutes', 8);

create type public.webhook_state as enum (
  'waiting',   -- to be sent at next_attempt_at, and again after a failure
  'delivered', -- the endpoint answered 2xx
  'failed'     -- given up: attempts used up, or 410
);

create table public.webhook_deliveries (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null,
  endpoint_id uuid not null,
  -- Null: a test. No foreign key: what was delivered is told for as long as the row is kept.
  event_id uuid,
  event_type text not null,
  -- The body as it is signed and sent, at every attempt the same bytes.
  payload text not null,
  state public.webhook_state not null default 'waiting',
  -- Attempts since it was queued or replayed.
  tries smallint not null default 0,
  next_attempt_at timestamptz default now(),
  -- Of the last attempt; the others stand in webhook_attempts.
  status integer,
  error text,
  trace_id uuid,
  created_at timestamptz not null default now(),
  delivered_at timestamptz,
  unique (organization_id, id),
  -- An event is told to an endpoint once.
  unique (endpoint_id, event_id),
  foreign key (organization_id, endpoint_id)
  references public.webhook_endpoints (organization_id, id) on delete cascade
);
create index webhook_deliveries_log_idx on public.webhook_deliveries (organization_id, endpoint_id, id);
create index webhook_deliveries_due_idx on public.webhook_deliveries (endpoint_id, next_attempt_at)
where state = 'waiting';
create index webhook_deliveries_order_idx on public.webhook_deliveries (endpoint_id, id) where state = 'waiting';

create table public.webhook_attempts (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null,
  delivery_id uuid not null,
  started_at timestamptz not null,
  ms integer not null,
  -- Null: there was no answer, `error` says why.
  status integer,
  error text,
  -- The first of what was answered, at most 1,000 characters. Anyone may have written it.
  response text,
  foreign key (organization_id, delivery_id)
  references public.webhook_deliveries (organization_id, id) on delete cascade
);
create index webhook_attempts_delivery_idx on public.webhook_attempts (organization_id, delivery_id, id);

-- The body of a webhook: `{type, timestamp, data}` of Standard Webhooks, every id with its prefix.
create function private.webhook_body(type text, happened_at timestamptz, data jsonb) returns text
language sql stable set search_path = '' as $$
  select json_build_object(
    'type', webhook_body.type,
    'timestamp', to_char(webhook_body.happened_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'data', webhook_body.data
  )::text;
$$;

-- What an event's webhooks say: ids only, or the event's own data too.
create function private.event_body(event public.events, has_data boolean) returns text
language sql stable set search_path = '' as $$
  select private.webhook_body(event.type, event.created_at, jsonb_build_object(
    'event_id', public.typed_id('event', event.id),
    'organization_id', public.typed_id('organization', event.organization_id),
    'subject_id', public.typed_id(
      (select t.subject from private.event_types as t where t.type = event.type), event.subject_id
    ),
    'ticket_id', public.typed_id('ticket', event.ticket_id),
    'actor_id', public.typed_id('user', event.actor_id)
  ) || case when has_data then jsonb_build_object('details', private.with_typed_ids(event.data)) else '{}' end);
$$;

-- A delivery for each endpoint that wants the event, in the transaction of the change. It takes no lock that another
-- change would wait for; the relay finds what is due.
create function private.fan_out_event() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.webhook_deliveries (organization_id, endpoint_id, event_id, event_type, payload, trace_id)
  select
    new.organization_id, e.id, new.id, new.type, private.event_body(new, e.has_data),
    private.try_uuid(current_setting('app.trace_id', true))
  from public.webhook_endpoints as e
  where e.organization_id = new.organization_id
    and e.disabled_at is null
    and private.wants_event(e.event_types, new.type);
  if found then
    perform private.wake_relay();
  end if;
  return null;
end;
$$;

create trigger events_fan_out after insert on public.events
for each row execute function private.fan_out_event();

-- When the next attempt for an endpoint is due: where order is kept, that of the first in line. Null: nothing waits.
create function private.next_webhook_at(endpoint public.webhook_endpoints) returns timestamptz
language plpgsql stable security definer set search_path = '' as $$
declare
  next_at timestamptz;
begin
  if endpoint.is_ordered then
    select d.next_attempt_at into next_at
    from public.webhook_deliveries as d
    where d.endpoint_id = endpoint.id and d.state = 'waiting'
    order by d.id
    limit 1;
  else
    select d.next_attempt_at into next_at
    from public.webhook_deliveries as d
    where d.endpoint_id = endpoint.id and d.state = 'waiting'
    order by d.next_attempt_at
    limit 1;
  end if;
  return next_at;
end;
$$;

-- A job for every endpoint that has something due and no one at work on it. The relay calls it before it claims: so
-- events of a busy minute share a job, and those who cause them never meet.
create function private.queue_webhooks() returns void
language plpgsql security definer set search_path = '' as $$
declare
  reached uuid := '00000000-0000-0000-0000-000000000000';
  due record;
begin
  loop
    -- From endpoint to endpoint by index, however much waits for each.
    select d.endpoint_id, d.organization_id, d.next_attempt_at, d.trace_id into due
    from public.webhook_deliveries as d
    where d.state = 'waiting' and d.endpoint_id > reached
    order by d.endpoint_id, d.next_attempt_at
    limit 1;
    exit when not found;
    reached := due.endpoint_id;
    continue when due.next_attempt_at > now();
    -- Whoever holds the row is ending its work, and wakes the relay again.
    update public.webhook_health as h
    set queued_until = now() + interval '1 minute'
    where h.endpoint_id in (
      select f.endpoint_id from public.webhook_health as f
      join public.webhook_endpoints as e on e.id = f.endpoint_id
      where f.endpoint_id = reached
        and e.disabled_at is null
        and coalesce(greatest(f.paused_until, f.busy_until, f.queued_until) <= now(), true)
        and (not e.is_ordered or private.next_webhook_at(e) <= now())
      for no key update of f skip locked
    );
    if found then
      insert into private.jobs (organization_id, consumer, payload, dedupe_key, trace_id)
      values (
        due.organization_id, 'deliver', jsonb_build_object('endpoint_id', reached), reached::text,
        coalesce(due.trace_id, gen_random_uuid())
      )
      on conflict (organization_id, consumer, dedupe_key) where state = 'waiting' and dedupe_key is not null
      do update set run_at = excluded.run_at;
    end if;
  end loop;
end;
$$;

-- Takes an endpoint to send to it: one worker at a time. No row: another is at it, or it is not to be sent to now.
create function private.begin_webhooks(endpoint_id uuid, worker uuid) returns table (url text, is_ordered boolean)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  update public.webhook_health as h
  set worker = begin_webhooks.worker, busy_until = now() + interval '90 seconds', queued_until = null
  from public.webhook_endpoints as e
  where h.endpoint_id = begin_webhooks.endpoint_id
    and e.id = h.endpoint_id
    and e.organization_id = (select private.current_organization())
    and e.disabled_at is null
    and coalesce(h.paused_until <= now(), true)
    and coalesce(h.busy_until <= now(), true)
  returning e.url, e.is_ordered into url, is_ordered;
  if found then
    return next;
  end if;
end;
$$;

-- What the worker may send next, besides what it has in hand: `room` at most; one where order is kept, or where the
-- endpoint has failed so often that a single one tries whether it is back.
create function private.claim_webhooks(endpoint_id uuid, worker uuid, in_hand uuid[], room integer) returns table (
  id uuid, event_type text, payload text, tries smallint, trace_id uuid, created_at timestamptz
)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  place record;
begin
  select h.failures, e.is_ordered into place
  from public.webhook_health as h
  join public.webhook_endpoints as e on e.id = h.endpoint_id
  where h.endpoint_id = claim_webhooks.endpoint_id
    and h.worker = claim_webhooks.worker
    and e.organization_id = (select private.current_organization())
    and e.disabled_at is null
    and coalesce(h.paused_until <= now(), true);
  if not found or (place.is_ordered or place.failures >= 5) and cardinality(in_hand) > 0 then
    return;
  end if;
  if place.is_ordered then
    return query
    select d.id, d.event_type, d.payload, d.tries, d.trace_id, d.created_at
    from (
      select f.* from public.webhook_deliveries as f
      where f.endpoint_id = claim_webhooks.endpoint_id and f.state = 'waiting'
      order by f.id
      limit 1
    ) as d
    where d.next_attempt_at <= now();
  else
    return query
    select d.id, d.event_type, d.payload, d.tries, d.trace_id, d.created_at
    from public.webhook_deliveries as d
    where d.endpoint_id = claim_webhooks.endpoint_id
      and d.state = 'waiting'
      and d.next_attempt_at <= now()
      and d.id <> all (in_hand)
    order by d.next_attempt_at, d.id
    limit case when place.failures >= 5 then 1 else room end;
  end if;
end;
$$;

-- When the next attempt follows after the one with this number failed, before chance: 5 s, 5 min, 30 min, 2 h, 5 h,
-- 10 h, 14 h, 20 h, 24 h, as Standard Webhooks proposes. Null: none does.
create function private.webhook_retry_after(attempt integer) returns interval
language sql immutable parallel safe set search_path = '' as $$
  select (array[5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400])[webhook_retry_after.attempt]
    * interval '1 second';
$$;

-- Up to a fifth more or less, so that what failed together does not come back together.
create function private.jittered(wait interval) returns interval
language sql volatile set search_path = '' as $$
  select jittered.wait * (0.8 + random() * 0.4);
$$;

-- Disables an endpoint for what it did, and tells the members.
create function private.disable_webhook(endpoint public.webhook_endpoints, reason text, failing_since timestamptz)
returns void
language plpgsql security definer set search_path = '' as $$
begin
  update public.webhook_endpoints as e
  set disabled_at = now(), disabled_because = disable_webhook.reason
  where e.id = endpoint.id and e.disabled_at is null;
  if found then
    perform private.emit(
      endpoint.organization_id, 'webhook.disabled', endpoint.id,
      jsonb_build_object('reason', disable_webhook.reason, 'failing_since', disable_webhook.failing_since)
    );
  end if;
end;
$$;

-- Notes attempts in the order in which they ended: [{id, started_at, ms, status, error, response, retry_after}], with
-- retry_after in seconds. Decides what becomes of each delivery and of the endpoint. `is_last`: the worker is done, the
-- endpoint is free, and a job follows when something is due. `trouble`: it could not send at all, for a reason that is
-- not the endpoint's; it is tried again in a minute.
--
-- Raises where the worker is no longer the endpoint's: then another sends the same again, under the same webhook-id.
create function private.record_webhooks(
  endpoint_id uuid, worker uuid, attempts jsonb, is_last boolean, trouble text default null
) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  opens_at constant integer := 5;
  first_pause constant interval := '30 seconds';
  longest_pause constant interval := '1 hour';
  -- Failures that lie further apart than any two attempts at one delivery are not one outage.
  forgiven_after constant interval := '48 hours';
  patience constant interval := '120 hours';
  endpoint public.webhook_endpoints;
  health public.webhook_health;
  seen record;
  waits boolean := false;
  next_at timestamptz;
begin
  -- The endpoint before its health, as those who change it do.
  select * into endpoint from public.webhook_endpoints as e
  where e.id = record_webhooks.endpoint_id and e.organization_id = (select private.current_organization())
  for no key update;
  select * into health from public.webhook_health as h where h.endpoint_id = endpoint.id for no key update;
  if health.worker is distinct from record_webhooks.worker then
    raise exception 'endpoint % is no longer held by this worker', endpoint_id using errcode = 'PD001';
  end if;

  insert into public.webhook_attempts (organization_id, delivery_id, started_at, ms, status, error, response)
  select d.organization_id, d.id, a.started_at, a.ms, a.status, a.error, left(a.response, 1000)
  from jsonb_to_recordset(attempts) as a (
    id uuid, started_at timestamptz, ms integer, status integer, error text, response text
  )
  join public.webhook_deliveries as d on d.id = a.id and d.endpoint_id = endpoint.id;

  update public.webhook_deliveries as d
  set state = o.becomes, tries = d.tries + 1, status = o.status, error = o.error,
    delivered_at = case when o.becomes = 'delivered' then now() end,
    next_attempt_at = case when o.becomes = 'waiting' then now() + greatest(
      private.jittered(private.webhook_retry_after(d.tries + 1)),
      -- Too many, or a gateway in trouble: not at once, even if it does not say how long.
      case when o.status in (429, 502, 504) then private.jittered(interval '1 minute') end,
      case when o.retry_after > 0 then least(o.retry_after, 86400) * interval '1 second' end
    ) end
  from (
    select
      a.id, a.status, a.error, a.retry_after,
      case
        when a.status between 200 and 299 then 'delivered'::public.webhook_state
        when a.status = 410 or private.webhook_retry_after(w.tries + 1) is null then 'failed'
        else 'waiting'
      end as becomes
    from jsonb_to_recordset(attempts) as a (id uuid, status integer, error text, retry_after double precision)
    join public.webhook_deliveries as w on w.id = a.id
  ) as o
  where d.id = o.id and d.endpoint_id = endpoint.id and d.state = 'waiting';

  with ended as (
    select
      a.started_at, a.status, a.status is not null and a.status between 200 and 299 as is_good, a.retry_after, a.place
    from rows from (
      jsonb_to_recordset(attempts) as (started_at timestamptz, status integer, retry_after double precision)
    ) with ordinality as a (started_at, status, retry_after, place)
  ), last_good as (
    select max(place) as place from ended where is_good
  )
  select
    count(*) as attempts,
    count(*) filter (where e.place > coalesce(l.place, 0)) as failures,
    min(e.started_at) filter (where e.place > coalesce(l.place, 0)) as failing_since,
    coalesce(bool_or(e.is_good), false) as has_success,
    coalesce(bool_or(not e.is_good), false) as has_failure,
    coalesce(bool_or(e.status = 410), false) as is_gone,
    -- Not for the one delivery alone: the endpoint asks to be left in peace.
    max(least(e.retry_after, extract(epoch from longest_pause)) * interval '1 second')
      filter (where e.retry_after > 0 and e.status in (429, 502, 503, 504)) as asked
  into seen
  from ended as e
  cross join last_good as l;

  if seen.has_success then
    health.failures := 0;
    health.failing_since := null;
    health.last_success_at := now();
    health.paused_until := null;
    health.paused_because := null;
    health.pauses := 0;
  end if;
  if seen.failures > 0 then
    if health.last_failure_at < now() - forgiven_after then
      health.failing_since := null;
    end if;
    health.failing_since := coalesce(health.failing_since, seen.failing_since);
    health.failures := health.failures + seen.failures;
  end if;
  if seen.has_failure then
    health.last_failure_at := now();
  end if;
  if seen.failures > 0 and health.failures >= opens_at and coalesce(health.paused_until <= now(), true) then
    health.paused_until := now()
      + private.jittered(least(first_pause * power(2, least(health.pauses, 10)), longest_pause));
    health.paused_because := health.failures || ' attempts failed in a row';
    health.pauses := health.pauses + 1;
  end if;
  if now() + seen.asked > coalesce(health.paused_until, now()) then
    health.paused_until := now() + seen.asked;
    health.paused_because := 'the endpoint asked to wait';
  end if;
  if trouble is not null then
    health.paused_until := greatest(health.paused_until, now() + interval '1 minute');
    health.paused_because := left(trouble, 300);
  end if;

  if seen.is_gone then
    perform private.disable_webhook(endpoint, 'it answered 410 Gone', health.failing_since);
  elsif seen.failures > 0 and health.failing_since <= now() - patience then
    perform private.disable_webhook(endpoint, 'every attempt failed for 120 hours', health.failing_since);
  end if;

  if is_last then
    next_at := private.next_webhook_at(endpoint);
    waits := next_at is not null;
    next_at := greatest(next_at, health.paused_until);
  end if;
  update public.webhook_health as h
  set failures = health.failures, failing_since = health.failing_since, last_failure_at = health.last_failure_at,
    last_success_at = health.last_success_at, paused_until = health.paused_until,
    paused_because = health.paused_because, pauses = health.pauses,
    worker = case when not is_last then health.worker end,
    busy_until = case when not is_last then now() + interval '90 seconds' end,
    queued_until = case when next_at <= now() then now() + interval '1 minute' end
  where h.endpoint_id = endpoint.id;

  if is_last then
    if waits then
      perform private.enqueue(
        endpoint.organization_id, 'deliver', jsonb_build_object('endpoint_id', endpoint.id), greatest(next_at, now()),
        endpoint.id::text
      );
    end if;
    -- In any case: what was committed this moment found the endpoint busy.
    perform private.wake_relay();
  end if;
end;
$$;

-- Queues deliveries again that the caller administers, with all their attempts before them, and lets the endpoint be
-- tried at once. Returns how many.
create function private.replay_webhooks(
  endpoint_id uuid, delivery_id uuid default null, since timestamptz default null, until timestamptz default null,
  only_failed boolean default false
) returns integer
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  replayed integer;
begin
  -- The endpoint's health before its deliveries, as its worker does.
  update public.webhook_health as h
  set paused_until = null, paused_because = null
  where h.endpoint_id = replay_webhooks.endpoint_id
    and h.organization_id = any(array(select private.my_organizations('admin')));
  update public.webhook_deliveries as d
  set state = 'waiting', tries = 0, next_attempt_at = now(), delivered_at = null
  where d.organization_id = any(array(select private.my_organizations('admin')))
    and d.endpoint_id = replay_webhooks.endpoint_id
    and (replay_webhooks.delivery_id is null or d.id = replay_webhooks.delivery_id)
    and (replay_webhooks.since is null or d.created_at >= replay_webhooks.since)
    and (replay_webhooks.until is null or d.created_at < replay_webhooks.until)
    and (not only_failed or d.state = 'failed');
  get diagnostics replayed = row_count;
  if replayed > 0 then
    perform private.wake_relay();
  end if;
  return replayed;
end;
$$;

-- Sends one delivery again, whatever became of it: the same body under the same webhook-id.
create function public.replay_webhook(delivery_id uuid) returns void
language plpgsql set search_path = '' as $$
declare
  endpoint uuid := (select d.endpoint_id from public.webhook_deliveries as d where d.id = replay_webhook.delivery_id);
begin
  if endpoint is null or private.replay_webhooks(endpoint, replay_webhook.delivery_id) = 0 then
    raise exception 'no delivery % that you administer', delivery_id using errcode = 'PT404';
  end if;
end;
$$;

-- Sends everything again that an endpoint was to be told from `since` on and before `until`. Returns how many.
create function public.replay_webhooks(endpoint_id uuid, since timestamptz, until timestamptz default now())
returns integer
language plpgsql set search_path = '' as $$
begin
  if since is null or until is null or until < since then
    raise exception 'a range of time is from `since` to `until`' using errcode = '22023';
  end if;
  return private.replay_webhooks(replay_webhooks.endpoint_id, since => since, until => until);
end;
$$;

-- Sends again what was given up. Returns how many.
create function public.replay_failed_webhooks(endpoint_id uuid) returns integer
language sql set search_path = '' as $$
  select private.replay_webhooks(replay_failed_webhooks.endpoint_id, only_failed => true);
$$;

-- Sends `webhook.test`. Returns the delivery, in whose log one sees what came of it.
create function private.send_test_webhook(endpoint_id uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  endpoint public.webhook_endpoints;
  delivery uuid;
begin
  select * into endpoint from public.webhook_endpoints as e
  where e.id = send_test_webhook.endpoint_id
    and e.organization_id = any(array(select private.my_organizations('admin')));
  if endpoint.id is null then
    raise exception 'no endpoint % that you administer', endpoint_id using errcode = 'PT404';
  elsif endpoint.disabled_at is not null then
    raise exception 'the endpoint is disabled: %', endpoint.disabled_because
      using errcode = 'PT409', hint = 'Enable it first.';
  end if;
  update public.webhook_health as h set paused_until = null, paused_because = null where h.endpoint_id = endpoint.id;
  insert into public.webhook_deliveries (organization_id, endpoint_id, event_type, payload, trace_id)
  values (
    endpoint.organization_id, endpoint.id, 'webhook.test',
    private.webhook_body('webhook.test', now(), jsonb_build_object(
      'organization_id', public.typed_id('organization', endpoint.organization_id),
      'endpoint_id', public.typed_id('endpoint', endpoint.id)
    )),
    gen_random_uuid()
  )
  returning id into delivery;
  perform private.wake_relay();
  return delivery;
end;
$$;

create function public.send_test_webhook(endpoint_id uuid) returns uuid
language sql set search_path = '' as $$
  select private.send_test_webhook(send_test_webhook.endpoint_id);
$$;
