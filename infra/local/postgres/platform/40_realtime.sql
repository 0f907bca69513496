-- Realtime: messages sent from SQL to private channels, and the policies that say who may hear and speak there.
create schema if not exists realtime;
grant usage on schema realtime to postgres with grant option;
grant usage on schema realtime to anon, authenticated, service_role;
grant all on schema realtime to supabase_realtime_admin with grant option;

-- One row per message sent; policies on it authorise private channels. `extension` is broadcast or presence.
create table if not exists realtime.messages (
  topic text not null,
  extension text not null,
  payload jsonb,
  event text,
  private boolean default false,
  updated_at timestamp not null default timezone('utc', now()),
  inserted_at timestamp not null default timezone('utc', now()),
  id uuid not null default gen_random_uuid(),
  binary_payload bytea,
  primary key (id, inserted_at)
) partition by range (inserted_at);

create index if not exists messages_inserted_at_topic_index on realtime.messages (inserted_at desc, topic)
where extension = 'broadcast' and private is true;

-- Takes what falls on a day without a partition, so that no message is ever refused.
create table if not exists realtime.messages_default partition of realtime.messages default;

alter table realtime.messages enable row level security;
alter table realtime.messages owner to supabase_realtime_admin;
alter table realtime.messages_default owner to supabase_realtime_admin;
grant select, insert, update on realtime.messages to postgres, anon, authenticated, service_role;

-- The channel that the current request is about; what policies on realtime.messages compare with.
create or replace function realtime.topic() returns text
language sql stable as $$
  select nullif(current_setting('realtime.topic', true), '');
$$;

-- Stores one broadcast. A message that cannot be stored is a warning: it never undoes the caller's change.
create or replace function realtime.send(payload jsonb, event text, topic text, private boolean default true)
returns void
language plpgsql as $$
declare
  message_id uuid := gen_random_uuid();
begin
  perform set_config('realtime.topic', send.topic, true);
  insert into realtime.messages (id, payload, event, topic, private, extension)
  values (
    message_id,
    case when send.payload ? 'id' then send.payload else jsonb_set(send.payload, '{id}', to_jsonb(message_id)) end,
    send.event, send.topic, send.private, 'broadcast'
  );
exception when others then
  raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end;
$$;

-- The same for bytes, which reach clients that speak protocol 2.0.0.
create or replace function realtime.send_binary(payload bytea, event text, topic text, private boolean default true)
returns void
language plpgsql as $$
begin
  perform set_config('realtime.topic', send_binary.topic, true);
  insert into realtime.messages (binary_payload, event, topic, private, extension)
  values (send_binary.payload, send_binary.event, send_binary.topic, send_binary.private, 'broadcast');
exception when others then
  raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end;
$$;

-- For row triggers: sends the change itself, old row and new.
create or replace function realtime.broadcast_changes(
  topic_name text, event_name text, operation text, table_name text, table_schema text, new record, old record,
  level text default 'ROW'
) returns void
language plpgsql as $$
begin
  if level = 'STATEMENT' then
    raise exception 'Failed to process the row: function can only be triggered for each row, not for each statement';
  elsif operation is null or operation not in ('INSERT', 'UPDATE', 'DELETE') then
    raise exception 'Failed to process the row: Unexpected operation type: %', operation;
  end if;
  perform realtime.send(
    jsonb_build_object(
      'old_record', old, 'record', new, 'operation', operation, 'table', table_name, 'schema', table_schema
    ),
    event_name, topic_name
  );
end;
$$;

-- Makes the daily partitions from yesterday to `ahead` days from now, and drops those that ended over 72 hours ago.
-- It would rather fail, and be called again, than make senders queue behind its locks.
create or replace function realtime.keep_partitions(ahead integer default 3) returns void
language plpgsql set search_path = '' set lock_timeout = '500ms' as $$
declare
  today constant date := timezone('utc', now())::date;
  day date;
  leaf text;
