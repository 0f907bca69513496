-- What happened: append-only, written by triggers in the transaction of the change.

-- Raised by a restore: cursors of the time before it are refused, so that clients read everything anew.
create table private.event_epoch (
  only_row boolean primary key default true check (only_row),
  epoch integer not null default 1
);
insert into private.event_epoch default values;

create table public.events (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  -- (txid, seq) orders events so that a reader can tell which ones can no longer appear before its cursor.
  txid xid8 not null default pg_current_xact_id(),
  seq bigint not null generated always as identity,
  type text not null check (type ~ '^[a-z_]+(\.[a-z_]+)+$'),
  subject_id uuid not null,
  ticket_id uuid,
  -- agents: members only; contact: the ticket's contact may know too.
  audience text not null default 'agents' check (audience in ('agents', 'contact')),
  actor_id uuid,
  -- Ids, changed fields, never bodies.
  data jsonb not null default '{}',
  created_at timestamptz not null default now()
);
create index events_cursor_idx on public.events (organization_id, txid, seq);
create index events_ticket_idx on public.events (ticket_id, txid, seq) where ticket_id is not null;
create index events_created_at_idx on public.events (created_at);

-- Records an event. Called by triggers, which take the organization from the row that changed.
create function private.emit(
  organization_id uuid, type text, subject_id uuid, data jsonb default '{}', audience text default 'agents',
  ticket_id uuid default null
) returns uuid
language sql security definer set search_path = '' as $$
  insert into public.events (organization_id, type, subject_id, data, audience, ticket_id, actor_id)
  values (
    emit.organization_id, emit.type, emit.subject_id, emit.data, emit.audience, emit.ticket_id, (select auth.uid())
  )
  returning id;
$$;

-- Every visible event after the cursor, oldest first.
--
-- A transaction that is still open may yet commit an event with a smaller (txid, seq) than one already visible. So the
-- cursor moves only below the oldest open transaction; events above it are handed out as provisional, and come again:
-- drop repeats by id, and read again while `provisional` is true. `more` says that the limit cut the answer.
create function public.events_since(organization_id uuid, cursor text default null, max_events integer default 500)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  current_epoch integer := (select private.events_epoch());
  parts text[] := string_to_array(cursor, ':');
  horizon xid8 := pg_snapshot_xmin(pg_current_snapshot());
  after_txid xid8;
  after_seq bigint;
  page jsonb;
  settled jsonb;
  fetched integer;
begin
  if cursor is null then
    -- From now on. What was committed above the horizon is handed out by the first read.
    return jsonb_build_object(
      'events', '[]'::jsonb, 'cursor', concat_ws(':', current_epoch, horizon, 0), 'provisional', false, 'more', false
    );
  end if;
  if cursor !~ '^\d{1,9}:\d{1,19}:\d{1,18}$' then
    raise exception 'not a cursor: %', left(cursor, 60) using errcode = '22023', hint = 'Take the one from the last answer.';
  end if;
  if parts[1]::integer <> current_epoch then
    raise exception 'the cursor is from before a restore' using errcode = '22023', hint = 'Load everything anew, without a cursor.';
  end if;
  after_txid := parts[2]::xid8;
  after_seq := parts[3]::bigint;
  select
    coalesce(jsonb_agg(to_jsonb(e) - 'txid' - 'seq' order by e.txid, e.seq), '[]'),
    (array_agg(jsonb_build_array(e.txid::text, e.seq) order by e.txid desc, e.seq desc)
      filter (where e.txid < horizon))[1],
    count(*)
  into page, settled, fetched
  from (
    select id, type, subject_id, ticket_id, audience, actor_id, data, created_at, txid, seq
    from public.events as e
    where e.organization_id = events_since.organization_id
      and (e.txid, e.seq) > (after_txid, after_seq)
    order by e.txid, e.seq
    limit least(greatest(max_events, 1), 1000)
  ) as e;
  return jsonb_build_object(
    'events', page,
    'cursor', case when settled is null then cursor else concat_ws(':', current_epoch, settled ->> 0, settled ->> 1) end,
    'provisional', exists (
      select from public.events as e
      where e.organization_id = events_since.organization_id and e.txid >= horizon and (e.txid, e.seq) > (after_txid, after_seq)
    ),
    'more', fetched = least(greatest(max_events, 1), 1000)
  );
end;
$$;

create function private.events_epoch() returns integer
language sql stable security definer set search_path = '' as $$
  select epoch from private.event_epoch;
$$;
