-- How much a caller may ask for in a minute.

-- What an organization may where it is not the default. Set by whoever runs the desk, not by the organization.
create table private.rate_limits (
  organization_id uuid primary key references public.organizations (id) on delete cascade,
  -- For each of its members, by themselves.
  user_writes integer not null default 100 check (user_writes > 0),
  user_reads integer not null default 1000 check (user_reads > 0),
  -- For all of its API keys together: more keys are not more requests.
  key_writes integer not null default 100 check (key_writes > 0),
  key_reads integer not null default 1000 check (key_reads > 0),
  -- For each visitor of its widgets, and how many of them may begin a chat.
  visitor_writes integer not null default 20 check (visitor_writes > 0),
  visitor_reads integer not null default 300 check (visitor_reads > 0),
  chats integer not null default 300 check (chats > 0)
);

-- What was taken in a bucket in its latest minute. Unlogged: nothing is lost with it, and a crash locks nobody out.
create unlogged table private.rate_counts (
  bucket text primary key,
  minute timestamptz not null,
  taken integer not null
) with (fillfactor = 50);

-- Takes one of `allowed` from the bucket's minute. Null where there was one; else the seconds until there are new ones,
-- 1 to 60. Any other minute than the noted one begins anew, so a clock that steps, either way, locks nobody out longer.
-- In a transaction that is undone nothing is taken; while it lasts, the bucket's other takers wait for it.
create function private.take_rate(bucket text, allowed integer) returns integer
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  present constant timestamptz := date_trunc('minute', clock_timestamp());
begin
  insert into private.rate_counts as c (bucket, minute, taken) values (take_rate.bucket, present, 1)
  on conflict (bucket) do update
  set minute = present, taken = case when c.minute = present then c.taken + 1 else 1 end
  where c.minute <> present or c.taken < take_rate.allowed;
  if found then
    return null;
  end if;
  return greatest(1, ceil(60 - extract(epoch from clock_timestamp() - present)));
end;
$$;

-- The same for a read, whose transaction may not write: counted by this database session for itself, in one of 256
-- settings, which the bucket shares with whichever other falls on the same one. So it never refuses what is allowed;
-- what it lets through grows with the number of sessions.
create function private.take_read(bucket text, allowed integer) returns integer
language plpgsql set search_path = '' as $$
declare
  slot constant text := 'pgdesk.reads_' || (hashtext(bucket) & 255);
  present constant timestamptz := date_trunc('minute', clock_timestamp());
  -- Minute, bucket and what was taken, an array as text.
  noted constant text[] := nullif(current_setting(slot, true), '');
  taken constant integer := case when noted[1] = present::text and noted[2] = bucket then noted[3] else '0' end;
begin
  if taken >= allowed then
    return greatest(1, ceil(60 - extract(epoch from clock_timestamp() - present)));
  end if;
  perform set_config(slot, array[present::text, bucket, (taken + 1)::text]::text, false);
  return null;
end;
$$;

-- Takes a write or a read, by the limits that are given or the usual ones. What reads through PostgREST cannot write.
create function private.take(bucket text, is_read boolean, writes integer, reads integer) returns integer
language plpgsql set search_path = '' as $$
begin
  return case
    when not is_read then private.take_rate(bucket, coalesce(writes, 100))
    when current_setting('transaction_read_only')::boolean then private.take_read(bucket, coalesce(reads, 1000))
    else private.take_rate('reads of ' || bucket, coalesce(reads, 1000))
  end;
end;
$$;

-- The same for a user, whose limits are the widest of their organizations'.
create function private.take_for_user(user_id uuid, is_read boolean) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  writes integer;
  reads integer;
begin
  select max(l.user_writes), max(l.user_reads) into writes, reads
  from public.members as m
  join private.rate_limits as l on l.organization_id = m.organization_id
  where m.user_id = take_for_user.user_id;
  return private.take(concat('user ', user_id), is_read, writes, reads);
end;
$$;

-- Ends the request with an answer of its own, as PostgREST understands it.
create function private.refuse(status integer, code text, message text, hint text, headers jsonb) returns void
language plpgsql set search_path = '' as $$
begin
  raise sqlstate 'PGRST' using
    message = jsonb_build_object('code', code, 'message', message, 'hint', hint)::text,
    detail = jsonb_build_object('status', status, 'headers', headers)::text;