begin
  for day in select today + n from generate_series(-1, ahead) as n loop
    leaf := 'messages_' || to_char(day, 'YYYY_MM_DD');
    continue when to_regclass(format('realtime.%I', leaf)) is not null;
    execute format('create table realtime.%I (like realtime.messages including defaults)', leaf);
    -- Moved before it is attached: inside the publication the move would look like new messages.
    execute format(
      'with moved as (delete from realtime.messages_default where inserted_at >= %L and inserted_at < %L returning *) '
      'insert into realtime.%I (topic, extension, payload, event, private, updated_at, inserted_at, id, binary_payload) '
      'select topic, extension, payload, event, private, updated_at, inserted_at, id, binary_payload from moved',
      day, day + 1, leaf
    );
    execute format(
      'alter table realtime.messages attach partition realtime.%I for values from (%L) to (%L)', leaf, day, day + 1
    );
    execute format('alter table realtime.%I owner to supabase_realtime_admin', leaf);
  end loop;
  for leaf in
    select c.relname from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'realtime.messages'::regclass and c.relname ~ '^messages_\d{4}_\d{2}_\d{2}$'
      and to_date(substr(c.relname, 10), 'YYYY_MM_DD') < today - 3
  loop
    execute format('drop table realtime.%I', leaf);
  end loop;
  delete from realtime.messages_default where inserted_at < today - 3;
end;
$$;

-- Runs `query`, which answers with one integer[], as each caller: `role` with claims[n]. Only answers that are not null
-- come back, and null for a caller whose policies raised an error: one caller's policies cannot silence the others.
drop function if exists realtime.who_sees(text, text, text[]);
create or replace function realtime.who_sees(query text, role text, claims text[])
returns table (n integer, answer integer[])
language plpgsql as $$
begin
  if exists (select from pg_catalog.pg_prepared_statements where name = 'realtime_ask') then
    deallocate realtime_ask;
  end if;
  n := 0;
  -- The block is entered anew after an error only: a savepoint for each caller would cost more than the question.
  while n < cardinality(claims) loop
    begin
      if not exists (select from pg_catalog.pg_prepared_statements where name = 'realtime_ask') then
        -- Prepared as the caller's role, whose rights count from the first look at the names.
        perform set_config('role', who_sees.role, true);
        execute 'prepare realtime_ask as ' || query;
      end if;
      while n < cardinality(claims) loop
        n := n + 1;
        perform set_config('role', who_sees.role, true), set_config('request.jwt.claims', claims[n], true);
        execute 'execute realtime_ask' into answer;
        continue when answer is null;
        return next;
      end loop;
    exception when others then
      if n = 0 or sqlstate = '42501' then
        -- Not even prepared, which is so for every caller; or the role lacks the right, which all of its callers do.
        raise log 'RlsPolicyError: %', sqlerrm;
        exit when n = 0;
      else
        raise warning 'RlsPolicyError: %', sqlerrm;
        answer := null;
        return next;
      end if;
    end;
    perform set_config('role', 'none', true);
  end loop;
  perform set_config('role', 'none', true);
end;
$$;

-- Returns once the write-ahead log is flushed past `since`, at the latest after `patience` seconds; says how far it is.
-- `hurry` is for servers that commit without flushing: it has what was written flushed now.
drop function if exists realtime.wait_for_wal(pg_lsn, double precision, boolean);
create or replace function realtime.wait_for_wal(
  since pg_lsn, patience double precision, hurry boolean, pause double precision
)
returns pg_lsn
language plpgsql as $$
declare
  give_up constant timestamptz := clock_timestamp() + make_interval(secs => patience);
  reached pg_lsn;
begin
  loop
    reached := pg_current_wal_flush_lsn();
    exit when reached > since or clock_timestamp() >= give_up;
    if hurry and pg_current_wal_insert_lsn() > reached then
      perform pg_logical_emit_message(true, 'realtime', '');  -- this transaction's own commit is flushed, and all before
      exit;
    end if;
    perform pg_sleep(pause);
  end loop;
  return reached;
end;
$$;

do $$
declare
  signature text;
begin
  foreach signature in array array[
    'topic()', 'send(jsonb, text, text, boolean)', 'send_binary(bytea, text, text, boolean)',
    'broadcast_changes(text, text, text, text, text, record, record, text)', 'keep_partitions(integer)',
    'who_sees(text, text, text[])', 'wait_for_wal(pg_lsn, double precision, boolean, double precision)'
  ] loop
    execute format('alter function realtime.%s owner to supabase_realtime_admin', signature);
  end loop;
  revoke execute on function realtime.keep_partitions(integer),
    realtime.who_sees(text, text, text[]),
    realtime.wait_for_wal(pg_lsn, double precision, boolean, double precision) from public;
  if not exists (select from pg_publication where pubname = 'supabase_realtime_messages_publication') then
    create publication supabase_realtime_messages_publication for table realtime.messages
    with (publish = 'insert', publish_via_partition_root = true);
    alter publication supabase_realtime_messages_publication owner to supabase_realtime_admin;
  end if;
  perform realtime.keep_partitions();
end;
$$;
