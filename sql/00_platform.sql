-- What the rest of the schema stands on: schemas, the functions' role, keys, clocks.

create schema if not exists private;
comment on schema private is 'What no client needs: queues, definer helpers. Never exposed by the API.';

-- Nothing is executable by default: each function is granted beside its policies.
alter default privileges revoke execute on functions from public;

-- The Lambda functions' login. It obeys row-level security; its password is set at deployment.
do $$
begin
  if not exists (select from pg_roles where rolname = 'pgdesk_functions') then
    create role pgdesk_functions login noinherit;
  end if;
end;
$$;

-- Their transactions are a few statements; one that takes longer than this holds others up.
alter role pgdesk_functions set statement_timeout = '20s';
alter role pgdesk_functions set lock_timeout = '10s';

-- The role of the short tokens with which the functions keep and fetch files. It has what anon has, because only the
-- platform can grant on schema storage, and the policies on storage.objects that are written for it.
do $$
begin
  if not exists (select from pg_roles where rolname = 'pgdesk_files') then
    create role pgdesk_files nologin inherit;
  end if;
end;
$$;
grant anon to pgdesk_files;
grant pgdesk_files to authenticator;

-- A time-ordered key (RFC 9562, version 7): 48 bits of milliseconds, 12 bits of the millisecond's fraction (method 3
-- of section 6.2), 62 random bits. Keys made in one database sort in the order of their making, to the microsecond.
-- In plpgsql, as what runs many times in a transaction is: a function in SQL is planned anew by each statement.
create function private.uuid7(at timestamptz default clock_timestamp()) returns uuid
language plpgsql volatile parallel safe set search_path = '' as $$
declare
  us constant bigint := extract(epoch from at) * 1000000;
begin
  return encode(
    int8send(((us / 1000) << 16) | 28672 | ((us % 1000) * 4096 / 1000))
      || substring(uuid_send(gen_random_uuid()) from 9),
    'hex'
  )::uuid;
end;
$$;

-- The smallest version 7 key of an instant: where a range of keys by time begins.
create function private.uuid7_floor(at timestamptz) returns uuid
language sql immutable parallel safe set search_path = '' as $$
  select encode(
    int8send((floor(extract(epoch from at) * 1000)::bigint << 16) | 28672) || '\x8000000000000000'::bytea, 'hex'
  )::uuid;
$$;

-- Keeps updated_at. Attached to every table whose rows change.
create function private.touch() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.updated_at := now();
  return new;
end;
$$;

-- A client's text as uuid, or null: policies and topics must never raise on odd input.
create function private.try_uuid(value text) returns uuid
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  if value ~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then
    return value::uuid;
  end if;
  return null;
end;
$$;

-- An address as it is compared and kept: trimmed, lower case.
create function private.normal_email(value text) returns text
language sql immutable parallel safe set search_path = '' as $$
  select lower(btrim(value));
$$;