end;
$$;

-- Lets a request with a key's token in, if the key is good still and has the scope for what is asked for. Returns the
-- key's organization.
create function private.admit_key() returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  asked constant text := btrim(current_setting('request.path', true), '/');
  is_read constant boolean := current_setting('request.method', true) in ('GET', 'HEAD');
  key public.api_keys;
  scope text;
begin
  select * into key from private.my_key();
  if key.id is null then
    perform private.refuse(
      401, 'PT401', 'the API key of this token was revoked or has expired', 'Make a new key.',
      '{"WWW-Authenticate": "Bearer error=\"invalid_token\""}'
    );
  end if;
  if asked = '' then
    return key.organization_id; -- the list of what there is
  end if;
  select case when is_read then s.reads else s.writes end into scope
  from private.key_scopes as s
  where s.resource = asked;
  if scope is null then
    perform private.refuse(
      403, 'PT403', format('no API key may %s /%s', case when is_read then 'read' else 'write to' end, asked),
      'This is for people who sign in.', '{"WWW-Authenticate": "Bearer error=\"insufficient_scope\""}'
    );
  end if;
  if not private.covers(key.scopes, scope) then
    perform private.refuse(
      403, 'PT403', format('this API key lacks the scope %s', scope), 'Make a key that has it.', jsonb_build_object(
        'WWW-Authenticate', format('Bearer error="insufficient_scope", scope="%s"', scope)
      )
    );
  end if;
  return key.organization_id;
end;
$$;

-- Lets a visitor's request in, if it is for what visitors may have.
create function private.admit_visitor() returns void
language plpgsql security definer set search_path = '' as $$
declare
  asked constant text := btrim(current_setting('request.path', true), '/');
  is_read constant boolean := current_setting('request.method', true) in ('GET', 'HEAD');
begin
  if not exists (select from private.visitor_rights as r where r.resource = asked)
    or not (asked like 'rpc/%' or is_read)
  then
    perform private.refuse(
      403, 'PT403', format('a visitor may not %s /%s', case when is_read then 'read' else 'write to' end, asked), 'This is for people who sign in.',
      '{"WWW-Authenticate": "Bearer error=\"insufficient_scope\""}'
    );
  end if;
end;
$$;

-- What PostgREST calls before each request (pgrst.db_pre_request), in the request's transaction: is a key's token still
-- good and its scope enough, and is the caller within its limits? The service role, and the functions' own roles, are
-- not asked.
create function private.before_request() returns void
language plpgsql security definer set search_path = '' as $$
declare
  role constant text := current_setting('role', true);
  is_read constant boolean := current_setting('transaction_read_only')::boolean;
  organization uuid;
  address inet;
  writes integer;
  reads integer;
  wait integer;
begin
  case role
    when 'pgdesk_api_key' then
      organization := private.admit_key();
      select l.key_writes, l.key_reads into writes, reads
      from private.rate_limits as l
      where l.organization_id = organization;
      wait := private.take('keys ' || organization, is_read, writes, reads);
    when 'pgdesk_visitor' then
      perform private.admit_visitor();
      select l.visitor_writes, l.visitor_reads into writes, reads
      from private.rate_limits as l
      where l.organization_id = private.try_uuid(private.visitor_claim('organization_id'));
      wait := private.take(
        'visitor ' || private.visitor_claim('visitor_id'), is_read, coalesce(writes, 20), coalesce(reads, 300)
      );
    when 'authenticated' then
      wait := private.take_for_user((select auth.uid()), is_read);
    when 'anon' then
      address := private.caller_ip(private.try_jsonb(current_setting('request.headers', true)));
      if address is not null then
        wait := private.take('address ' || host(address), is_read, null, null);
      end if;
    else
  end case;
  if wait is not null then
    perform private.refuse(
      429, 'PT429', 'too many requests in this minute', format('Try again in %s s.', wait),
      jsonb_build_object('Retry-After', wait::text)
    );
  end if;
end;
$$;
