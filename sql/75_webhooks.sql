-- Webhooks out: who wants to be told what, how it is doing, and with which secrets it is signed to.

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'webhook.disabled', 'webhook_endpoint', 'agents',
  'An endpoint was disabled by pgdesk: it answered 410 Gone, or failed only, for 120 hours. What waits for it is kept.',
  '{
    "reason": {"$ref": "#/$defs/reason"},
    "failing_since": {"$ref": "#/$defs/instant_or_null"}
  }',
  false,
  '{"reason": "every attempt failed for 120 hours", "failing_since": "2026-11-16T09:30:00+00:00"}'
);

-- Does a list of filters want an event of this type? `*` wants all, `ticket.*` all that begin with `ticket.`.
create function private.wants_event(filters text[], type text) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select exists (
    select from unnest(wants_event.filters) as f
    where f in ('*', wants_event.type) or (right(f, 2) = '.*' and starts_with(wants_event.type, left(f, -1)))
  );
$$;

create function private.are_event_filters(filters text[]) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select cardinality(are_event_filters.filters) between 1 and 100 and (
    select bool_and(f is not null and f ~ '^(\*|[a-z_]+(\.[a-z_]+)*(\.\*)?)$')
    from unnest(are_event_filters.filters) as f
  );
$$;

create table public.webhook_endpoints (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  -- What it may be beyond that is judged by the functions, each time they connect (kit/safe_http.py).
  url text not null check (
    url ~* '^https?://[^/?#@\\[:space:]]' and url !~ '[[:space:][:cntrl:]]' and length(url) <= 2000
  ),
  description text not null default '' check (length(description) <= 500),
  event_types text[] not null default '{*}' check (private.are_event_filters(event_types)),
  -- One after the other, in the order in which the events were recorded; the first that fails holds up the rest.
  is_ordered boolean not null default false,
  -- False: ids only, the receiver fetches the rest. True: the event's data too.
  has_data boolean not null default false,
  created_by uuid references auth.users (id) on delete set null,
  -- Disabled: it is sent nothing, and events pass it by; what waited already goes on once this is null again.
  disabled_at timestamptz,
  disabled_because text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  check ((disabled_at is null) = (disabled_because is null))
);
create index webhook_endpoints_created_by_idx on public.webhook_endpoints (created_by);

-- How an endpoint is doing. Apart from it, so that what happens at every attempt waits for no one who changes it.
create table public.webhook_health (
  endpoint_id uuid primary key,
  organization_id uuid not null,
  -- Attempts that failed since the last that did not; from the fifth on the circuit is open.
  failures integer not null default 0,
  failing_since timestamptz,
  last_failure_at timestamptz,
  last_success_at timestamptz,
  -- Nothing is sent before; then one delivery tries whether the endpoint is back.
  paused_until timestamptz,
  paused_because text,
  -- How often the circuit was opened again without a success: each time for twice as long.
  pauses integer not null default 0,
  -- The attempt at a job that sends to it, for as long; one at a time. Queued: a job is on its way.
  worker uuid,
  busy_until timestamptz,
  queued_until timestamptz,
  foreign key (organization_id, endpoint_id)
  references public.webhook_endpoints (organization_id, id) on delete cascade
) with (fillfactor = 50);
create index webhook_health_endpoint_idx on public.webhook_health (organization_id, endpoint_id);

-- Encrypted by the functions; shown once, when made.
create table private.webhook_secrets (
  id uuid primary key,
  organization_id uuid not null,
  endpoint_id uuid not null,
  sealed bytea not null,
  key_version integer not null,
  created_at timestamptz not null default now(),
  -- Replaced: still signs until then, beside its successor.
  expires_at timestamptz,
  foreign key (organization_id, endpoint_id)
  references public.webhook_endpoints (organization_id, id) on delete cascade
);
create index webhook_secrets_endpoint_idx on private.webhook_secrets (organization_id, endpoint_id);

create trigger webhook_endpoints_touch before update on public.webhook_endpoints
for each row execute function private.touch();

create function private.keep_webhook_endpoint() returns trigger
language plpgsql set search_path = '' as $$
begin
  if new.disabled_at is null then
    new.disabled_because := null;
  elsif old.disabled_at is null then
    new.disabled_at := now();
    new.disabled_because := coalesce(new.disabled_because, 'a member disabled it');
  end if;
  return new;
end;
$$;

create trigger webhook_endpoints_keep before update of disabled_at on public.webhook_endpoints
for each row execute function private.keep_webhook_endpoint();

