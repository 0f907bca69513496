-- API keys: programs that act for an organization. And so: for which organizations a caller may act, and who it is.

-- What a key's token is in the database: a member's rights, narrowed by the key's scopes (98_key_scopes.sql).
do $$
begin
  if not exists (select from pg_roles where rolname = 'pgdesk_api_key') then
    create role pgdesk_api_key nologin inherit;
  end if;
end;
$$;
grant authenticated to pgdesk_api_key;
grant pgdesk_api_key to authenticator;

create table public.api_keys (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 100),
  -- The secret's beginning, by which people recognise a key.
  prefix text not null check (prefix ~ '^pgd_[0-9a-f]{8}$'),
  -- To write in an area is to read in it, too.
  scopes text[] not null check (
    cardinality(scopes) > 0
    and scopes <@ array[
      'tickets:read', 'tickets:write', 'mail:send', 'contacts:read', 'contacts:write', 'knowledge:read',
      'knowledge:write', 'organization:read', 'events:read', 'webhooks:manage'
    ]
  ),
  -- It can do what a member of this role can, as far as its scopes go.
  role public.member_role not null default 'agent' check (role <> 'owner'),
  created_by uuid references auth.users (id) on delete set null,
  -- When it last got a token, to the minute.
  last_used_at timestamptz,
  expires_at timestamptz,
  revoked_at timestamptz,
  created_at timestamptz not null default now()
);
create index api_keys_organization_idx on public.api_keys (organization_id);
create index api_keys_created_by_idx on public.api_keys (created_by);

-- Apart from what people read. The secret is 244 random bits: a plain hash is as good as a slow one, and is looked up
-- by an index, whose timing tells nothing about a hash that nobody can choose.
create table private.api_key_secrets (
  sha256 bytea primary key check (length(sha256) = 32),
  api_key_id uuid not null unique references public.api_keys (id) on delete cascade
);

-- The key that the caller's token was given for; null for everyone else. (In plpgsql, as actor_id is: all events ask.)
create function private.my_key_id() returns uuid
language plpgsql stable set search_path = '' as $$
begin
  if current_setting('role', true) = 'pgdesk_api_key' then
    return private.try_uuid((select auth.jwt()) ->> 'key_id');
  end if;
  return null;
end;
$$;

-- That key, while it is good: a key that is revoked ends with all tokens that are out. (In plpgsql, which keeps its
-- plan: each request of a key asks several times.)
create function private.my_key() returns setof public.api_keys
language plpgsql stable security definer set search_path = '' rows 1 as $$
begin
  return query
  select k.*
  from public.api_keys as k
  where k.id = private.my_key_id() and k.revoked_at is null and (k.expires_at is null or k.expires_at > now());
end;
$$;

-- May a key with these scopes do this?
create function private.covers(scopes text[], scope text) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select scope = any (scopes) or (right(scope, 5) = ':read' and left(scope, -4) || 'write' = any (scopes));
$$;

-- May the caller's key?
create function private.key_allows(scope text) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  return exists (select from private.my_key() as k where private.covers(k.scopes, key_allows.scope));
end;
$$;

-- Who acts: a user, or a key. Null for the functions.
create function private.actor_id() returns uuid
language plpgsql stable set search_path = '' as $$
begin
  return coalesce((select auth.uid()), (select private.my_key_id()));
end;
$$;

-- The organizations in which the caller is a member of at least the given role, or for which its key acts. Where one
-- asks for a second factor, members come with it or not at all. Policies wrap it in array(select …), so that it runs
-- once per statement.
create function private.my_organizations(at_least public.member_role default 'viewer') returns setof uuid
language sql stable security definer set search_path = '' rows 3 as $$
  select m.organization_id
  from public.members as m
  where m.user_id = (select auth.uid()) and m.role >= at_least
    and (
      (select auth.jwt()) ->> 'aal' = 'aal2'
      or not exists (select from private.strict_organizations as s where s.organization_id = m.organization_id)
    )
  union all
  select k.organization_id from private.my_key() as k
  where current_setting('role', true) = 'pgdesk_api_key' and k.role >= at_least;
$$;

-- Makes a key and tells its secret, which is kept nowhere: it can be seen this once. Only people make keys.
create function private.create_api_key(
  organization_id uuid, name text, scopes text[], role public.member_role, expires_at timestamptz
) returns jsonb
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  mine constant public.member_role := private.my_role(create_api_key.organization_id);
  secret constant text := 'pgd_' || encode(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()), 'hex');
  made public.api_keys;
begin
  if mine is null or mine < 'admin' then
    raise exception 'only admins make API keys' using errcode = '42501';
  end if;
  if create_api_key.role > mine then
    raise exception 'a member with role % cannot make a key with role %', mine, create_api_key.role
      using errcode = '42501';
  end if;
  if create_api_key.expires_at <= now() then
    raise exception 'the key would have expired already: expires_at is %', create_api_key.expires_at
      using errcode = '22023';
  end if;
  insert into public.api_keys (organization_id, name, prefix, scopes, role, created_by, expires_at)
  values (
    create_api_key.organization_id, create_api_key.name, left(secret, 12),
    array(select distinct unnest(create_api_key.scopes) order by 1), create_api_key.role, (select auth.uid()),
    create_api_key.expires_at
  )
  returning * into made;
  insert into private.api_key_secrets (sha256, api_key_id) values (sha256(secret::bytea), made.id);
  return to_jsonb(made) || jsonb_build_object('secret', secret);
end;
$$;

create function public.create_api_key(
  organization_id uuid, name text, scopes text[], role public.member_role default 'agent',
  expires_at timestamptz default null
) returns jsonb
language sql set search_path = '' as $$
  select private.create_api_key(
    create_api_key.organization_id, create_api_key.name, create_api_key.scopes, create_api_key.role,
    create_api_key.expires_at
  );
$$;

-- Ends a key at once and for good.
create function private.revoke_api_key(api_key_id uuid) returns public.api_keys
language plpgsql security definer set search_path = '' as $$
declare
  ended public.api_keys;
begin
  update public.api_keys as k
  set revoked_at = coalesce(k.revoked_at, now())
  where k.id = revoke_api_key.api_key_id and k.organization_id in (select private.my_organizations('admin'))
  returning k.* into ended;
  if ended.id is null then
    raise exception 'there is no API key % that you may revoke', revoke_api_key.api_key_id using errcode = 'PT404';
  end if;
  return ended;
end;
$$;

create function public.revoke_api_key(api_key_id uuid) returns public.api_keys
language sql set search_path = '' as $$
  select * from private.revoke_api_key(revoke_api_key.api_key_id);
$$;

-- Who brings a secret of this hash? No row for one that is unknown, revoked or expired. Notes the use, once a minute.
create function private.open_api_key(sha256 bytea)
returns table (id uuid, organization_id uuid, scopes text[], expires_at timestamptz)
language plpgsql security definer set search_path = '' rows 1 as $$
#variable_conflict use_column
begin
  update public.api_keys as k
  set last_used_at = now()
  from private.api_key_secrets as s
  where s.sha256 = open_api_key.sha256
    and k.id = s.api_key_id
    and coalesce(k.last_used_at, '-infinity') not between now() - interval '1 minute' and now()
    and k.revoked_at is null
    and (k.expires_at is null or k.expires_at > now());
  return query
  select k.id, k.organization_id, k.scopes, k.expires_at
  from private.api_key_secrets as s
  join public.api_keys as k on k.id = s.api_key_id
  where s.sha256 = open_api_key.sha256
    and k.revoked_at is null
    and (k.expires_at is null or k.expires_at > now());
end;
$$;
