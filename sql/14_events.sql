-- What happened: append-only, written by triggers in the transaction of the change.

-- What makes a cursor too old: then clients read everything anew.
create table private.event_epoch (
  only_row boolean primary key default true check (only_row),
  -- Raised by a restore: cursors of the time before it are refused.
  epoch integer not null default 1,
  -- Events up to this transaction may have been deleted.
  forgotten xid8 not null default '0'
);
insert into private.event_epoch default values;

create table public.events (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  -- (txid, seq) orders events so that a reader can tell which ones can no longer appear before its cursor.
  txid xid8 not null default pg_current_xact_id(),
  seq bigint not null generated always as identity,
  type text not null references private.event_types (type),
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
language plpgsql security definer set search_path = '' as $$
declare
  event_id uuid;
begin
  insert into public.events (organization_id, type, subject_id, data, audience, ticket_id, actor_id)
  values (
    emit.organization_id, emit.type, emit.subject_id, emit.data, emit.audience, emit.ticket_id, private.actor_id()
  )
  returning id into event_id;
  return event_id;
end;
$$;

create function private.events_epoch() returns table (epoch integer, forgotten xid8)
language sql stable security definer set search_path = '' rows 1 as $$
  select e.epoch, e.forgotten from private.event_epoch as e;
$$;

-- To be called after a restore, before clients are let in: cursors of the time before are refused from now on. In a
-- restored dump events carry transactions of another cluster; what lies in this one's future would stay provisional.
create function private.begin_epoch() returns integer
language plpgsql security definer set search_path = '' as $$
declare
  begun integer;
begin
  update private.event_epoch as e set epoch = e.epoch + 1, forgotten = '0' returning e.epoch into begun;
  update public.events set txid = '2' where txid >= pg_current_xact_id();
  return begun;
end;
$$;

-- Every visible event after the cursor, oldest first, and the cursor to give next time. Without a cursor: from now on.
--
-- A transaction that is still open may yet commit an event with a smaller (txid, seq) than one already visible. So the
-- cursor moves only up to the oldest open transaction (the horizon); what lies above it is provisional and is handed
-- out again. A client
--   reads again at once while `more`,
--   reads again soon while `provisional` (some of what it got will come again), or when it is told of an event,
--   drops repeats by id.
--
-- The cursor is epoch:txid:seq, where everything up to (txid, seq) has been handed out and nothing can appear before
-- it any more. While there are more events above the horizon than fit in an answer, a second txid:seq says how far the
-- reading got; after the last page it falls away, and reading begins again at the first.
create function public.events_since(organization_id uuid, cursor text default null, max_events integer default 500)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  -- Both from one snapshot, that of the calling statement: a stable function has no other.
  horizon constant xid8 := pg_snapshot_xmin(pg_current_snapshot());
  page_size constant integer := least(greatest(coalesce(max_events, 500), 1), 1000);
  is_member constant boolean := events_since.organization_id in (select private.my_organizations());
  known record;
  parts text[];
  base_txid xid8;   -- settled up to here
  base_seq bigint;
  place_txid xid8;  -- the page begins after here
  place_seq bigint;
  reach_txid xid8;  -- and ends here, where it was cut
  reach_seq bigint;
  fetched integer;
  cut boolean;
  page jsonb;
  again boolean;
begin
  select * into known from private.events_epoch();
  if cursor is null then
    return jsonb_build_object(
      'events', '[]'::jsonb, 'cursor', concat_ws(':', known.epoch, horizon, 0), 'provisional', false, 'more', false
    );
  end if;
  if cursor !~ '^[0-9]{1,9}(:[0-9]{1,19}:[0-9]{1,18}){1,2}$' then
    raise exception 'not a cursor: %', left(cursor, 60)
      using errcode = '22023', hint = 'Take the one from the last answer.';
  end if;
  parts := string_to_array(cursor, ':');
  base_txid := parts[2];
  base_seq := parts[3];
  place_txid := coalesce(parts[4], parts[2]);
  place_seq := coalesce(parts[5], parts[3]);
  if parts[1]::integer <> known.epoch
    or base_txid < known.forgotten
    or place_txid > pg_snapshot_xmax(pg_current_snapshot())
  then
    raise exception 'the cursor is from before a restore, or older than the events that are kept'
      using errcode = 'PT410', hint = 'Load everything anew, and begin without a cursor.';
  end if;

  select
    coalesce(jsonb_agg(to_jsonb(e) - 'txid' - 'seq' order by e.txid, e.seq), '[]'),
    count(*),
    (array_agg(e.txid order by e.txid desc, e.seq desc))[1],
    (array_agg(e.seq order by e.txid desc, e.seq desc))[1]
  into page, fetched, reach_txid, reach_seq
  from (
    (
      select e.id, e.type, e.subject_id, e.ticket_id, e.audience, e.actor_id, e.data, e.created_at, e.txid, e.seq
      from public.events as e
      where is_member
        and e.organization_id = events_since.organization_id
        and (e.txid, e.seq) > (place_txid, place_seq)
      order by e.txid, e.seq
      limit page_size
    )
    union all
    -- A contact's few among the organization's many: ticket by ticket.
    (
      select e.id, e.type, e.subject_id, e.ticket_id, e.audience, e.actor_id, e.data, e.created_at, e.txid, e.seq
      from public.tickets as t
      cross join lateral (
        select * from public.events as e
        where e.ticket_id = t.id and (e.txid, e.seq) > (place_txid, place_seq)
        order by e.txid, e.seq
        limit page_size
      ) as e
      where not is_member
        and t.organization_id = events_since.organization_id
        and t.contact_id = any(array(select private.my_contacts()))
      order by e.txid, e.seq
      limit page_size
    )
  ) as e;
  cut := fetched = page_size;

  if parts[4] is not null then
    -- A later page: the earlier ones are from older snapshots, so what is settled by now was not all in them.
    again := true;
  elsif cut and reach_txid < horizon then
    base_txid := reach_txid;
    base_seq := reach_seq;
    again := false;
  else
    again := reach_txid >= horizon;
    if base_txid < horizon then
      base_txid := horizon;
      base_seq := 0;
    end if;
  end if;
  return jsonb_build_object(
    'events', page,
    'cursor', concat_ws(
      ':', known.epoch, base_txid, base_seq,
      case when cut and again then reach_txid end, case when cut and again then reach_seq end
    ),
    'provisional', coalesce(again, false),
    'more', cut
  );
end;
$$;