-- A filter that no event can ever match is a slip of the pen, and would be noticed only by what does not come.
create function private.check_event_filters() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  unknown text;
begin
  select f into unknown
  from unnest(new.event_types) as f
  where not exists (select from private.event_types as t where private.wants_event(array[f], t.type));
  if found then
    raise exception 'event_types: no event is called %', unknown
      using errcode = '23514', hint = 'The function event_types lists them all.';
  end if;
  return null;
end;
$$;

-- After, so that what is no filter at all is refused as such.
create trigger webhook_endpoints_check after insert or update of event_types on public.webhook_endpoints
for each row execute function private.check_event_filters();

-- A new endpoint, one that is enabled again and one that moved begin in good health.
create function private.renew_webhook_health() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.webhook_health (endpoint_id, organization_id) values (new.id, new.organization_id)
  on conflict (endpoint_id) do update
  set failures = 0, failing_since = null, last_failure_at = null, paused_until = null, paused_because = null,
    pauses = 0;
  perform private.wake_relay();
  return null;
end;
$$;

create trigger webhook_endpoints_begin after insert on public.webhook_endpoints
for each row execute function private.renew_webhook_health();
create trigger webhook_endpoints_renew after update of url, disabled_at on public.webhook_endpoints
for each row when (new.disabled_at is null) execute function private.renew_webhook_health();

-- For the functions, in a caller's name: raises unless the caller administers the organization.
create function private.check_webhook_admin(organization_id uuid) returns void
language plpgsql stable security definer set search_path = '' as $$
begin
  if not check_webhook_admin.organization_id = any(array(select private.my_organizations('admin'))) then
    raise exception 'webhooks are for admins of the organization' using errcode = '42501';
  end if;
end;
$$;

-- The organization of an endpoint that the caller administers.
create function private.administered_webhook(endpoint_id uuid) returns uuid
language plpgsql stable security definer set search_path = '' as $$
declare
  found_in uuid;
begin
  select e.organization_id into found_in
  from public.webhook_endpoints as e
  where e.id = administered_webhook.endpoint_id
    and e.organization_id = any(array(select private.my_organizations('admin')));
  if found_in is null then
    raise exception 'no endpoint % that you administer', endpoint_id using errcode = 'PT404';
  end if;
  return found_in;
end;
$$;

-- An endpoint with its first secret, made by an admin through the functions, which encrypted the secret.
create function private.add_webhook_endpoint(
  organization_id uuid, url text, description text, event_types text[], is_ordered boolean, has_data boolean,
  secret_id uuid, sealed bytea, key_version integer
) returns public.webhook_endpoints
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  most constant integer := 50;
  added public.webhook_endpoints;
begin
  perform private.check_webhook_admin(add_webhook_endpoint.organization_id);
  if (
    select count(*) from public.webhook_endpoints as e where e.organization_id = add_webhook_endpoint.organization_id
  ) >= most then
    raise exception 'an organization has at most % webhook endpoints', most using errcode = '54000';
  end if;
  insert into public.webhook_endpoints (
    organization_id, url, description, event_types, is_ordered, has_data, created_by
  )
  values (
    add_webhook_endpoint.organization_id, add_webhook_endpoint.url, add_webhook_endpoint.description,
    add_webhook_endpoint.event_types, add_webhook_endpoint.is_ordered, add_webhook_endpoint.has_data,
    (select auth.uid())
  )
  returning * into added;
  insert into private.webhook_secrets (id, organization_id, endpoint_id, sealed, key_version)
  values (
    add_webhook_endpoint.secret_id, added.organization_id, added.id, add_webhook_endpoint.sealed,
    add_webhook_endpoint.key_version
  );
  return added;
end;
$$;

-- A new secret beside the old one, which signs for another 24 hours. Returns when it ends.
create function private.rotate_webhook_secret(
  endpoint_id uuid, secret_id uuid, sealed bytea, key_version integer
) returns timestamptz
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  organization uuid := private.administered_webhook(rotate_webhook_secret.endpoint_id);
  ends constant timestamptz := now() + interval '24 hours';
begin
  -- One rotation at a time, so that none leaves another's secret without an end.
  perform from public.webhook_endpoints as e where e.id = rotate_webhook_secret.endpoint_id for no key update;
  delete from private.webhook_secrets as s
  where s.endpoint_id = rotate_webhook_secret.endpoint_id and s.expires_at < now();
  update private.webhook_secrets as s set expires_at = least(s.expires_at, ends)
  where s.endpoint_id = rotate_webhook_secret.endpoint_id;
  insert into private.webhook_secrets (id, organization_id, endpoint_id, sealed, key_version)
  values (
    rotate_webhook_secret.secret_id, organization, rotate_webhook_secret.endpoint_id, rotate_webhook_secret.sealed,
    rotate_webhook_secret.key_version
  );
  return ends;
end;
$$;
