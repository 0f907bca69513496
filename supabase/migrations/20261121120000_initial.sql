-- sql/00_platform.sql

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


-- sql/10_organizations.sql

-- Organizations, their members, and who is invited.

create type public.member_role as enum ('viewer', 'agent', 'manager', 'admin', 'owner');

create table public.organizations (
  id uuid primary key default private.uuid7(),
  name text not null check (length(btrim(name)) between 1 and 200),
  slug text not null unique check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  -- off: the AI only sorts; draft: it writes for an agent; auto: it sends what it is sure of.
  ai_mode text not null default 'draft' check (ai_mode in ('off', 'draft', 'auto')),
  -- Below this calibrated confidence a human decides.
  ai_threshold real not null default 0.7 check (ai_threshold between 0 and 1),
  language text not null default 'en' check (language ~ '^[a-z]{2,3}$'),
  settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
  -- Its members get in by a second factor only (84_mfa.sql).
  require_mfa boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- Those of them that require_mfa: few or none, which is what rights are asked of at every turn.
create table private.strict_organizations (
  organization_id uuid primary key references public.organizations (id) on delete cascade
);

create table public.members (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  user_id uuid not null references auth.users (id) on delete cascade,
  role public.member_role not null,
  display_name text not null default '' check (length(display_name) <= 200),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, user_id)
);
-- "Where am I a member" is asked by every policy.
create index members_user_id_idx on public.members (user_id, organization_id);

-- Whoever was a member once, by the name they had: what they wrote and solved stays theirs when they have left. Who is
-- in now, and may do what, is told by members alone.
create table public.authors (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  user_id uuid not null,
  name text not null default '' check (length(name) <= 200),
  avatar_path text,
  left_at timestamptz,
  created_at timestamptz not null default now(),
  primary key (organization_id, user_id)
);
create index authors_user_id_idx on public.authors (user_id);

create table public.invitations (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  email text not null check (email = private.normal_email(email) and email like '%_@_%'),
  role public.member_role not null check (role <> 'owner'),
  invited_by uuid references auth.users (id) on delete set null,
  expires_at timestamptz not null default now() + interval '7 days',
  accepted_at timestamptz,
  created_at timestamptz not null default now()
);
create unique index invitations_open_idx on public.invitations (organization_id, email) where accepted_at is null;
create index invitations_invited_by_idx on public.invitations (invited_by);

-- Inviting an address again, because the first invitation expired or got lost, takes the place of the first.
create function private.replace_invitation() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from public.invitations as i
  where i.organization_id = new.organization_id and i.email = new.email and i.accepted_at is null
    -- Who may not invite to this organization replaces nothing there either.
    and private.my_role(new.organization_id) >= 'admin';
  return new;
end;
$$;

create trigger organizations_touch before update on public.organizations
for each row execute function private.touch();
create trigger members_touch before update on public.members
for each row execute function private.touch();

-- The tenant that a Lambda function works for, null outside a job. After a commit the setting reads '' (not null).
create function private.current_organization() returns uuid
language plpgsql stable set search_path = '' as $$
begin
  return nullif(current_setting('app.organization_id', true), '')::uuid;
end;
$$;

-- A new organization with its creator as owner. Any signed-in, not anonymous user may found one.
create function private.create_organization(name text, slug text) returns public.organizations
language plpgsql security definer set search_path = '' as $$
declare
  founded public.organizations;
begin
  if (select auth.uid()) is null or coalesce(((select auth.jwt()) ->> 'is_anonymous')::boolean, false) then
    raise exception 'sign in to found an organization' using errcode = '42501';
  end if;
  insert into public.organizations (name, slug)
  values (create_organization.name, create_organization.slug)
  returning * into founded;
  insert into public.members (organization_id, user_id, role) values (founded.id, (select auth.uid()), 'owner');
  return founded;
end;
$$;

create function public.create_organization(name text, slug text) returns public.organizations
language sql set search_path = '' as $$
  select * from private.create_organization(create_organization.name, create_organization.slug);
$$;

-- Takes up an invitation sent to the caller's confirmed address, as long as its inviter may still give that role.
create function private.accept_invitation(invitation_id uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  taken public.invitations;
begin
  update public.invitations as i
  set accepted_at = now()
  from auth.users as u
  where i.id = accept_invitation.invitation_id
    and u.id = (select auth.uid())
    and u.email_confirmed_at is not null
    and lower(u.email) = i.email
    and i.accepted_at is null
    and i.expires_at > now()
    and exists (
      select from public.members as m
      where m.organization_id = i.organization_id and m.user_id = i.invited_by
        and m.role >= greatest(i.role, 'admin')
    )
  returning i.* into taken;
  if taken.id is null then
    raise exception 'no open invitation % for this user', accept_invitation.invitation_id
      using errcode = 'PT404', hint = 'It may have expired, been used, or name another address.';
  end if;
  insert into public.members (organization_id, user_id, role)
  values (taken.organization_id, (select auth.uid()), taken.role)
  on conflict (organization_id, user_id) do nothing;
  return taken.organization_id;
end;
$$;

create function public.accept_invitation(invitation_id uuid) returns uuid
language sql set search_path = '' as $$
  select private.accept_invitation(accept_invitation.invitation_id);
$$;

-- How the caller is called in an organization. Everybody names themselves; roles are the admins' to change.
create function private.set_display_name(organization_id uuid, display_name text) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  update public.members as m set display_name = btrim(set_display_name.display_name)
  where m.organization_id = set_display_name.organization_id and m.user_id = (select auth.uid());
  if not found then
    raise exception 'you are not a member of this organization' using errcode = '42501';
  end if;
end;
$$;

create function public.set_display_name(organization_id uuid, display_name text) returns void
language sql set search_path = '' as $$
  select private.set_display_name(set_display_name.organization_id, set_display_name.display_name);
$$;

-- The role that the caller has in an organization, null for none: nor has one who came without the second factor that
-- the organization asks for. This and my_organizations (11_api_keys.sql) are the only ways in for members.
create function private.my_role(organization uuid) returns public.member_role
language sql stable security definer set search_path = '' as $$
  select m.role
  from public.members as m
  where m.organization_id = my_role.organization and m.user_id = (select auth.uid())
    and (
      (select auth.jwt()) ->> 'aal' = 'aal2'
      or not exists (select from private.strict_organizations as s where s.organization_id = m.organization_id)
    );
$$;

-- Keeps the name by which a member is remembered: their own in this organization, else that of their profile.
create function private.keep_author() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'DELETE' then
    update public.authors as a set left_at = now()
    where a.organization_id = old.organization_id and a.user_id = old.user_id;
    return null;
  end if;
  insert into public.authors as a (organization_id, user_id, name, avatar_path)
  select new.organization_id, new.user_id, coalesce(nullif(new.display_name, ''), p.name, ''), p.avatar_path
  from (values (new.user_id)) as u (id)
  left join public.profiles as p on p.user_id = u.id
  on conflict (organization_id, user_id) do update
  set name = excluded.name, avatar_path = excluded.avatar_path, left_at = null;
  return null;
end;
$$;

-- No one gives a role above their own, touches someone above them, or leaves an organization without an owner.
create function private.guard_members() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  organization uuid := coalesce(new.organization_id, old.organization_id);
  mine public.member_role := private.my_role(organization);
begin
  if (select auth.uid()) is not null and exists (select from public.organizations where id = organization) then
    -- Null: the caller's own row went in this statement, or while it waited.
    if mine is null or new.role > mine or old.role > mine then
      raise exception 'a member with role % cannot give or take role %', mine, greatest(new.role, old.role)
        using errcode = '42501';
    end if;
  end if;
  if old.role = 'owner' and new.role is distinct from 'owner'
    and exists (select from public.organizations where id = organization)
  then
    -- Owners are counted one change at a time.
    perform from public.organizations where id = organization for no key update;
    if not exists (
      select from public.members
      where organization_id = organization and role = 'owner' and user_id <> old.user_id
    ) then
      raise exception 'an organization needs an owner: name another one first' using errcode = '23514';
    end if;
  end if;
  return coalesce(new, old);
end;
$$;

create trigger invitations_replace before insert on public.invitations
for each row execute function private.replace_invitation();
create trigger members_author after insert or delete or update of display_name on public.members
for each row execute function private.keep_author();
create trigger members_guard before update or delete on public.members
for each row execute function private.guard_members();


-- sql/11_api_keys.sql

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


-- sql/12_teams.sql

-- Teams, and what their members know.

create table public.teams (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 100),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, name)
);

create table public.team_members (
  organization_id uuid not null,
  team_id uuid not null,
  user_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (team_id, user_id),
  foreign key (organization_id, team_id) references public.teams (organization_id, id) on delete cascade,
  foreign key (organization_id, user_id) references public.members (organization_id, user_id) on delete cascade
);
create index team_members_team_idx on public.team_members (organization_id, team_id);
create index team_members_user_idx on public.team_members (organization_id, user_id);

create table public.skills (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 100),
  created_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, name)
);

create table public.member_skills (
  organization_id uuid not null,
  user_id uuid not null,
  skill_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (user_id, skill_id),
  foreign key (organization_id, user_id) references public.members (organization_id, user_id) on delete cascade,
  foreign key (organization_id, skill_id) references public.skills (organization_id, id) on delete cascade
);
create index member_skills_user_idx on public.member_skills (organization_id, user_id);
create index member_skills_skill_idx on public.member_skills (organization_id, skill_id);

-- Which team takes work that asks for a skill.
create table public.team_skills (
  organization_id uuid not null,
  team_id uuid not null,
  skill_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (team_id, skill_id),
  foreign key (organization_id, team_id) references public.teams (organization_id, id) on delete cascade,
  foreign key (organization_id, skill_id) references public.skills (organization_id, id) on delete cascade
);
create index team_skills_team_idx on public.team_skills (organization_id, team_id);
create index team_skills_skill_idx on public.team_skills (organization_id, skill_id);

create trigger teams_touch before update on public.teams
for each row execute function private.touch();


-- sql/13_event_types.sql

-- The event catalogue: every type of event there is, when it happens, and what its data hold. What writes events and
-- what is routed by them refers to it, so no other type can happen; docs/events.md and docs/events.schema.json are made
-- from it (`make docs`).
--
-- A new event is a row, here or beside the `private.emit` that brings it, and again in the migration that brings both.

create table private.event_types (
  type text primary key check (type ~ '^[a-z_]+(\.[a-z_]+)+$'),
  -- What subject_id is the id of: a row of the table with this name in the plural.
  subject text not null,
  -- The widest audience that one of this type may have.
  audience text not null check (audience in ('agents', 'contact')),
  -- When it happens, as a sentence or two.
  happens text not null,
  -- Each property of its data as a JSON Schema. `#/$defs/` is that of docs/events.schema.json: ids by the kind of what
  -- they name, and the same `_or_null`.
  properties json not null default '{}' check (json_typeof(properties) = 'object'),
  -- Data hold some of the properties, not all: those that changed.
  is_partial boolean not null default false,
  -- Data of one such event.
  example json not null default '{}' check (json_typeof(example) = 'object')
);

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'contact.created', 'contact', 'agents',
  'Somebody became a contact: by a first mail, or by a member''s hand.',
  '{}', false, '{}'
),
(
  'ticket.created', 'ticket', 'contact',
  'A ticket was opened, whatever its channel. Its first message follows as an event of its own.',
  '{
    "number": {"type": "integer", "minimum": 1, "description": "its number in the organization"},
    "channel": {"$ref": "#/$defs/channel"},
    "contact_id": {"$ref": "#/$defs/contact_id"}
  }',
  false,
  '{"number": 1042, "channel": "email", "contact_id": "01993f2a-5c00-7b1e-9c41-4f2f0a6d7e10"}'
),
(
  'ticket.status.changed', 'ticket', 'contact',
  'The status changed: by a member, or because a contact wrote again or was answered.',
  '{
    "from": {"$ref": "#/$defs/status"},
    "to": {"$ref": "#/$defs/status"},
    "from_category": {"$ref": "#/$defs/status_category"},
    "to_category": {"$ref": "#/$defs/status_category"}
  }',
  false,
  '{"from": "open", "to": "solved", "from_category": "open", "to_category": "resolved"}'
),
(
  'ticket.assigned', 'ticket', 'agents',
  'The assignee or the team changed; both are told, as they are now. The team hears of it too.',
  '{"assignee_id": {"$ref": "#/$defs/user_id_or_null"}, "team_id": {"$ref": "#/$defs/team_id_or_null"}}',
  false,
  '{"assignee_id": null, "team_id": "01993f2a-5c00-7d33-8a55-0b8a3c1f9e21"}'
),
(
  'ticket.updated', 'ticket', 'agents',
  'Columns of the ticket changed: each that did, with its new value. Of the subject and of custom fields, which are '
  || 'content, only that they changed. Comes beside `ticket.status.changed` and `ticket.assigned`.',
  '{
    "subject": {"type": "null", "description": "it changed; read it from the ticket"},
    "status": {"$ref": "#/$defs/status"},
    "channel": {"$ref": "#/$defs/channel"},
    "priority": {"$ref": "#/$defs/priority"},
    "category_id": {"$ref": "#/$defs/category_id_or_null"},
    "contact_id": {"$ref": "#/$defs/contact_id"},
    "mail_address_id": {"$ref": "#/$defs/mail_address_id_or_null"},
    "team_id": {"$ref": "#/$defs/team_id_or_null"},
    "assignee_id": {"$ref": "#/$defs/user_id_or_null"},
    "language": {"$ref": "#/$defs/language_or_null"},
    "sentiment": {"enum": ["negative", "neutral", "positive", null]},
    "is_spam": {"type": "boolean"},
    "tags": {"type": "array", "items": {"type": "string"}},
    "fields": {"type": "null", "description": "custom fields changed; read them from the ticket"},
    "ai_state": {"enum": ["on", "off"], "description": "off: a human has taken over, no bot posts"},
    "first_response_due_at": {"$ref": "#/$defs/instant_or_null"},
    "next_response_due_at": {"$ref": "#/$defs/instant_or_null"},
    "resolution_due_at": {"$ref": "#/$defs/instant_or_null"},
    "first_responded_at": {"$ref": "#/$defs/instant_or_null"},
    "resolved_at": {"$ref": "#/$defs/instant_or_null"}
  }',
  true,
  '{"priority": "high", "tags": ["vip"]}'
),
(
  'ticket.triaged', 'ticket', 'agents',
  'Triage has looked at a message of the contact. What it set in the ticket follows as `ticket.updated`.',
  '{
    "message_id": {"$ref": "#/$defs/message_id"},
    "category_id": {"$ref": "#/$defs/category_id_or_null", "description": "the best category, taken or not"},
    "confidence": {"$ref": "#/$defs/probability"},
    "abstained": {"type": "boolean", "description": "no category fits: none was taken"},
    "priority": {"$ref": "#/$defs/priority"},
    "is_spam": {"type": "boolean"}
  }',
  false,
  '{
    "message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33", "category_id": "01993f2a-5c00-7e44-93d0-2a7b9c0d1e55",
    "confidence": 0.93, "abstained": false, "priority": "normal", "is_spam": false
  }'
),
(
  'ticket.escalated', 'ticket', 'agents',
  'The AI hands a message to a person: it will not be answered by itself, and the reasons say why.',
  '{
    "draft_id": {"$ref": "#/$defs/draft_id"},
    "message_id": {"$ref": "#/$defs/message_id"},
    "confidence": {"$ref": "#/$defs/probability"},
    "reasons": {"$ref": "#/$defs/reasons"}
  }',
  false,
  '{
    "draft_id": "01993f2a-6f00-7c19-a1b2-8e3d4f5a6b77", "message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33",
    "confidence": 0.31, "reasons": ["human_asked"]
  }'
),
(
  'message.received', 'message', 'contact',
  'A contact wrote, in whatever channel. Members only, while the sender is pending: not known to belong to the ticket.',
  '{
    "seq": {"$ref": "#/$defs/seq"},
    "sender": {"const": "contact"},
    "is_machine": {"type": "boolean", "description": "an auto-reply or the like: never answered"},
    "sender_status": {"$ref": "#/$defs/sender_status"},
    "process": {"type": "boolean", "description": "false: captured to be kept, the AI leaves it alone"}
  }',
  false,
  '{"seq": 1, "sender": "contact", "is_machine": false, "sender_status": "known", "process": true}'
),
(
  'message.sent', 'message', 'contact',
  'A member, the AI or the system wrote to the contact. Whether a mail of it went out is told by `mail.…` events.',
  '{
    "seq": {"$ref": "#/$defs/seq"},
    "sender": {"enum": ["member", "ai", "system"]},
    "is_machine": {"type": "boolean"},
    "sender_status": {"$ref": "#/$defs/sender_status"}
  }',
  false,
  '{"seq": 2, "sender": "ai", "is_machine": false, "sender_status": "known"}'
),
(
  'note.created', 'message', 'agents',
  'An internal note stands in a ticket: written by a member, or kept of a bounce.',
  '{
    "seq": {"$ref": "#/$defs/seq"},
    "sender": {"enum": ["member", "ai", "system"]},
    "is_machine": {"type": "boolean"},
    "sender_status": {"$ref": "#/$defs/sender_status"}
  }',
  false,
  '{"seq": 3, "sender": "member", "is_machine": false, "sender_status": "known"}'
),
(
  'message.moved', 'message', 'agents',
  'A member took a message out of its ticket and opened another with it, or took that back.',
  '{"from_ticket_id": {"$ref": "#/$defs/ticket_id"}, "to_ticket_id": {"$ref": "#/$defs/ticket_id"}}',
  false,
  '{
    "from_ticket_id": "01993f2a-5d00-7f00-8c11-1d2e3f4a5b66", "to_ticket_id": "01993f2b-0100-7e21-9d22-7a8b9c0d1e2f"
  }'
),
(
  'draft.created', 'draft', 'agents',
  'The AI wrote an answer that waits for a person: to be sent as it is, edited or rejected.',
  '{
    "draft_id": {"$ref": "#/$defs/draft_id"},
    "message_id": {"$ref": "#/$defs/message_id"},
    "confidence": {"$ref": "#/$defs/probability"},
    "reasons": {"$ref": "#/$defs/reasons"}
  }',
  false,
  '{
    "draft_id": "01993f2a-6f00-7c19-a1b2-8e3d4f5a6b77", "message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33",
    "confidence": 0.82, "reasons": []
  }'
),
(
  'draft.sent', 'draft', 'agents',
  'The AI answered by itself. The message that went out has its own `message.sent`.',
  '{
    "draft_id": {"$ref": "#/$defs/draft_id"},
    "message_id": {"$ref": "#/$defs/message_id"},
    "confidence": {"$ref": "#/$defs/probability"},
    "reasons": {"$ref": "#/$defs/reasons"}
  }',
  false,
  '{
    "draft_id": "01993f2a-6f00-7c19-a1b2-8e3d4f5a6b77", "message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33",
    "confidence": 0.96, "reasons": []
  }'
),
(
  'article.created', 'article', 'agents',
  'An article was begun; nobody outside sees it yet.',
  '{"version_id": {"$ref": "#/$defs/version_id_or_null"}}',
  false,
  '{"version_id": null}'
),
(
  'article.published', 'article', 'agents',
  'An article can be read by everyone. It is searched as soon as `article.reindexed` follows.',
  '{"version_id": {"$ref": "#/$defs/version_id"}}',
  false,
  '{"version_id": "01993f2a-7000-7b02-8e33-5c6d7e8f9a01"}'
),
(
  'article.updated', 'article', 'agents',
  'A published article has a new version, or another language.',
  '{"version_id": {"$ref": "#/$defs/version_id"}}',
  false,
  '{"version_id": "01993f2a-7100-7a55-9f44-6d7e8f9a0b12"}'
),
(
  'article.unpublished', 'article', 'agents',
  'A published article went back to being a draft: it is no longer read nor found.',
  '{"version_id": {"$ref": "#/$defs/version_id"}}',
  false,
  '{"version_id": "01993f2a-7100-7a55-9f44-6d7e8f9a0b12"}'
),
(
  'article.archived', 'article', 'agents',
  'A published article was put away: it is no longer read nor found.',
  '{"version_id": {"$ref": "#/$defs/version_id"}}',
  false,
  '{"version_id": "01993f2a-7100-7a55-9f44-6d7e8f9a0b12"}'
),
(
  'article.reindexed', 'article', 'agents',
  'What search finds of an article is now this version.',
  '{"version_id": {"$ref": "#/$defs/version_id"}, "previous_version_id": {"$ref": "#/$defs/version_id_or_null"}}',
  false,
  '{
    "version_id": "01993f2a-7100-7a55-9f44-6d7e8f9a0b12",
    "previous_version_id": "01993f2a-7000-7b02-8e33-5c6d7e8f9a01"
  }'
),
(
  'mail.quarantined', 'inbound_mail', 'agents',
  'A mail came in that could not be read or filed. It is kept, and an admin can have it tried again.',
  '{"reason": {"$ref": "#/$defs/reason_or_null"}}',
  false,
  '{"reason": "too many parts"}'
),
(
  'mail.failed', 'outgoing_mail', 'agents',
  'A mail out was refused for good, or the provider took it and could not send it.',
  '{
    "kind": {"$ref": "#/$defs/mail_kind"},
    "message_id": {"$ref": "#/$defs/message_id_or_null"},
    "reason": {"$ref": "#/$defs/reason_or_null"}
  }',
  false,
  '{
    "kind": "reply", "message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33", "reason": "the address is malformed"
  }'
),
(
  'mail.unknown', 'outgoing_mail', 'agents',
  'Whether the provider sent a mail cannot be found out any more. It is not sent again by itself: a person looks.',
  '{
    "kind": {"$ref": "#/$defs/mail_kind"},
    "message_id": {"$ref": "#/$defs/message_id_or_null"},
    "reason": {"$ref": "#/$defs/reason_or_null"}
  }',
  false,
  '{
    "kind": "reply", "message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33",
    "reason": "no try succeeded while the provider remembered its key"
  }'
),
(
  'mail.suppressed', 'outgoing_mail', 'agents',
  'A mail was not sent, on purpose: the address bounced before, or machines would be answering each other. Or the '
    'provider took it and holds it back, because the address is on a list of its own.',
  '{
    "kind": {"$ref": "#/$defs/mail_kind"},
    "message_id": {"$ref": "#/$defs/message_id_or_null"},
    "reason": {"$ref": "#/$defs/reason_or_null"}
  }',
  false,
  '{"kind": "receipt", "message_id": null, "reason": "suppressed address"}'
),
(
  'mail.bounced', 'outgoing_mail', 'agents',
  'A mail came back. Bounce is hard where the address is no good: nothing is sent there any more. Soft: this mail did '
    'not arrive, the next one may.',
  '{
    "kind": {"$ref": "#/$defs/mail_kind"},
    "message_id": {"$ref": "#/$defs/message_id_or_null"},
    "reason": {"$ref": "#/$defs/reason_or_null"},
    "bounce": {"enum": ["hard", "soft"]}
  }',
  false,
  '{
    "kind": "reply", "message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33",
    "reason": "550 5.1.1 there is no such mailbox", "bounce": "hard"
  }'
),
(
  'mail.complained', 'outgoing_mail', 'agents',
  'The recipient of a mail called it spam: nothing is sent there any more.',
  '{
    "kind": {"$ref": "#/$defs/mail_kind"},
    "message_id": {"$ref": "#/$defs/message_id_or_null"},
    "reason": {"$ref": "#/$defs/reason_or_null"}
  }',
  false,
  '{"kind": "reply", "message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33", "reason": null}'
),
(
  'mail.resolved', 'outgoing_mail', 'agents',
  'A person decided about a mail that had failed, or whose fate was unknown.',
  '{
    "kind": {"$ref": "#/$defs/mail_kind"},
    "message_id": {"$ref": "#/$defs/message_id_or_null"},
    "decision": {"enum": ["was_sent", "send_again", "give_up"]}
  }',
  false,
  '{"kind": "reply", "message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33", "decision": "send_again"}'
);

-- What an integrator can listen for.
create function private.list_event_types() returns table (
  type text, subject text, audience text, happens text, properties json, example json
)
language sql stable security definer set search_path = '' as $$
  select e.type, e.subject, e.audience, e.happens, e.properties, e.example
  from private.event_types as e
  order by e.type;
$$;

create function public.event_types() returns table (
  type text, subject text, audience text, happens text, properties json, example json
)
language sql stable set search_path = '' as $$
  select * from private.list_event_types();
$$;


-- sql/14_events.sql

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


-- sql/16_jobs.sql

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


-- sql/17_clocks.sql

-- Work that is SQL alone and comes at its time: SLA clocks, snoozes, reminders. Each is a job of the consumer `clock`.

-- Does what a clock's payload says: {"ring": "sla", …} calls private.ring_sla(payload). Payloads are written by this
-- schema alone. Inside the job's last transaction, so that it happens once.
create function private.ring(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  bell constant text := 'private.ring_' || coalesce(payload ->> 'ring', '');
begin
  if to_regprocedure(format('%s(jsonb)', bell)) is null or bell !~ '^private\.ring_[a-z_]+$' then
    raise exception 'there is no clock "%"', left(payload ->> 'ring', 60) using errcode = '22023';
  end if;
  execute format('select %s($1)', bell) using payload;
end;
$$;


-- sql/18_received_webhooks.sql

-- Webhooks that others send to the functions: which were believed, so that none is believed twice.

create table private.received_webhooks (
  source text not null,
  id text not null check (length(id) between 1 and 255),
  received_at timestamptz not null default now(),
  primary key (source, id)
);
create index received_webhooks_received_at_idx on private.received_webhooks (received_at);

-- Notes a webhook whose signature was found good, in the transaction of its effects. False: it was here before, and
-- there is nothing left to do.
create function private.note_webhook(source text, id text) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  insert into private.received_webhooks (source, id) values (note_webhook.source, note_webhook.id)
  on conflict do nothing;
  return found;
end;
$$;


-- sql/20_contacts.sql

-- The people who write: customers, visitors, subscribers.

create table public.contacts (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  email text check (email = private.normal_email(email) and length(email) <= 320),
  name text not null default '' check (length(name) <= 500),
  language text check (language ~ '^[a-z]{2,3}$'),
  -- A hard bounce or a complaint: nothing is sent there any more.
  suppressed_at timestamptz,
  suppressed_because text,
  -- What was known of it is gone; the row stays for what is counted.
  erased_at timestamptz,
  -- The same person as another contact, who is merged into nobody: what comes for this one is that one's. The row
  -- stays, because its address still finds its way by it.
  merged_into uuid check (merged_into <> id),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, email),
  foreign key (organization_id, merged_into) references public.contacts (organization_id, id)
);
create index contacts_email_idx on public.contacts (email);
create index contacts_merged_idx on public.contacts (organization_id, merged_into);

create trigger contacts_touch before update on public.contacts
for each row execute function private.touch();

-- The contacts that the caller is. A contact is bound to a user only by an address which that user has confirmed, so
-- who merely claims an address sees nothing, and who gives an address up loses sight of its tickets.
create function private.my_contacts() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 2 as $$
begin
  if current_setting('role', true) = 'pgdesk_visitor' then
    -- Whoever came by a widget (62_chat.sql).
    return query
    select v.contact_id from public.visitors as v
    where v.id = private.try_uuid(private.visitor_claim('visitor_id'))
      and v.organization_id = private.try_uuid(private.visitor_claim('organization_id'));
    return;
  end if;
  return query
  select coalesce(c.merged_into, c.id)
  from auth.users as u
  join public.contacts as c on c.email = lower(u.email::text)
  where u.id = (select auth.uid())
    and u.email_confirmed_at is not null
    and not coalesce(u.is_anonymous, false);
end;
$$;

-- The organizations of those contacts.
create function private.my_contact_organizations() returns setof uuid
language sql stable security definer set search_path = '' rows 2 as $$
  select c.organization_id from public.contacts as c where c.id in (select private.my_contacts());
$$;

-- Which of them the caller is in an organization; null for none.
create function private.my_contact_id(organization_id uuid) returns uuid
language sql stable security definer set search_path = '' as $$
  select c.id from public.contacts as c
  where c.organization_id = my_contact_id.organization_id and c.id in (select private.my_contacts());
$$;

-- The desks that the caller writes to, as far as they show themselves to contacts.
create function private.my_desks() returns table (id uuid, name text, slug text, language text)
language sql stable security definer set search_path = '' as $$
  select o.id, o.name, o.slug, o.language
  from public.organizations as o
  where o.id in (select private.my_contact_organizations())
  order by o.name, o.id;
$$;

create function public.my_desks() returns table (id uuid, name text, slug text, language text)
language sql stable set search_path = '' as $$
  select * from private.my_desks();
$$;

-- Makes the signed-in caller a contact of a desk, under their confirmed address, so that they can open a ticket without
-- having mailed before. Anyone may: as anyone may send mail. An organization closes its portal by the setting
-- `portal` = false. Returns the contact.
create function private.become_contact(organization_id uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  contact_id uuid;
begin
  insert into public.contacts as c (organization_id, email, name, source)
  select o.id, lower(u.email::text), left(coalesce(u.raw_user_meta_data ->> 'name', ''), 200), 'portal'
  from auth.users as u
  join public.organizations as o on o.id = become_contact.organization_id
  where u.id = (select auth.uid())
    and u.email_confirmed_at is not null
    and not coalesce(u.is_anonymous, false)
    and coalesce(o.settings ->> 'portal', 'true') <> 'false'
  on conflict do nothing;
  contact_id := private.my_contact_id(become_contact.organization_id);
  if contact_id is null then
    raise exception 'this desk takes no new contacts by its portal, or your address is not confirmed'
      using errcode = '42501';
  end if;
  return contact_id;
end;
$$;

create function public.become_contact(organization_id uuid) returns uuid
language sql set search_path = '' as $$
  select private.become_contact(become_contact.organization_id);
$$;

create function private.announce_contact() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.emit(new.organization_id, 'contact.created', new.id);
  return null;
end;
$$;

create trigger contacts_announce after insert on public.contacts
for each row execute function private.announce_contact();


-- sql/21_companies.sql

-- The companies that contacts belong to, and the domains that their people write from.

create table public.companies (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 200),
  description text not null default '' check (length(description) <= 5000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id)
);
create index companies_name_idx on public.companies (organization_id, name);

create trigger companies_touch before update on public.companies
for each row execute function private.touch();

-- Where anybody can have an address: it says nothing about whom somebody works for.
create function private.is_public_mail_host(domain text) returns boolean
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return domain = any (array[
    '126.com', '163.com', 'aol.com', 'bluewin.ch', 'btinternet.com', 'comcast.net', 'duck.com', 'fastmail.com',
    'freenet.de', 'free.fr', 'gmail.com', 'gmx.at', 'gmx.ch', 'gmx.com', 'gmx.de', 'gmx.net', 'googlemail.com', 'hey.com',
    'hotmail.co.uk', 'hotmail.com', 'hotmail.de', 'hotmail.fr', 'hotmail.it', 'icloud.com', 'laposte.net', 'libero.it',
    'live.com', 'mac.com', 'mail.com', 'mail.ru', 'mailbox.org', 'me.com', 'msn.com', 'naver.com', 'o2.pl', 'onet.pl',
    'orange.fr', 'outlook.com', 'outlook.de', 'outlook.fr', 'pm.me', 'posteo.de', 'proton.me', 'protonmail.com', 'qq.com',
    'rediffmail.com', 'rocketmail.com', 'seznam.cz', 'sfr.fr', 't-online.de', 'tutanota.com', 'uol.com.br', 'verizon.net',
    'virgilio.it', 'wanadoo.fr', 'web.de', 'wp.pl', 'yahoo.co.in', 'yahoo.co.jp', 'yahoo.co.uk', 'yahoo.com', 'yahoo.de',
    'yahoo.fr', 'yandex.com', 'yandex.ru', 'ymail.com', 'zoho.com'
  ]);
end;
$$;

-- Who writes from here belongs to the company.
create table public.company_domains (
  organization_id uuid not null,
  domain text not null
  check (domain ~ '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$' and length(domain) <= 253),
  company_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (organization_id, domain),
  foreign key (organization_id, company_id) references public.companies (organization_id, id) on delete cascade
);
create index company_domains_company_idx on public.company_domains (organization_id, company_id);

alter table public.contacts
add column company_id uuid,
add foreign key (organization_id, company_id)
references public.companies (organization_id, id) on delete set null (company_id);
create index contacts_company_idx on public.contacts (organization_id, company_id);

-- Puts a contact with a new address where its domain belongs, unless somebody has said where it does.
create function private.find_company() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  select d.company_id into new.company_id
  from public.company_domains as d
  where d.organization_id = new.organization_id and d.domain = split_part(new.email, '@', 2);
  return new;
end;
$$;

create trigger contacts_company before insert or update of email on public.contacts
for each row when (new.email is not null and new.company_id is null) execute function private.find_company();

-- Who is there already and belongs to no company is looked through in the background.
create function private.follow_domain() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if private.is_public_mail_host(new.domain) then
    raise exception 'anybody can have an address at %: it is no company''s', new.domain using errcode = '23514';
  end if;
  perform private.enqueue(
    new.organization_id, 'clock', jsonb_build_object('ring', 'company_domain', 'domain', new.domain),
    dedupe_key => 'company_domain:' || new.domain
  );
  return null;
end;
$$;

create trigger company_domains_follow after insert on public.company_domains
for each row execute function private.follow_domain();

create function private.ring_company_domain(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  slice constant integer := 2000;
  seen integer;
  last_id uuid;
begin
  with looked_at as materialized (
    select c.id, c.email, c.company_id
    from public.contacts as c
    where c.organization_id = private.current_organization()
      and c.id > coalesce((payload ->> 'after')::uuid, '00000000-0000-0000-0000-000000000000')
    order by c.id
    limit slice
  ), linked as (
    update public.contacts as c set company_id = d.company_id
    from looked_at as l
    join public.company_domains as d
      on d.organization_id = private.current_organization() and d.domain = payload ->> 'domain'
        and d.domain = split_part(l.email, '@', 2)
    where c.id = l.id and l.company_id is null and c.company_id is null
  )
  select count(*), (array_agg(l.id order by l.id desc))[1] into seen, last_id from looked_at as l;
  if seen = slice then
    perform private.enqueue_own('clock', payload || jsonb_build_object('after', last_id));
  end if;
end;
$$;


-- sql/22_mail_addresses.sql

-- Which address belongs to which organization.

create table public.mail_addresses (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  -- One address has one owner in the whole installation, or mail could not find its way. What follows a `+` is part of
  -- none: nobody can take another's reply addresses.
  address text not null unique check (address = private.normal_email(address) and address ~ '^[^@+\s]+@[^@\s]+$'),
  display_name text not null default '' check (length(display_name) <= 200 and display_name !~ '[\r\n]'),
  team_id uuid,
  is_default boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  foreign key (organization_id, team_id) references public.teams (organization_id, id) on delete set null (team_id)
);
create unique index mail_addresses_default_idx on public.mail_addresses (organization_id) where is_default;
create index mail_addresses_team_idx on public.mail_addresses (organization_id, team_id);

create trigger mail_addresses_touch before update on public.mail_addresses
for each row execute function private.touch();

-- Whose mail is it? `support+anything@x` is `support@x`. One of the few ways across tenants: it gives ids, no rows.
create function private.resolve_address(address text) returns table (organization_id uuid, mail_address_id uuid)
language sql stable security definer set search_path = '' as $$
  select m.organization_id, m.id
  from public.mail_addresses as m
  where m.address = regexp_replace(private.normal_email(resolve_address.address), '\+[^@]*@', '@');
$$;


-- sql/23_custom_fields.sql

-- What an organization wants to know beyond what every desk knows: fields with a type, defined by it, whose values
-- stand in the jsonb column `fields` of contacts, companies and tickets and are checked as they are written.

create table public.custom_fields (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  target text not null check (target in ('contact', 'company', 'ticket')),
  -- What it is called in `fields`.
  key text not null check (key ~ '^[a-z][a-z0-9_]{0,39}$'),
  -- What people read.
  label text not null check (length(btrim(label)) between 1 and 100),
  type text not null
  check (type in ('text', 'number', 'boolean', 'date', 'datetime', 'select', 'multiselect', 'url', 'email', 'phone')),
  -- What may be chosen; of a select and a multiselect alone.
  options text[] not null default '{}'
  check (cardinality(options) <= 200 and array_position(options, null) is null and array_position(options, '') is null),
  -- Forms ask for it. What comes by mail or from a program may lack it.
  is_required boolean not null default false,
  -- A text of a contact, kept encrypted and apart (85_sensitive_fields.sql): never among `fields`.
  is_sensitive boolean not null default false,
  position smallint not null default 0,
  -- No longer in use: its values stay, no new ones are taken.
  archived_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, target, key),
  check (not is_sensitive or (target = 'contact' and type = 'text')),
  check ((type in ('select', 'multiselect')) = (cardinality(options) > 0))
);

alter table public.contacts
add column fields jsonb not null default '{}' check (jsonb_typeof(fields) = 'object');
alter table public.companies
add column fields jsonb not null default '{}' check (jsonb_typeof(fields) = 'object');

-- A number as people write it, by its digits and a plus.
create function private.is_phone(value text) returns boolean
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return value ~ '^\+?[0-9 ()./-]{5,30}$' and length(regexp_replace(value, '[^0-9]', '', 'g')) between 5 and 15;
end;
$$;

-- What is wrong with a value of a field, as in "score takes a number"; null where it fits.
create function private.field_value_error(field public.custom_fields, value jsonb) returns text
language plpgsql stable set search_path = '' as $$
declare
  max_length constant integer := case field.type when 'text' then 4000 when 'url' then 2000 else 320 end;
  said constant text := value #>> '{}';
  kind constant text := jsonb_typeof(value);
  wanted constant text := case field.type
    when 'number' then 'number' when 'boolean' then 'boolean' when 'multiselect' then 'array' else 'string'
  end;
begin
  if kind <> wanted then
    return case field.type
      when 'number' then 'takes a number' when 'boolean' then 'takes true or false'
      when 'multiselect' then 'takes a list' else 'takes a text'
    end;
  elsif length(said) > max_length and field.type <> 'multiselect' then
    return format('takes %s characters at most, not %s', max_length, length(said));
  elsif field.type = 'select' and said <> all (field.options) then
    return format('has no option "%s"', left(said, 60));
  elsif field.type = 'multiselect' then
    return (
      select case
        when jsonb_typeof(each.item) <> 'string' then 'takes a list of texts'
        when each.item #>> '{}' <> all (field.options) then format('has no option "%s"', left(each.item #>> '{}', 60))
        else format('has "%s" twice', each.item #>> '{}')
      end
      from (select item, row_number() over (partition by item) as nth from jsonb_array_elements(value) as item) as each
      where jsonb_typeof(each.item) <> 'string' or each.item #>> '{}' <> all (field.options) or each.nth > 1
      limit 1
    );
  end if;
  return case
    when field.type = 'date' and (said !~ '^\d{4}-\d\d-\d\d$' or not pg_input_is_valid(said, 'date'))
      then 'takes a date, as 2026-01-31'
    when field.type = 'datetime' and (
      said !~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)$'
      or not pg_input_is_valid(said, 'timestamptz')
    ) then 'takes a time with its zone, as 2026-01-31T09:00:00Z'
    when field.type = 'url' and said !~* '^https?://[^\s/$.?#][^\s]*$' then 'takes a web address, as https://example.com'
    when field.type = 'email' and said !~ '^[^@\s]+@[^@\s]+\.[^@\s]+$' then 'takes an e-mail address'
    when field.type = 'phone' and not private.is_phone(said) then 'takes a phone number, as +49 30 123456'
  end;
end;
$$;

-- Trigger of tables with `fields`; its argument is the target. Looks at what changed, so that a row can be changed
-- whose older values would no longer be taken. What is null is not set.
create function private.check_fields() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  before constant jsonb := case when tg_op = 'UPDATE' then old.fields else '{}' end;
  given record;
  field public.custom_fields;
  problem text;
begin
  if jsonb_typeof(new.fields) <> 'object' then
    raise exception 'fields is an object, not %', jsonb_typeof(new.fields) using errcode = '23514';
  end if;
  new.fields := jsonb_strip_nulls(new.fields);
  for given in
    select v.key, v.value from jsonb_each(new.fields) as v where v.value is distinct from before -> v.key
  loop
    -- Its type does not change while a value of it is being written.
    select f.* into field
    from public.custom_fields as f
    where f.organization_id = new.organization_id and f.target = tg_argv[0] and f.key = given.key
    for share;
    problem := case
      when field.id is null then 'is not there: define it first'
      when field.archived_at is not null then 'is archived'
      when field.is_sensitive then 'is sensitive: its values are kept encrypted, not here'
      else private.field_value_error(field, given.value)
    end;
    if problem is not null then
      raise exception 'field "%" of a % %', left(given.key, 60), tg_argv[0], problem using errcode = '23514';
    end if;
  end loop;
  return new;
end;
$$;

create trigger contacts_fields_new before insert on public.contacts
for each row when (new.fields <> '{}') execute function private.check_fields('contact');
create trigger contacts_fields before update of fields on public.contacts
for each row when (new.fields is distinct from old.fields) execute function private.check_fields('contact');
create trigger companies_fields_new before insert on public.companies
for each row when (new.fields <> '{}') execute function private.check_fields('company');
create trigger companies_fields before update of fields on public.companies
for each row when (new.fields is distinct from old.fields) execute function private.check_fields('company');

-- A definition changes only if all values that there are fit the new one. Waits for whoever is writing one.
create function private.guard_custom_field() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  max_fields constant integer := 200;
  misfits bigint;
  example uuid;
  problem text;
begin
  if tg_op = 'INSERT' then
    perform from public.organizations as o where o.id = new.organization_id for no key update;
    if max_fields <= (
      select count(*) from public.custom_fields as f
      where f.organization_id = new.organization_id and f.target = new.target
    ) then
      raise exception 'a % has % fields at most', new.target, max_fields using errcode = '23514';
    end if;
    return new;
  end if;
  execute format(
    'select count(*), min(r.id::text)::uuid, min(private.field_value_error($1, r.fields -> $1.key))'
    ' from public.%I as r where r.organization_id = $1.organization_id and r.fields ? $1.key'
    ' and private.field_value_error($1, r.fields -> $1.key) is not null',
    case new.target when 'company' then 'companies' else new.target || 's' end
  ) into misfits, example, problem using new;
  if misfits > 0 then
    raise exception 'field "%" %: % stored values would not fit, the first of % %', new.key, problem, misfits, new.target,
      example using errcode = '23514';
  end if;
  return new;
end;
$$;

create trigger custom_fields_room before insert on public.custom_fields
for each row execute function private.guard_custom_field();
create trigger custom_fields_guard before update of type, options on public.custom_fields
for each row when ((new.type, new.options) is distinct from (old.type, old.options))
execute function private.guard_custom_field();
create trigger custom_fields_touch before update on public.custom_fields
for each row execute function private.touch();

-- Changes some fields of a contact, company or ticket and leaves the others alone; null takes a value away. Returns
-- all of them.
create function public.set_fields(target text, id uuid, fields jsonb) returns jsonb
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  changed jsonb;
begin
  if set_fields.target is null or set_fields.target not in ('contact', 'company', 'ticket') then
    raise exception 'not something with fields: %', left(set_fields.target, 60)
      using errcode = '22023', hint = 'It is contact, company or ticket.';
  end if;
  if jsonb_typeof(set_fields.fields) is distinct from 'object' then
    raise exception 'fields is an object' using errcode = '22023';
  end if;
  execute format(
    'update public.%I as r set fields = r.fields || $1 where r.id = $2 returning r.fields',
    case set_fields.target when 'company' then 'companies' else set_fields.target || 's' end
  ) into changed using set_fields.fields, set_fields.id;
  if changed is null then
    raise exception 'there is no % % that you may change', set_fields.target, set_fields.id using errcode = 'PT404';
  end if;
  return changed;
end;
$$;


-- sql/24_contact_profile.sql

-- What is known of a contact beyond name and address: phone, where they came from, whether they want to be written to,
-- what other systems call them, what members noted.

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'contact.updated', 'contact', 'agents',
  'Something about a contact changed: which of its columns, custom fields (as `fields.plan`), `notes` or '
    '`external_ids`.',
  '{"changed": {"type": "array", "items": {"type": "string"}, "minItems": 1}}',
  false,
  '{"changed": ["name", "fields.plan"]}'
);

alter table public.contacts
add column phone text check (private.is_phone(phone)),
-- By what they became a contact. Who adds one may say so; a program's are its own, a member's are by hand.
add column source text not null default case when private.my_key_id() is null then 'hand' else 'api' end
check (source in ('mail', 'portal', 'chat', 'api', 'import', 'hand')),
-- May news be sent to them? none: nobody asked; pending: they have been asked. Answers are always sent.
add column subscription_status text not null default 'none'
check (subscription_status in ('none', 'pending', 'subscribed', 'unsubscribed')),
-- When that was said last, and by whom: the contact, a member, a program, or pgdesk itself.
add column subscription_changed_at timestamptz,
add column subscription_changed_by text check (subscription_changed_by in ('contact', 'member', 'api', 'system')),
-- Where and how they agreed, as one would show it to a judge: "checkout form, double opt-in of 2026-01-31".
add column consent_source text check (length(btrim(consent_source)) between 1 and 500),
add check (subscription_status <> 'subscribed' or consent_source is not null);

create function private.keep_subscription() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  new.subscription_changed_at := now();
  new.subscription_changed_by := case
    when new.id in (select private.my_contacts()) then 'contact'
    when private.my_key_id() is not null then 'api'
    when (select auth.uid()) is not null then 'member'
    else 'system'
  end;
  return new;
end;
$$;

create trigger contacts_subscription_new before insert on public.contacts
for each row when (new.subscription_status <> 'none') execute function private.keep_subscription();
create trigger contacts_subscription before update of subscription_status, consent_source on public.contacts
for each row when (
  (new.subscription_status, new.consent_source) is distinct from (old.subscription_status, old.consent_source)
)
execute function private.keep_subscription();

-- Where a contact is merged, the one it is merged into, locked against a merge until the end of the transaction.
create function private.standing_contact(contact_id uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  standing uuid := contact_id;
  next_one uuid;
begin
  loop
    select c.merged_into into next_one from public.contacts as c where c.id = standing for key share;
    exit when next_one is null;
    standing := next_one;
  end loop;
  return standing;
end;
$$;

-- Trigger of tables whose rows belong to a contact: what is for one that is merged lands at the other. Before anything
-- else is locked, so that a merge, which locks the contact and then what it moves, is never in each other's way.
create function private.land_at_standing_contact() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  new.contact_id := private.standing_contact(new.contact_id);
  return new;
end;
$$;

-- What other systems call a contact.
create table public.contact_external_ids (
  organization_id uuid not null,
  system text not null check (system ~ '^[a-z0-9][a-z0-9_.-]{0,39}$'),
  external_id text not null check (length(external_id) between 1 and 200),
  contact_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (organization_id, system, external_id),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade
);
create index contact_external_ids_contact_idx on public.contact_external_ids (organization_id, contact_id);

-- What members want each other to know of a contact. No contact ever sees one.
create table public.contact_notes (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null,
  contact_id uuid not null,
  -- Null: written by a program, or by somebody who has left.
  author_id uuid default auth.uid(),
  body text not null check (body ~ '\S' and length(body) <= 20000),
  is_pinned boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade,
  foreign key (organization_id, author_id)
    references public.members (organization_id, user_id) on delete set null (author_id)
);
create index contact_notes_contact_idx on public.contact_notes (organization_id, contact_id);
create index contact_notes_author_idx on public.contact_notes (organization_id, author_id);

create trigger contact_notes_touch before update on public.contact_notes
for each row execute function private.touch();
create trigger contact_notes_contact before insert on public.contact_notes
for each row execute function private.land_at_standing_contact();
create trigger contact_external_ids_contact before insert on public.contact_external_ids
for each row execute function private.land_at_standing_contact();

create function private.announce_contact_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  before constant jsonb := to_jsonb(old);
  changed text[];
begin
  changed := array(
    select name from (
      select v.key as name from jsonb_each(to_jsonb(new)) as v
      where v.value is distinct from before -> v.key and v.key not in ('updated_at', 'fields', 'merged_into')
      union all
      select concat('fields.', key)
      from jsonb_object_keys(new.fields || old.fields) as key
      where new.fields -> key is distinct from old.fields -> key
    ) as each
    order by name
  );
  -- What loses its company with the organization is told to nobody.
  if changed <> '{}' and exists (select from public.organizations as o where o.id = new.organization_id) then
    perform private.emit(
      new.organization_id, 'contact.updated', new.id, jsonb_build_object('changed', to_jsonb(changed))
    );
  end if;
  return null;
end;
$$;

create trigger contacts_announce_changed after update on public.contacts
for each row when (new.merged_into is null and old.* is distinct from new.*)
execute function private.announce_contact_changed();

-- Trigger argument: what of the contact changed.
create function private.announce_contact_part() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  part record := coalesce(new, old);
begin
  -- Not where it goes with its contact, or with the organization.
  if exists (
    select from public.contacts as c
    join public.organizations as o on o.id = c.organization_id
    where c.organization_id = part.organization_id and c.id = part.contact_id
  ) then
    perform private.emit(
      part.organization_id, 'contact.updated', part.contact_id, jsonb_build_object('changed', array[tg_argv[0]])
    );
  end if;
  return null;
end;
$$;

create trigger contact_notes_announce after insert or update or delete on public.contact_notes
for each row execute function private.announce_contact_part('notes');
create trigger contact_external_ids_announce after insert or delete on public.contact_external_ids
for each row execute function private.announce_contact_part('external_ids');

-- What contacts are told of themselves, desk by desk. What members keep of them is another matter, so they do not read
-- the table.
create function private.my_profiles() returns table (
  organization_id uuid, contact_id uuid, email text, name text, language text, phone text, is_subscribed boolean
)
language sql stable security definer set search_path = '' rows 2 as $$
  select c.organization_id, c.id, c.email, c.name, c.language, c.phone, c.subscription_status = 'subscribed'
  from public.contacts as c
  where c.id in (select private.my_contacts())
  order by c.id;
$$;

create function public.my_profiles() returns table (
  organization_id uuid, contact_id uuid, email text, name text, language text, phone text, is_subscribed boolean
)
language sql stable set search_path = '' as $$
  select * from private.my_profiles();
$$;

-- The caller, as a contact of the organization, wants its news or does not.
create function private.set_my_subscription(organization_id uuid, is_subscribed boolean) returns void
language plpgsql security definer set search_path = '' as $$
begin
  update public.contacts as c
  set subscription_status = case when is_subscribed then 'subscribed' else 'unsubscribed' end,
    consent_source = case when is_subscribed then 'said so when signed in' else c.consent_source end
  where c.id = private.my_contact_id(set_my_subscription.organization_id) and is_subscribed is not null;
  if not found then
    raise exception 'you are not a contact of this organization' using errcode = '42501';
  end if;
end;
$$;

create function public.set_my_subscription(organization_id uuid, is_subscribed boolean) returns void
language sql set search_path = '' as $$
  select private.set_my_subscription(set_my_subscription.organization_id, set_my_subscription.is_subscribed);
$$;

-- The contact that another system's id or an address belongs to, also where that was another's before a merge. For the
-- organization's members and keys; null where there is none.
create function private.find_contact(organization_id uuid, email text, system text, external_id text) returns uuid
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if find_contact.organization_id <> all (array(select private.my_organizations())) then
    return null;
  end if;
  return coalesce(
    (
      select x.contact_id from public.contact_external_ids as x
      where x.organization_id = find_contact.organization_id
        and x.system = find_contact.system and x.external_id = find_contact.external_id
    ),
    (
      select coalesce(c.merged_into, c.id) from public.contacts as c
      where c.organization_id = find_contact.organization_id and c.email = private.normal_email(find_contact.email)
    )
  );
end;
$$;

create function public.find_contact(
  organization_id uuid, email text default null, system text default null, external_id text default null
) returns setof public.contacts
language sql stable set search_path = '' as $$
  select * from public.contacts as c
  where c.id = private.find_contact(
    find_contact.organization_id, find_contact.email, find_contact.system, find_contact.external_id
  );
$$;

-- The contact that another system's id, or else an address, belongs to, with what is given; made where there is none.
-- What is not given stays, of `fields` too.
create function public.upsert_contact(
  organization_id uuid, email text default null, system text default null, external_id text default null,
  name text default null, phone text default null, language text default null, company_id uuid default null,
  fields jsonb default '{}', source text default null
) returns public.contacts
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  address constant text := nullif(private.normal_email(upsert_contact.email), '');
  by_id uuid;
  by_email uuid;
  kept public.contacts;
begin
  if num_nonnulls(upsert_contact.system, upsert_contact.external_id) = 1
    or num_nonnulls(address, upsert_contact.external_id) = 0
  then
    raise exception 'a contact is known by an email, or by a system and an external_id' using errcode = '22023';
  end if;
  -- One at a time of those who bring the same id; an address is unique by itself.
  perform pg_advisory_xact_lock(
    hashtext('pgdesk.upsert_contact'),
    hashtext(concat_ws(' ', upsert_contact.organization_id, upsert_contact.system, upsert_contact.external_id))
  )
  where upsert_contact.external_id is not null;
  by_id := private.find_contact(organization_id, null, upsert_contact.system, upsert_contact.external_id);
  by_email := private.find_contact(organization_id, address, null, null);
  if by_id <> by_email then
    raise exception 'the id belongs to contact %, the address to contact %', by_id, by_email
      using errcode = 'PT409', hint = 'Where they are the same person, call merge_contacts.';
  end if;
  if coalesce(by_id, by_email) is null then
    insert into public.contacts as c (organization_id, email, name, phone, language, company_id, fields, source)
    values (
      upsert_contact.organization_id, address, coalesce(upsert_contact.name, ''), upsert_contact.phone,
      upsert_contact.language, upsert_contact.company_id, upsert_contact.fields,
      coalesce(upsert_contact.source, case when private.my_key_id() is null then 'hand' else 'api' end)
    )
    on conflict (organization_id, email) do nothing
    returning * into kept;
    by_email := private.find_contact(organization_id, address, null, null);
  end if;
  if kept.id is null then
    update public.contacts as c
    set name = coalesce(upsert_contact.name, c.name), phone = coalesce(upsert_contact.phone, c.phone),
      language = coalesce(upsert_contact.language, c.language), company_id = coalesce(upsert_contact.company_id, c.company_id),
      -- An address that finds the contact may be one of those that were merged into it: that is not its own.
      email = case when by_email is null then coalesce(address, c.email) else c.email end,
      fields = c.fields || upsert_contact.fields
    where c.id = coalesce(by_id, by_email)
    returning * into kept;
    if kept.id is null then
      raise exception 'you may not change this contact' using errcode = '42501';
    end if;
  end if;
  if upsert_contact.external_id is not null and by_id is null then
    insert into public.contact_external_ids (organization_id, system, external_id, contact_id)
    values (upsert_contact.organization_id, upsert_contact.system, upsert_contact.external_id, kept.id);
  end if;
  return kept;
end;
$$;


-- sql/25_contact_merge.sql

-- Two contacts that are one person become one, and can become two again.
--
-- The loser's row stays and points to the winner (`contacts.merged_into`): its address is an alias from then on. What
-- belongs to it is moved, what the winner lacks is filled in, and both are noted, so that they can be taken back.

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'contact.merged', 'contact', 'agents',
  'Another contact turned out to be this one: what was that one''s is this one''s now. Its moved tickets are told as '
    '`ticket.updated`.',
  '{"from_contact_id": {"$ref": "#/$defs/contact_id"}, "merge_id": {"$ref": "#/$defs/merge_id"}}',
  false,
  '{
    "from_contact_id": "01993f2a-5c00-7b1e-9c41-4f2f0a6d7e10", "merge_id": "01993f2a-9100-7c01-8a22-3b4c5d6e7f80"
  }'
),
(
  'contact.unmerged', 'contact', 'agents',
  'A merge was undone: the other contact stands for itself again, with what was its own.',
  '{"from_contact_id": {"$ref": "#/$defs/contact_id"}, "merge_id": {"$ref": "#/$defs/merge_id"}}',
  false,
  '{
    "from_contact_id": "01993f2a-5c00-7b1e-9c41-4f2f0a6d7e10", "merge_id": "01993f2a-9100-7c01-8a22-3b4c5d6e7f80"
  }'
);

-- What refers to a contact, and what a merge does with it. Every foreign key to contacts has its row here, beside its
-- table where that comes later; tests/contacts/test_merge.py finds the one that has none.
create table private.contact_references (
  table_name text not null check (table_name ~ '^(public|private)\.[a-z_]+$'),
  column_name text not null,
  on_merge text not null check (on_merge in ('move', 'leave')),
  because text not null,
  primary key (table_name, column_name)
);

insert into private.contact_references (table_name, column_name, on_merge, because) values
('public.contacts', 'merged_into', 'move', 'who was merged into the loser is the winner now'),
('public.contact_external_ids', 'contact_id', 'move', 'other systems mean the same person'),
('public.contact_notes', 'contact_id', 'move', 'they are about the same person'),
('public.tickets', 'contact_id', 'move', 'the winner is their requester'),
('public.messages', 'contact_id', 'move', 'the winner wrote them'),
('public.outgoing_mails', 'contact_id', 'move', 'the winner was mailed; the address stays in the row'),
('public.article_feedback', 'contact_id', 'move', 'one person has one voice: where both gave one, the winner''s'),
('public.contact_merges', 'winner_id', 'leave', 'what happened'),
('public.contact_merges', 'loser_id', 'leave', 'what happened');

create table public.contact_merges (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null,
  winner_id uuid not null,
  loser_id uuid not null check (loser_id <> winner_id),
  -- Whom to look for: the loser's row is not seen any more.
  loser_name text not null,
  loser_email text,
  -- What the winner did not have and took from the loser; of its subscription [before, after].
  filled jsonb not null default '{}',
  -- How many rows of which table were moved.
  moved jsonb not null default '{}',
  -- The user or API key.
  merged_by uuid,
  created_at timestamptz not null default now(),
  undone_at timestamptz,
  undone_by uuid,
  unique (organization_id, id),
  foreign key (organization_id, winner_id) references public.contacts (organization_id, id) on delete cascade,
  foreign key (organization_id, loser_id) references public.contacts (organization_id, id) on delete cascade
);
create index contact_merges_winner_idx on public.contact_merges (organization_id, winner_id);
create index contact_merges_loser_idx on public.contact_merges (organization_id, loser_id);

-- Each row that a merge moved, by its primary key without the contact.
create table private.contact_moves (
  merge_id uuid not null references public.contact_merges (id) on delete cascade,
  table_name text not null,
  column_name text not null,
  row_key jsonb not null,
  primary key (merge_id, table_name, column_name, row_key),
  foreign key (table_name, column_name) references private.contact_references (table_name, column_name)
);
create index contact_moves_reference_idx on private.contact_moves (table_name, column_name);

-- Moves the rows of one reference from the loser to the winner, or those that were moved and are still there back. What
-- the other one has already (a unique key says so) stays where it is. Returns how many went.
create function private.move_contact_rows(
  merge public.contact_merges, reference private.contact_references, is_back boolean
) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  key_of text;
  is_same_key text;
  statement text;
  place jsonb;
  places constant text := case when is_back
    then 'select m.row_key from private.contact_moves as m where m.merge_id = $1 and m.table_name = $2 and m.column_name = $3'
    else 'select %s from %s as r where r.organization_id = $4 and r.%I = $5'
  end;
  went integer;
  total integer := 0;
begin
  select
    'jsonb_build_object(' || coalesce(string_agg(format('%L, r.%I', a.attname, a.attname), ', '), '') || ')',
    coalesce(string_agg(
      format(' and r.%I = (m.row_key ->> %L)::%s', a.attname, a.attname, format_type(a.atttypid, a.atttypmod)), ''
    ), '')
  into key_of, is_same_key
  from pg_catalog.pg_index as i
  join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
  where i.indrelid = reference.table_name::regclass and i.indisprimary
    and a.attname not in ('organization_id', reference.column_name);
  statement := case when is_back then
    format(
      'update %1$s as r set %2$I = $5 from private.contact_moves as m'
      ' where m.merge_id = $1 and m.table_name = $2 and m.column_name = $3 and ($7 is null or m.row_key = $7)'
      ' and r.organization_id = $4 and r.%2$I = $6%3$s',
      reference.table_name, reference.column_name, is_same_key
    )
  else
    format(
      'with moved as ('
      'update %1$s as r set %2$I = $6 where r.organization_id = $4 and r.%2$I = $5 and ($7 is null or %3$s = $7)'
      ' returning %3$s as row_key'
      ') insert into private.contact_moves (merge_id, table_name, column_name, row_key) select $1, $2, $3, row_key from moved',
      reference.table_name, reference.column_name, key_of
    )
  end;
  begin
    execute statement using
      merge.id, reference.table_name, reference.column_name, merge.organization_id, merge.loser_id, merge.winner_id,
      null::jsonb;
    get diagnostics total = row_count;
  exception when unique_violation then
    -- Then one by one.
    for place in execute format(places, key_of, reference.table_name, reference.column_name) using
      merge.id, reference.table_name, reference.column_name, merge.organization_id, merge.loser_id
    loop
      begin
        execute statement using
          merge.id, reference.table_name, reference.column_name, merge.organization_id, merge.loser_id, merge.winner_id,
          place;
        get diagnostics went = row_count;
        total := total + went;
      exception when unique_violation then
        null;
      end;
    end loop;
  end;
  return total;
end;
$$;

-- What the winner lacks and the loser has. An address comes with what was said about mail to it; and who wants no news
-- at one address gets none at the other.
create function private.contact_filling(winner public.contacts, loser public.contacts) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  mine constant jsonb := to_jsonb(winner);
  filling jsonb;
  subscription text;
begin
  select coalesce(jsonb_object_agg(theirs.key, theirs.value), '{}') into filling
  from jsonb_each(to_jsonb(loser)) as theirs
  where theirs.key in ('name', 'email', 'phone', 'language', 'company_id')
    and coalesce(mine ->> theirs.key, '') = '' and coalesce(theirs.value #>> '{}', '') <> '';
  filling := filling || coalesce((
    select jsonb_build_object('fields', jsonb_object_agg(theirs.key, theirs.value))
    from jsonb_each(loser.fields) as theirs
    join public.custom_fields as f
      on f.organization_id = loser.organization_id and f.target = 'contact' and f.key = theirs.key
    where not winner.fields ? theirs.key and f.archived_at is null and not f.is_sensitive
    having count(*) > 0
  ), '{}');
  subscription := case
    when loser.subscription_status = 'unsubscribed' then 'unsubscribed'
    when filling ? 'email' and winner.subscription_status = 'none' then loser.subscription_status
  end;
  if subscription <> winner.subscription_status then
    filling := filling || jsonb_build_object('subscription', jsonb_build_array(winner.subscription_status, subscription));
  end if;
  return filling;
end;
$$;

create function private.merge_one_contact(winner_id uuid, loser_id uuid) returns public.contact_merges
language plpgsql security definer set search_path = '' as $$
declare
  winner public.contacts;
  loser public.contacts;
  merge public.contact_merges;
  reference private.contact_references;
  went integer;
begin
  select * into winner from public.contacts as c where c.id = merge_one_contact.winner_id;
  select * into loser from public.contacts as c where c.id = merge_one_contact.loser_id;
  insert into public.contact_merges (organization_id, winner_id, loser_id, loser_name, loser_email, filled, merged_by)
  values (
    winner.organization_id, winner.id, loser.id, loser.name, loser.email, private.contact_filling(winner, loser),
    private.actor_id()
  )
  returning * into merge;
  update public.contacts as c
  set merged_into = winner.id, email = case when merge.filled ? 'email' then null else c.email end
  where c.id = loser.id;
  update public.contacts as c
  set name = coalesce(merge.filled ->> 'name', c.name),
    email = coalesce(merge.filled ->> 'email', c.email),
    phone = coalesce(merge.filled ->> 'phone', c.phone),
    language = coalesce(merge.filled ->> 'language', c.language),
    company_id = coalesce((merge.filled ->> 'company_id')::uuid, c.company_id),
    fields = coalesce(merge.filled -> 'fields', '{}') || c.fields,
    subscription_status = coalesce(merge.filled -> 'subscription' ->> 1, c.subscription_status),
    consent_source = case when merge.filled ? 'subscription' then coalesce(c.consent_source, loser.consent_source)
      else c.consent_source end
  where c.id = winner.id and merge.filled <> '{}';
  if merge.filled ? 'email' and loser.suppressed_at is not null then
    -- By itself: a new address clears it.
    update public.contacts as c
    set suppressed_at = loser.suppressed_at, suppressed_because = loser.suppressed_because
    where c.id = winner.id;
  end if;
  for reference in
    select r.* from private.contact_references as r where r.on_merge = 'move' order by r.table_name, r.column_name
  loop
    went := private.move_contact_rows(merge, reference, false);
    if went > 0 then
      merge.moved := merge.moved || jsonb_build_object(split_part(reference.table_name, '.', 2), went);
    end if;
  end loop;
  update public.contact_merges as m set moved = merge.moved where m.id = merge.id;
  perform private.emit(
    winner.organization_id, 'contact.merged', winner.id,
    jsonb_build_object('from_contact_id', loser.id, 'merge_id', merge.id)
  );
  return merge;
end;
$$;

-- Makes contacts of one organization one: the losers are the winner from now on. All of them, or none. Where one of
-- them chats from a browser and nobody vouches for who that is, somebody must have decided (`share`) that whoever sits
-- there sees what is the others'.
create function private.merge_contacts(winner_id uuid, loser_ids uuid[], share boolean)
returns setof public.contact_merges
language plpgsql security definer set search_path = '' as $$
declare
  max_losers constant integer := 50;
  all_ids constant uuid[] := winner_id || loser_ids;
  organizations uuid[];
  missing uuid;
  loser_id uuid;
begin
  if coalesce(cardinality(loser_ids), 0) not between 1 and max_losers or winner_id is null
    or cardinality(all_ids) <> (select count(distinct id) from unnest(all_ids) as id)
  then
    raise exception 'name one contact to keep and 1 to % others', max_losers using errcode = '22023';
  end if;
  -- Whoever is writing something for one of them goes first; who comes later finds the winner.
  perform from public.contacts as c where c.id = any (all_ids) order by c.id for update;
  select wanted.id into missing
  from unnest(all_ids) as wanted (id)
  where not exists (
    select from public.contacts as c
    where c.id = wanted.id and c.merged_into is null and c.erased_at is null
      and c.organization_id = any (array(select private.my_organizations('agent')))
  )
  limit 1;
  if missing is not null then
    raise exception 'there is no contact % that you may merge', missing
      using errcode = 'PT404', hint = 'It may be merged already.';
  end if;
  organizations := array(select distinct c.organization_id from public.contacts as c where c.id = any (all_ids));
  if cardinality(organizations) <> 1 then
    raise exception 'contacts of different organizations stay apart' using errcode = '22023';
  end if;
  if exists (
    select from public.privacy_requests as p
    where p.organization_id = organizations[1] and p.contact_id = any (all_ids) and p.state = 'waiting'
  ) then
    raise exception 'one of them is being exported or erased' using errcode = 'PT409';
  end if;
  if not coalesce(share, false) and exists (
    select from public.visitors as v
    where v.organization_id = organizations[1] and v.contact_id = any (all_ids) and not v.is_identified
  ) then
    raise exception 'one of them is a visitor for whom nobody vouches, and would see what is the others'''
      using errcode = 'PT409', hint = 'Pass share, where you know who it is.';
  end if;
  foreach loser_id in array loser_ids loop
    return next private.merge_one_contact(winner_id, loser_id);
  end loop;
end;
$$;

create function public.merge_contacts(winner_id uuid, loser_ids uuid[], share boolean default false)
returns setof public.contact_merges
language sql set search_path = '' as $$
  select * from private.merge_contacts(merge_contacts.winner_id, merge_contacts.loser_ids, merge_contacts.share);
$$;

-- Takes a merge back: what it moved and is still the winner's goes back, what it filled in and is still so goes away.
-- What came since stays with the winner.
create function private.unmerge_contacts(merge_id uuid) returns public.contact_merges
language plpgsql security definer set search_path = '' as $$
declare
  merge public.contact_merges;
  winner public.contacts;
  reference private.contact_references;
  is_still_unwanted boolean;
begin
  select * into merge
  from public.contact_merges as m
  where m.id = unmerge_contacts.merge_id
    and m.organization_id = any (array(select private.my_organizations('agent')))
  for update;
  if merge.id is null then
    raise exception 'there is no merge % that you may undo', unmerge_contacts.merge_id using errcode = 'PT404';
  elsif merge.undone_at is not null then
    raise exception 'the merge is undone already' using errcode = 'PT409';
  end if;
  perform from public.contacts as c where c.id in (merge.winner_id, merge.loser_id) order by c.id for update;
  select * into winner from public.contacts as c where c.id = merge.winner_id;
  if winner.erased_at is not null then
    raise exception 'this person was erased' using errcode = 'PT409';
  end if;
  if winner.merged_into is not null then
    raise exception 'contact % has been merged itself since', winner.id using errcode = 'PT409', hint = format(
      'Undo merge %s first.', (
        select m.id from public.contact_merges as m
        where m.organization_id = merge.organization_id and m.loser_id = winner.id and m.undone_at is null
      )
    );
  end if;
  -- Somebody else who is this contact wants no news.
  is_still_unwanted := exists (
    select from public.contacts as c
    where c.organization_id = merge.organization_id and c.merged_into = winner.id and c.id <> merge.loser_id
      and c.subscription_status = 'unsubscribed'
  );
  update public.contacts as c
  set name = case when c.name = merge.filled ->> 'name' then '' else c.name end,
    email = nullif(c.email, merge.filled ->> 'email'),
    phone = nullif(c.phone, merge.filled ->> 'phone'),
    language = nullif(c.language, merge.filled ->> 'language'),
    company_id = nullif(c.company_id, (merge.filled ->> 'company_id')::uuid),
    fields = (
      select coalesce(jsonb_object_agg(f.key, f.value), '{}') from jsonb_each(c.fields) as f
      where f.value is distinct from merge.filled -> 'fields' -> f.key
    ),
    subscription_status = case
      when c.subscription_status = merge.filled -> 'subscription' ->> 1 and not is_still_unwanted
        then merge.filled -> 'subscription' ->> 0
      else c.subscription_status
    end
  where c.id = winner.id and merge.filled <> '{}';
  update public.contacts as c
  set merged_into = null, email = coalesce(
    c.email, (
      select back.email from (values (merge.filled ->> 'email')) as back (email)
      where not exists (
        select from public.contacts as o where o.organization_id = c.organization_id and o.email = back.email
      )
    )
  )
  where c.id = merge.loser_id;
  if merge.filled ? 'email' and winner.email = merge.filled ->> 'email' and winner.suppressed_at is not null then
    update public.contacts as c
    set suppressed_at = winner.suppressed_at, suppressed_because = winner.suppressed_because
    where c.id = merge.loser_id;
  end if;
  for reference in
    select r.* from private.contact_references as r where r.on_merge = 'move' order by r.table_name, r.column_name
  loop
    perform private.move_contact_rows(merge, reference, true);
  end loop;
  delete from private.contact_moves as m where m.merge_id = merge.id;
  update public.contact_merges as m set undone_at = now(), undone_by = private.actor_id()
  where m.id = merge.id
  returning * into merge;
  perform private.emit(
    merge.organization_id, 'contact.unmerged', merge.winner_id,
    jsonb_build_object('from_contact_id', merge.loser_id, 'merge_id', merge.id)
  );
  return merge;
end;
$$;

create function public.unmerge_contacts(merge_id uuid) returns public.contact_merges
language sql set search_path = '' as $$
  select * from private.unmerge_contacts(unmerge_contacts.merge_id);
$$;


-- sql/26_sessions.sql

-- Visits: who came from where, and what they looked at. A session makes no ticket; that comes with the first message.

create table public.sessions (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  -- What the site calls it: registered again under this name, it is the same session.
  external_id text check (external_id ~ '^[!-~]{1,200}$'),
  -- Which of the organization's sites, apps or widgets.
  space_id text check (space_id ~ '^[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}$'),
  -- Whom it belongs to, by what the visitor said or a program knows. It gives the visitor sight of nothing.
  contact_id uuid,
  -- The contact that the visitor's own token stands for: who has it may go on with the session.
  visitor_id uuid,
  -- Links that members click on: of the web, or of the app somebody came from.
  landing_page text check (landing_page ~* '^https?://[^[:space:][:cntrl:]]+$' and length(landing_page) <= 2000),
  referrer text check (
    referrer ~* '^(https?|android-app|ios-app)://[^[:space:][:cntrl:]]+$' and length(referrer) <= 2000
  ),
  user_agent text check (user_agent !~ '[[:cntrl:]]' and length(user_agent) <= 400),
  locale text check (locale ~ '^[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8}){0,3}$'),
  last_seq integer not null default 0,
  started_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  ended_at timestamptz,
  created_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, external_id),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade,
  foreign key (organization_id, visitor_id)
    references public.contacts (organization_id, id) on delete set null (visitor_id)
);
create index sessions_contact_idx on public.sessions (organization_id, contact_id, started_at desc, id desc);
create index sessions_visitor_idx on public.sessions (organization_id, visitor_id);
create index sessions_seen_idx on public.sessions (organization_id, last_seen_at desc, id desc);

insert into private.contact_references (table_name, column_name, on_merge, because) values
('public.sessions', 'contact_id', 'move', 'the winner visited'),
('public.sessions', 'visitor_id', 'move', 'the token of the visitor stands for the winner');

-- The newest of what happened in a session.
create table public.session_events (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null,
  session_id uuid not null,
  -- 1, 2, 3 … within the session.
  seq integer not null,
  name text not null default 'page.viewed' check (name ~ '^[a-z0-9_]+([.:-][a-z0-9_]+)*$' and length(name) <= 80),
  url text check (url ~* '^https?://[^[:space:][:cntrl:]]+$' and length(url) <= 2000),
  title text not null default '' check (length(title) <= 300),
  created_at timestamptz not null default now(),
  unique (session_id, seq),
  foreign key (organization_id, session_id) references public.sessions (organization_id, id) on delete cascade
);
create index session_events_session_idx on public.session_events (organization_id, session_id);

-- The contact of an organization that has this address: found, or made. Nothing of one that is there changes.
create function private.contact_by_email(organization_id uuid, email text, name text default '') returns uuid
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  address constant text := private.normal_email(contact_by_email.email);
  found_id uuid;
begin
  if address !~ '^[^@[:space:][:cntrl:]]+@[^@[:space:][:cntrl:]]+$' or length(address) > 320 then
    raise exception 'not an e-mail address: %', left(address, 80) using errcode = '22023';
  end if;
  insert into public.contacts as c (organization_id, email, name, source)
  values (
    contact_by_email.organization_id, address, left(coalesce(contact_by_email.name, ''), 500),
    case when private.my_key_id() is null then 'chat' else 'api' end
  )
  on conflict do nothing;
  select coalesce(c.merged_into, c.id) into found_id from public.contacts as c
  where c.organization_id = contact_by_email.organization_id and c.email = address;
  return found_id;
end;
$$;

-- The organization's contact as whom the caller itself has come.
create function private.my_contact(organization_id uuid) returns public.contacts
language sql stable security definer set search_path = '' as $$
  select c.* from public.contacts as c where c.id = private.my_contact_id(my_contact.organization_id);
$$;

-- May the caller write down what any visitor does? Agents, keys with their rights, and the functions at work.
create function private.keeps_sessions(organization_id uuid) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  return organization_id in (select private.my_organizations('agent'))
    or coalesce(organization_id = private.current_organization(), false);
end;
$$;

-- E-mail, contact, session, link: in one step, and again without harm. The session is the one with this external id;
-- without one, what the visitor, or else the contact, has had open in the last half hour.
--
-- An address proves nothing: a visitor who gives somebody's is linked to them and sees nothing of them, not even
-- whether they were known; and goes on with no session that another has begun. Functions name the visitor they act for.
create function private.register_session(
  organization_id uuid, external_id text, email text, name text, space_id text, landing_page text, referrer text,
  user_agent text, locale text, visitor_id uuid
) returns public.sessions
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  is_trusted constant boolean := private.keeps_sessions(register_session.organization_id);
  address constant text := nullif(private.normal_email(register_session.email), '');
  visitor public.contacts;
  contact uuid;
  session public.sessions;
begin
  if is_trusted then
    visitor.id := register_session.visitor_id;
  else
    visitor := private.my_contact(register_session.organization_id);
    if visitor.id is null then
      raise exception 'you may not register sessions of this organization' using errcode = '42501';
    end if;
  end if;
  if visitor.email is not null and address is not null and not exists (
    select from public.contacts as c
    where c.organization_id = visitor.organization_id and c.email = address
      and coalesce(c.merged_into, c.id) = visitor.id
  ) then
    raise exception 'you are signed in under another address' using errcode = '42501';
  end if;
  if address is not null then
    contact := private.contact_by_email(register_session.organization_id, address, register_session.name);
  end if;

  if register_session.external_id is not null then
    insert into public.sessions (organization_id, external_id, visitor_id)
    values (register_session.organization_id, register_session.external_id, visitor.id)
    on conflict do nothing;
    select * into session from public.sessions as s
    where s.organization_id = register_session.organization_id and s.external_id = register_session.external_id
    for update;
    if visitor.id is not null and session.visitor_id is distinct from visitor.id then
      raise exception 'session % is not yours', left(register_session.external_id, 200) using errcode = '42501';
    end if;
  else
    -- Two requests at once find the same one.
    perform from public.contacts as c where c.id = coalesce(visitor.id, contact) for no key update;
    select * into session from public.sessions as s
    where s.organization_id = register_session.organization_id
      and case when visitor.id is not null then s.visitor_id = visitor.id else s.contact_id = contact end
      and s.external_id is null
      and s.ended_at is null
      and s.last_seen_at > now() - interval '30 minutes'
    order by s.last_seen_at desc
    limit 1
    for update;
    if session.id is null then
      insert into public.sessions (organization_id, visitor_id) values (register_session.organization_id, visitor.id)
      returning * into session;
    end if;
  end if;

  -- Where somebody came from is told once, with the first request.
  update public.sessions as s
  set contact_id = coalesce(contact, s.contact_id, visitor.id),
    space_id = coalesce(s.space_id, register_session.space_id),
    landing_page = coalesce(s.landing_page, register_session.landing_page),
    referrer = coalesce(s.referrer, register_session.referrer),
    user_agent = coalesce(s.user_agent, left(register_session.user_agent, 400)),
    locale = coalesce(register_session.locale, s.locale),
    last_seen_at = now(),
    ended_at = null
  where s.id = session.id
  returning * into session;
  return session;
end;
$$;

create function public.register_session(
  organization_id uuid, external_id text default null, email text default null, name text default null,
  space_id text default null, landing_page text default null, referrer text default null,
  user_agent text default null, locale text default null
) returns jsonb
language plpgsql set search_path = '' as $$
declare
  session constant public.sessions := private.register_session(
    register_session.organization_id, register_session.external_id, register_session.email, register_session.name,
    register_session.space_id, register_session.landing_page, register_session.referrer, register_session.user_agent,
    register_session.locale, null
  );
begin
  -- Whom the address belongs to is for those who see contacts: an id tells since when one is known.
  return jsonb_build_object(
    'session_id', session.id, 'external_id', session.external_id, 'started_at', session.started_at,
    'contact_id', (select s.contact_id from public.sessions as s where s.id = session.id)
  );
end;
$$;

-- The session, locked, if the caller may go on with it.
create function private.own_session(session_id uuid) returns public.sessions
language plpgsql security definer set search_path = '' as $$
declare
  session public.sessions;
begin
  select * into session from public.sessions as s
  where s.id = own_session.session_id
    and (private.keeps_sessions(s.organization_id) or s.visitor_id in (select private.my_contacts()))
  for no key update;
  if session.id is null then
    raise exception 'there is no session % of yours', own_session.session_id using errcode = 'PT404';
  end if;
  return session;
end;
$$;

-- Writes down what happened in a session, such as a page that was looked at. The newest 500 are kept.
create function private.record_session_event(session_id uuid, name text, url text, title text)
returns public.session_events
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  max_events constant integer := 500;
  session constant public.sessions := private.own_session(record_session_event.session_id);
  happened public.session_events;
begin
  update public.sessions as s set last_seq = s.last_seq + 1, last_seen_at = now(), ended_at = null
  where s.id = session.id;
  insert into public.session_events (organization_id, session_id, seq, name, url, title)
  values (
    session.organization_id, session.id, session.last_seq + 1, coalesce(record_session_event.name, 'page.viewed'),
    record_session_event.url, left(coalesce(record_session_event.title, ''), 300)
  )
  returning * into happened;
  delete from public.session_events as e where e.session_id = session.id and e.seq <= happened.seq - max_events;
  return happened;
end;
$$;

create function public.record_session_event(
  session_id uuid, name text default 'page.viewed', url text default null, title text default ''
) returns public.session_events
language sql set search_path = '' as $$
  select * from private.record_session_event(
    record_session_event.session_id, record_session_event.name, record_session_event.url, record_session_event.title
  );
$$;

create function private.end_session(session_id uuid) returns timestamptz
language plpgsql security definer set search_path = '' as $$
declare
  session constant public.sessions := private.own_session(end_session.session_id);
begin
  update public.sessions as s set ended_at = coalesce(s.ended_at, now()) where s.id = session.id;
  return coalesce(session.ended_at, now());
end;
$$;

create function public.end_session(session_id uuid) returns timestamptz
language sql set search_path = '' as $$
  select private.end_session(end_session.session_id);
$$;

-- What a contact did and what was written with it, newest first: sessions, what happened in them, tickets, messages; as
-- far as the caller may see each. Goes on below the cursor of the answer before; the last answer has none.
create function public.journey(contact_id uuid, cursor text default null, max_entries integer default 50)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  page_size constant integer := least(greatest(coalesce(max_entries, 50), 1), 200);
  contact public.contacts;
  below_at timestamptz := 'infinity';
  below_id uuid := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
  entries jsonb;
  reached text;
begin
  select c.id, c.organization_id into contact.id, contact.organization_id
  from public.contacts as c
  where c.id = journey.contact_id
  union all
  -- Contacts do not read the table.
  select p.contact_id, p.organization_id from private.my_profiles() as p where p.contact_id = journey.contact_id;
  if contact.id is null then
    raise exception 'there is no contact %', journey.contact_id using errcode = 'PT404';
  end if;
  if cursor is not null then
    if cursor !~ '^[0-9]{1,17}:[0-9a-f-]{36}$' or private.try_uuid(split_part(cursor, ':', 2)) is null then
      raise exception 'not a cursor: %', left(cursor, 60)
        using errcode = '22023', hint = 'Take the one from the last answer.';
    end if;
    below_at := timestamptz 'epoch' + split_part(cursor, ':', 1)::bigint * interval '1 microsecond';
    below_id := split_part(cursor, ':', 2);
  end if;

  select
    jsonb_agg(jsonb_build_object('kind', p.kind, 'at', p.at, 'id', p.id) || p.about order by p.at desc, p.id desc),
    case when count(*) = page_size then
      (array_agg((extract(epoch from p.at) * 1000000)::bigint || ':' || p.id order by p.at, p.id))[1]
    end
  into entries, reached
  from (
    (
      select 'session' as kind, s.started_at as at, s.id, jsonb_build_object(
        'space_id', s.space_id, 'landing_page', s.landing_page, 'referrer', s.referrer, 'ended_at', s.ended_at
      ) as about
      from public.sessions as s
      where s.organization_id = contact.organization_id and s.contact_id = contact.id
        and (s.started_at, s.id) < (below_at, below_id)
      order by s.started_at desc, s.id desc
      limit page_size
    )
    union all
    (
      select 'event', e.created_at, e.id,
        jsonb_build_object('session_id', s.id, 'name', e.name, 'url', e.url, 'title', e.title)
      from public.sessions as s
      cross join lateral (
        select * from public.session_events as e
        where e.session_id = s.id and (e.created_at, e.id) < (below_at, below_id)
        order by e.seq desc
        limit page_size
      ) as e
      where s.organization_id = contact.organization_id and s.contact_id = contact.id
      order by e.created_at desc, e.id desc
      limit page_size
    )
    union all
    (
      select 'ticket', t.created_at, t.id, jsonb_build_object(
        'number', t.number, 'subject', t.subject, 'channel', t.channel, 'status', t.status
      )
      from public.tickets as t
      where t.contact_id = contact.id and (t.created_at, t.id) < (below_at, below_id)
      order by t.created_at desc, t.id desc
      limit page_size
    )
    union all
    (
      select 'message', m.created_at, m.id, jsonb_build_object(
        'ticket_id', t.id, 'seq', m.seq, 'sender', m.sender, 'is_internal', m.is_internal,
        'text', left(coalesce(m.reply_text, m.body_text), 280)
      )
      from public.tickets as t
      cross join lateral (
        select * from public.messages as m
        where m.ticket_id = t.id and (m.created_at, m.id) < (below_at, below_id)
        order by m.seq desc
        limit page_size
      ) as m
      where t.contact_id = contact.id
      order by m.created_at desc, m.id desc
      limit page_size
    )
    order by at desc, id desc
    limit page_size
  ) as p;
  return jsonb_build_object('entries', coalesce(entries, '[]'), 'cursor', reached);
end;
$$;


-- sql/27_tags.sql

-- Tags: an organization's own words for contacts, sessions and tickets, with a colour each, as a tree.

create table public.tags (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null,
  color text not null default '#8a8f98' check (color ~* '^#[0-9a-f]{6}$'),
  parent_id uuid,
  -- Set: it is being removed. What still has it loses it in the background, or has `merged_into` instead; nothing new
  -- gets it.
  removed_at timestamptz,
  merged_into uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  check (parent_id <> id and merged_into <> id),
  foreign key (organization_id, parent_id) references public.tags (organization_id, id),
  foreign key (organization_id, merged_into)
    references public.tags (organization_id, id) on delete set null (merged_into)
);
create unique index tags_name_idx on public.tags (organization_id, lower(name));
create index tags_parent_idx on public.tags (organization_id, parent_id);
create index tags_merged_into_idx on public.tags (organization_id, merged_into);

-- Names that a tag had before, in lower case, and names of tags that were merged into it: whoever still says them, such
-- as a routing rule, means this one.
create table private.tag_aliases (
  organization_id uuid not null,
  name_key text not null,
  tag_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (organization_id, name_key),
  foreign key (organization_id, tag_id) references public.tags (organization_id, id) on delete cascade
);
create index tag_aliases_tag_idx on private.tag_aliases (organization_id, tag_id);

-- A name as it is kept: on one line, without space around it, at most 60 characters. May be empty.
create function private.tag_name(value text) returns text
language sql immutable parallel safe set search_path = '' as $$
  select btrim(left(btrim(regexp_replace(normalize(value, nfc), '[[:space:][:cntrl:]]+', ' ', 'g')), 60));
$$;

alter table public.tags add check (name = private.tag_name(name) and name <> '');

-- Whoever changes the shape of an organization's tree waits for whoever does so before, and then sees what they did.
create function private.lock_tag_tree(organization_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtext('pgdesk.tags'), hashtext(lock_tag_tree.organization_id::text));
end;
$$;

-- Keeps the tree a tree, of five levels at most.
create function private.keep_tag_tree() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  max_levels constant integer := 5;
  above uuid[];
  below integer;
begin
  perform private.lock_tag_tree(new.organization_id);
  with recursive line as (
    select t.id, t.parent_id from public.tags as t
    where t.organization_id = new.organization_id and t.id = new.parent_id and t.removed_at is null
    union
    select t.id, t.parent_id
    from line
    join public.tags as t on t.organization_id = new.organization_id and t.id = line.parent_id
  )
  select array_agg(line.id) into above from line;
  if above is null then
    raise exception 'there is no tag % to stand under', new.parent_id using errcode = '23503';
  elsif new.id = any (above) then
    raise exception 'tag "%" cannot stand under itself', new.name using errcode = '23514';
  end if;
  with recursive tree as (
    select new.id as id, 1 as level
    union all
    select t.id, tree.level + 1
    from tree
    join public.tags as t on t.organization_id = new.organization_id and t.parent_id = tree.id
  )
  select max(tree.level) into below from tree;
  if cardinality(above) + below > max_levels then
    raise exception 'tags stand % levels deep at most', max_levels using errcode = '23514';
  end if;
  return new;
end;
$$;

create trigger tags_tree_begins before insert on public.tags
for each row when (new.parent_id is not null) execute function private.keep_tag_tree();
create trigger tags_tree before update of parent_id on public.tags
for each row when (new.parent_id is not null and new.parent_id is distinct from old.parent_id)
execute function private.keep_tag_tree();
create trigger tags_touch before update on public.tags
for each row execute function private.touch();

-- Puts a tag, with all below it, under another one, or on top (null).
create function private.move_tag(tag_id uuid, parent_id uuid) returns public.tags
language plpgsql security definer set search_path = '' as $$
declare
  moved public.tags;
begin
  select * into moved from public.tags as t
  where t.id = move_tag.tag_id and t.organization_id in (select private.my_organizations('agent'));
  -- The tree first, then its rows: so no two changes wait for each other.
  perform private.lock_tag_tree(moved.organization_id);
  update public.tags as t set parent_id = move_tag.parent_id
  where t.id = moved.id and t.removed_at is null
  returning * into moved;
  if moved.id is null then
    raise exception 'there is no tag % that you may move', move_tag.tag_id using errcode = 'PT404';
  end if;
  return moved;
end;
$$;

create function public.move_tag(tag_id uuid, parent_id uuid default null) returns public.tags
language sql set search_path = '' as $$
  select * from private.move_tag(move_tag.tag_id, move_tag.parent_id);
$$;

-- A tag and all below it; with those that are being merged into one of them.
create function public.tag_with_descendants(tag_id uuid) returns setof public.tags
language sql stable set search_path = '' rows 10 as $$
  with recursive tree as (
    select t.id, t.organization_id from public.tags as t where t.id = tag_with_descendants.tag_id
    union
    select t.id, t.organization_id
    from tree
    join public.tags as t on t.organization_id = tree.organization_id and tree.id in (t.parent_id, t.merged_into)
  )
  select t.* from tree join public.tags as t on t.id = tree.id;
$$;

-- The tag that a name means, made where there is none; null while it is being deleted. Until the transaction ends it
-- keeps its name and stays.
create function private.take_tag(organization_id uuid, name text) returns public.tags
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  wanted constant text := private.tag_name(take_tag.name);
  tag public.tags;
begin
  if coalesce(wanted, '') = '' then
    return null;
  end if;
  for attempt in 1 .. 5 loop
    select * into tag from public.tags as t
    where t.organization_id = take_tag.organization_id and lower(t.name) = lower(wanted)
    for share;
    if tag.id is null then
      select t.* into tag
      from private.tag_aliases as a
      join public.tags as t on t.organization_id = a.organization_id and t.id = a.tag_id
      where a.organization_id = take_tag.organization_id and a.name_key = lower(wanted)
      for share of t;
    end if;
    if tag.merged_into is not null then
      select * into tag from public.tags as t where t.id = tag.merged_into for share;
    end if;
    if tag.id is null then
      insert into public.tags (organization_id, name) values (take_tag.organization_id, wanted)
      on conflict do nothing
      returning * into tag;
    end if;
    if tag.id is not null then
      return case when tag.removed_at is null then tag end;
    end if;
    -- Somebody else has made it at the same time, or renamed it.
  end loop;
  raise exception 'tag "%" changes too fast', wanted using errcode = 'PT409', hint = 'Try again.';
end;
$$;


-- sql/28_tagging.sql

-- Who has which tag. A contact's tags are those of its sessions too: computed where they are read, never copied, so
-- they are there with the first look and gone with their source.

create table public.contact_tags (
  organization_id uuid not null,
  contact_id uuid not null,
  tag_id uuid not null,
  created_by uuid default private.actor_id(),
  created_at timestamptz not null default now(),
  primary key (organization_id, contact_id, tag_id),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade,
  foreign key (organization_id, tag_id) references public.tags (organization_id, id) on delete cascade
);
create index contact_tags_tag_idx on public.contact_tags (organization_id, tag_id, contact_id);

insert into private.contact_references (table_name, column_name, on_merge, because) values
('public.contact_tags', 'contact_id', 'move', 'the winner is tagged so too; what both have stays with each');

-- What a session has of its own.
create table public.session_taggings (
  organization_id uuid not null,
  session_id uuid not null,
  tag_id uuid not null,
  created_by uuid default private.actor_id(),
  created_at timestamptz not null default now(),
  primary key (organization_id, session_id, tag_id),
  foreign key (organization_id, session_id) references public.sessions (organization_id, id) on delete cascade,
  foreign key (organization_id, tag_id) references public.tags (organization_id, id) on delete cascade
);
create index session_taggings_tag_idx on public.session_taggings (organization_id, tag_id, session_id);

-- What a session has, of its own and from its contact: a tag that it has both ways stands there twice.
create view public.session_tags with (security_invoker = true) as
select t.organization_id, t.session_id, t.tag_id, 'direct' as source, null::uuid as contact_id, t.created_at
from public.session_taggings as t
union all
select s.organization_id, s.id, t.tag_id, 'inherited', t.contact_id, t.created_at
from public.sessions as s
join public.contact_tags as t on t.organization_id = s.organization_id and t.contact_id = s.contact_id;

-- Nothing new gets a tag that is being removed: it gets the one that takes its place, or none.
create function private.keep_tagging() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  tag public.tags;
begin
  -- Waits for whoever is removing it.
  select * into tag from public.tags as t
  where t.organization_id = new.organization_id and t.id = new.tag_id
  for key share;
  if tag.removed_at is not null and tag.merged_into is null then
    raise exception 'tag "%" is being deleted', tag.name using errcode = '23514';
  end if;
  new.tag_id := coalesce(tag.merged_into, new.tag_id);
  return new;
end;
$$;

create trigger contact_tags_keep before insert on public.contact_tags
for each row execute function private.keep_tagging();
create trigger session_taggings_keep before insert on public.session_taggings
for each row execute function private.keep_tagging();

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'contact.tagged', 'contact', 'agents',
  'A contact got a tag, and with it its sessions.',
  '{"tag_id": {"$ref": "#/$defs/tag_id"}}', false, '{"tag_id": "01993f2a-5c00-7a66-8d10-3c9e8b7a6f50"}'
),
(
  'contact.untagged', 'contact', 'agents',
  'A contact lost a tag: it was taken off, or the tag was deleted or merged into another one.',
  '{"tag_id": {"$ref": "#/$defs/tag_id"}}', false, '{"tag_id": "01993f2a-5c00-7a66-8d10-3c9e8b7a6f50"}'
);

create function private.announce_contact_tag() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    perform private.emit(
      new.organization_id, 'contact.tagged', new.contact_id, jsonb_build_object('tag_id', new.tag_id)
    );
  elsif exists (select from public.contacts as c where c.id = old.contact_id) then
    perform private.emit(
      old.organization_id, 'contact.untagged', old.contact_id, jsonb_build_object('tag_id', old.tag_id)
    );
  end if;
  return null;
end;
$$;

create trigger contact_tags_announce after insert or delete on public.contact_tags
for each row execute function private.announce_contact_tag();


-- sql/29_duplicate_contacts.sql

-- Which contacts may be one person. What they could have in common is kept as keys, so that only those are compared
-- that share one: never every pair.

create table private.contact_keys (
  organization_id uuid not null,
  -- mailbox: the address without dots and what follows a plus; phone: its last digits; external: an id in any system;
  -- name: its words in order; sound: their consonants, within one company or mail domain.
  kind text not null check (kind in ('mailbox', 'phone', 'external', 'name', 'sound')),
  key text not null,
  contact_id uuid not null,
  primary key (organization_id, kind, key, contact_id),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade
);
create index contact_keys_contact_idx on private.contact_keys (organization_id, contact_id);

-- Two that members have looked at and know to be two.
create table public.dismissed_duplicates (
  organization_id uuid not null,
  contact_id uuid not null,
  other_id uuid not null,
  dismissed_by uuid default auth.uid(),
  created_at timestamptz not null default now(),
  primary key (contact_id, other_id),
  check (contact_id < other_id),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade,
  foreign key (organization_id, other_id) references public.contacts (organization_id, id) on delete cascade
);
create index dismissed_duplicates_contact_idx on public.dismissed_duplicates (organization_id, contact_id);
create index dismissed_duplicates_other_idx on public.dismissed_duplicates (organization_id, other_id);

insert into private.contact_references (table_name, column_name, on_merge, because) values
('private.contact_keys', 'contact_id', 'leave', 'made from the contact itself; who is merged has none'),
('public.dismissed_duplicates', 'contact_id', 'leave', 'said of these two; nobody compares one that is merged'),
('public.dismissed_duplicates', 'other_id', 'leave', 'said of these two; nobody compares one that is merged');

-- The words of a name in alphabetical order, lower case, without accents: "Müller, José" is "jose muller". Null where
-- it is one word, which says little.
create function private.name_key(name text) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  words constant text[] := array(
    select word
    from regexp_split_to_table(regexp_replace(normalize(lower(name), nfkd), '[\u0300-\u036f''’]', '', 'g'), '[^[:alnum:]]+')
      as word
    where word <> ''
    order by word collate "C"
  );
begin
  return case when cardinality(words) between 2 and 6 then left(array_to_string(words, ' '), 200) end;
end;
$$;

-- How a name sounds, roughly: "john smyth" and "jon smith" are "jn smt". By words that begin alike.
create function private.sound_key(name_key text) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return regexp_replace(
    regexp_replace(
      translate(replace(replace(name_key, 'ph', 'f'), 'ck', 'k'), 'czyw', 'ksiv'), '(?<=[[:alnum:]])[aeiouh]', '', 'g'
    ),
    '([[:alnum:]])\1+', '\1', 'g'
  );
end;
$$;

-- How much two texts have in common: shared trigrams among all, from 0 to 1.
create function private.likeness(a text, b text) returns real
language sql immutable parallel safe set search_path = '' as $$
  with grams as (
    select side, substr(padded, place, 3) as gram
    from (values (1, '  ' || likeness.a || ' '), (2, '  ' || likeness.b || ' ')) as texts (side, padded),
      generate_series(1, length(padded) - 2) as place
  ), counted as (
    select count(distinct side) as sides from grams group by gram
  )
  select coalesce(count(*) filter (where sides = 2)::real / nullif(count(*), 0), 0) from counted;
$$;

create function private.keys_of_contact(contact public.contacts) returns table (kind text, key text)
language plpgsql stable security definer set search_path = '' as $$
declare
  mailbox constant text := split_part(split_part(contact.email, '@', 1), '+', 1);
  domain constant text := split_part(contact.email, '@', 2);
  digits constant text := regexp_replace(contact.phone, '[^0-9]', '', 'g');
  named constant text := private.name_key(contact.name);
  -- Names alike mean something among few.
  circle constant text := coalesce(
    contact.company_id::text, case when not private.is_public_mail_host(domain) then domain end
  );
begin
  if contact.email is not null then
    kind := 'mailbox';
    key := concat(replace(mailbox, '.', ''), '@', case domain when 'googlemail.com' then 'gmail.com' else domain end);
    return next;
  end if;
  if length(digits) >= 7 then
    -- With or without the code of the country.
    kind := 'phone';
    key := right(digits, 9);
    return next;
  end if;
  if named is not null then
    kind := 'name';
    key := named;
    return next;
    if circle is not null then
      kind := 'sound';
      key := concat(circle, ' ', private.sound_key(named));
      return next;
    end if;
  end if;
  return query
  select distinct 'external', lower(x.external_id)
  from public.contact_external_ids as x
  where x.organization_id = contact.organization_id and x.contact_id = contact.id and length(x.external_id) >= 6;
end;
$$;

create function private.keep_contact_keys(organization_id uuid, contact_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  delete from private.contact_keys as k
  where k.organization_id = keep_contact_keys.organization_id and k.contact_id = keep_contact_keys.contact_id;
  insert into private.contact_keys (organization_id, kind, key, contact_id)
  select c.organization_id, k.kind, k.key, c.id
  from public.contacts as c
  cross join lateral private.keys_of_contact(c) as k
  where c.id = keep_contact_keys.contact_id and c.merged_into is null;
end;
$$;

create function private.follow_contact() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    insert into private.contact_keys (organization_id, kind, key, contact_id)
    select new.organization_id, k.kind, k.key, new.id from private.keys_of_contact(new) as k;
  else
    perform private.keep_contact_keys(new.organization_id, new.id);
  end if;
  return null;
end;
$$;

create trigger contacts_keys_new after insert on public.contacts
for each row when (new.email is not null or new.name <> '' or new.phone is not null)
execute function private.follow_contact();
create trigger contacts_keys after update of email, name, phone, company_id, merged_into on public.contacts
for each row when (
  (new.email, new.name, new.phone, new.company_id, new.merged_into)
  is distinct from (old.email, old.name, old.phone, old.company_id, old.merged_into)
)
execute function private.follow_contact();

create function private.follow_external_id() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op <> 'INSERT' then
    perform private.keep_contact_keys(old.organization_id, old.contact_id);
  end if;
  if tg_op <> 'DELETE' then
    perform private.keep_contact_keys(new.organization_id, new.contact_id);
  end if;
  return null;
end;
$$;

create trigger contact_external_ids_keys after insert or update or delete on public.contact_external_ids
for each row execute function private.follow_external_id();

-- Pairs of contacts that may be one person, the likeliest first, with why; of one contact, or of all. The older one
-- comes first. `score`: each thing in common says by itself how likely it is; together they say more. What many share
-- says nothing.
create function private.duplicate_contacts(organization_id uuid, of_contact uuid, max_pairs integer)
returns table (contact_id uuid, other_id uuid, score real, reasons text[])
language plpgsql stable security definer set search_path = '' rows 50 as $$
#variable_conflict use_column
declare
  max_holders constant integer := 10;
begin
  if duplicate_contacts.organization_id <> all (array(select private.my_organizations())) then
    return;
  end if;
  return query
  with shared as (
    select k.kind, k.key, array_agg(k.contact_id order by k.contact_id) as holders
    from private.contact_keys as k
    where k.organization_id = duplicate_contacts.organization_id and duplicate_contacts.of_contact is null
    group by k.kind, k.key
    having count(*) between 2 and max_holders
    union all
    select mine.kind, mine.key, array_agg(k.contact_id order by k.contact_id)
    from private.contact_keys as mine
    join private.contact_keys as k
      on k.organization_id = mine.organization_id and k.kind = mine.kind and k.key = mine.key
    where mine.organization_id = duplicate_contacts.organization_id and mine.contact_id = duplicate_contacts.of_contact
    group by mine.kind, mine.key
    having count(*) between 2 and max_holders
  ), pairs as (
    select s.kind, a.id as older, b.id as newer
    from shared as s
    cross join lateral unnest(s.holders) as a (id)
    cross join lateral unnest(s.holders) as b (id)
    where a.id < b.id and coalesce(duplicate_contacts.of_contact in (a.id, b.id), true)
  ), told as (
    select
      p.older, p.newer,
      case
        when p.kind <> 'sound' then 'same_' || p.kind
        when n.likeness = 1 then 'same_company'
        else 'similar_name_at_company'
      end as reason,
      case p.kind
        when 'mailbox' then 0.9 when 'phone' then 0.8 when 'external' then 0.6 when 'name' then 0.4 else 0.6 * n.likeness
      end as weight
    from pairs as p
    left join lateral (
      select private.likeness(private.name_key(a.name), private.name_key(b.name)) as likeness
      from public.contacts as a, public.contacts as b
      where a.id = p.older and b.id = p.newer and p.kind = 'sound'
    ) as n on true
  )
  select t.older, t.newer, (1 - exp(sum(ln(1 - t.weight))))::real as score, array_agg(t.reason order by t.weight desc)
  from told as t
  where not exists (
    select from public.dismissed_duplicates as d where d.contact_id = t.older and d.other_id = t.newer
  )
  group by t.older, t.newer
  order by score desc, t.newer desc
  limit least(greatest(coalesce(max_pairs, 50), 1), 500);
end;
$$;

create function public.duplicate_contacts(
  organization_id uuid, of_contact uuid default null, max_pairs integer default 50
) returns table (contact_id uuid, other_id uuid, score real, reasons text[])
language sql stable set search_path = '' as $$
  select * from private.duplicate_contacts(
    duplicate_contacts.organization_id, duplicate_contacts.of_contact, duplicate_contacts.max_pairs
  );
$$;

-- They are two: the pair is not suggested again.
create function public.dismiss_duplicate(contact_id uuid, other_id uuid) returns void
language plpgsql set search_path = '' as $$
begin
  insert into public.dismissed_duplicates (organization_id, contact_id, other_id)
  select c.organization_id, least(c.id, o.id), greatest(c.id, o.id)
  from public.contacts as c
  join public.contacts as o on o.organization_id = c.organization_id and o.id <> c.id
  where c.id = dismiss_duplicate.contact_id and o.id = dismiss_duplicate.other_id
  on conflict do nothing;
  if not found and not exists (
    select from public.dismissed_duplicates as d
    where d.contact_id = least(dismiss_duplicate.contact_id, dismiss_duplicate.other_id)
      and d.other_id = greatest(dismiss_duplicate.contact_id, dismiss_duplicate.other_id)
  ) then
    raise exception 'there are no two contacts % and %', dismiss_duplicate.contact_id, dismiss_duplicate.other_id
      using errcode = 'PT404';
  end if;
end;
$$;


-- sql/30_tickets.sql

-- Tickets: a thread with a contact over a channel.

create type public.ticket_channel as enum (
  'email', 'portal', 'chat', 'api', 'telegram', 'whatsapp', 'linkedin', 'phone', 'social'
);
create type public.ticket_priority as enum ('low', 'normal', 'high', 'urgent');
-- What a status means to clocks and queues, whatever an organization calls it.
create type public.status_category as enum ('open', 'waiting', 'resolved');

create table public.ticket_statuses (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  key text not null check (key ~ '^[a-z][a-z0-9_]{0,39}$'),
  name text not null check (length(btrim(name)) between 1 and 60),
  category public.status_category not null,
  position smallint not null default 0,
  created_at timestamptz not null default now(),
  primary key (organization_id, key)
);

create table public.ticket_categories (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  key text not null check (key ~ '^[a-z0-9][a-z0-9_.-]{0,79}$'),
  name text not null check (length(btrim(name)) between 1 and 120),
  -- What a team must know to take it.
  skill_id uuid,
  -- Never answered automatically: refunds, account access, legal.
  sensitive boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, key),
  foreign key (organization_id, skill_id) references public.skills (organization_id, id) on delete set null (skill_id)
);
create index ticket_categories_skill_idx on public.ticket_categories (organization_id, skill_id);

create table private.ticket_counters (
  organization_id uuid primary key references public.organizations (id) on delete cascade,
  last_number bigint not null default 0
);

create table public.tickets (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  number bigint not null,
  subject text not null default '' check (length(subject) <= 998),
  channel public.ticket_channel not null,
  status text not null default 'new',
  -- The category of its status. Text, because the equality of enums is not leakproof: under row-level security an
  -- index could not be used for it.
  status_category text not null default 'open' check (status_category in ('open', 'waiting', 'resolved')),
  priority public.ticket_priority not null default 'normal',
  category_id uuid,
  contact_id uuid not null,
  mail_address_id uuid,
  team_id uuid,
  assignee_id uuid,
  language text,
  sentiment text check (sentiment in ('negative', 'neutral', 'positive')),
  is_spam boolean not null default false,
  tags text[] not null default '{}' check (cardinality(tags) <= 100),
  -- Who set it decides who may change it: triage leaves alone what a member has set.
  set_by_member text[] not null default '{}',
  -- Custom fields (23_custom_fields.sql).
  fields jsonb not null default '{}' check (jsonb_typeof(fields) = 'object'),
  -- on: the AI may answer; off: a human has taken over, and no bot posts any more.
  ai_state text not null default 'on' check (ai_state in ('on', 'off')),
  -- Where its messages are now: it is a signpost, and in no list (54_merge_split.sql).
  merged_into uuid,
  last_seq integer not null default 0,
  -- Before there is a message, when it was opened: lists are sorted by it.
  last_message_at timestamptz not null default now(),
  -- When the contact last wrote and was last answered, and by whom: what clocks go by. Notes, machines and senders that
  -- are not known do not count.
  last_contact_at timestamptz,
  last_answer_at timestamptz,
  last_answer_by text check (last_answer_by in ('member', 'ai')),
  first_response_due_at timestamptz,
  next_response_due_at timestamptz,
  resolution_due_at timestamptz,
  first_responded_at timestamptz,
  resolved_at timestamptz,
  -- Its words are gone; the row stays for what is counted.
  erased_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, number),
  foreign key (organization_id, status) references public.ticket_statuses (organization_id, key),
  foreign key (organization_id, category_id)
    references public.ticket_categories (organization_id, id) on delete set null (category_id),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id),
  foreign key (organization_id, mail_address_id)
    references public.mail_addresses (organization_id, id) on delete set null (mail_address_id),
  foreign key (organization_id, team_id) references public.teams (organization_id, id) on delete set null (team_id),
  -- A member, when it is given to them (keep_ticket); what they resolved stays theirs when they leave.
  foreign key (organization_id, assignee_id)
    references public.authors (organization_id, user_id) on delete set null (assignee_id),
  foreign key (organization_id, merged_into)
    references public.tickets (organization_id, id) on delete set null (merged_into)
);
create index tickets_merged_idx on public.tickets (organization_id, merged_into) where merged_into is not null;
create index tickets_contact_idx on public.tickets (contact_id, created_at desc);
create index tickets_organization_contact_idx on public.tickets (organization_id, contact_id);
create index tickets_queue_idx on public.tickets (organization_id, status_category, last_message_at desc, id desc);
create index tickets_status_idx on public.tickets (organization_id, status);
create index tickets_assignee_idx
on public.tickets (organization_id, assignee_id, status_category, last_message_at desc, id desc);
create index tickets_team_idx
on public.tickets (organization_id, team_id, status_category, last_message_at desc, id desc);
create index tickets_category_idx on public.tickets (organization_id, category_id);
create index tickets_address_idx on public.tickets (organization_id, mail_address_id);

-- Every organization starts with the statuses of the trade.
create function private.furnish_organization() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.ticket_statuses (organization_id, key, name, category, position) values
    (new.id, 'new', 'New', 'open', 0),
    (new.id, 'open', 'Open', 'open', 1),
    (new.id, 'pending', 'Waiting for the customer', 'waiting', 2),
    (new.id, 'on_hold', 'On hold', 'waiting', 3),
    (new.id, 'solved', 'Solved', 'resolved', 4),
    (new.id, 'closed', 'Closed', 'resolved', 5);
  insert into private.ticket_counters (organization_id) values (new.id);
  return null;
end;
$$;

-- An organization's tickets go before the rest of it: what hangs on both a ticket and a contact would hold the contact.
create function private.clear_organization() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from public.tickets where organization_id = old.id;
  return old;
end;
$$;

create trigger organizations_clear before delete on public.organizations
for each row execute function private.clear_organization();

create trigger organizations_furnish after insert on public.organizations
for each row execute function private.furnish_organization();

-- Statuses that are set by pgdesk itself stay what they are, whatever they are called; a status in use keeps its
-- category, for the tickets that have it were counted by it.
create function private.guard_status() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if not exists (select from public.organizations where id = old.organization_id) then
    return old; -- going with its organization
  end if;
  if old.key in ('new', 'open', 'pending') then
    raise exception 'status % is set by pgdesk itself: rename it, but keep it and its category', old.key
      using errcode = '23514';
  end if;
  if tg_op = 'DELETE' then
    return old; -- tickets that have it hold it by their foreign key
  end if;
  -- Waits for whoever is giving it to a ticket.
  perform from public.ticket_statuses where organization_id = old.organization_id and key = old.key for update;
  if exists (select from public.tickets where organization_id = old.organization_id and status = old.key) then
    raise exception 'status % is in use: move its tickets to another one before you change its category', old.key
      using errcode = '23514';
  end if;
  return new;
end;
$$;

create trigger ticket_statuses_guard_delete before delete on public.ticket_statuses
for each row execute function private.guard_status();
create trigger ticket_statuses_guard_category before update of category on public.ticket_statuses
for each row when (new.category <> old.category) execute function private.guard_status();

-- Numbers a new ticket, and keeps what follows from the status in step with it.
create function private.keep_ticket() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    update private.ticket_counters set last_number = last_number + 1
    where organization_id = new.organization_id
    returning last_number into new.number;
    if not found then
      raise exception 'there is no organization %', new.organization_id using errcode = '23503';
    end if;
  end if;
  if tg_op = 'INSERT' or new.status is distinct from old.status then
    select s.category into new.status_category
    from public.ticket_statuses as s
    where s.organization_id = new.organization_id and s.key = new.status
    for key share;
    if not found then
      raise exception 'there is no status %', new.status using errcode = '23503';
    end if;
    new.resolved_at := case when new.status_category = 'resolved' then coalesce(new.resolved_at, now()) end;
  end if;
  if new.assignee_id is not null and (
    tg_op = 'INSERT' or new.assignee_id is distinct from old.assignee_id
    or (old.status_category = 'resolved' and new.status_category <> 'resolved')
  ) then
    perform from public.members as m
    where m.organization_id = new.organization_id and m.user_id = new.assignee_id
    for key share;
    if not found then
      if tg_op = 'INSERT' or new.assignee_id is distinct from old.assignee_id then
        raise exception 'user % is not a member of this organization', new.assignee_id using errcode = '23503';
      end if;
      new.assignee_id := null; -- opened again, and who had resolved it has left
    end if;
  end if;
  if tg_op = 'UPDATE' then
    -- A member's word on a field stands, and a key's. Functions have neither behind them; what a trigger changes (a team
    -- is removed, and its tickets lose it) nobody has said.
    if (select private.actor_id()) is not null and pg_trigger_depth() = 1 then
      new.set_by_member := array(
        select distinct unnest(
          new.set_by_member
          || case when new.category_id is distinct from old.category_id then array['category_id'] else '{}' end
          || case when new.priority is distinct from old.priority then array['priority'] else '{}' end
          || case when new.team_id is distinct from old.team_id then array['team_id'] else '{}' end
          || case when new.language is distinct from old.language then array['language'] else '{}' end
          || case when new.is_spam is distinct from old.is_spam then array['is_spam'] else '{}' end
        )
        order by 1
      );
    end if;
    -- Assigning a person takes the ticket from the AI.
    if new.assignee_id is not null and old.assignee_id is distinct from new.assignee_id then
      new.ai_state := 'off';
    end if;
    new.updated_at := now();
  end if;
  return new;
end;
$$;

-- By name before tickets_keep: the contact is locked first.
create trigger tickets_contact before insert on public.tickets
for each row execute function private.land_at_standing_contact();
create trigger tickets_keep before insert or update on public.tickets
for each row execute function private.keep_ticket();
create trigger tickets_fields_new before insert on public.tickets
for each row when (new.fields <> '{}') execute function private.check_fields('ticket');
create trigger tickets_fields before update of fields on public.tickets
for each row when (new.fields is distinct from old.fields) execute function private.check_fields('ticket');

create function private.announce_ticket() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  before jsonb;
  changed jsonb;
begin
  if tg_op = 'INSERT' then
    perform private.emit(
      new.organization_id, 'ticket.created', new.id,
      jsonb_build_object('number', new.number, 'channel', new.channel, 'contact_id', new.contact_id), 'contact', new.id
    );
    return null;
  end if;
  before := to_jsonb(old);
  -- The subject and custom fields are content: that they changed is told, not to what.
  select coalesce(
    jsonb_object_agg(field.key, case when field.key not in ('subject', 'fields') then field.value end), '{}'
  ) into changed
  from jsonb_each(to_jsonb(new)) as field
  where field.value is distinct from before -> field.key
    and field.key not in (
      'updated_at', 'last_seq', 'last_message_at', 'last_contact_at', 'last_answer_at', 'last_answer_by',
      'set_by_member', 'status_category', 'snoozed_until', 'snoozed_by', 'erased_at', 'merged_into'
    );
  if changed ? 'status' then
    perform private.emit(
      new.organization_id, 'ticket.status.changed', new.id,
      jsonb_build_object(
        'from', old.status, 'to', new.status, 'from_category', old.status_category, 'to_category', new.status_category
      ),
      'contact', new.id
    );
  end if;
  if changed ? 'assignee_id' or changed ? 'team_id' then
    perform private.emit(
      new.organization_id, 'ticket.assigned', new.id,
      jsonb_build_object('assignee_id', new.assignee_id, 'team_id', new.team_id), 'agents', new.id
    );
  end if;
  if changed <> '{}' then
    perform private.emit(new.organization_id, 'ticket.updated', new.id, changed, 'agents', new.id);
  end if;
  return null;
end;
$$;

create trigger tickets_announce after insert or update on public.tickets
for each row execute function private.announce_ticket();


-- sql/31_conditions.sql

-- Conditions on a ticket, as SLA policies, routing rules and the like keep them, and whether they hold.
--
-- A condition is one of
--   {"field": "priority", "op": "in", "value": ["high", "urgent"]}
--   {"all": [condition, …]}   {"any": [condition, …]}   {"not": condition}
-- `{"all": []}` holds for every ticket.

-- What may be asked: columns of the ticket and, after `contact.`, of its contact, each with its kind.
create function private.condition_fields() returns table (field text, kind text)
language sql immutable parallel safe set search_path = '' as $$
  values
    ('number', 'number'), ('subject', 'text'), ('channel', 'text'), ('status', 'text'), ('status_category', 'text'),
    ('priority', 'text'), ('category_id', 'text'), ('contact_id', 'text'), ('mail_address_id', 'text'),
    ('team_id', 'text'), ('assignee_id', 'text'), ('language', 'text'), ('sentiment', 'text'), ('is_spam', 'boolean'),
    ('tags', 'list'), ('ai_state', 'text'), ('created_at', 'instant'), ('last_message_at', 'instant'),
    ('last_contact_at', 'instant'), ('last_answer_at', 'instant'), ('resolved_at', 'instant'),
    ('snoozed_until', 'instant'), ('first_response_due_at', 'instant'), ('next_response_due_at', 'instant'),
    ('resolution_due_at', 'instant'),
    ('contact.email', 'text'), ('contact.name', 'text'), ('contact.language', 'text'), ('contact.tags', 'list'),
    ('contact.company', 'text');
$$;

-- Of which kind a field is; null where there is none. A custom field, as `fields.plan` or `contact.fields.plan`, is
-- asked as a text, whatever its type: which ones there are is each organization's.
create function private.condition_kind(field text) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  if field ~ '^(contact\.)?fields\.[a-z][a-z0-9_]{0,39}$' then
    return 'text';
  end if;
  return (select f.kind from private.condition_fields() as f where f.field = condition_kind.field);
end;
$$;

-- A time as conditions say it: "2026-01-31T09:00:00Z", "today", or from now on: "2 days ago", "4 hours".
create function private.is_instant(value text) returns boolean
language plpgsql stable parallel safe set search_path = '' as $$
begin
  if pg_input_is_valid(value, 'timestamptz') then
    return true;
  end if;
  return pg_input_is_valid(value, 'interval')
    and value::interval between interval '-100 years' and interval '100 years';
end;
$$;

create function private.instant(value text) returns timestamptz
language plpgsql stable parallel safe set search_path = '' as $$
begin
  if pg_input_is_valid(value, 'timestamptz') then
    return value::timestamptz;
  end if;
  return now() + value::interval;
end;
$$;

-- What is wrong with a condition that asks a field.
create function private.question_error(question jsonb) returns text
language plpgsql stable parallel safe set search_path = '' as $$
declare
  kind constant text := private.condition_kind(question ->> 'field');
  op constant text := question ->> 'op';
  value constant jsonb := question -> 'value';
begin
  if kind is null then
    return format('there is no field "%s"', left(question ->> 'field', 60));
  end if;
  if op in ('is_set', 'is_not_set') then
    return case when value is not null then format('"%s" takes no value', op) end;
  end if;
  if op is null or op <> all (case kind
    when 'text' then array['is', 'is_not', 'in', 'not_in', 'contains', 'not_contains', 'starts_with', 'ends_with']
    when 'list' then array['contains', 'not_contains']
    when 'boolean' then array['is']
    when 'number' then array['is', 'above', 'below']
    else array['above', 'below']
  end) then
    return format('"%s" cannot be asked of "%s"', left(coalesce(op, ''), 60), question ->> 'field');
  end if;
  if op in ('in', 'not_in') then
    return case
      when jsonb_typeof(value) is distinct from 'array' or jsonb_path_exists(value, '$[*] ? (@.type() != "string")')
        then format('"%s" takes a list of texts', op)
    end;
  end if;
  return case
    when kind in ('text', 'list') and jsonb_typeof(value) is distinct from 'string' then op || ' takes a text'
    when kind = 'boolean' and jsonb_typeof(value) is distinct from 'boolean' then op || ' takes true or false'
    when kind = 'number' and jsonb_typeof(value) is distinct from 'number' then op || ' takes a number'
    when kind = 'instant'
      and (jsonb_typeof(value) is distinct from 'string' or not private.is_instant(value #>> '{}'))
      then op || ' takes a time, as 2026-01-31T09:00:00Z or 2 days ago'
  end;
end;
$$;

-- What is wrong with a condition, for whoever writes it; null where it is sound.
create function private.condition_error(condition jsonb, depth integer default 0) returns text
language plpgsql stable parallel safe set search_path = '' as $$
declare
  max_depth constant integer := 5;
  max_parts constant integer := 50;
  branch text;
  problem text;
  part jsonb;
begin
  if jsonb_typeof(condition) is distinct from 'object' then
    return 'a condition is an object, not ' || coalesce(jsonb_typeof(condition), 'nothing');
  elsif depth > max_depth then
    return format('conditions nest %s deep at most', max_depth);
  elsif condition ? 'field' then
    return private.question_error(condition);
  end if;
  select string_agg(key, ' ') into branch from jsonb_object_keys(condition) as key;
  if branch = 'not' then
    return private.condition_error(condition -> 'not', depth + 1);
  elsif branch is null or branch not in ('all', 'any') then
    return 'a condition has "field", "op" and "value", or one of "all", "any" and "not"';
  elsif jsonb_typeof(condition -> branch) <> 'array' or jsonb_array_length(condition -> branch) > max_parts then
    return format('"%s" is a list of %s conditions at most', branch, max_parts);
  end if;
  for part in select * from jsonb_array_elements(condition -> branch) loop
    problem := private.condition_error(part, depth + 1);
    exit when problem is not null;
  end loop;
  return problem;
end;
$$;

-- Trigger of tables that keep conditions in a column of this name.
create function private.check_conditions() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  problem constant text := private.condition_error(new.conditions);
begin
  if problem is not null then
    raise exception 'conditions: %', problem using errcode = '23514';
  end if;
  return new;
end;
$$;

-- Custom fields as texts, each by its name with what stands before it.
create function private.field_facts(prefix text, fields jsonb) returns jsonb
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  if fields = '{}' then
    return fields;
  end if;
  return (select jsonb_object_agg(prefix || key, value #>> '{}') from jsonb_each(fields));
end;
$$;

-- What conditions are asked of: a contact alone, and a ticket with its contact.
create function private.contact_facts(contact public.contacts) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_object_agg('contact.' || field.key, field.value)
    || private.field_facts('contact.fields.', (contact).fields)
    || jsonb_build_object(
      'contact.tags', array(
        select t.name
        from public.contact_tags as l
        join public.tags as t on t.organization_id = l.organization_id and t.id = l.tag_id
        where l.organization_id = (contact).organization_id and l.contact_id = (contact).id
        order by t.name
      ),
      'contact.company', (
        select k.name from public.companies as k
        where k.organization_id = (contact).organization_id and k.id = (contact).company_id
      )
    )
  from jsonb_each(to_jsonb(contact)) as field;
$$;

create function private.ticket_facts(ticket public.tickets) returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(ticket) || private.field_facts('fields.', (ticket).fields) || coalesce(
    (
      select private.contact_facts(c)
      from public.contacts as c
      where c.organization_id = (ticket).organization_id and c.id = (ticket).contact_id
    ),
    '{}'
  );
$$;

-- Whether a question (a sound condition that asks a field) is answered with yes. Texts are compared without regard to
-- case; what is not set is equal to nothing.
create function private.question_holds(question jsonb, facts jsonb) returns boolean
language plpgsql stable parallel safe set search_path = '' as $$
declare
  op constant text := question ->> 'op';
  asked constant text := lower(question ->> 'value');
  found constant jsonb := facts -> (question ->> 'field');
  fact constant text := lower(found #>> '{}');
begin
  return coalesce(
    case
      when op = 'is_set' then found not in ('null', '""', '[]')
      when op = 'is_not_set' then coalesce(found, 'null') in ('null', '""', '[]')
      when jsonb_typeof(found) = 'array' then
        exists (select from jsonb_array_elements_text(found) as item where lower(item) = asked) = (op = 'contains')
      when op = 'is' then case when jsonb_typeof(found) = 'string' then fact = asked else found = question -> 'value' end
      when op = 'is_not' then fact is distinct from asked
      when op in ('in', 'not_in') then (
        exists (select from jsonb_array_elements_text(question -> 'value') as item where lower(item) = fact)
      ) = (op = 'in')
      when op = 'contains' then position(asked in fact) > 0
      when op = 'not_contains' then position(asked in coalesce(fact, '')) = 0
      when op = 'starts_with' then starts_with(fact, asked)
      when op = 'ends_with' then right(fact, length(asked)) = asked
      when jsonb_typeof(found) = 'number' then sign(fact::numeric - asked::numeric) = case op when 'above' then 1 else -1 end
      when op = 'above' then fact::timestamptz > private.instant(asked)
      when op = 'below' then fact::timestamptz < private.instant(asked)
    end,
    false
  );
end;
$$;

-- Whether a sound condition holds.
create function private.condition_holds(condition jsonb, facts jsonb) returns boolean
language plpgsql stable parallel safe set search_path = '' as $$
declare
  part jsonb;
begin
  if condition ? 'field' then
    return private.question_holds(condition, facts);
  elsif condition ? 'not' then
    return not private.condition_holds(condition -> 'not', facts);
  end if;
  for part in select * from jsonb_array_elements(coalesce(condition -> 'all', condition -> 'any')) loop
    if private.condition_holds(part, facts) = (condition ? 'any') then
      return condition ? 'any';
    end if;
  end loop;
  return condition ? 'all';
end;
$$;


-- sql/32_condition_sql.sql

-- Conditions as SQL: the answers of private.condition_holds, asked of many tickets at once and by their indexes.
--
-- Of a condition nothing gets into the text but literals (%L) and the names of fields that condition_fields knows.

-- One question as a predicate over `t`, a ticket, and `c`, its contact; never null. "me" for an assignee is the caller,
-- "my_teams" for a team are theirs.
create function private.question_sql(question jsonb, me uuid, my_teams uuid[]) returns text
language plpgsql stable set search_path = '' as $$
declare
  field constant text := question ->> 'field';
  op constant text := question ->> 'op';
  kind constant text := private.condition_kind(question ->> 'field');
  is_id constant boolean := field like '%\_id';
  fact constant text := case
    when field = 'contact.tags' then
      'array(select g.name from public.contact_tags as l join public.tags as g on g.id = l.tag_id'
      ' where l.organization_id = c.organization_id and l.contact_id = c.id)'
    when field = 'contact.company' then
      '(select k.name from public.companies as k where k.organization_id = c.organization_id and k.id = c.company_id)'
    when starts_with(field, 'contact.fields.') then format('(c.fields ->> %L)', substr(field, 16))
    when starts_with(field, 'fields.') then format('(t.fields ->> %L)', substr(field, 8))
    when starts_with(field, 'contact.') then format('c.%I', substr(field, 9))
    else format('t.%I', field)
  end;
  -- As texts are compared; ids and statuses as they are, for that is how they are indexed.
  as_text constant text := format('lower(%s::text)', fact);
  compared constant text := case when is_id or field in ('status', 'status_category') then fact else as_text end;
  type constant text := case when is_id then 'uuid' else 'text' end;
  asked text[] := array(
    select lower(value)
    from jsonb_array_elements_text(
      case jsonb_typeof(question -> 'value')
        when 'array' then question -> 'value'
        else jsonb_build_array(question -> 'value')
      end
    ) as value
  );
  is_negative boolean := op in ('is_not', 'not_in', 'not_contains', 'is_not_set');
  equal text;
begin
  if kind is null then
    return 'false';
  elsif op in ('is_set', 'is_not_set') then
    return format(
      case
        when kind = 'list' and is_negative then 'cardinality(%s) = 0'
        when kind = 'list' then 'cardinality(%s) > 0'
        when kind = 'text' and not is_id and is_negative then 'coalesce(%s::text, '''') = '''''
        when kind = 'text' and not is_id then 'coalesce(%s::text, '''') <> '''''
        when is_negative then '%s is null'
        else '%s is not null'
      end,
      fact
    );
  elsif kind = 'list' then
    return format(
      '%sexists (select from unnest(%s) as item where lower(item) = %L)',
      case when is_negative then 'not ' else '' end, fact, asked[1]
    );
  elsif kind <> 'text' then
    return format(
      '(%1$s is not null and %1$s %2$s %3$L::%4$s)',
      fact || case when kind = 'number' then '::numeric' else '' end,
      case op when 'above' then '>' when 'below' then '<' else '=' end,
      case when kind = 'instant' then private.instant(asked[1])::text else asked[1] end,
      case kind when 'instant' then 'timestamptz' when 'number' then 'numeric' else kind end
    );
  elsif op = 'contains' then
    return format('position(%L in coalesce(%s, '''')) > 0 and %s is not null', asked[1], as_text, fact);
  elsif op = 'not_contains' then
    return format('position(%L in coalesce(%s, '''')) = 0', asked[1], as_text);
  elsif op = 'starts_with' then
    return format('(%s is not null and starts_with(%s, %L))', fact, as_text, asked[1]);
  elsif op = 'ends_with' then
    return format('(%s is not null and right(%s, %s) = %L)', fact, as_text, length(asked[1]), asked[1]);
  end if;
  if field = 'assignee_id' then
    asked := array_replace(asked, 'me', me::text);
  elsif field = 'team_id' and 'my_teams' = any (asked) then
    asked := asked || my_teams::text[];
  elsif field = 'status_category' and is_negative then
    -- What is not resolved is open or waiting: this way an index finds it.
    asked := array(select key from unnest(array['open', 'waiting', 'resolved']) as key where key <> all (asked));
    is_negative := false;
  end if;
  if is_id then
    asked := array(
      select value from unnest(asked) as value where value ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    );
  end if;
  -- One value as `=`: only so does an index give what is equal in its order.
  equal := case cardinality(asked)
    when 0 then 'false'
    when 1 then format('%s = %L::%s', compared, asked[1], type)
    else format('%s = any (%L::%s[])', compared, asked, type)
  end;
  return format(
    case when is_negative then '(%s is null or not %s)' else '(%s is not null and %s)' end, fact, equal
  );
end;
$$;

-- A sound condition as a predicate.
create function private.condition_sql(condition jsonb, me uuid default null, my_teams uuid[] default '{}') returns text
language plpgsql stable set search_path = '' as $$
declare
  parts text;
begin
  if condition ? 'field' then
    return '(' || private.question_sql(condition, me, my_teams) || ')';
  elsif condition ? 'not' then
    return '(not ' || private.condition_sql(condition -> 'not', me, my_teams) || ')';
  end if;
  select string_agg(
    private.condition_sql(part, me, my_teams), case when condition ? 'all' then ' and ' else ' or ' end
  ) into parts
  from jsonb_array_elements(coalesce(condition -> 'all', condition -> 'any')) as part;
  return coalesce('(' || parts || ')', (condition ? 'all')::text);
end;
$$;

-- Questions that hold for all tickets of a condition: those it asks alone, or as one of `all`.
create function private.certain_questions(condition jsonb) returns setof jsonb
language sql immutable parallel safe set search_path = '' as $$
  select part
  from jsonb_array_elements(
    case when condition ? 'all' then condition -> 'all' else jsonb_build_array(condition) end
  ) as part
  where part ? 'field';
$$;

-- The teams that the caller is in.
create function private.my_teams() returns setof uuid
language sql stable security definer set search_path = '' rows 3 as $$
  select m.team_id from public.team_members as m where m.user_id = (select auth.uid());
$$;

-- A condition as a predicate for the caller. One that is not sound has an end here.
create function private.my_predicate(condition jsonb) returns text
language plpgsql stable set search_path = '' as $$
declare
  problem constant text := private.condition_error(condition);
begin
  if problem is not null then
    raise exception 'conditions: %', problem using errcode = '22023';
  end if;
  return private.condition_sql(condition, (select auth.uid()), array(select private.my_teams()));
end;
$$;


-- sql/32_ticket_tags.sql

-- Tags of tickets. A ticket names them (`tickets.tags`); here stands which tag each name is, so that tickets are found
-- by tag, newest first, by an index that serves under row-level security too.

create table public.ticket_tags (
  organization_id uuid not null,
  ticket_id uuid not null,
  tag_id uuid not null,
  created_at timestamptz not null default now(),
  primary key (organization_id, ticket_id, tag_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, tag_id) references public.tags (organization_id, id) on delete cascade
);
create index ticket_tags_tag_idx on public.ticket_tags (organization_id, tag_id, ticket_id desc);

-- The names in their order, each once, but for those in `keys` (lower case): the first of them becomes `replacement`,
-- the others go; all of them, where that is null.
create function private.replace_tags(tags text[], keys text[], replacement text) returns text[]
language sql immutable parallel safe set search_path = '' as $$
  select coalesce(array_agg(once.name order by once.place), '{}')
  from (
    select distinct on (lower(n.name)) n.name, n.place
    from (
      select case when lower(t.name) = any (keys) then replacement else t.name end as name, t.place
      from unnest(tags) with ordinality as t (name, place)
    ) as n
    where n.name is not null
    order by lower(n.name), n.place
  ) as once;
$$;

-- A name that is new to the ticket is that of a tag, in the tag's spelling; where there is no such tag, one is made.
create function private.keep_ticket_tags() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  known constant text[] := case when tg_op = 'UPDATE' then old.tags else '{}' end;
  named text[] := '{}';
  name text;
begin
  foreach name in array new.tags loop
    named := named || case
      when name = any (known) then name
      else (private.take_tag(new.organization_id, name)).name
    end;
  end loop;
  new.tags := private.replace_tags(named, '{}', null);
  return new;
end;
$$;

create trigger tickets_tags_begin before insert on public.tickets
for each row when (new.tags <> '{}') execute function private.keep_ticket_tags();
create trigger tickets_tags before update on public.tickets
for each row when (new.tags is distinct from old.tags) execute function private.keep_ticket_tags();

create function private.link_ticket_tags() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  keys constant text[] := array(select lower(named.name) from unnest(new.tags) as named (name));
  wanted constant uuid[] := array(
    select t.id from public.tags as t where t.organization_id = new.organization_id and lower(t.name) = any (keys)
    union
    -- Renamed, and the ticket does not know yet.
    select a.tag_id from private.tag_aliases as a
    where a.organization_id = new.organization_id and a.name_key = any (keys)
  );
begin
  delete from public.ticket_tags as l
  where l.organization_id = new.organization_id and l.ticket_id = new.id and l.tag_id <> all (wanted);
  insert into public.ticket_tags (organization_id, ticket_id, tag_id)
  select new.organization_id, new.id, w.tag_id from unnest(wanted) as w (tag_id)
  on conflict do nothing;
  return null;
end;
$$;

create trigger tickets_link_tags_begins after insert on public.tickets
for each row when (new.tags <> '{}') execute function private.link_ticket_tags();
create trigger tickets_link_tags after update on public.tickets
for each row when (new.tags is distinct from old.tags) execute function private.link_ticket_tags();

-- Ids of tickets that have a tag or one below it, newest first; for members. As its definer: under row-level security
-- the planner takes it that next to nothing is left of a tag's tickets, and reads all of them.
create function private.tickets_tagged(
  tag_id uuid, with_descendants boolean, before_ticket_id uuid, max_tickets integer
) returns setof uuid
language plpgsql stable security definer set search_path = '' rows 50
-- In the order of the index, however many the planner thinks that a tag has.
set enable_bitmapscan = off set enable_seqscan = off
as $$
declare
  page_size constant integer := least(greatest(coalesce(max_tickets, 50), 1), 200);
begin
  return query
  select distinct l.ticket_id
  from public.tag_with_descendants(tickets_tagged.tag_id) as tag
  cross join lateral (
    select l.ticket_id
    from public.ticket_tags as l
    where l.organization_id = tag.organization_id and l.tag_id = tag.id
      and l.ticket_id < coalesce(before_ticket_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
      and not exists (select from public.tickets as t where t.id = l.ticket_id and t.merged_into is not null)
    order by l.ticket_id desc
    limit page_size
  ) as l
  where (with_descendants or tag.id = tickets_tagged.tag_id)
    and tag.organization_id = any(array(select private.my_organizations()))
  order by l.ticket_id desc
  limit page_size;
end;
$$;

-- Tickets that have a tag or one below it, newest first. The next page: `before_ticket_id`, the last of this one.
create function public.tickets_tagged(
  tag_id uuid, with_descendants boolean default true, before_ticket_id uuid default null, max_tickets integer default 50
) returns setof public.tickets
language sql stable set search_path = '' rows 50 as $$
  select t.*
  from private.tickets_tagged(
    tickets_tagged.tag_id, tickets_tagged.with_descendants, tickets_tagged.before_ticket_id, tickets_tagged.max_tickets
  ) as found (ticket_id)
  join public.tickets as t on t.id = found.ticket_id
  order by t.id desc;
$$;


-- sql/33_search_queries.sql

-- What is typed into a search field, and the passage of a text that answers it.

-- In plpgsql, which keeps the plans of a session: SQL functions are read and planned anew in each statement.

-- Text as it is compared: lower case, without accents, in no language.
create function private.fold(value text) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return regexp_replace(normalize(lower(fold.value), nfkd), '[\u0300-\u036f]', '', 'g');
end;
$$;

-- Its words. An address is found by its parts too.
create function private.search_words(value text) returns tsvector
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return to_tsvector(
    'pg_catalog.simple', private.fold(search_words.value || ' ' || translate(search_words.value, '@_/', '   '))
  );
end;
$$;

-- What `name:value` in a query asks of a ticket; null where it is no more than words.
create function private.query_filter(name text, value text) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  asked constant text := lower(value);
  question constant jsonb := case
    when name = 'status' and asked in ('open', 'waiting', 'resolved')
      then jsonb_build_object('field', 'status_category', 'op', 'is', 'value', asked)
    when name in ('status', 'language')
      or name = 'priority' and asked = any (enum_range(null::public.ticket_priority)::text[])
      or name = 'channel' and asked = any (enum_range(null::public.ticket_channel)::text[])
      then jsonb_build_object('field', name, 'op', 'is', 'value', asked)
    when name = 'tag' then jsonb_build_object('field', 'tags', 'op', 'contains', 'value', asked)
    when name = 'from' then jsonb_build_object('field', 'contact.email', 'op', 'contains', 'value', asked)
    when name in ('assignee', 'team') and asked = 'none'
      then jsonb_build_object('field', name || '_id', 'op', 'is_not_set')
    when name = 'assignee' and (asked = 'me' or private.try_uuid(asked) is not null)
      then jsonb_build_object('field', 'assignee_id', 'op', 'is', 'value', asked)
    when name = 'team' and (asked = 'mine' or private.try_uuid(asked) is not null) then
      jsonb_build_object(
        'field', 'team_id', 'op', 'is', 'value', case asked when 'mine' then 'my_teams' else asked end
      )
    when name in ('before', 'after') then
      jsonb_build_object(
        'field', 'created_at', 'op', case name when 'before' then 'below' else 'above' end, 'value', asked
      )
  end;
begin
  return case when question is not null and private.question_error(question) is null then question end;
end;
$$;

-- The number of the ticket that has this one's messages now: its own, if it was not merged.
create function private.number_now(organization_id uuid, number bigint) returns bigint
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
begin
  return coalesce((
    select here.number
    from public.tickets as t
    join public.tickets as here on here.id = private.ticket_now(t.id)
    where t.organization_id = number_now.organization_id and t.number = number_now.number
  ), number_now.number);
end;
$$;

-- A query, read: its words in the order in which they were typed, whether the last may be unfinished, what stands in
-- quotes, and what is asked of tickets. Whatever is typed is a query; of what is endless, the beginning.
create function private.read_query(
  organization_id uuid, query text,
  out words text[], out is_unfinished boolean, out phrases tsquery[], out filters jsonb[]
)
language plpgsql stable set search_path = '' as $$
declare
  token text;
  value text;
  filter jsonb;
  phrase tsquery;
  plain text := '';
begin
  is_unfinished := false;
  phrases := '{}';
  filters := '{}';
  for token in
    select match[1]
    from regexp_matches(left(query, 300), '([[:alpha:]]+:"[^"]*"|"[^"]*"|\S+)', 'g') with ordinality as m (match, place)
    order by place
    limit 30
  loop
    value := btrim(substr(token, position(':' in token) + 1), '"');
    filter := case
      when token ~ '^#[0-9]{1,15}$' then jsonb_build_object(
        'field', 'number', 'op', 'is', 'value', private.number_now(organization_id, substr(token, 2)::bigint)
      )
      when token ~* '^[a-z]+:.' then private.query_filter(lower(split_part(token, ':', 1)), value)
    end;
    if filter is not null then
      filters := filters || filter;
      continue;
    end if;
    plain := plain || ' ' || token;
    is_unfinished := not starts_with(token, '"');
    phrase := case when token ~ '^".*"$' then phraseto_tsquery('pg_catalog.simple', private.fold(value)) end;
    if numnode(phrase) > 1 then
      phrases := phrases || phrase;
    end if;
  end loop;
  -- Eight words leave nothing to choose. What is longer than any name is no word that somebody types.
  words := array(
    select w.lexeme
    from unnest(private.search_words(translate(plain, '@_/', '   '))) as w
    where length(w.lexeme) <= 60
    order by w.positions[cardinality(w.positions)]
    limit 8
  );
end;
$$;

-- The words of a query for a text that must have them all; the last may be unfinished.
create function private.words_query(words text[], is_unfinished boolean) returns tsquery
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return (
    select string_agg(
      quote_literal(w.word) || case when is_unfinished and w.place = cardinality(words) then ':*' else '' end, ' & '
    )
    from unnest(words) with ordinality as w (word, place)
  )::tsquery;
end;
$$;

-- Where words stand in a text, as a pattern for one without accents, whatever the case.
create function private.words_pattern(words text[], is_unfinished boolean) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return (
    select '\m(?:' || string_agg(
      regexp_replace(normalize(w.word, nfc), '([^[:alnum:]])', '\\\1', 'g')
        || case when is_unfinished and w.place = cardinality(words) then '\w*' else '\M' end,
      '|'
    ) || ')'
    from unnest(words) with ordinality as w (word, place)
  );
end;
$$;

-- The passage of a text around the first match of such a pattern, in HTML: its characters that mean something there are
-- escaped. What matches stands between U+E000 and U+E001, which occur nowhere else in it.
create function private.passage(value text, pattern text) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  size constant integer := 240;
  plain constant text := btrim(regexp_replace(normalize(value, nfc), '[\s\u0001-\u001f\ue000\ue001]+', ' ', 'g'));
  -- Without accents: letter for letter, where that is possible.
  without_accents constant text := normalize(
    regexp_replace(normalize(plain, nfd), '[\u0300-\u036f]', '', 'g'), nfc
  );
  bare constant text := case when length(without_accents) = length(plain) then without_accents else plain end;
  found integer := coalesce(regexp_instr(bare, pattern, 1, 1, 0, 'i'), 0);
  -- From the beginning of a word somewhat before.
  here integer := case when found > 60 then found - 60 else 1 end;
  ends_at integer;
  shown text := '';
begin
  if here > 1 then
    here := here + coalesce(nullif(position(' ' in substr(plain, here, 60)), 0), 0);
    shown := '…';
  end if;
  ends_at := length(plain) + 1;
  if ends_at > here + size then
    ends_at := here + size - greatest(position(' ' in reverse(substr(plain, here, size))) % 60, 1);
  end if;
  while found > 0 and found < ends_at loop
    shown := shown || private.escape_html(substr(plain, here, found - here)) || U&'\E000';
    here := least(regexp_instr(bare, pattern, found, 1, 1, 'i'), ends_at);
    shown := shown || private.escape_html(substr(plain, found, here - found)) || U&'\E001';
    exit when here <= found;
    found := regexp_instr(bare, pattern, here, 1, 0, 'i');
  end loop;
  return shown || private.escape_html(substr(plain, here, ends_at - here))
    || case when ends_at <= length(plain) then '…' else '' end;
end;
$$;

create function private.escape_html(value text) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return replace(
    replace(replace(replace(replace(value, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;'
  );
end;
$$;


-- sql/33_tag_jobs.sql

-- Tagging many at once: contacts, sessions or tickets that a filter finds. Few are tagged in the transaction that asks,
-- many some at a time in the background, with their progress in a row.

create table public.tag_jobs (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  -- tag: add and remove tags where the filter holds. The others follow a change of one tag (34_tag_changes.sql).
  kind text not null check (kind in ('tag', 'rename', 'merge', 'delete')),
  target text check (target in ('contacts', 'sessions', 'tickets')),
  filter jsonb check (jsonb_typeof(filter) = 'object'),
  -- Ids stay though what they name may be gone.
  add_tag_ids uuid[] not null default '{}',
  remove_tag_ids uuid[] not null default '{}',
  tag_id uuid,
  state text not null default 'running' check (state in ('running', 'done', 'canceled', 'failed')),
  -- How many there are to look at, have been looked at, were changed, or have no room for another tag.
  total integer not null default 0,
  done integer not null default 0,
  changed integer not null default 0,
  skipped integer not null default 0,
  error text,
  -- Ids up to here have been looked at; later ones than `until` came after the question.
  after_id uuid not null default '00000000-0000-0000-0000-000000000000',
  until_id uuid not null default private.uuid7(),
  created_by uuid default private.actor_id(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  finished_at timestamptz,
  unique (organization_id, id),
  check ((kind = 'tag') = (target is not null and filter is not null)),
  check ((kind = 'tag') = (tag_id is null))
);
create index tag_jobs_finished_idx on public.tag_jobs (finished_at);
create index tag_jobs_running_idx on public.tag_jobs (organization_id, tag_id) where state = 'running';

create trigger tag_jobs_touch before update on public.tag_jobs
for each row execute function private.touch();

-- What is wrong with a filter: {"ids": [uuid, …]} or {"conditions": condition}, of tickets as in 31_conditions.sql,
-- of contacts and of sessions those that ask `contact.…`. Null where it is sound.
create function private.tag_filter_error(target text, filter jsonb) returns text
language plpgsql stable set search_path = '' as $$
declare
  max_ids constant integer := 10000;
  problem text;
begin
  if jsonb_typeof(filter) is distinct from 'object' or (select count(*) from jsonb_object_keys(filter)) <> 1 then
    return 'a filter is {"ids": […]} or {"conditions": {…}}';
  elsif filter ? 'ids' then
    return case
      when jsonb_typeof(filter -> 'ids') <> 'array' or jsonb_array_length(filter -> 'ids') > max_ids
        then format('"ids" is a list of %s ids at most', max_ids)
      when exists (
        select from jsonb_array_elements(filter -> 'ids') as item where private.try_uuid(item #>> '{}') is null
      ) then '"ids" holds something that is no id'
    end;
  elsif not filter ? 'conditions' then
    return 'a filter is {"ids": […]} or {"conditions": {…}}';
  end if;
  problem := private.condition_error(filter -> 'conditions');
  if problem is null and target <> 'tickets' then
    select format('"%s" cannot be asked of %s', asked #>> '{}', target) into problem
    from jsonb_path_query(filter, '$.**.field') as asked
    where not starts_with(asked #>> '{}', 'contact.')
    limit 1;
  end if;
  return problem;
end;
$$;

-- The next rows that a job looks at, and which of them its filter finds; "me" is who asked.
create function private.next_for_tag_job(job public.tag_jobs, slice integer) returns table (id uuid, matches boolean)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  ids constant uuid[] := case
    when job.filter ? 'ids' then array(select item::uuid from jsonb_array_elements_text(job.filter -> 'ids') as item)
  end;
  condition constant text := case
    when job.filter ? 'conditions' then private.condition_sql(job.filter -> 'conditions', job.created_by, array(
      select m.team_id from public.team_members as m
      where m.organization_id = job.organization_id and m.user_id = job.created_by
    ))
    else 'true'
  end;
  -- As conditions know them: a ticket is `t`, its contact `c`.
  looked_at constant text := case job.target when 'contacts' then 'c' else 't' end;
  place constant text := case job.target
    when 'contacts' then '(select * from public.contacts where merged_into is null) as c'
    else format(
      'public.%I as t left join public.contacts as c on c.organization_id = t.organization_id and c.id = t.contact_id',
      job.target
    )
  end;
begin
  return query execute format(
    'select %1$s.id, %2$s from %3$s where %1$s.organization_id = $1 and %1$s.id > $2 and %1$s.id <= $3'
    ' and ($4 is null or %1$s.id = any ($4)) order by %1$s.id limit $5',
    looked_at, condition, place
  )
  using job.organization_id, job.after_id, job.until_id, ids, slice;
end;
$$;

-- A ticket's names without those in `old_keys` and with these; as they were, where that would be too many.
create function private.with_tags(tags text[], old_keys text[], new_names text[]) returns text[]
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  max_tags constant integer := 100;
  changed constant text[] := private.replace_tags(private.replace_tags(tags, old_keys, null) || new_names, '{}', null);
begin
  return case when cardinality(changed) <= max_tags then changed else tags end;
end;
$$;

-- Adds and removes a job's tags on these rows. Returns how many changed, and how many had no room for another tag.
create function private.apply_tags(job public.tag_jobs, ids uuid[], out changed integer, out skipped integer)
language plpgsql security definer set search_path = '' as $$
declare
  added constant uuid[] := array(
    select t.id from public.tags as t
    where t.organization_id = job.organization_id and t.id = any (job.add_tag_ids) and t.removed_at is null
  );
  new_names constant text[] := array(
    select t.name from public.tags as t where t.id = any (added) order by lower(t.name)
  );
  old_keys constant text[] := array(
    select lower(t.name) from public.tags as t
    where t.organization_id = job.organization_id and t.id = any (job.remove_tag_ids)
    union
    select a.name_key from private.tag_aliases as a
    where a.organization_id = job.organization_id and a.tag_id = any (job.remove_tag_ids)
  );
begin
  skipped := 0;
  case job.target
    when 'tickets' then
      -- In order, so that two jobs over the same tickets come one after the other.
      perform from public.tickets as t
      where t.organization_id = job.organization_id and t.id = any (ids)
      order by t.id
      for no key update;
      update public.tickets as t
      set tags = private.with_tags(t.tags, old_keys, new_names)
      where t.organization_id = job.organization_id and t.id = any (ids)
        and private.with_tags(t.tags, old_keys, new_names) <> t.tags;
      get diagnostics changed = row_count;
      select count(*) into skipped
      from public.tickets as t
      where t.organization_id = job.organization_id and t.id = any (ids) and not t.tags @> new_names;
    when 'contacts' then
      with gone as (
        delete from public.contact_tags as l
        where l.organization_id = job.organization_id and l.contact_id = any (ids)
          and l.tag_id = any (job.remove_tag_ids)
        returning l.contact_id
      ), come as (
        insert into public.contact_tags (organization_id, contact_id, tag_id, created_by)
        select job.organization_id, i.id, a.tag_id, job.created_by
        from unnest(ids) as i (id), unnest(added) as a (tag_id)
        order by i.id, a.tag_id
        on conflict do nothing
        returning contact_id
      )
      select count(*) into changed from (select * from gone union select * from come) as touched;
    else
      with gone as (
        delete from public.session_taggings as l
        where l.organization_id = job.organization_id and l.session_id = any (ids)
          and l.tag_id = any (job.remove_tag_ids)
        returning l.session_id
      ), come as (
        insert into public.session_taggings (organization_id, session_id, tag_id, created_by)
        select job.organization_id, i.id, a.tag_id, job.created_by
        from unnest(ids) as i (id), unnest(added) as a (tag_id)
        order by i.id, a.tag_id
        on conflict do nothing
        returning session_id
      )
      select count(*) into changed from (select * from gone union select * from come) as touched;
  end case;
end;
$$;

-- One step of a job of kind `tag`.
create function private.step_tag_job(inout job public.tag_jobs)
language plpgsql security definer set search_path = '' as $$
declare
  slice constant integer := 200;
  ids uuid[];
  matching uuid[];
  changed integer := 0;
  skipped integer := 0;
begin
  select coalesce(array_agg(n.id order by n.id), '{}'), coalesce(array_agg(n.id) filter (where n.matches), '{}')
  into ids, matching
  from private.next_for_tag_job(job, slice) as n;
  if matching <> '{}' then
    select a.changed, a.skipped into changed, skipped from private.apply_tags(job, matching) as a;
  end if;
  job.done := job.done + cardinality(ids);
  job.changed := job.changed + changed;
  job.skipped := job.skipped + skipped;
  job.after_id := coalesce(ids[cardinality(ids)], job.after_id);
  if cardinality(ids) < slice then
    job.state := 'done';
  end if;
end;
$$;

-- One step of whatever a job is: `patient` waits for rows that others have locked, and may not hold its tag's lock.
create function private.run_tag_job(job_id uuid, patient boolean) returns public.tag_jobs
language plpgsql security definer set search_path = '' as $$
declare
  job public.tag_jobs;
begin
  select * into job from public.tag_jobs as j where j.id = run_tag_job.job_id for update;
  if job.state is distinct from 'running' then
    return job;
  end if;
  begin
    if job.kind = 'tag' then
      job := private.step_tag_job(job);
    else
      job := private.follow_tag(job, patient);
    end if;
  exception when data_exception or integrity_constraint_violation then
    -- What will not get better. Anything else ends the attempt, and is tried again.
    job.state := 'failed';
    job.error := left(sqlerrm, 500);
  end;
  update public.tag_jobs as j
  set state = job.state, done = job.done, changed = job.changed, skipped = job.skipped, after_id = job.after_id,
    error = job.error, finished_at = case when job.state <> 'running' then now() end
  where j.id = job.id
  returning * into job;
  return job;
end;
$$;

create function private.enqueue_tag_job(job public.tag_jobs) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform private.enqueue(
    job.organization_id, 'clock', jsonb_build_object('ring', 'tag_job', 'job_id', job.id),
    dedupe_key => 'tag_job:' || job.id
  );
end;
$$;

-- Does few at once; many, and what others have locked, are left to the background.
create function private.start_tag_job(job_id uuid) returns public.tag_jobs
language plpgsql security definer set search_path = '' as $$
declare
  few constant integer := 500;
  job public.tag_jobs;
  before integer;
begin
  select * into job from public.tag_jobs as j where j.id = start_tag_job.job_id;
  if job.total <= few then
    loop
      before := job.done;
      job := private.run_tag_job(job.id, false);
      exit when job.state <> 'running' or job.done = before;
    end loop;
  end if;
  if job.state = 'running' then
    perform private.enqueue_tag_job(job);
  end if;
  return job;
end;
$$;

create function private.ring_tag_job(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  job public.tag_jobs;
begin
  select * into job from public.tag_jobs as j
  where j.organization_id = private.current_organization() and j.id = (payload ->> 'job_id')::uuid;
  job := private.run_tag_job(job.id, true);
  if job.state = 'running' then
    perform private.enqueue_tag_job(job);
  end if;
end;
$$;

-- Adds tags to and removes tags from all contacts, sessions or tickets that a filter finds. Tags are named; new ones
-- are made. Returns the job: `done` where they were few.
create function private.bulk_tag(
  organization_id uuid, target text, filter jsonb, add_tags text[], remove_tags text[]
) returns public.tag_jobs
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  max_named constant integer := 20;
  problem text;
  unwanted text[];
  added uuid[];
  removed uuid[];
  job public.tag_jobs;
begin
  if not coalesce(bulk_tag.organization_id in (select private.my_organizations('agent')), false)
    or (bulk_tag.target = 'tickets' and private.my_key_id() is not null and not private.key_allows('tickets:write'))
  then
    raise exception 'you may not tag % of this organization', bulk_tag.target using errcode = '42501';
  end if;
  problem := case
    when bulk_tag.target is null or bulk_tag.target not in ('contacts', 'sessions', 'tickets')
      then 'target is contacts, sessions or tickets'
    when coalesce(cardinality(add_tags), 0) + coalesce(cardinality(remove_tags), 0) not between 1 and max_named
      then format('name 1 to %s tags to add or to remove', max_named)
    else private.tag_filter_error(bulk_tag.target, bulk_tag.filter)
  end;
  if problem is not null then
    raise exception '%', problem using errcode = '22023';
  end if;
  -- In one order, as everybody takes them.
  added := array(
    select (private.take_tag(bulk_tag.organization_id, n.name)).id
    from (select name from unnest(add_tags) as name order by lower(name)) as n
  );
  unwanted := array(select lower(private.tag_name(name)) from unnest(remove_tags) as name);
  removed := array(
    select t.id from public.tags as t
    where t.organization_id = bulk_tag.organization_id and lower(t.name) = any (unwanted)
    union
    select a.tag_id from private.tag_aliases as a
    where a.organization_id = bulk_tag.organization_id and a.name_key = any (unwanted)
  );
  if array_position(added, null) is not null then
    raise exception 'a tag to add has no name, or is being deleted' using errcode = '22023';
  elsif added && removed then
    raise exception 'a tag cannot be added and removed at once' using errcode = '22023';
  end if;
  insert into public.tag_jobs (organization_id, kind, target, filter, add_tag_ids, remove_tag_ids)
  values (bulk_tag.organization_id, 'tag', bulk_tag.target, bulk_tag.filter, added, removed)
  returning * into job;
  update public.tag_jobs as j
  set total = case
    when j.filter ? 'ids' then (select count(*) from private.next_for_tag_job(j, 100000))
    when j.target = 'tickets'
      then (select count(*) from public.tickets as t where t.organization_id = j.organization_id)
    when j.target = 'contacts'
      then (
        select count(*) from public.contacts as c where c.organization_id = j.organization_id and c.merged_into is null
      )
    else (select count(*) from public.sessions as s where s.organization_id = j.organization_id)
  end
  where j.id = job.id;
  return private.start_tag_job(job.id);
end;
$$;

create function public.bulk_tag(
  organization_id uuid, target text, filter jsonb, add_tags text[] default '{}', remove_tags text[] default '{}'
) returns public.tag_jobs
language sql set search_path = '' as $$
  select * from private.bulk_tag(
    bulk_tag.organization_id, bulk_tag.target, bulk_tag.filter, bulk_tag.add_tags, bulk_tag.remove_tags
  );
$$;

-- Stops a bulk tagging where it is. What is done stays; what follows a change of a tag is not stopped half way.
create function private.cancel_tag_job(job_id uuid) returns public.tag_jobs
language plpgsql security definer set search_path = '' as $$
declare
  canceled public.tag_jobs;
begin
  update public.tag_jobs as j set state = 'canceled', finished_at = now()
  where j.id = cancel_tag_job.job_id and j.kind = 'tag' and j.state = 'running'
    and j.organization_id in (select private.my_organizations('agent'))
  returning * into canceled;
  if canceled.id is null then
    raise exception 'there is no running bulk tagging % that you may cancel', cancel_tag_job.job_id
      using errcode = 'PT404';
  end if;
  return canceled;
end;
$$;

create function public.cancel_tag_job(job_id uuid) returns public.tag_jobs
language sql set search_path = '' as $$
  select * from private.cancel_tag_job(cancel_tag_job.job_id);
$$;


-- sql/34_contact_search.sql

-- Finding contacts while their names or addresses are typed. For members.

-- The words of each contact, kept by triggers. In the order of bytes: so what begins like a word stands together, and
-- however much begins like it, a page is read and no more.
create table private.contact_words (
  organization_id uuid not null,
  contact_id uuid not null,
  word text collate "C" not null,
  primary key (organization_id, contact_id, word),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade
);
create index contact_words_word_idx on private.contact_words (organization_id, word, contact_id desc);

insert into private.contact_references (table_name, column_name, on_merge, because) values
('private.contact_words', 'contact_id', 'leave', 'made anew for both');

-- Words as they are typed, without what stands around them.
create function private.typed_words(value text) returns setof text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return query
  select distinct left(word, 100)
  from regexp_split_to_table(private.fold(typed_words.value), '\s+') as token
  cross join lateral btrim(token, '.,;:!?()<>[]"''@+') as word
  where word <> '';
end;
$$;

-- Its own words, and of those that were merged into it: who looks for one of them finds the one that it is. Who is
-- merged has none.
create function private.index_contact(contact_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  delete from private.contact_words as w
  using public.contacts as c
  where c.id = index_contact.contact_id and w.organization_id = c.organization_id and w.contact_id = c.id;
  -- As they are written, and in their parts: "ann-marie" is found by "marie", an address by its domain.
  insert into private.contact_words (organization_id, contact_id, word)
  select known.organization_id, index_contact.contact_id, w.word
  from (
    select
      one.organization_id, string_agg(concat_ws(' ', c.name, c.email, c.phone), ' ') as written,
      string_agg(concat_ws(' ', split_part(c.email, '@', 2), regexp_replace(c.phone, '[^0-9]', '', 'g')), ' ') as more,
      (
        select string_agg(e.external_id, ' ') from public.contact_external_ids as e
        where e.organization_id = one.organization_id and e.contact_id = index_contact.contact_id
      ) as ids
    from public.contacts as one
    join public.contacts as c
      on c.organization_id = one.organization_id and (c.id = one.id or c.merged_into = one.id)
    where one.id = index_contact.contact_id and one.merged_into is null
    group by one.organization_id
  ) as known
  cross join lateral (
    select private.typed_words(concat_ws(' ', known.written, known.more, known.ids)) as word
    union
    select private.typed_words(regexp_replace(known.written, '[^[:alnum:]]+', ' ', 'g'))
    limit 200
  ) as w;
end;
$$;

create function private.contact_words_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.index_contact(changed.id)
  from unnest(
    case tg_op when 'UPDATE' then array[new.id, new.merged_into, old.merged_into] else array[new.id] end
  ) as changed (id)
  where changed.id is not null
  group by changed.id;
  return null;
end;
$$;

create trigger contacts_words_new after insert on public.contacts
for each row execute function private.contact_words_changed();
create trigger contacts_words after update of name, email, phone, merged_into on public.contacts
for each row when (
  (new.name, new.email, new.phone, new.merged_into) is distinct from (old.name, old.email, old.phone, old.merged_into)
)
execute function private.contact_words_changed();

create function private.contact_ids_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.index_contact(old.contact_id) where tg_op <> 'INSERT';
  perform private.index_contact(new.contact_id) where tg_op <> 'DELETE';
  return null;
end;
$$;

create trigger contact_external_ids_words after insert or delete or update of contact_id, external_id
on public.contact_external_ids
for each row execute function private.contact_ids_changed();

-- Contacts that have words beginning with each word of a query. The rarest of them is looked up, and of what begins
-- with it the first 2,000 words.
create function private.search_contacts(organization_id uuid, query text, max_contacts integer)
returns table (contact_id uuid, place bigint)
language plpgsql stable security definer set search_path = '' rows 20 as $$
#variable_conflict use_column
declare
  page_size constant integer := least(greatest(coalesce(max_contacts, 20), 1), 100);
  to_look_at constant integer := 2000;
  beyond constant text := U&'\+10FFFF';
  words text[] := array(
    select word from private.typed_words(left(search_contacts.query, 200)) as word
    order by length(word) desc, word
    limit 8
  );
begin
  if not search_contacts.organization_id in (select private.my_organizations()) then
    return;
  end if;
  if cardinality(words) > 1 then
    words := array(
      select typed.word
      from unnest(words) as typed (word)
      cross join lateral (
        select count(*) as contacts
        from (
          select from private.contact_words as w
          where w.organization_id = search_contacts.organization_id
            and w.word >= typed.word collate "C" and w.word < (typed.word || beyond) collate "C"
          limit to_look_at + 1
        ) as beginning
      ) as found
      order by found.contacts
    );
  end if;
  return query
  select found.contact_id, row_number() over (order by found.is_whole desc, found.contact_id desc)
  from (
    select candidate.contact_id, bool_or(candidate.word = words[1]) as is_whole
    from (
      select w.contact_id, w.word
      from private.contact_words as w
      where w.organization_id = search_contacts.organization_id
        and w.word >= words[1] collate "C" and w.word < (words[1] || beyond) collate "C"
      order by w.word, w.contact_id desc
      limit case cardinality(words) when 1 then page_size * 10 else to_look_at end
    ) as candidate
    where not exists (
      select from unnest(words[2:]) as other (word)
      where not exists (
        select from private.contact_words as w
        where w.organization_id = search_contacts.organization_id and w.contact_id = candidate.contact_id
          and w.word >= other.word collate "C" and w.word < (other.word || beyond) collate "C"
      )
    )
    group by candidate.contact_id
  ) as found
  order by 2
  limit page_size;
end;
$$;

-- Contacts of an organization by the beginnings of name, address, domain, phone and external id: those with a whole
-- word first, then the newest. Only members find anything.
create function public.search_contacts(organization_id uuid, query text, max_contacts integer default 20)
returns setof public.contacts
language sql stable set search_path = '' as $$
  select c.*
  from private.search_contacts(
    search_contacts.organization_id, search_contacts.query, search_contacts.max_contacts
  ) as found
  join public.contacts as c on c.id = found.contact_id
  order by found.place;
$$;


-- sql/34_tag_changes.sql

-- A tag gets another name, is merged into another one, or deleted: and everything that has it follows. Few at once,
-- many in the background (33_tag_jobs.sql).

-- How many have a tag.
create function private.count_tagged(tag public.tags) returns integer
language sql stable security definer set search_path = '' as $$
  select count(*)::integer
  from (
    select organization_id, tag_id from public.ticket_tags
    union all
    select organization_id, tag_id from public.contact_tags
    union all
    select organization_id, tag_id from public.session_taggings
  ) as l
  where l.organization_id = (tag).organization_id and l.tag_id = (tag).id;
$$;

create function private.start_following(tag public.tags, kind text, total integer) returns public.tag_jobs
language plpgsql security definer set search_path = '' as $$
declare
  job_id uuid;
begin
  insert into public.tag_jobs (organization_id, kind, tag_id, total)
  values (tag.organization_id, start_following.kind, tag.id, start_following.total)
  returning id into job_id;
  return private.start_tag_job(job_id);
end;
$$;

-- A step of tickets that name a tag, returned by their ids: the next ones after `after_id`. Impatient, all but those
-- that somebody else has locked: who changes a tag holds it, and must wait for nobody who waits for it.
create function private.follow_tag_in_tickets(job public.tag_jobs, tag public.tags, patient boolean) returns uuid[]
language plpgsql security definer set search_path = '' as $$
declare
  slice constant integer := 200;
  keys constant text[] := lower(tag.name) || array(
    select a.name_key from private.tag_aliases as a
    where a.organization_id = tag.organization_id and a.tag_id = tag.id
  );
  replacement text := case when job.kind = 'rename' then tag.name end;
  ids uuid[];
begin
  if tag.merged_into is not null then
    select t.name into replacement from public.tags as t where t.id = tag.merged_into;
  end if;
  if patient then
    ids := array(
      select l.ticket_id from public.ticket_tags as l
      where l.organization_id = tag.organization_id and l.tag_id = tag.id and l.ticket_id > job.after_id
      order by l.ticket_id
      limit slice
    );
    perform from public.tickets as t
    where t.organization_id = tag.organization_id and t.id = any (ids)
    order by t.id
    for no key update;
  else
    ids := array(
      select t.id
      from public.ticket_tags as l
      join public.tickets as t on t.organization_id = l.organization_id and t.id = l.ticket_id
      where l.organization_id = tag.organization_id and l.tag_id = tag.id
      for no key update of t skip locked
    );
  end if;
  update public.tickets as t
  set tags = private.replace_tags(t.tags, keys, replacement)
  where t.organization_id = tag.organization_id and t.id = any (ids)
    and private.replace_tags(t.tags, keys, replacement) <> t.tags;
  if job.kind <> 'rename' then
    delete from public.ticket_tags as l
    where l.organization_id = tag.organization_id and l.tag_id = tag.id and l.ticket_id = any (ids);
  end if;
  return ids;
end;
$$;

-- Takes a tag that is being removed off some contacts and sessions, or gives them the one that takes its place.
create function private.follow_tag_in_links(tag public.tags) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  slice constant integer := 500;
  contacts uuid[];
  sessions uuid[];
begin
  with gone as (
    delete from public.contact_tags as l
    where (l.organization_id, l.contact_id, l.tag_id) in (
      select n.organization_id, n.contact_id, n.tag_id from public.contact_tags as n
      where n.organization_id = tag.organization_id and n.tag_id = tag.id
      limit slice
      for update skip locked
    )
    returning l.contact_id
  )
  select coalesce(array_agg(contact_id order by contact_id), '{}') into contacts from gone;
  with gone as (
    delete from public.session_taggings as l
    where (l.organization_id, l.session_id, l.tag_id) in (
      select n.organization_id, n.session_id, n.tag_id from public.session_taggings as n
      where n.organization_id = tag.organization_id and n.tag_id = tag.id
      limit slice
      for update skip locked
    )
    returning l.session_id
  )
  select coalesce(array_agg(session_id order by session_id), '{}') into sessions from gone;
  if tag.merged_into is not null then
    insert into public.contact_tags (organization_id, contact_id, tag_id)
    select tag.organization_id, id, tag.merged_into from unnest(contacts) as id
    on conflict do nothing;
    insert into public.session_taggings (organization_id, session_id, tag_id)
    select tag.organization_id, id, tag.merged_into from unnest(sessions) as id
    on conflict do nothing;
  end if;
  return cardinality(contacts) + cardinality(sessions);
end;
$$;

-- One step of a job that follows a tag.
create function private.follow_tag(inout job public.tag_jobs, patient boolean)
language plpgsql security definer set search_path = '' as $$
declare
  tag public.tags;
  tickets uuid[];
  found integer;
begin
  select * into tag from public.tags as t where t.organization_id = job.organization_id and t.id = job.tag_id;
  if tag.id is null then
    job.state := 'done';
    return;
  end if;
  tickets := private.follow_tag_in_tickets(job, tag, patient);
  found := cardinality(tickets);
  job.done := job.done + found;
  if patient then
    job.after_id := coalesce(tickets[found], job.after_id);
  end if;
  if job.kind = 'rename' then
    if (patient and found = 0) or (not patient and job.done = job.total) then
      job.state := 'done';
    elsif not patient then
      job.done := 0; -- somebody is at work on the others: all of them once more, in the background
    end if;
    return;
  end if;
  if patient and found > 0 then
    return;
  end if;
  found := private.follow_tag_in_links(tag);
  job.done := job.done + found;
  -- Its lock is taken by a step that has locked nothing else.
  if (patient and found > 0) or private.count_tagged(tag) > 0 then
    job.after_id := '00000000-0000-0000-0000-000000000000';
    return;
  end if;
  if tag.merged_into is not null then
    update private.tag_aliases as a set tag_id = tag.merged_into
    where a.organization_id = tag.organization_id and a.tag_id = tag.id;
    insert into private.tag_aliases (organization_id, name_key, tag_id)
    values (tag.organization_id, lower(tag.name), tag.merged_into)
    on conflict (organization_id, name_key) do update set tag_id = excluded.tag_id;
  end if;
  delete from public.tags as t where t.id = tag.id;
  job.state := 'done';
end;
$$;

-- A name that somebody gives a tag is that tag's from now on, unless tickets still go by it as a former one of another.
create function private.claim_tag_name(tag public.tags) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if exists (
    select from private.tag_aliases as a
    join public.tag_jobs as j on j.organization_id = a.organization_id and j.tag_id = a.tag_id and j.state = 'running'
    where a.organization_id = tag.organization_id and a.name_key = lower(tag.name) and a.tag_id <> tag.id
  ) then
    raise exception 'tag "%" was renamed, and tickets still follow: try again when that is done', tag.name
      using errcode = 'PT409';
  end if;
  delete from private.tag_aliases as a
  where a.organization_id = tag.organization_id and a.name_key = lower(tag.name);
end;
$$;

create function private.follow_tag_name() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  total integer;
begin
  perform private.claim_tag_name(new);
  if tg_op = 'UPDATE' then
    if lower(new.name) <> lower(old.name) then
      insert into private.tag_aliases (organization_id, name_key, tag_id)
      values (new.organization_id, lower(old.name), new.id)
      on conflict (organization_id, name_key) do update set tag_id = excluded.tag_id;
    end if;
    select count(*) into total from public.ticket_tags as l
    where l.organization_id = new.organization_id and l.tag_id = new.id;
    if total > 0 then
      perform private.start_following(new, 'rename', total);
    end if;
  end if;
  return null;
end;
$$;

create trigger tags_begin after insert on public.tags
for each row execute function private.follow_tag_name();
create trigger tags_rename after update on public.tags
for each row when (new.name is distinct from old.name) execute function private.follow_tag_name();

-- The tag, locked, with its organization's tree; null where the caller does not manage it.
create function private.managed_tag(tag_id uuid) returns public.tags
language plpgsql security definer set search_path = '' as $$
declare
  tag public.tags;
begin
  select * into tag from public.tags as t
  where t.id = managed_tag.tag_id and t.organization_id in (select private.my_organizations('manager'));
  perform private.lock_tag_tree(tag.organization_id);
  select * into tag from public.tags as t where t.id = tag.id and t.removed_at is null for update;
  return tag;
end;
$$;

-- Whatever has the first tag has the second instead, and the first is no more. What stands below it comes under the
-- second; its names mean the second from now on.
create function private.merge_tags(tag_id uuid, into_tag_id uuid) returns public.tag_jobs
language plpgsql security definer set search_path = '' as $$
declare
  tag public.tags;
  kept public.tags;
begin
  -- In one order, as everybody takes them.
  if merge_tags.tag_id < merge_tags.into_tag_id then
    tag := private.managed_tag(merge_tags.tag_id);
    kept := private.managed_tag(merge_tags.into_tag_id);
  else
    kept := private.managed_tag(merge_tags.into_tag_id);
    tag := private.managed_tag(merge_tags.tag_id);
  end if;
  if tag.id is null or kept.id is null or tag.organization_id <> kept.organization_id then
    raise exception 'there are no two tags % and % that you may merge', merge_tags.tag_id, merge_tags.into_tag_id
      using errcode = 'PT404';
  elsif tag.id = kept.id then
    raise exception 'a tag cannot be merged into itself' using errcode = '22023';
  end if;
  update public.tags as t set parent_id = tag.parent_id
  where t.id = kept.id and exists (
    select from public.tag_with_descendants(tag.id) as d where d.id = kept.id
  );
  update public.tags as t set parent_id = kept.id
  where t.organization_id = tag.organization_id and t.parent_id = tag.id and t.id <> kept.id;
  update public.tags as t set merged_into = kept.id
  where t.organization_id = tag.organization_id and t.merged_into = tag.id;
  update public.tags as t set parent_id = null, removed_at = now(), merged_into = kept.id where t.id = tag.id;
  update public.tag_jobs as j
  set add_tag_ids = array_replace(j.add_tag_ids, tag.id, kept.id)
  where j.organization_id = tag.organization_id and j.state = 'running' and j.add_tag_ids && array[tag.id];
  return private.start_following(tag, 'merge', private.count_tagged(tag));
end;
$$;

create function public.merge_tags(tag_id uuid, into_tag_id uuid) returns public.tag_jobs
language sql set search_path = '' as $$
  select * from private.merge_tags(merge_tags.tag_id, merge_tags.into_tag_id);
$$;

-- Takes a tag off whatever has it, and away. What stands below it moves up.
create function private.delete_tag(tag_id uuid) returns public.tag_jobs
language plpgsql security definer set search_path = '' as $$
declare
  tag constant public.tags := private.managed_tag(delete_tag.tag_id);
begin
  if tag.id is null then
    raise exception 'there is no tag % that you may delete', delete_tag.tag_id using errcode = 'PT404';
  end if;
  update public.tags as t set parent_id = tag.parent_id
  where t.organization_id = tag.organization_id and t.parent_id = tag.id;
  update public.tags as t set merged_into = null
  where t.organization_id = tag.organization_id and t.merged_into = tag.id;
  update public.tags as t set parent_id = null, removed_at = now() where t.id = tag.id;
  return private.start_following(tag, 'delete', private.count_tagged(tag));
end;
$$;

create function public.delete_tag(tag_id uuid) returns public.tag_jobs
language sql set search_path = '' as $$
  select * from private.delete_tag(delete_tag.tag_id);
$$;


-- sql/35_messages.sql

-- Messages, partitioned by month of their time-ordered key.

create type public.message_sender as enum ('contact', 'member', 'ai', 'system');

create table public.messages (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null,
  ticket_id uuid not null,
  -- 1, 2, 3 … within the ticket: what a sender has seen is told by it.
  seq integer not null,
  sender public.message_sender not null,
  contact_id uuid,
  member_id uuid,
  -- An internal note: members only, never a contact.
  is_internal boolean not null default false,
  -- Written by a machine (auto-reply, bounce): never answered.
  is_machine boolean not null default false,
  -- pending: the sender is not known to belong to the thread; shown to members, acted on by nobody.
  sender_status text not null default 'known' check (sender_status in ('known', 'pending')),
  -- The sender is who it says: signed in, or its mail passed DMARC at our receiver. Nothing goes by itself to others.
  is_verified boolean not null default false,
  -- Otherwise it is kept and told, and the AI leaves it alone.
  process boolean not null default true,
  body_text text not null default '' check (length(body_text) <= 1000000),
  -- What is new in it, without quotes and signature. Null where nothing was cut.
  reply_text text,
  -- Sanitised for display.
  body_html text,
  message_id_header text check (length(message_id_header) <= 998),
  created_at timestamptz not null default now(),
  -- A contact's message names the contact, a member's the member.
  check (sender <> 'contact' or contact_id is not null),
  check (sender not in ('contact') or not is_internal),
  unique (organization_id, id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id),
  foreign key (organization_id, member_id)
    references public.authors (organization_id, user_id) on delete set null (member_id)
) partition by range (id);
create index messages_ticket_idx on public.messages (ticket_id, seq);
create index messages_organization_ticket_idx on public.messages (organization_id, ticket_id);
create index messages_contact_idx on public.messages (organization_id, contact_id);
create index messages_member_idx on public.messages (organization_id, member_id);
create index messages_header_idx on public.messages (organization_id, message_id_header)
where message_id_header is not null;

create schema if not exists partitions;
comment on schema partitions is 'Leaves of partitioned tables. No grants: rows are reached through their parent.';

-- Makes the leaf of every month from last month to `ahead` months from now that is missing. Returns how many it made.
-- A new leaf needs its parent to itself for a moment: it would rather fail, and be called again, than make writers
-- queue.
create function private.ensure_message_partitions(ahead integer default 3) returns integer
language plpgsql security definer set search_path = '' set lock_timeout = '2s' as $$
declare
  month timestamptz;
  leaf text;
  made integer := 0;
begin
  perform pg_advisory_xact_lock(hashtext('pgdesk.message_partitions'));
  for month in
    select generate_series(
      date_trunc('month', now() at time zone 'utc') - interval '1 month',
      date_trunc('month', now() at time zone 'utc') + make_interval(months => ahead),
      interval '1 month'
    ) at time zone 'utc'
  loop
    leaf := 'messages_' || to_char(month at time zone 'utc', 'YYYY_MM');
    if to_regclass('partitions.' || leaf) is null then
      execute format(
        'create table partitions.%I partition of public.messages for values from (%L) to (%L)',
        leaf, private.uuid7_floor(month),
        private.uuid7_floor((month at time zone 'utc' + interval '1 month') at time zone 'utc')
      );
      execute format('alter table partitions.%I enable row level security', leaf);
      made := made + 1;
    end if;
  end loop;
  return made;
end;
$$;

select private.ensure_message_partitions();

-- Numbers a message within its ticket and moves the ticket with it. The ticket's row lock puts writers in line.
create function private.keep_message() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  by_caller uuid := (select auth.uid());
  counts boolean := not (new.is_internal or new.is_machine) and new.sender_status = 'known';
  reopens boolean;
begin
  if new.sender = 'member' and new.member_id is null then
    new.member_id := by_caller;
  end if;
  -- Who is signed in is who they say; not so a contact in whose name a member writes down a call.
  new.is_verified := new.is_verified or (
    by_caller is not null and (new.sender = 'member' or new.contact_id in (select private.my_contacts()))
  );
  for round in 1..2 loop
    update public.tickets as t
    set last_seq = t.last_seq + 1,
      last_message_at = greatest(t.last_message_at, now()),
      last_contact_at = case when counts and new.sender = 'contact' then clock_timestamp() else t.last_contact_at end,
      last_answer_at = case
        when counts and new.sender in ('member', 'ai') then clock_timestamp()
        else t.last_answer_at
      end,
      last_answer_by = case
        when counts and new.sender in ('member', 'ai') then new.sender::text
        else t.last_answer_by
      end,
      first_responded_at = case
        when new.sender in ('member', 'ai') and not new.is_internal then coalesce(t.first_responded_at, now())
        else t.first_responded_at
      end,
      -- A contact who writes opens the ticket again; a member who answers waits for the contact.
      status = case
        when not counts then t.status
        when new.sender = 'contact' and t.status_category <> 'open' and coalesce(reopens, true) then 'open'
        when new.sender in ('member', 'ai') and t.status_category = 'open' then 'pending'
        else t.status
      end,
      -- From the first word of a human on, no bot posts.
      ai_state = case when new.sender = 'member' and not new.is_internal then 'off' else t.ai_state end
    where t.organization_id = new.organization_id and t.id = new.ticket_id and t.merged_into is null
      and (reopens is not null or not counts or new.sender <> 'contact' or t.status_category <> 'resolved')
    returning t.last_seq into new.seq;
    exit when found;
    -- The ticket is merged, or over: rules say where the message belongs (57_reopen.sql).
    select p.place, p.reopens into strict new.ticket_id, reopens
    from private.place_message(
      new.organization_id, new.ticket_id, new.sender, new.contact_id, counts, coalesce(new.reply_text, new.body_text)
    ) as p;
  end loop;
  return new;
end;
$$;

-- By name before messages_keep, which locks the ticket.
create trigger messages_contact before insert on public.messages
for each row when (new.contact_id is not null) execute function private.land_at_standing_contact();
create trigger messages_keep before insert on public.messages
for each row execute function private.keep_message();

create function private.announce_message() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.emit(
    new.organization_id,
    case
      when new.is_internal then 'note.created'
      when new.sender = 'contact' then 'message.received'
      else 'message.sent'
    end,
    new.id,
    jsonb_build_object(
      'seq', new.seq, 'sender', new.sender, 'is_machine', new.is_machine, 'sender_status', new.sender_status
    ) || case when new.sender = 'contact' then jsonb_build_object('process', new.process) else '{}' end,
    case when new.is_internal or new.sender_status = 'pending' then 'agents' else 'contact' end,
    new.ticket_id
  );
  return null;
end;
$$;

create trigger messages_announce after insert on public.messages
for each row execute function private.announce_message();

-- Tickets of an organization that hold a message with one of these Message-IDs: how a mail finds its thread.
create function private.tickets_by_message_id(organization_id uuid, message_ids text[])
returns table (ticket_id uuid, message_id_header text)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  select m.ticket_id, m.message_id_header
  from public.messages as m
  where m.organization_id = tickets_by_message_id.organization_id
    and m.message_id_header = any (tickets_by_message_id.message_ids);
end;
$$;

-- A contact or a member opens a ticket with its first message. Everything else follows from the rows.
create function public.open_ticket(
  organization_id uuid, subject text, body text, channel public.ticket_channel default 'portal',
  contact_id uuid default null
) returns public.tickets
language plpgsql set search_path = '' as $$
declare
  opened public.tickets;
  author uuid := coalesce(open_ticket.contact_id, private.my_contact_id(open_ticket.organization_id));
begin
  if author is null then
    raise exception 'you are not a contact of this organization' using errcode = '42501';
  end if;
  if coalesce(body, '') !~ '\S' then
    raise exception 'a ticket needs a first message' using errcode = '23514';
  end if;
  insert into public.tickets (organization_id, subject, channel, contact_id)
  values (open_ticket.organization_id, open_ticket.subject, open_ticket.channel, author)
  returning * into opened;
  insert into public.messages (organization_id, ticket_id, sender, contact_id, body_text)
  values (open_ticket.organization_id, opened.id, 'contact', author, body);
  return opened;
end;
$$;

-- A reply to the contact, sent only if its writer has seen everything: refuses when the ticket has a newer public
-- message than `expected_seq`. `files`: uploads of the caller that go with it (77_files.sql).
create function public.send_reply(
  ticket_id uuid, body text, expected_seq integer, internal boolean default false, files text[] default '{}'
) returns public.messages
language plpgsql set search_path = '' as $$
declare
  ticket public.tickets;
  sent public.messages;
begin
  if coalesce(body, '') !~ '\S' then
    raise exception 'a reply needs words' using errcode = '23514';
  end if;
  select * into ticket from public.tickets as t where t.id = send_reply.ticket_id for update;
  if not found then
    raise exception 'there is no ticket %', send_reply.ticket_id using errcode = 'PT404';
  end if;
  if ticket.merged_into is not null then
    raise exception 'the ticket was merged into another: answer there'
      using errcode = 'PT409', detail = ticket.merged_into::text;
  end if;
  if not internal and exists (
    select from public.messages as m
    where m.ticket_id = ticket.id and m.seq > coalesce(expected_seq, 0) and not m.is_internal
  ) then
    raise exception 'a newer message has arrived: read it before you answer'
      using errcode = 'PT409',
        detail = format('seen up to %s, the ticket is at %s', coalesce(expected_seq, 0), ticket.last_seq);
  end if;
  insert into public.messages (organization_id, ticket_id, sender, member_id, is_internal, body_text)
  values (ticket.organization_id, ticket.id, 'member', (select auth.uid()), internal, body)
  returning * into sent;
  if files <> '{}' then
    perform private.attach_files(sent.id, files);
  end if;
  return sent;
end;
$$;


-- sql/36_search.sql

-- Finding tickets by words: of the subject, the contact, the messages. For members only: notes are among the words.
--
-- One row per ticket, kept by triggers. Each word is indexed together with its organization and a bucket of ticket
-- numbers, once with a small bucket and once with a large one: 'b1946a:1e/refund', 'b1946a+0/refund'; words of subject
-- and contact once more, as 'b1946a:1e~refund'. So one GIN index answers for one tenant, a search begins with the
-- newest tickets and widens only while it has found too little, and a common word costs no more than a rare one.

create table private.ticket_search (
  ticket_id uuid primary key,
  organization_id uuid not null,
  number bigint not null,
  -- Words of subject and contact, which count for more.
  head tsvector not null default '',
  -- All words, each behind its bucket.
  document tsvector not null default '',
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade
)
-- Words apart from the rest, which is all that a search reads of a row.
with (toast_tuple_target = 128);
create index ticket_search_ticket_idx on private.ticket_search (organization_id, ticket_id);
-- Without a list of pending entries: every search would have to read it from end to end.
create index ticket_search_document_idx on private.ticket_search using gin (document) with (fastupdate = off);

-- Tickets in a small bucket (a page is found in the newest few, if a word is common at all) and in a large one.
create function private.search_bucket_size(is_large boolean) returns integer
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return case when is_large then 65536 else 512 end;
end;
$$;

-- What stands before each word. Few characters of the organization are enough: rows are compared with it too.
create function private.search_bucket(
  organization_id uuid, is_large boolean, bucket bigint, is_head boolean default false
) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return left(md5(search_bucket.organization_id::text), 6) || case when is_large then '+' else ':' end || to_hex(bucket)
    || case when is_head then '~' else '/' end;
end;
$$;

-- The words as they are indexed. What is longer than any name is no word that somebody types.
create function private.search_document(organization_id uuid, number bigint, words tsvector, head tsvector default '')
returns tsvector
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  small constant bigint := number / private.search_bucket_size(false);
  large constant bigint := number / private.search_bucket_size(true);
  anywhere constant text[] := array[
    private.search_bucket(organization_id, true, large), private.search_bucket(organization_id, false, small)
  ];
  in_head constant text[] := array[
    private.search_bucket(organization_id, true, large, true), private.search_bucket(organization_id, false, small, true)
  ];
begin
  return coalesce((
    select array_to_tsvector(array_agg(b.prefix || w.lexeme))
    from (
      select lexeme, anywhere as prefixes from unnest(search_document.words)
      union all
      select lexeme, in_head from unnest(search_document.head)
    ) as w
    cross join lateral unnest(w.prefixes) as b (prefix)
    where length(w.lexeme) <= 60
  ), '');
end;
$$;

-- How much of one message is searched.
create function private.search_text(body_text text, reply_text text) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return left(coalesce(search_text.reply_text, search_text.body_text), 20000);
end;
$$;

-- Indexes a ticket anew: it is new, or words of it have changed or gone.
create function private.index_ticket(ticket_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  insert into private.ticket_search as s (ticket_id, organization_id, number, head, document)
  select
    t.id, t.organization_id, t.number, h.words,
    private.search_document(
      t.organization_id, t.number, h.words || coalesce(private.search_words(b.words), ''), h.words
    )
  from public.tickets as t
  join public.contacts as c on c.organization_id = t.organization_id and c.id = t.contact_id
  cross join lateral (
    -- Who looks for a merged ticket finds the one that it is in.
    select private.search_words(concat_ws(' ', t.number, t.subject, c.name, c.email, (
      select string_agg(merged.number::text, ' ') from public.tickets as merged
      where merged.organization_id = t.organization_id and merged.merged_into = t.id
    ))) as words
  ) as h
  cross join lateral (
    -- The newest, so that what is indexed of one ticket stays small.
    select string_agg(m.words, ' ') as words
    from (
      select private.search_text(m.body_text, m.reply_text) as words
      from public.messages as m
      where m.ticket_id = t.id
      order by m.seq desc
      limit 100
    ) as m
  ) as b
  where t.id = index_ticket.ticket_id and t.merged_into is null
  on conflict (ticket_id) do update set head = excluded.head, document = excluded.document;
end;
$$;

create function private.search_ticket_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.index_ticket(new.id);
  return null;
end;
$$;

create trigger tickets_search_new after insert on public.tickets
for each row execute function private.search_ticket_changed();
create trigger tickets_search after update of subject, contact_id on public.tickets
for each row when (new.subject <> old.subject or new.contact_id <> old.contact_id)
execute function private.search_ticket_changed();

create function private.search_contact_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.index_ticket(t.id)
  from public.tickets as t
  where t.organization_id = new.organization_id and t.contact_id = new.id;
  return null;
end;
$$;

create trigger contacts_search after update of name, email on public.contacts
for each row when (new.name <> old.name or new.email is distinct from old.email)
execute function private.search_contact_changed();

-- A new message adds its words; one that is changed or removed has its ticket indexed anew. Who moves messages does so
-- for both tickets, once (private.move_messages).
create function private.search_message_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    update private.ticket_search as s
    set document = s.document || private.search_document(
      s.organization_id, s.number, private.search_words(private.search_text(new.body_text, new.reply_text))
    )
    where s.ticket_id = new.ticket_id and length(s.document) < 20000;
    return null;
  end if;
  perform private.index_ticket(old.ticket_id);
  return null;
end;
$$;

create trigger messages_search_new after insert or delete on public.messages
for each row execute function private.search_message_changed();
create trigger messages_search after update of body_text, reply_text on public.messages
for each row execute function private.search_message_changed();

-- A query for tickets that have all words, in the buckets from `oldest` to `newest`.
create function private.search_query(
  organization_id uuid, is_head boolean, is_large boolean, oldest bigint, newest bigint, words text[],
  is_unfinished boolean
) returns tsquery
language plpgsql immutable set search_path = '' as $$
begin
  return (
    select string_agg(in_any_bucket, ' & ')::tsquery
    from (
      select '(' || string_agg(
        quote_literal(private.search_bucket(search_query.organization_id, is_large, b.bucket, is_head) || w.word)
          || case when is_unfinished and w.place = cardinality(words) then ':*' else '' end,
        ' | '
      ) || ')' as in_any_bucket
      from unnest(words) with ordinality as w (word, place),
        generate_series(search_query.oldest, search_query.newest) as b (bucket)
      group by w.place
    ) as each_word
  );
end;
$$;

-- Whether each phrase stands in the subject of a ticket or in one of its messages.
create function private.has_phrases(ticket_id uuid, phrases tsquery[]) returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return not exists (
    select from unnest(phrases) as p (phrase)
    where not exists (
      select from public.tickets as t
      where t.id = has_phrases.ticket_id and private.search_words(t.subject) @@ p.phrase
    )
      and not exists (
        select
        from (
          select m.body_text, m.reply_text from public.messages as m
          where m.ticket_id = has_phrases.ticket_id
          order by m.seq desc
          limit 100
        ) as m
        where private.search_words(private.search_text(m.body_text, m.reply_text)) @@ p.phrase
      )
  );
end;
$$;

-- The newest tickets of an organization, up to a number and from about another on, that have all words: in subject and
-- contact, or not there but somewhere (`is_head`), or anywhere (null). `predicate`: what else is asked of `t` and its
-- contact `c`. What is asked besides words is asked of so many tickets and no more: a search has an end.
create function private.walk_tickets(
  organization_id uuid, is_head boolean, words text[], is_unfinished boolean, phrases tsquery[], predicate text,
  down_to bigint, up_to bigint, max_tickets integer
) returns table (ticket_id uuid, number bigint)
language plpgsql stable set search_path = '' rows 50 as $$
#variable_conflict use_column
declare
  is_filtered constant boolean := predicate <> 'true' or cardinality(phrases) > 0;
  statement constant text := concat_ws(
    ' ',
    'with candidates as materialized (',
    'select s.ticket_id, s.number from private.ticket_search as s',
    'where s.document @@ $1 and s.organization_id = $2 and s.number <= $3',
    case when not is_head then 'and not s.head @@ $4' end,
    'order by s.number desc limit $5), asked as (',
    'select d.ticket_id, d.number from candidates as d',
    case when predicate <> 'true' then
      'join public.tickets as t on t.id = d.ticket_id left join public.contacts as c'
      || ' on c.organization_id = t.organization_id and c.id = t.contact_id where ' || predicate
    end,
    'order by d.number desc), kept as (select * from asked',
    case when cardinality(phrases) > 0 then 'where private.has_phrases(ticket_id, $6)' end,
    'limit $7) select array_agg(ticket_id), array_agg(number), (select count(*) from candidates) from kept'
  );
  newest bigint; -- ticket numbers: what is looked at next lies between these two
  oldest bigint;
  step integer := 0;
  is_large boolean;
  may_be_unfinished boolean;
  size bigint;
  to_look_at integer := case when cardinality(phrases) > 0 then 2000 else 20000 end;
  looked_at integer;
  found integer := 0;
  ids uuid[];
  numbers bigint[];
begin
  select least(c.last_number, walk_tickets.up_to) into newest
  from private.ticket_counters as c
  where c.organization_id = walk_tickets.organization_id;
  while newest >= down_to and found < max_tickets and to_look_at > 0 loop
    -- 2, then 8 small buckets, then 2, 8, 32 … large ones: the newest has just begun, perhaps.
    is_large := step >= 2;
    size := private.search_bucket_size(is_large);
    oldest := greatest(newest / size + 1 - 2 * 4 ^ case when is_large then step - 2 else step end, 0) * size;
    -- In large ones too much begins like a letter or two, and in all of them like anything.
    may_be_unfinished := is_unfinished and (not is_large or step = 2 and length(words[cardinality(words)]) >= 3);
    execute statement into ids, numbers, looked_at using
      private.search_query(
        walk_tickets.organization_id, is_head, is_large, oldest / size, newest / size, words,
        may_be_unfinished
      ),
      walk_tickets.organization_id, newest, private.words_query(words, may_be_unfinished),
      case when is_filtered then to_look_at else max_tickets - found end, phrases, max_tickets - found;
    return query select * from unnest(ids, numbers);
    found := found + coalesce(cardinality(ids), 0);
    to_look_at := to_look_at - looked_at;
    newest := oldest - 1;
    step := step + 1;
  end loop;
end;
$$;

-- The passage of a ticket that answers a query: of the newest message that has one of its words.
create function private.ticket_passage(ticket_id uuid, pattern text) returns text
language plpgsql stable set search_path = '' as $$
declare
  body text;
  passage text;
  newest text;
begin
  for body in
    select private.search_text(m.body_text, m.reply_text)
    from public.messages as m
    where m.ticket_id = ticket_passage.ticket_id
    order by m.seq desc
    limit 20
  loop
    passage := private.passage(body, pattern);
    newest := coalesce(newest, passage);
    exit when pattern is null or position(U&'\E000' in passage) > 0;
  end loop;
  return case when position(U&'\E000' in passage) > 0 then passage else newest end;
end;
$$;

-- Conditions and a query's own, as one.
create function private.all_conditions(conditions jsonb, filters jsonb[]) returns jsonb
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return jsonb_build_object(
    'all',
    case
      when conditions is null then '[]'
      when jsonb_typeof(conditions -> 'all') = 'array' then conditions -> 'all'
      else jsonb_build_array(conditions)
    end || to_jsonb(filters)
  );
end;
$$;

-- The tickets that a query finds, for members, each with its rank: its number, as if it were 65,536 tickets newer where
-- subject and contact have the words. So relevance and recency count together, and pages follow each other by rank.
create function private.search_tickets(
  organization_id uuid, query text, conditions jsonb, before_rank bigint, max_tickets integer
) returns table (ticket_id uuid, rank bigint, snippet text)
language plpgsql stable security definer set search_path = '' rows 20 as $$
#variable_conflict use_column
declare
  head_start constant bigint := 65536;
  page_size constant integer := least(greatest(coalesce(max_tickets, 20), 1), 100);
  up_to constant bigint := least(greatest(coalesce(search_tickets.before_rank, 1e15), 0), 1e15) - 1;
  asked record;
  all_of jsonb;
  pattern text;
  predicate text;
  heads uuid[];
  ranks bigint[];
  found integer;
begin
  if not search_tickets.organization_id in (select private.my_organizations()) then
    return;
  end if;
  asked := private.read_query(search_tickets.organization_id, search_tickets.query);
  all_of := private.all_conditions(search_tickets.conditions, asked.filters);
  if asked.words = '{}' and asked.filters <> '{}' then
    return query
    select f.ticket_id, t.number, private.ticket_passage(f.ticket_id, null)
    from private.filter_tickets(
      search_tickets.organization_id, all_of, 'number', false,
      jsonb_build_object('number', up_to + 1, 'id', '00000000-0000-0000-0000-000000000000'), page_size
    ) as f
    join public.tickets as t on t.id = f.ticket_id;
  end if;
  if asked.words = '{}' then
    return;
  end if;
  pattern := private.words_pattern(asked.words, asked.is_unfinished);
  predicate := private.my_predicate(all_of);
  select array_agg(w.ticket_id), array_agg(w.number + head_start), count(*) into heads, ranks, found
  from private.walk_tickets(
    search_tickets.organization_id, true, asked.words, asked.is_unfinished, asked.phrases, predicate, 0,
    up_to - head_start, page_size
  ) as w;
  return query
  select best.ticket_id, best.rank, private.ticket_passage(best.ticket_id, pattern)
  from (
    select * from unnest(heads, ranks) as h (ticket_id, rank)
    union all
    select w.ticket_id, w.number
    from private.walk_tickets(
      search_tickets.organization_id, false, asked.words, asked.is_unfinished, asked.phrases, predicate,
      -- A full page has no place for what ranks lower.
      case when found = page_size then ranks[found] else 0 end, up_to, page_size
    ) as w
    order by rank desc
    limit page_size
  ) as best;
end;
$$;

-- The messages that a query finds, for members: of each ticket, newest first, the newest message that has all words;
-- or all of one ticket's. The rank is how well the words stand together, less as time goes by.
create function private.search_messages(
  organization_id uuid, query text, in_ticket uuid, conditions jsonb, before_number bigint, max_messages integer
) returns table (message_id uuid, rank real, snippet text)
language plpgsql stable security definer set search_path = '' rows 20 as $$
#variable_conflict use_column
declare
  page_size constant integer := least(greatest(coalesce(max_messages, 20), 1), 100);
  up_to bigint := least(greatest(coalesce(search_messages.before_number, 1e15), 0), 1e15) - 1;
  rounds integer := 10;
  asked record;
  predicate text;
  wanted tsquery;
  pattern text;
  tickets uuid[] := array[search_messages.in_ticket];
  to_find integer := page_size;
  fetched integer;
begin
  if not search_messages.organization_id in (select private.my_organizations()) then
    return;
  end if;
  asked := private.read_query(search_messages.organization_id, search_messages.query);
  if asked.words = '{}' then
    return;
  end if;
  predicate := private.my_predicate(private.all_conditions(search_messages.conditions, asked.filters));
  pattern := private.words_pattern(asked.words, asked.is_unfinished);
  wanted := private.words_query(asked.words, asked.is_unfinished);
  loop
    if search_messages.in_ticket is null then
      select array_agg(w.ticket_id), min(w.number) - 1 into tickets, up_to
      from private.walk_tickets(
        search_messages.organization_id, null, asked.words, asked.is_unfinished, asked.phrases, predicate, 0, up_to,
        to_find
      ) as w;
    end if;
    return query
    select
      hit.id, (ts_rank_cd(hit.words, wanted, 1) / (1 + extract(epoch from now() - hit.created_at) / 86400 / 90))::real,
      private.passage(hit.body, pattern)
    from unnest(tickets) as one (id)
    cross join lateral (
      select m.id, m.created_at, body, words
      from public.messages as m
      cross join lateral private.search_text(m.body_text, m.reply_text) as body
      cross join lateral private.search_words(body) as words
      where m.organization_id = search_messages.organization_id and m.ticket_id = one.id and words @@ wanted
        and words @@ all (asked.phrases)
      order by m.seq desc
      limit case when search_messages.in_ticket is null then 1 else page_size end
    ) as hit;
    get diagnostics fetched = row_count;
    to_find := to_find - fetched;
    rounds := rounds - 1;
    -- Words may stand in several messages of a ticket, and then it has no message to show: the next ones.
    exit when search_messages.in_ticket is not null or tickets is null or to_find <= 0 or rounds = 0;
  end loop;
end;
$$;

-- Tickets of an organization by words of subject, contact and messages, best first; for members. The last word may be
-- unfinished. The next page: `before_rank`, the rank of the last ticket of this one.
create function public.search_tickets(
  organization_id uuid, query text, conditions jsonb default null, before_rank bigint default null,
  max_tickets integer default 20
) returns table (
  id uuid, number bigint, subject text, status text, status_category text, priority public.ticket_priority,
  channel public.ticket_channel, contact_id uuid, contact_name text, contact_email text, team_id uuid,
  assignee_id uuid, tags text[], created_at timestamptz, last_message_at timestamptz, snippet text, rank bigint
)
language plpgsql stable set search_path = '' rows 20 as $$
#variable_conflict use_column
begin
  return query
  select
    t.id, t.number, t.subject, t.status, t.status_category, t.priority, t.channel, t.contact_id, c.name, c.email,
    t.team_id, t.assignee_id, t.tags, t.created_at, t.last_message_at, found.snippet, found.rank
  from private.search_tickets(
    search_tickets.organization_id, search_tickets.query, search_tickets.conditions, search_tickets.before_rank,
    search_tickets.max_tickets
  ) as found
  join public.tickets as t on t.id = found.ticket_id
  join public.contacts as c on c.organization_id = t.organization_id and c.id = t.contact_id
  order by found.rank desc;
end;
$$;

-- Messages and notes of an organization by words, for members: one of each ticket, or all of one ticket's, best first.
-- The next page of tickets: `before_number`, the smallest number of this one.
create function public.search_messages(
  organization_id uuid, query text, in_ticket uuid default null, conditions jsonb default null,
  before_number bigint default null, max_messages integer default 20
) returns table (
  id uuid, ticket_id uuid, number bigint, subject text, seq integer, sender public.message_sender,
  is_internal boolean, created_at timestamptz, snippet text, rank real
)
language plpgsql stable set search_path = '' rows 20 as $$
#variable_conflict use_column
begin
  return query
  select
    m.id, m.ticket_id, t.number, t.subject, m.seq, m.sender, m.is_internal, m.created_at, found.snippet, found.rank
  from private.search_messages(
    search_messages.organization_id, search_messages.query, search_messages.in_ticket, search_messages.conditions,
    search_messages.before_number, search_messages.max_messages
  ) as found
  join public.messages as m on m.id = found.message_id
  join public.tickets as t on t.id = m.ticket_id
  order by found.rank desc, m.id desc;
end;
$$;


-- sql/37_ticket_history.sql

-- What became of each ticket, step by step: what SLA clocks and metrics are computed from.

-- Append-only. A row says how the ticket stands since `at`, and who wrote in that very step. Ids stay though what they
-- name may be gone.
create table public.ticket_history (
  organization_id uuid not null,
  ticket_id uuid not null,
  step integer not null,
  at timestamptz not null default clock_timestamp(),
  -- Whose public message made the step; null: nobody wrote.
  wrote text check (wrote in ('contact', 'member', 'ai')),
  status text not null,
  status_category text not null,
  priority public.ticket_priority not null,
  category_id uuid,
  team_id uuid,
  assignee_id uuid,
  actor_id uuid,
  primary key (ticket_id, step),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade
);
create index ticket_history_ticket_idx on public.ticket_history (organization_id, ticket_id);

-- The ticket's row is locked by whoever changes it, so its steps come one after the other, and so do their times.
create function private.keep_history() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  last public.ticket_history;
begin
  if tg_op = 'UPDATE' then
    select * into last from public.ticket_history as h where h.ticket_id = new.id order by h.step desc limit 1;
  end if;
  insert into public.ticket_history (
    organization_id, ticket_id, step, at, wrote, status, status_category, priority, category_id, team_id, assignee_id,
    actor_id
  )
  values (
    new.organization_id, new.id, coalesce(last.step, 0) + 1, greatest(clock_timestamp(), last.at),
    case
      when tg_op = 'INSERT' then null
      when new.last_contact_at is distinct from old.last_contact_at then 'contact'
      when new.last_answer_at is distinct from old.last_answer_at then new.last_answer_by
    end,
    new.status, new.status_category, new.priority, new.category_id, new.team_id, new.assignee_id,
    (select private.actor_id())
  );
  return null;
end;
$$;

create trigger tickets_history_begins after insert on public.tickets
for each row execute function private.keep_history();
create trigger tickets_history after update on public.tickets
for each row when (
  (
    old.last_contact_at, old.last_answer_at, old.status, old.priority, old.category_id, old.team_id, old.assignee_id
  ) is distinct from (
    new.last_contact_at, new.last_answer_at, new.status, new.priority, new.category_id, new.team_id, new.assignee_id
  )
)
execute function private.keep_history();


-- sql/38_attachments.sql

-- Files that came with a message. The bytes lie in Storage, bucket `attachments`, under <organization>/…; what members
-- and contacts upload, under <organization>/uploads/<user>/….

create table public.attachments (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid not null,
  message_id uuid not null,
  file_name text not null check (length(file_name) between 1 and 255),
  -- As the sender said; what it is by its content, once it was looked at (77_files.sql).
  content_type text not null check (length(content_type) <= 255),
  detected_type text,
  -- waiting: to be looked at; clean: a scanner found nothing; unscanned: no scanner has looked; infected; refused: of a
  -- type that the organization does not take. Waiting, infected and refused ones are given to nobody.
  verdict text not null default 'waiting' check (verdict in ('waiting', 'clean', 'unscanned', 'infected', 'refused')),
  verdict_because text,
  bytes bigint not null check (bytes >= 0),
  -- Of an upload, once it was looked at.
  sha256 bytea check (length(sha256) = 32),
  -- Of an image.
  thumbnail_path text,
  uploaded_by uuid,
  -- Set for a part that the HTML body shows in place (cid:…).
  content_id text,
  is_inline boolean not null default false,
  storage_path text not null check (storage_path like organization_id::text || '/%'),
  created_at timestamptz not null default now(),
  unique (organization_id, storage_path),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, message_id) references public.messages (organization_id, id) on delete cascade
);
create index attachments_ticket_idx on public.attachments (organization_id, ticket_id);
create index attachments_message_idx on public.attachments (organization_id, message_id);

insert into storage.buckets (id, name, public, file_size_limit) values
  ('attachments', 'attachments', false, 52428800)
on conflict (id) do nothing;


-- sql/39_business_hours.sql

-- When a team works: opening hours in a time zone, and the holidays between.

create table public.calendars (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 100),
  time_zone text not null default 'UTC' check (length(time_zone) <= 64),
  -- That of teams that have none of their own. Without any, the clock goes round.
  is_default boolean not null default false,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, name)
);
create unique index calendars_default_idx on public.calendars (organization_id) where is_default;

-- Several a day, if it has a break. What overlaps counts once.
create table public.calendar_hours (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null,
  calendar_id uuid not null,
  weekday smallint not null check (weekday between 1 and 7), -- ISO 8601: 1 is Monday
  opens time not null,
  closes time not null, -- 24:00 is midnight
  check (opens < closes),
  unique (calendar_id, weekday, opens),
  foreign key (organization_id, calendar_id) references public.calendars (organization_id, id) on delete cascade
);
create index calendar_hours_calendar_idx on public.calendar_hours (organization_id, calendar_id);

create table public.calendar_holidays (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null,
  calendar_id uuid not null,
  day date not null,
  name text not null default '' check (length(name) <= 100),
  unique (calendar_id, day),
  foreign key (organization_id, calendar_id) references public.calendars (organization_id, id) on delete cascade
);
create index calendar_holidays_calendar_idx on public.calendar_holidays (organization_id, calendar_id);

alter table public.teams add column calendar_id uuid;
alter table public.teams add foreign key (organization_id, calendar_id)
references public.calendars (organization_id, id) on delete set null (calendar_id);
create index teams_calendar_idx on public.teams (organization_id, calendar_id);

create trigger calendars_touch before update on public.calendars
for each row execute function private.touch();

create function private.check_time_zone() returns trigger
language plpgsql set search_path = '' as $$
begin
  perform now() at time zone new.time_zone;
  return new;
exception when invalid_parameter_value then
  raise exception 'there is no time zone "%"', new.time_zone
    using errcode = '23514', hint = 'Names are those of the IANA database, as Europe/Berlin.';
end;
$$;

create trigger calendars_time_zone before insert or update of time_zone on public.calendars
for each row execute function private.check_time_zone();

-- A calendar as a value: {"zone", "hours": [{"day", "opens", "closes"}], "holidays": [date]}. What was promised to a
-- customer is computed from it, also after somebody has changed the calendar. Null for none.
create function private.calendar_value(calendar_id uuid) returns jsonb
language plpgsql stable set search_path = '' as $$
begin
  return (
    select jsonb_build_object(
      'zone', c.time_zone,
      'hours', coalesce(
        (
          select jsonb_agg(
            jsonb_build_object('day', h.weekday, 'opens', h.opens, 'closes', h.closes) order by h.weekday, h.opens
          )
          from public.calendar_hours as h where h.calendar_id = c.id
        ), '[]'
      ),
      'holidays', coalesce(
        (select jsonb_agg(d.day order by d.day) from public.calendar_holidays as d where d.calendar_id = c.id), '[]'
      )
    )
    from public.calendars as c
    where c.id = calendar_value.calendar_id
  );
end;
$$;

-- When a calendar is open, within a range of time that has both ends. Null calendar: always. Where clocks are turned
-- forward, an hour that does not exist is not open; where they are turned back, the doubled hour counts twice.
create function private.open_spans(calendar jsonb, during tstzrange) returns tstzmultirange
language plpgsql stable set search_path = '' as $$
begin
  return (
    select case
      when calendar is null then tstzmultirange(during)
      else coalesce(
        (
          select range_agg(tstzrange(span.opens, span.closes))
          from generate_series(
            (lower(during) at time zone (calendar ->> 'zone'))::date - 1,
            (upper(during) at time zone (calendar ->> 'zone'))::date,
            interval '1 day'
          ) as date (day)
          join jsonb_to_recordset(calendar -> 'hours') as h (day integer, opens time, closes time)
            on h.day = extract(isodow from date.day)
          cross join lateral (
            select (date.day::date + h.opens) at time zone (calendar ->> 'zone') as opens,
              (date.day::date + h.closes) at time zone (calendar ->> 'zone') as closes
          ) as span
          where not calendar -> 'holidays' @> to_jsonb(to_char(date.day, 'YYYY-MM-DD')) and span.opens < span.closes
        ),
        '{}'
      ) * tstzmultirange(during)
    end
  );
end;
$$;

-- How long a calendar is open between two instants. In seconds within the interval: a day is no 24 hours when clocks
-- are turned.
create function private.open_time(calendar jsonb, starts timestamptz, ends timestamptz) returns interval
language plpgsql stable set search_path = '' as $$
begin
  return (
    select make_interval(
      secs => coalesce(sum(extract(epoch from upper(s.span)) - extract(epoch from lower(s.span))), 0)::float8
    )
    from unnest(private.open_spans(calendar, tstzrange(starts, greatest(starts, ends)))) as s (span)
  );
end;
$$;

-- The instant at which a calendar has been open for `work` since `starts`; null where that does not come within three
-- years (a calendar that never opens).
create function private.open_until(calendar jsonb, starts timestamptz, work interval) returns timestamptz
language plpgsql stable set search_path = '' as $$
declare
  remaining float8 := extract(epoch from work);
  weeks integer := 2;
  place timestamptz := starts;
  span tstzrange;
begin
  if remaining <= 0 then
    return starts;
  end if;
  while place < starts + interval '3 years' loop
    for span in
      select s.span
      from unnest(private.open_spans(calendar, tstzrange(place, place + make_interval(weeks => weeks)))) as s (span)
    loop
      if remaining <= extract(epoch from upper(span)) - extract(epoch from lower(span)) then
        return lower(span) + make_interval(secs => remaining);
      end if;
      remaining := remaining - (extract(epoch from upper(span)) - extract(epoch from lower(span)));
    end loop;
    place := place + make_interval(weeks => weeks);
    weeks := least(weeks * 2, 52);
  end loop;
  return null;
end;
$$;


-- sql/40_inbound_mail.sql

-- Inbound mail is a ledger: raw mail is stored first, then each row says what became of it. Nothing is ever dropped.

create type public.inbound_state as enum (
  'received',    -- raw mail kept, a job is to read it
  'parsed',      -- read: sender, subject and verdict are known
  'threaded',    -- its ticket is decided (seen only inside the transaction that files it)
  'done',        -- filed, or recorded without a ticket
  'quarantined'  -- could not be read or filed: `reason` says why, an admin can retry it
);

create table public.inbound_mails (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  mail_address_id uuid,
  -- Envelope recipients as they were given, of every delivery of this mail.
  recipients text[] not null check (cardinality(recipients) between 1 and 1000),
  envelope_from text,
  bytes integer not null check (bytes >= 0),
  -- Of what the sender sent: without the fields that servers add on the way.
  content_sha256 bytea not null check (length(content_sha256) = 32),
  message_id_header text check (length(message_id_header) <= 998),
  -- Another mail with other content came under this Message-ID before.
  id_reused boolean not null default false,
  deliveries integer not null default 1,
  last_delivered_at timestamptz not null default now(),
  state public.inbound_state not null default 'received',
  reason text,
  sender text,
  subject text,
  -- Who wrote: a human, or which kind of machine (never answered).
  verdict text check (verdict in ('human', 'auto_reply', 'bounce', 'list', 'loop')),
  dmarc text check (dmarc in ('pass', 'fail', 'none')),
  -- new_ticket, threaded: a message in a ticket; note: an internal note there (bounce, a member's mail); recorded: this
  -- row is all there is.
  outcome text check (outcome in ('new_ticket', 'threaded', 'note', 'recorded')),
  ticket_id uuid,
  message_id uuid,
  -- How the ticket was found, what spoke for and against it, who undid it.
  decision jsonb not null default '{}',
  done_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  foreign key (organization_id, mail_address_id)
    references public.mail_addresses (organization_id, id) on delete set null (mail_address_id),
  foreign key (organization_id, ticket_id)
    references public.tickets (organization_id, id) on delete set null (ticket_id),
  foreign key (organization_id, message_id)
    references public.messages (organization_id, id) on delete set null (message_id)
);
-- The same mail is: same organization, same Message-ID (or none) and same content.
create unique index inbound_mails_same_idx on public.inbound_mails
  (organization_id, coalesce(message_id_header, ''), content_sha256);
create index inbound_mails_message_id_idx on public.inbound_mails (organization_id, message_id_header)
where message_id_header is not null;
create index inbound_mails_state_idx on public.inbound_mails (organization_id, state, id);
create index inbound_mails_ticket_idx on public.inbound_mails (organization_id, ticket_id);
create index inbound_mails_message_idx on public.inbound_mails (organization_id, message_id);
create index inbound_mails_address_idx on public.inbound_mails (organization_id, mail_address_id);

create trigger inbound_mails_touch before update on public.inbound_mails
for each row execute function private.touch();

-- The mail itself, apart from the ledger so that lists stay light.
create table private.inbound_raw (
  inbound_mail_id uuid primary key,
  organization_id uuid not null,
  raw bytea not null,
  foreign key (organization_id, inbound_mail_id)
    references public.inbound_mails (organization_id, id) on delete cascade
);
create index inbound_raw_organization_idx on private.inbound_raw (organization_id, inbound_mail_id);
-- Mail is mostly base64 and other text that was compressed before: no second try.
alter table private.inbound_raw alter column raw set storage external;

-- Members hear of a mail that needs them.
create function private.announce_inbound_mail() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.emit(new.organization_id, 'mail.' || new.state, new.id, jsonb_build_object('reason', new.reason));
  return null;
end;
$$;

create trigger inbound_mails_announce after update of state on public.inbound_mails
for each row when (new.state = 'quarantined' and old.state <> 'quarantined')
execute function private.announce_inbound_mail();

-- A mail whose job has died is set aside, so that the ledger says so too; given another life, it is to be read again.
create function private.follow_job_of_mail() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.inbound_mails as m
  set state = case when new.state = 'dead' then 'quarantined' else 'received' end::public.inbound_state,
    reason = case when new.state = 'dead' then left('reading it came to no end: ' || coalesce(new.error, ''), 1000) end
  where m.organization_id = new.organization_id
    and m.id = private.try_uuid(new.payload ->> 'inbound_mail_id')
    and m.state = any (
      case when new.state = 'dead' then '{received,parsed}' else '{quarantined}' end::public.inbound_state[]
    );
  return null;
end;
$$;

create trigger jobs_intake_mail after update of state on private.jobs
for each row when (
  new.consumer = 'intake' and new.state <> old.state
  and (new.state = 'dead' or (old.state = 'dead' and new.state = 'waiting'))
)
execute function private.follow_job_of_mail();

-- Keeps a raw mail and queues its reading, in one. A mail that is here already only counts as one more delivery.
-- `order_key`: mails of one sender are read one after the other, so that an answer does not overtake its question.
create function private.accept_mail(
  organization_id uuid, mail_address_id uuid, recipient text, envelope_from text, message_id_header text,
  content_sha256 bytea, raw bytea, order_key text
) returns table (id uuid, is_duplicate boolean)
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  mail_id uuid;
begin
  update public.inbound_mails as m
  set deliveries = m.deliveries + 1,
    last_delivered_at = now(),
    recipients = case
      when accept_mail.recipient = any (m.recipients) or cardinality(m.recipients) >= 1000 then m.recipients
      else m.recipients || accept_mail.recipient
    end
  where m.organization_id = accept_mail.organization_id
    and coalesce(m.message_id_header, '') = coalesce(accept_mail.message_id_header, '')
    and m.content_sha256 = accept_mail.content_sha256
  returning m.id into mail_id;
  if mail_id is null then
    insert into public.inbound_mails as m (
      organization_id, mail_address_id, recipients, envelope_from, bytes, content_sha256, message_id_header, id_reused
    )
    values (
      accept_mail.organization_id, accept_mail.mail_address_id, array[accept_mail.recipient], accept_mail.envelope_from,
      length(accept_mail.raw), accept_mail.content_sha256, accept_mail.message_id_header,
      exists (
        select from public.inbound_mails as other
        where other.organization_id = accept_mail.organization_id
          and other.message_id_header = accept_mail.message_id_header
      )
    )
    on conflict do nothing
    returning m.id into mail_id;
    if mail_id is null then
      -- Another delivery of it was committed between the two statements: it is seen now.
      return query
      select * from private.accept_mail(
        accept_mail.organization_id, accept_mail.mail_address_id, accept_mail.recipient, accept_mail.envelope_from,
        accept_mail.message_id_header, accept_mail.content_sha256, accept_mail.raw, accept_mail.order_key
      );
      return;
    end if;
    insert into private.inbound_raw (inbound_mail_id, organization_id, raw)
    values (mail_id, accept_mail.organization_id, accept_mail.raw);
    perform private.enqueue_own(
      'intake', jsonb_build_object('inbound_mail_id', mail_id),
      -- The line's name, not the sender's: jobs stay for a while after they are done.
      order_key => 'intake:' || md5(accept_mail.order_key)
    );
    return query select mail_id, false;
    return;
  end if;
  return query select mail_id, true;
end;
$$;

-- The member of the current tenant who owns a confirmed address, or null. Users live in schema auth, which functions
-- cannot read.
create function private.member_by_email(email text) returns uuid
language sql stable security definer set search_path = '' as $$
  select m.user_id
  from public.members as m
  join auth.users as u on u.id = m.user_id
  where m.organization_id = (select private.current_organization())
    and lower(u.email::text) = private.normal_email(member_by_email.email)
    and u.email_confirmed_at is not null
    and m.role >= 'agent';
$$;

-- A subject without what mail clients put before it, to compare with.
create function private.bare_subject(subject text) returns text
language sql immutable parallel safe set search_path = '' as $$
  select lower(btrim(regexp_replace(
    bare_subject.subject, '^(\s*(\[[^\]]{1,40}\]|[[:alpha:]]{1,6}(\[\d+\])?\s*[:：])\s*)+', '', 'i'
  )));
$$;

-- Is `email` known to a ticket: its requester, a writer whose message was not pending, somebody mailed from it, or
-- somebody in copy? The address of a contact that is merged is the other one's too.
create function private.is_participant(organization_id uuid, ticket_id uuid, email text) returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return exists (
    select
    from public.contacts as c
    where c.organization_id = is_participant.organization_id
      and c.email = is_participant.email
      and (
        exists (
          select from public.tickets as t
          where t.id = is_participant.ticket_id and t.contact_id = coalesce(c.merged_into, c.id)
        )
        or exists (
          select from public.messages as m
          where m.ticket_id = is_participant.ticket_id and m.contact_id = coalesce(c.merged_into, c.id)
            and m.sender_status = 'known'
        )
        or exists (
          select from public.outgoing_mails as o
          where o.organization_id = is_participant.organization_id
            and o.ticket_id = is_participant.ticket_id and o.contact_id = coalesce(c.merged_into, c.id)
        )
        or exists (
          select from public.ticket_participants as p
          where p.ticket_id = is_participant.ticket_id and p.contact_id = coalesce(c.merged_into, c.id)
            and p.removed_at is null
        )
      )
  );
end;
$$;

-- To which ticket a mail belongs: by the signed token in its recipient, else by the Message-IDs it answers. Never by
-- subject. No row: to none. `is_known`: the sender belongs to that thread; else its message is kept as pending.
-- Among several candidates one that knows the sender wins, then the id that stands first in `message_ids`. One that was
-- merged leads to where it is now.
create function private.find_thread(
  organization_id uuid, token_ticket_id uuid, token_is_senders boolean, message_ids text[], sender text
) returns table (ticket_id uuid, how text, is_known boolean, evidence jsonb)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  with candidates as (
    select t.id as candidate, 'reply_token' as way, 0 as place, find_thread.token_is_senders as certain, null as told_by
    from public.tickets as t
    where t.organization_id = find_thread.organization_id and t.id = find_thread.token_ticket_id
    union all
    select k.ticket_id, 'message_id', array_position(find_thread.message_ids, k.message_id_header), false,
      k.message_id_header
    from private.tickets_by_message_id(find_thread.organization_id, find_thread.message_ids) as k
    union all
    select o.ticket_id, 'message_id', array_position(find_thread.message_ids, o.message_id_header), false,
      o.message_id_header
    from public.outgoing_mails as o
    where o.organization_id = find_thread.organization_id and o.message_id_header = any (find_thread.message_ids)
  ), judged as (
    -- A member's address proves nothing here: file_mail makes a note of what a verified member mails.
    select c.*,
      c.certain or private.is_participant(find_thread.organization_id, c.candidate, find_thread.sender) as knows
    from (
      select distinct private.ticket_now(every.candidate) as candidate, every.way, every.place, every.certain, every.told_by
      from candidates as every
    ) as c
  )
  select j.candidate, j.way, j.knows, jsonb_build_object(
    'told_by', j.told_by, 'candidates', (select count(distinct every.candidate) from judged as every)
  )
  from judged as j
  order by j.way = 'reply_token' desc, j.knows desc, j.place, j.candidate desc
  limit 1;
end;
$$;

-- Notes what was read, before anything is filed. Returns what filing needs to know: whether a mail that this one
-- answers is itself still being read (then wait: threading would miss it).
create function private.note_parsed(
  inbound_mail_id uuid, sender text, subject text, verdict text, dmarc text, decision jsonb, message_ids text[]
) returns boolean
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  mail public.inbound_mails;
begin
  update public.inbound_mails as m
  set state = 'parsed', reason = null, sender = note_parsed.sender, subject = note_parsed.subject,
    verdict = note_parsed.verdict, dmarc = note_parsed.dmarc, decision = note_parsed.decision
  where m.id = note_parsed.inbound_mail_id and m.state in ('received', 'parsed')
  returning * into mail;
  if mail.id is null then
    raise exception 'inbound mail % is not to be read', note_parsed.inbound_mail_id using errcode = 'PT404';
  end if;
  return exists (
    select from public.inbound_mails as m
    where m.organization_id = mail.organization_id
      and m.message_id_header = any (note_parsed.message_ids)
      and m.state in ('received', 'parsed')
      and m.id < mail.id
  );
end;
$$;

-- The contact with an address, made where it is missing; of one that is merged, whom it is merged into. Without an
-- address a mail gets a contact of its own.
create function private.contact_for(organization_id uuid, email text, name text) returns uuid
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  contact_id uuid;
begin
  insert into public.contacts as c (organization_id, email, name, source)
  values (contact_for.organization_id, nullif(contact_for.email, ''), contact_for.name, 'mail')
  on conflict (organization_id, email) do nothing
  returning c.id into contact_id;
  if contact_id is null then
    select coalesce(c.merged_into, c.id) into contact_id from public.contacts as c
    where c.organization_id = contact_for.organization_id and c.email = contact_for.email;
    update public.contacts as c set name = contact_for.name
    where c.id = contact_id and c.name = '' and contact_for.name <> '';
  end if;
  return contact_id;
end;
$$;

-- Files a mail that was read: contact, ticket, message, attachments, ledger, in the caller's transaction. Filing it
-- again changes nothing. `mail` is what functions/chalicelib/intake/consumer.py makes; its keys are the columns below.
--
-- human: into its thread, else a new ticket. list (lists, bulk, notifications, which may carry a person's words): the
-- same, marked as machine mail. auto_reply: into its thread only. bounce: a note in its thread only. loop: nowhere.
create function private.file_mail(inbound_mail_id uuid, mail jsonb) returns public.inbound_mails
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  ledger public.inbound_mails;
  thread_id uuid;
  how text := 'none';
  is_known boolean;
  evidence jsonb;
  contact_id uuid;
  member_id uuid;
  is_note boolean;
  filed_ticket uuid;
  filed_message uuid := private.uuid7();
  follows boolean;
  is_pending boolean;
  sender text := private.normal_email(mail ->> 'sender');
begin
  select * into ledger from public.inbound_mails as m where m.id = file_mail.inbound_mail_id for update;
  if ledger.id is null then
    raise exception 'there is no inbound mail %', file_mail.inbound_mail_id using errcode = 'PT404';
  end if;
  if ledger.state in ('done', 'quarantined') then
    return ledger;
  end if;
  if ledger.verdict <> 'loop' then
    select f.ticket_id, f.how, f.is_known, f.evidence into thread_id, how, is_known, evidence
    from private.find_thread(
      ledger.organization_id, (mail ->> 'token_ticket_id')::uuid,
      coalesce((mail ->> 'token_is_senders')::boolean, false),
      array(select jsonb_array_elements_text(mail -> 'message_ids')), sender
    ) as f;
  end if;
  if thread_id is null and ledger.verdict in ('auto_reply', 'bounce', 'loop') then
    update public.inbound_mails as m
    set state = 'done', outcome = 'recorded', done_at = now(),
      decision = m.decision || jsonb_build_object('thread', 'none')
    where m.id = ledger.id
    returning * into ledger;
    return ledger;
  end if;

  is_note := ledger.verdict = 'bounce';
  if not is_note and thread_id is not null and (mail ->> 'is_verified')::boolean then
    -- What a colleague mails into a ticket is a note: nothing goes to the contact by mail alone.
    member_id := private.member_by_email(sender);
    is_note := member_id is not null;
  end if;
  -- Who may not be who it says is never taken for a participant.
  is_pending := not is_note and (ledger.dmarc = 'fail' or coalesce(not is_known, false));
  if not is_note then
    contact_id := private.contact_for(ledger.organization_id, sender, coalesce(mail ->> 'sender_name', ''));
  end if;

  filed_ticket := thread_id;
  if filed_ticket is null then
    insert into public.tickets as t (organization_id, subject, channel, contact_id, mail_address_id)
    values (ledger.organization_id, coalesce(ledger.subject, ''), 'email', contact_id, ledger.mail_address_id)
    returning t.id into filed_ticket;
  end if;
  update public.inbound_mails as m
  set state = 'threaded', ticket_id = filed_ticket, decision = m.decision || jsonb_build_object(
    'thread', coalesce(how, 'none'), 'sender_known', is_known, 'evidence', evidence,
    'subject_changed', (
      select private.bare_subject(t.subject) <> private.bare_subject(m.subject)
      from public.tickets as t where t.id = thread_id
    )
  )
  where m.id = ledger.id;

  insert into public.messages as m (
    id, organization_id, ticket_id, sender, contact_id, member_id, is_internal, is_machine, sender_status, is_verified,
    body_text, reply_text, body_html, message_id_header
  ) values (
    filed_message, ledger.organization_id, filed_ticket,
    case when member_id is not null then 'member' when is_note then 'system' else 'contact' end::public.message_sender,
    contact_id, member_id, is_note, ledger.verdict <> 'human', case when is_pending then 'pending' else 'known' end,
    coalesce((mail ->> 'is_verified')::boolean, false) and not is_pending and ledger.verdict <> 'bounce',
    coalesce(mail ->> 'body_text', ''), mail ->> 'reply_text', mail ->> 'body_html', ledger.message_id_header
  )
  -- A ticket that is over may be followed by a new one, one that was merged meanwhile leads to another.
  returning m.ticket_id, m.seq = 1 and m.ticket_id <> thread_id into filed_ticket, follows;
  if jsonb_array_length(mail -> 'named') > 0 and ledger.verdict = 'human' and not is_note and not is_pending
    and (thread_id is null or (mail ->> 'is_verified')::boolean)
  then
    perform private.bring_participants(filed_ticket, contact_id, mail -> 'named');
  end if;
  insert into public.attachments (
    organization_id, ticket_id, message_id, file_name, content_type, bytes, sha256, content_id, is_inline, storage_path
  )
  select ledger.organization_id, filed_ticket, filed_message, a.file_name, a.content_type, a.bytes,
    decode(a.sha256, 'hex'), nullif(a.content_id, ''), a.is_inline, a.storage_path
  from jsonb_to_recordset(coalesce(mail -> 'attachments', '[]')) as a (
    file_name text, content_type text, bytes bigint, sha256 text, content_id text, is_inline boolean, storage_path text
  );
  if ledger.verdict = 'bounce' and (mail ->> 'bounce_is_permanent')::boolean then
    update public.contacts as c
    set suppressed_at = coalesce(c.suppressed_at, now()), suppressed_because = 'mail to this address is refused'
    where c.organization_id = ledger.organization_id
      and c.email in (select jsonb_array_elements_text(mail -> 'bounced'))
      and private.is_participant(ledger.organization_id, filed_ticket, c.email)
      -- Anybody can write a bounce: only one that names a mail of ours counts.
      and exists (
        select from public.outgoing_mails as o
        where o.organization_id = ledger.organization_id and o.ticket_id = filed_ticket
          and o.message_id_header = any(array(select jsonb_array_elements_text(mail -> 'message_ids')))
        union all
        select from public.messages as m
        where m.ticket_id = filed_ticket and m.sender in ('member', 'ai')
          and m.message_id_header = any(array(select jsonb_array_elements_text(mail -> 'message_ids')))
      );
  end if;
  update public.inbound_mails as m
  set state = 'done', message_id = filed_message, done_at = now(), ticket_id = filed_ticket,
    outcome = case
      when is_note then 'note' when thread_id is null or follows then 'new_ticket' else 'threaded'
    end,
    decision = m.decision || case when follows then jsonb_build_object('follows', thread_id) else '{}' end
  where m.id = ledger.id
  returning * into ledger;
  return ledger;
end;
$$;

-- Sets a mail aside, visibly.
create function private.quarantine_mail(inbound_mail_id uuid, reason text) returns void
language sql set search_path = '' as $$
  update public.inbound_mails as m
  set state = 'quarantined', reason = left(quarantine_mail.reason, 1000)
  where m.id = quarantine_mail.inbound_mail_id and m.state <> 'done';
$$;

-- Reads a quarantined mail again. Admins of its organization.
create function private.retry_inbound_mail(inbound_mail_id uuid) returns public.inbound_mails
language plpgsql security definer set search_path = '' as $$
declare
  mail public.inbound_mails;
begin
  update public.inbound_mails as m
  set state = 'received', reason = null
  where m.id = retry_inbound_mail.inbound_mail_id
    and m.state = 'quarantined'
    and m.organization_id = any(array(select private.my_organizations('admin')))
  returning * into mail;
  if mail.id is null then
    raise exception 'there is no quarantined mail %', retry_inbound_mail.inbound_mail_id using errcode = 'PT404';
  end if;
  perform private.enqueue(mail.organization_id, 'intake', jsonb_build_object('inbound_mail_id', mail.id));
  return mail;
end;
$$;

create function public.retry_inbound_mail(inbound_mail_id uuid) returns public.inbound_mails
language sql set search_path = '' as $$
  select * from private.retry_inbound_mail(retry_inbound_mail.inbound_mail_id);
$$;

-- Undoes a threading decision: the mail's message moves to a ticket of its own, as private.split_ticket does it, and
-- the ledger says so. Agents of its organization. Returns the new ticket.
create function private.split_mail(message_id uuid) returns public.tickets
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  ticket public.tickets;
  mail public.inbound_mails;
  opened public.tickets;
begin
  -- The ticket before the mail, as everybody does who moves messages: nothing is answered in it meanwhile.
  select t.* into ticket
  from public.messages as m
  join public.tickets as t on t.id = m.ticket_id
  where m.id = split_mail.message_id and m.organization_id = any(array(select private.my_organizations('agent')))
  for no key update of t;
  select i.* into mail
  from public.inbound_mails as i
  where i.organization_id = ticket.organization_id and i.message_id = split_mail.message_id
    and i.ticket_id = ticket.id and i.outcome = 'threaded';
  if mail.id is null then
    raise exception 'no mail was threaded as message %', split_mail.message_id using errcode = 'PT404';
  end if;
  opened := private.split_off(ticket, array[split_mail.message_id], coalesce(mail.subject, ''));
  update public.inbound_mails as m
  set outcome = 'new_ticket', decision = m.decision || jsonb_build_object(
    'undone', jsonb_build_object('by', (select private.actor_id()), 'at', now(), 'was_in', ticket.id)
  )
  where m.id = mail.id;
  return opened;
end;
$$;

create function public.split_mail(message_id uuid) returns public.tickets
language sql set search_path = '' as $$
  select * from private.split_mail(split_mail.message_id);
$$;


-- sql/41_sla.sql

-- What an organization promises about time, and the clocks that watch over it.
--
-- A clock is computed from the ticket's history and from rules, which are a value of their own: so it can be computed
-- again at any time with the same result, and explained. private.sla_clock_spans says which stretches a clock ran
-- (the definition), private.sla_clocks_of adds them up within opening hours, private.run_sla
-- (49_sla_clocks.sql) stores what comes out.

create table public.sla_policies (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 100),
  -- The first policy whose conditions hold is the ticket's.
  position integer not null default 0,
  conditions jsonb not null default '{"all": []}',
  -- Null: the calendar of the ticket's team, or the organization's default.
  calendar_id uuid,
  -- The share of a target that may pass before somebody is warned.
  warn_after real not null default 0.75 check (warn_after > 0 and warn_after < 1),
  pauses_while_waiting boolean not null default true,
  -- Whether an answer that the AI sent is an answer.
  ai_counts boolean not null default true,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, name),
  foreign key (organization_id, calendar_id)
    references public.calendars (organization_id, id) on delete set null (calendar_id)
);
create index sla_policies_calendar_idx on public.sla_policies (organization_id, calendar_id);

-- In opening hours. Null, or no row for a priority: nothing is promised.
create table public.sla_targets (
  organization_id uuid not null,
  policy_id uuid not null,
  priority public.ticket_priority not null,
  first_response interval check (first_response > interval '0'),
  next_response interval check (next_response > interval '0'),
  resolution interval check (resolution > interval '0'),
  primary key (policy_id, priority),
  foreign key (organization_id, policy_id) references public.sla_policies (organization_id, id) on delete cascade
);
create index sla_targets_policy_idx on public.sla_targets (organization_id, policy_id);

-- What clocks were computed by, as a value: policy, targets of a priority, calendar. Kept for as long as it is referred
-- to, so that a promise can be explained after its policy has changed.
create table private.sla_rules (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  rules jsonb not null,
  digest bytea not null generated always as (sha256(rules::text::bytea)) stored,
  unique (organization_id, digest)
);

-- One row per promise: the first response, the resolution, and each time that a contact has to be answered again.
create table public.sla_clocks (
  organization_id uuid not null,
  ticket_id uuid not null,
  metric text not null check (metric in ('first_response', 'next_response', 'resolution')),
  cycle integer not null default 0, -- of next_response: how many answers and resolutions went before
  rules_id uuid not null references private.sla_rules (id),
  target interval not null,
  started_at timestamptz not null,
  stopped_at timestamptz,   -- answered, or resolved
  spent interval not null,  -- of the target, up to running_since or, where that is null, to now
  running_since timestamptz, -- null: stopped, or paused
  warn_at timestamptz,
  due_at timestamptz,       -- null while it is paused
  -- When it was told, each once.
  warned_at timestamptz,
  breached_at timestamptz,
  primary key (ticket_id, metric, cycle),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade
);
create index sla_clocks_ticket_idx on public.sla_clocks (organization_id, ticket_id);
create index sla_clocks_rules_idx on public.sla_clocks (rules_id);

create trigger sla_policies_touch before update on public.sla_policies
for each row execute function private.touch();
create trigger sla_policies_conditions before insert or update of conditions on public.sla_policies
for each row execute function private.check_conditions();

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'sla.warned', 'ticket', 'agents',
  'Most of the time for an answer or a resolution has passed. Once for each promise, and not after it is broken.',
  '{
    "metric": {"enum": ["first_response", "next_response", "resolution"]},
    "cycle": {"type": "integer", "minimum": 0, "description": "which answer of the ticket it is about"},
    "due_at": {"$ref": "#/$defs/instant_or_null"}
  }',
  false,
  '{"metric": "first_response", "cycle": 0, "due_at": "2026-01-31T11:00:00+00:00"}'
),
(
  'sla.breached', 'ticket', 'agents',
  'The time for an answer or a resolution has passed. Once for each promise.',
  '{
    "metric": {"enum": ["first_response", "next_response", "resolution"]},
    "cycle": {"type": "integer", "minimum": 0, "description": "which answer of the ticket it is about"},
    "due_at": {"$ref": "#/$defs/instant_or_null"}
  }',
  false,
  '{"metric": "resolution", "cycle": 0, "due_at": "2026-02-02T17:00:00+00:00"}'
);

-- The rules that a ticket stands under now, null for none.
create function private.sla_rules_of(ticket public.tickets) returns uuid
language plpgsql volatile set search_path = '' as $$
declare
  facts constant jsonb := private.ticket_facts(ticket);
  policy public.sla_policies;
  target public.sla_targets;
  value jsonb;
  known uuid;
begin
  select p.* into policy from public.sla_policies as p
  where p.organization_id = ticket.organization_id and p.is_active and private.condition_holds(p.conditions, facts)
  order by p.position, p.id
  limit 1;
  select t.* into target from public.sla_targets as t where t.policy_id = policy.id and t.priority = ticket.priority;
  if target.policy_id is null then
    return null;
  end if;
  value := jsonb_build_object(
    'policy', policy.id, 'name', policy.name,
    'first_response', target.first_response, 'next_response', target.next_response, 'resolution', target.resolution,
    'warn_after', policy.warn_after, 'pauses', policy.pauses_while_waiting, 'ai_counts', policy.ai_counts,
    'calendar', private.calendar_value(coalesce(
      policy.calendar_id,
      (select t.calendar_id from public.teams as t where t.id = ticket.team_id),
      (select c.id from public.calendars as c where c.organization_id = ticket.organization_id and c.is_default)
    ))
  );
  insert into private.sla_rules (organization_id, rules) values (ticket.organization_id, value)
  on conflict (organization_id, digest) do nothing
  returning id into known;
  if known is null then
    select r.id into known from private.sla_rules as r
    where r.organization_id = ticket.organization_id and r.digest = sha256(value::text::bytea);
  end if;
  return known;
end;
$$;

-- The stretches of a ticket's life that its clocks go through, in order, each `counted` or `paused`; the last one of a
-- clock that has not stopped is open. (Like all that runs at every change of a ticket in plpgsql, which keeps plans.)
--
-- first_response: from the contact's first message to the first answer.
-- next_response:  from the first message after an answer (or a resolution) to the next answer, or to the resolution.
-- resolution:     from the beginning to the resolution, and on if it is opened again; the time between does not count.
create function private.sla_clock_spans(ticket_id uuid, rules jsonb)
returns table (
  metric text, cycle integer, target interval, started_at timestamptz, stopped_at timestamptz, starts timestamptz,
  ends timestamptz, counted boolean
)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  with steps as (
    select
      h.step, h.at, h.status_category as category, h.wrote,
      lead(h.at) over life as next_at,
      h.wrote = 'member' or h.wrote = 'ai' and (rules ->> 'ai_counts')::boolean as answers,
      h.status_category = 'resolved' and lag(h.status_category) over life is distinct from 'resolved' as resolves
    from private.ticket_steps(sla_clock_spans.ticket_id) as h
    window life as (order by h.step)
  ), turns as (
    select
      s.*,
      count(*) filter (where s.answers) over before as answers_before,
      count(*) filter (where s.answers or s.resolves) over before as turns_before
    from steps as s
    window before as (order by s.step rows between unbounded preceding and 1 preceding)
  ), clocks as (
    select 'first_response' as metric, 0 as cycle, min(t.at) filter (where t.wrote = 'contact') as started_at,
      min(t.at) filter (where t.answers) as stopped_at
    from turns as t
    union all
    select 'next_response', t.turns_before::integer, min(t.at) filter (where t.wrote = 'contact'),
      min(t.at) filter (where t.answers or t.resolves)
    from turns as t
    where t.answers_before > 0
    group by t.turns_before
    union all
    select 'resolution', 0, min(t.at),
      case
        when (array_agg(t.category order by t.step desc))[1] = 'resolved' then max(t.at) filter (where t.resolves)
      end
    from turns as t
  ), stretches as (
    select
      c.*, t.step, greatest(t.at, c.started_at) as starts, least(t.next_at, c.stopped_at) as ends,
      t.category = 'open' or t.category = 'waiting' and not (rules ->> 'pauses')::boolean as counted
    from clocks as c
    join turns as t
      on coalesce(t.next_at, 'infinity') > c.started_at and t.at < coalesce(c.stopped_at, 'infinity')
    where c.started_at is not null
      and c.started_at < coalesce(c.stopped_at, 'infinity')
      and rules ->> c.metric is not null
  ), numbered as (
    -- Steps that change nothing for a clock make one stretch.
    select
      s.*,
      s.step - row_number() over (partition by s.metric, s.cycle, s.counted order by s.step) as island
    from stretches as s
  )
  select
    n.metric, n.cycle, (rules ->> n.metric)::interval, n.started_at, n.stopped_at, min(n.starts),
    case when count(n.ends) = count(*) then max(n.ends) end, n.counted
  from numbered as n
  group by n.metric, n.cycle, n.started_at, n.stopped_at, n.counted, n.island
  order by n.metric, n.cycle, min(n.starts);
end;
$$;

-- The clocks of a ticket under rules: each stretch counted within opening hours.
create function private.sla_clocks_of(ticket_id uuid, rules jsonb)
returns table (
  metric text, cycle integer, target interval, started_at timestamptz, stopped_at timestamptz, spent interval,
  running_since timestamptz, warn_at timestamptz, due_at timestamptz
)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
declare
  calendar constant jsonb := nullif(rules -> 'calendar', 'null');
  warn_after constant float8 := (rules ->> 'warn_after')::float8;
  span record;
  is_new boolean;
begin
  for span in
    select s.*,
      row_number() over (partition by s.metric, s.cycle order by s.starts) = 1 as is_first,
      row_number() over (partition by s.metric, s.cycle order by s.starts desc) = 1 as is_last
    from private.sla_clock_spans(sla_clocks_of.ticket_id, sla_clocks_of.rules) as s
    order by s.metric, s.cycle, s.starts
  loop
    if span.is_first then
      metric := span.metric;
      cycle := span.cycle;
      target := span.target;
      started_at := span.started_at;
      stopped_at := span.stopped_at;
      spent := interval '0';
      running_since := null;
      warn_at := null;
      due_at := null;
    end if;
    if span.counted then
      -- Where a target is reached in a stretch that has ended, it stays reached.
      warn_at := coalesce(warn_at, private.open_until(calendar, span.starts, target * warn_after - spent));
      due_at := coalesce(due_at, private.open_until(calendar, span.starts, target - spent));
      if span.ends is null then
        running_since := span.starts;
      else
        warn_at := case when warn_at <= span.ends then warn_at end;
        due_at := case when due_at <= span.ends then due_at end;
        spent := spent + private.open_time(calendar, span.starts, span.ends);
      end if;
    end if;
    if span.is_last then
      return next;
    end if;
  end loop;
end;
$$;


-- sql/42_provider_mails.sql

-- Mail that a provider holds for us: announced by a webhook, or found by a comparison with the provider's list. A job
-- fetches it; then it is in the ledger (40_inbound_mail.sql) like any other. One row per mail and organization.

create type public.provider_mail_state as enum (
  'announced',   -- a place to upload it was given away; nothing has been handed in
  'waiting',     -- the provider has it, a job is to fetch it
  'kept',        -- it is in the ledger: inbound_mail_id
  'unaddressed', -- its recipients are nobody's here
  'failed'       -- it could not be fetched: `reason` says why, an admin can retry it
);

create table public.provider_mails (
  id uuid primary key default private.uuid7(),
  -- Null: nobody's here, or nobody's yet (a provider's list need not name the envelope's recipients).
  organization_id uuid references public.organizations (id) on delete cascade,
  provider text not null check (provider in ('resend', 'mailgun', 'ses', 'upload')),
  -- What the provider calls it.
  provider_id text not null check (length(provider_id) between 1 and 1024),
  -- Where the provider keeps it, where its id does not say so: an address, a key.
  locator text check (length(locator) <= 2048),
  -- Envelope recipients as far as they are known; of this organization, where there is one.
  recipients text[] not null default '{}' check (cardinality(recipients) <= 1000),
  envelope_from text check (length(envelope_from) <= 1000),
  -- What the provider, as our receiver, found out about the sender: dmarc, spf, dkim, each pass, fail or none.
  verdicts jsonb check (jsonb_typeof(verdicts) = 'object'),
  state public.provider_mail_state not null default 'waiting',
  reason text,
  inbound_mail_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique nulls not distinct (provider, provider_id, organization_id),
  check (state <> 'unaddressed' or organization_id is null),
  foreign key (organization_id, inbound_mail_id)
    references public.inbound_mails (organization_id, id) on delete set null (inbound_mail_id)
);
create index provider_mails_state_idx on public.provider_mails (organization_id, state, id);
create index provider_mails_inbound_idx on public.provider_mails (organization_id, inbound_mail_id);
create index provider_mails_unaddressed_idx on public.provider_mails (created_at) where state = 'unaddressed';

create trigger provider_mails_touch before update on public.provider_mails
for each row execute function private.touch();

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values (
  'mail.fetch_failed', 'provider_mail', 'agents',
  'A mail that a provider holds for the organization could not be fetched. An admin can have it tried again.',
  '{"provider": {"type": "string"}, "reason": {"$ref": "#/$defs/reason_or_null"}}',
  false,
  '{"provider": "resend", "reason": "the provider no longer has it"}'
);

-- Members hear of a mail that cannot be had.
create function private.announce_provider_mail() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.emit(
    new.organization_id, 'mail.fetch_failed', new.id,
    jsonb_build_object('provider', new.provider, 'reason', new.reason)
  );
  return null;
end;
$$;

create trigger provider_mails_announce after update of state on public.provider_mails
for each row when (new.state = 'failed' and old.state <> 'failed' and new.organization_id is not null)
execute function private.announce_provider_mail();

-- Queues the fetching of a mail, for the tenant of its row (none: for the installation). One that waits is enough.
create function private.fetch_provider_mail(
  provider_mail_id uuid, run_at timestamptz default now(), dedupe_key text default null
) returns uuid
language sql security definer set search_path = '' as $$
  select private.enqueue(
    m.organization_id, 'fetch_mail', jsonb_build_object('provider_mail_id', m.id), fetch_provider_mail.run_at,
    dedupe_key => coalesce(fetch_provider_mail.dedupe_key, m.id::text)
  )
  from public.provider_mails as m
  where m.id = fetch_provider_mail.provider_mail_id
    and m.organization_id is not distinct from private.current_organization();
$$;

-- Enters a mail that a provider holds, and queues its fetching where `state` is waiting. What is known of it already is
-- completed; what was kept stays kept, what failed is tried again. For the current tenant, or for none.
create function private.record_provider_mail(
  organization_id uuid, provider text, provider_id text, state public.provider_mail_state, recipients text[],
  locator text default null, envelope_from text default null, verdicts jsonb default null
) returns public.provider_mails
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  held public.provider_mails;
begin
  insert into public.provider_mails as m (
    organization_id, provider, provider_id, state, recipients, locator, envelope_from, verdicts
  ) values (
    record_provider_mail.organization_id, record_provider_mail.provider, record_provider_mail.provider_id,
    record_provider_mail.state, record_provider_mail.recipients, record_provider_mail.locator,
    record_provider_mail.envelope_from, record_provider_mail.verdicts
  )
  on conflict (provider, provider_id, organization_id) do update set
    state = case when m.state in ('waiting', 'kept') then m.state else excluded.state end,
    reason = case when m.state = excluded.state then m.reason end,
    recipients = (
      array(select distinct each.address from unnest(m.recipients || excluded.recipients) as each (address))
    )[:1000],
    locator = coalesce(excluded.locator, m.locator),
    envelope_from = coalesce(excluded.envelope_from, m.envelope_from),
    verdicts = coalesce(m.verdicts, excluded.verdicts)
  returning * into held;
  if held.state = 'waiting' then
    perform private.fetch_provider_mail(held.id);
  end if;
  return held;
end;
$$;

-- Of the ids that a provider lists, those that need nothing more: kept, or nobody's (with their recipients, who may be
-- somebody by now). It tells of no tenant more than that a mail is here.
create function private.known_provider_mails(provider text, provider_ids text[]) returns table (
  provider_id text, is_unaddressed boolean, recipients text[]
)
language sql stable security definer set search_path = '' as $$
  select m.provider_id, bool_and(m.state = 'unaddressed'),
    coalesce(min(m.recipients) filter (where m.state = 'unaddressed'), '{}')
  from public.provider_mails as m
  where m.provider = known_provider_mails.provider and m.provider_id = any (known_provider_mails.provider_ids)
  group by m.provider_id
  having bool_and(m.state in ('kept', 'unaddressed'));
$$;

-- Fetches a mail again that could not be had. Admins of its organization.
create function private.retry_provider_mail(provider_mail_id uuid) returns public.provider_mails
language plpgsql security definer set search_path = '' as $$
declare
  held public.provider_mails;
begin
  update public.provider_mails as m
  set state = 'waiting', reason = null
  where m.id = retry_provider_mail.provider_mail_id
    and m.state = 'failed'
    and m.organization_id = any(array(select private.my_organizations('admin')))
  returning * into held;
  if held.id is null then
    raise exception 'there is no failed mail %', retry_provider_mail.provider_mail_id using errcode = 'PT404';
  end if;
  perform private.enqueue(
    held.organization_id, 'fetch_mail', jsonb_build_object('provider_mail_id', held.id), dedupe_key => held.id::text
  );
  return held;
end;
$$;

create function public.retry_provider_mail(provider_mail_id uuid) returns public.provider_mails
language sql set search_path = '' as $$
  select * from private.retry_provider_mail(retry_provider_mail.provider_mail_id);
$$;

-- Where mail too large for one request is uploaded, under <organization>/<id>.eml, until it is in the ledger.
insert into storage.buckets (id, name, public, file_size_limit) values
  ('inbound', 'inbound', false, 41943040)
on conflict (id) do nothing;


-- sql/43_routing.sql

-- Where a ticket goes, as rules that an organization writes down in order.

create table public.routing_rules (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 100),
  position integer not null default 0,
  conditions jsonb not null default '{"all": []}',
  -- What follows where they hold. Null leaves as it is; nothing overrides what a member has set.
  team_id uuid,
  assignee_id uuid,
  priority public.ticket_priority,
  add_tags text[] not null default '{}' check (cardinality(add_tags) <= 20),
  -- Whether the rules after it are still asked.
  is_final boolean not null default true,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, name),
  foreign key (organization_id, team_id) references public.teams (organization_id, id) on delete set null (team_id),
  foreign key (organization_id, assignee_id)
    references public.members (organization_id, user_id) on delete set null (assignee_id)
);
create index routing_rules_order_idx on public.routing_rules (organization_id, position, id);
create index routing_rules_team_idx on public.routing_rules (organization_id, team_id);
create index routing_rules_assignee_idx on public.routing_rules (organization_id, assignee_id);

-- Which rules were taken for a ticket, and why: a rule is taken once.
create table public.ticket_routings (
  organization_id uuid not null,
  ticket_id uuid not null,
  rule_id uuid not null,
  at timestamptz not null default now(),
  -- opened: with its first message; triaged: once triage had looked at it.
  moment text not null check (moment in ('opened', 'triaged')),
  -- The rule as it was, and what was asked.
  rule text not null,
  conditions jsonb not null,
  primary key (ticket_id, rule_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, rule_id) references public.routing_rules (organization_id, id) on delete cascade
);
create index ticket_routings_ticket_idx on public.ticket_routings (organization_id, ticket_id);
create index ticket_routings_rule_idx on public.ticket_routings (organization_id, rule_id);

create trigger routing_rules_touch before update on public.routing_rules
for each row execute function private.touch();
create trigger routing_rules_conditions before insert or update of conditions on public.routing_rules
for each row execute function private.check_conditions();

-- Asks the rules in their order. Each sees what those before it have changed.
create function private.route_ticket(ticket_id uuid, moment text) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  ticket public.tickets;
  facts jsonb;
  rule public.routing_rules;
begin
  select * into ticket from public.tickets as t where t.id = route_ticket.ticket_id for update;
  for rule in
    select r.* from public.routing_rules as r
    where r.organization_id = ticket.organization_id and r.is_active
      and not exists (select from public.ticket_routings as d where d.ticket_id = ticket.id and d.rule_id = r.id)
    order by r.position, r.id
  loop
    facts := coalesce(facts, private.ticket_facts(ticket));
    continue when not private.condition_holds(rule.conditions, facts);
    update public.tickets as t
    set team_id = case when 'team_id' = any (t.set_by_member) then t.team_id else coalesce(rule.team_id, t.team_id) end,
      priority = case
        when 'priority' = any (t.set_by_member) then t.priority
        else coalesce(rule.priority, t.priority)
      end,
      assignee_id = coalesce(t.assignee_id, rule.assignee_id),
      tags = array(select distinct unnest(t.tags || rule.add_tags) order by 1 limit 100)
    where t.id = ticket.id
    returning * into ticket;
    facts := null;
    insert into public.ticket_routings (organization_id, ticket_id, rule_id, moment, rule, conditions)
    values (ticket.organization_id, ticket.id, rule.id, route_ticket.moment, rule.name, rule.conditions);
    exit when rule.is_final;
  end loop;
end;
$$;

create function private.route_opened() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.route_ticket(new.ticket_id, 'opened');
  return null;
end;
$$;

create trigger messages_route after insert on public.messages
for each row when (new.seq = 1) execute function private.route_opened();

-- Called by triage, for a ticket of the tenant that it works for.
create function private.route_triaged(ticket_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform private.route_ticket(t.id, 'triaged') from public.tickets as t
  where t.id = route_triaged.ticket_id and t.organization_id = private.current_organization();
end;
$$;


-- sql/44_assignment.sql

-- Who takes a ticket. One that a person has to look at waits in its team's line, and is given to somebody as soon as
-- somebody has room for it: by a job that the change itself asks for.

alter table public.teams add column assignment text not null default 'manual' check (
  -- manual: people take what they want; round_robin: in turns; least_loaded: to who has the fewest open tickets.
  assignment in ('manual', 'round_robin', 'least_loaded')
);

create table public.member_availability (
  organization_id uuid not null,
  user_id uuid not null,
  -- away: keeps what they have and is given nothing; away_reassign: hands it over too.
  status text not null default 'away' check (status in ('online', 'away', 'away_reassign')),
  -- Open tickets at once. Those that wait for the customer do not count.
  capacity integer not null default 10 check (capacity between 0 and 1000),
  last_assigned_at timestamptz,
  updated_at timestamptz not null default now(),
  primary key (organization_id, user_id),
  foreign key (organization_id, user_id) references public.members (organization_id, user_id) on delete cascade
);

create index tickets_line_idx on public.tickets (organization_id, team_id, created_at)
where status_category = 'open' and assignee_id is null and not is_spam;

create trigger member_availability_touch before update of status, capacity on public.member_availability
for each row execute function private.touch();

-- How long a ticket has to wait for the AI before a person is asked all the same.
create function private.ai_patience() returns interval
language sql immutable parallel safe set search_path = '' as $$
  select interval '10 minutes';
$$;

-- Whether a person has to look at an open ticket: the AI is off, has had its say, or has kept it for too long.
create function private.needs_person(ticket public.tickets) returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return ticket.ai_state = 'off'
    or ticket.created_at < now() - private.ai_patience()
    or exists (
      select from public.drafts as d where d.organization_id = ticket.organization_id and d.ticket_id = ticket.id
    )
    or exists (select from public.organizations as o where o.id = ticket.organization_id and o.ai_mode = 'off');
end;
$$;

-- A ticket's place in line: urgent ones stand as if they had come earlier, so that none waits for ever.
create function private.line_since(created_at timestamptz, priority public.ticket_priority) returns timestamptz
language sql immutable parallel safe set search_path = '' as $$
  select created_at - case priority
    when 'urgent' then interval '24 hours' when 'high' then interval '4 hours' when 'normal' then interval '0'
    else interval '-4 hours'
  end;
$$;

-- Every agent of an organization as seen from a ticket: whether they could take it, or why not, and their turn.
create function private.takers(ticket public.tickets)
returns table (user_id uuid, fits boolean, reason text, load integer, capacity integer, turn bigint)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  with asked as (
    select c.skill_id, s.name
    from public.ticket_categories as c
    join public.skills as s on s.id = c.skill_id
    where c.organization_id = ticket.organization_id and c.id = ticket.category_id
  ), agents as (
    select
      m.user_id, coalesce(a.status, 'away') as status, coalesce(a.capacity, 0) as capacity, a.last_assigned_at,
      open.tickets as load,
      exists (
        select from public.team_members as tm where tm.team_id = ticket.team_id and tm.user_id = m.user_id
      ) as in_team,
      not exists (select from asked)
        or exists (
          select from public.member_skills as ms join asked using (skill_id)
          where ms.organization_id = ticket.organization_id and ms.user_id = m.user_id
        ) as knows
    from public.members as m
    left join public.member_availability as a on a.organization_id = m.organization_id and a.user_id = m.user_id
    cross join lateral (
      select count(*)::integer as tickets from public.tickets as t
      where t.organization_id = m.organization_id and t.assignee_id = m.user_id and t.status_category = 'open'
        and t.id <> ticket.id
    ) as open
    where m.organization_id = ticket.organization_id and m.role >= 'agent'
  ), judged as (
    select
      a.*,
      case
        when ticket.team_id is not null and not a.in_team then 'is not in the team'
        -- Where nobody of the team has the skill, anybody may try.
        when not a.knows and exists (select from agents as other where other.knows and other.in_team)
          then 'does not know ' || (select name from asked)
        when a.status <> 'online' then 'is away'
        when a.load >= a.capacity then format('has %s of %s tickets', a.load, a.capacity)
      end as reason
    from agents as a
  )
  select
    j.user_id, j.reason is null, coalesce(j.reason, 'can take it'), j.load, j.capacity,
    case when j.reason is null then row_number() over (
      partition by j.reason is null
      order by
        case when t.assignment = 'round_robin' then 0 else j.load end, j.last_assigned_at nulls first, j.user_id
    ) end
  from judged as j
  left join public.teams as t on t.id = ticket.team_id;
end;
$$;

-- The clock of assignment: goes once along the line and gives each ticket to whose turn it is. One at a time for an
-- organization, so that nobody is given more than they have room for. Room does not grow meanwhile: who has none for a
-- team and category at first has none later, and what makes room asks for another round.
create function private.ring_assign(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  organization constant uuid := private.current_organization();
  ticket public.tickets;
  taker uuid;
  kind text;
  exhausted text[] := '{}';
begin
  perform pg_advisory_xact_lock(hashtextextended('pgdesk.assign:' || organization, 0));
  for ticket in
    select t.*
    from public.tickets as t
    join public.teams as team on team.id = t.team_id and team.assignment <> 'manual'
    where t.organization_id = organization
      and t.status_category = 'open' and t.assignee_id is null and not t.is_spam
      and private.needs_person(t)
    order by private.line_since(t.created_at, t.priority), t.id
    limit 1000
  loop
    kind := concat_ws(' ', ticket.team_id, ticket.category_id);
    continue when kind = any (exhausted);
    select k.user_id into taker from private.takers(ticket) as k where k.fits order by k.turn limit 1;
    if taker is null then
      exhausted := exhausted || kind;
      continue;
    end if;
    update public.tickets as t set assignee_id = taker
    where t.id = ticket.id and t.assignee_id is null and t.status_category = 'open';
    if found then
      update public.member_availability as a set last_assigned_at = clock_timestamp()
      where a.organization_id = organization and a.user_id = taker;
    end if;
  end loop;
end;
$$;

create function private.request_assignment(
  organization_id uuid, at timestamptz default now(), key text default 'assign'
) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if exists (
    select from public.teams as t
    where t.organization_id = request_assignment.organization_id and t.assignment <> 'manual'
  ) then
    perform private.enqueue(
      request_assignment.organization_id, 'clock', '{"ring": "assign"}', request_assignment.at,
      dedupe_key => request_assignment.key
    );
  end if;
end;
$$;

-- What makes work or room for it.
create function private.follow_assignment() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if new.status_category = 'open' and new.assignee_id is null then
    if tg_op = 'INSERT' then
      -- When the AI has kept it for too long.
      perform private.request_assignment(new.organization_id, now() + private.ai_patience(), 'assign:' || new.id);
    end if;
    perform private.request_assignment(new.organization_id);
  elsif tg_op = 'UPDATE' and old.status_category = 'open' and old.assignee_id is not null then
    perform private.request_assignment(new.organization_id);
  end if;
  return null;
end;
$$;

create trigger tickets_assign_begins after insert on public.tickets
for each row execute function private.follow_assignment();
create trigger tickets_assign after update on public.tickets
for each row when (
  (old.status_category, old.assignee_id, old.team_id, old.category_id, old.ai_state)
  is distinct from (new.status_category, new.assignee_id, new.team_id, new.category_id, new.ai_state)
)
execute function private.follow_assignment();

create function private.follow_room() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  organization uuid := coalesce(new.organization_id, old.organization_id);
begin
  if exists (select from public.organizations where id = organization) then
    perform private.request_assignment(organization);
  end if;
  return null;
end;
$$;

create trigger member_availability_assign after insert or update of status, capacity on public.member_availability
for each row execute function private.follow_room();
create trigger team_members_assign after insert on public.team_members
for each row execute function private.follow_room();
create trigger member_skills_assign after insert on public.member_skills
for each row execute function private.follow_room();
create trigger teams_assign after update of assignment on public.teams
for each row execute function private.follow_room();

create function private.follow_draft() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.request_assignment(new.organization_id);
  return null;
end;
$$;

-- Whether the caller is at work. `away_reassign` gives what they have open back to its teams.
create function private.set_availability(organization_id uuid, status text) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if coalesce(private.my_role(set_availability.organization_id) < 'agent', true) then
    raise exception 'only agents take tickets' using errcode = '42501';
  end if;
  insert into public.member_availability as a (organization_id, user_id, status)
  values (set_availability.organization_id, (select auth.uid()), set_availability.status)
  on conflict (organization_id, user_id) do update set status = excluded.status;
  if set_availability.status = 'away_reassign' then
    update public.tickets as t set assignee_id = null
    where t.organization_id = set_availability.organization_id and t.assignee_id = (select auth.uid())
      and t.status_category = 'open';
  end if;
end;
$$;

create function public.set_availability(organization_id uuid, status text) returns void
language sql set search_path = '' as $$
  select private.set_availability(set_availability.organization_id, set_availability.status);
$$;

-- The caller takes the next ticket that waits in a line of theirs, however teams assign. No row: none waits for them.
create function private.take_next(organization_id uuid) returns setof public.tickets
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if coalesce(private.my_role(take_next.organization_id) < 'agent', true) then
    raise exception 'only agents take tickets' using errcode = '42501';
  end if;
  return query
  with next as (
    select t.id
    from public.tickets as t
    left join public.ticket_categories as c on c.organization_id = t.organization_id and c.id = t.category_id
    where t.organization_id = take_next.organization_id
      and t.status_category = 'open' and t.assignee_id is null and not t.is_spam
      and (
        t.team_id is null
        or exists (select from public.team_members as m where m.team_id = t.team_id and m.user_id = (select auth.uid()))
      )
      and private.needs_person(t)
    order by
      c.skill_id is not null and not exists (
        select from public.member_skills as s
        where s.organization_id = t.organization_id and s.user_id = (select auth.uid()) and s.skill_id = c.skill_id
      ),
      private.line_since(t.created_at, t.priority), t.id
    limit 1
    for update of t skip locked
  )
  update public.tickets as t set assignee_id = (select auth.uid())
  from next
  where t.id = next.id
  returning t.*;
  update public.member_availability as a set last_assigned_at = clock_timestamp()
  where a.organization_id = take_next.organization_id and a.user_id = (select auth.uid());
end;
$$;

create function public.take_next(organization_id uuid) returns setof public.tickets
language sql set search_path = '' as $$
  select * from private.take_next(take_next.organization_id);
$$;

-- Why a ticket went where it went, and who could take it now: the rules that were taken, then every agent.
create function private.explain_assignment(ticket_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  ticket public.tickets;
begin
  select * into ticket from public.tickets as t
  where t.id = explain_assignment.ticket_id and t.organization_id in (select private.my_organizations());
  if ticket.id is null then
    raise exception 'there is no ticket %', explain_assignment.ticket_id using errcode = 'PT404';
  end if;
  return jsonb_build_object(
    'team_id', ticket.team_id,
    'assignee_id', ticket.assignee_id,
    'assignment', (select t.assignment from public.teams as t where t.id = ticket.team_id),
    'waits_for', case
      when ticket.assignee_id is not null or ticket.status_category <> 'open' then 'nobody'
      when ticket.team_id is null then 'a team'
      when not private.needs_person(ticket) then 'the AI'
      else 'a member'
    end,
    'rules', (
      select coalesce(jsonb_agg(to_jsonb(r) - 'organization_id' - 'ticket_id' order by r.at, r.rule), '[]')
      from public.ticket_routings as r where r.ticket_id = ticket.id
    ),
    'members', (
      select coalesce(jsonb_agg(to_jsonb(k) order by k.turn nulls last, k.user_id), '[]')
      from private.takers(ticket) as k
    )
  );
end;
$$;

create function public.explain_assignment(ticket_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select private.explain_assignment(explain_assignment.ticket_id);
$$;


-- sql/45_waiting.sql

-- What happens to tickets when nobody does anything: snoozed ones come back, quiet ones are solved and closed.

alter table public.tickets add column snoozed_until timestamptz;
alter table public.tickets add column snoozed_by uuid;
alter table public.organizations
-- Null: never. Of a ticket that waits for the customer, since its last message.
add column solve_after interval check (solve_after >= interval '1 hour'),
-- Null: never. Of a solved ticket, since it was solved.
add column close_after interval check (close_after >= interval '0');

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'ticket.snoozed', 'ticket', 'agents',
  'A member put the ticket aside until a time. It comes back then, or when the contact writes.',
  '{"until": {"$ref": "#/$defs/instant_or_null"}}',
  false,
  '{"until": "2026-02-02T08:00:00+00:00"}'
),
(
  'ticket.woke', 'ticket', 'agents',
  'A snoozed ticket came back: its time had come, somebody opened it, or the contact wrote.',
  '{"snoozed_by": {"$ref": "#/$defs/user_id_or_null"}}',
  false,
  '{"snoozed_by": null}'
);

-- Puts a ticket aside until a time to come. It rests as `on_hold`, so its clocks do too.
create function public.snooze_ticket(ticket_id uuid, until timestamptz) returns public.tickets
language plpgsql set search_path = '' as $$
declare
  snoozed public.tickets;
begin
  if not coalesce(until > now(), false) then
    raise exception 'a ticket is snoozed until a time to come, not until %', coalesce(until::text, 'none')
      using errcode = '22023';
  end if;
  update public.tickets as t
  set status = 'on_hold', snoozed_until = snooze_ticket.until
  where t.id = snooze_ticket.ticket_id and t.status_category <> 'resolved'
  returning * into snoozed;
  if snoozed.id is null then
    raise exception 'there is no ticket % to snooze', snooze_ticket.ticket_id
      using errcode = 'PT404', hint = 'It may be resolved: open it first.';
  end if;
  return snoozed;
end;
$$;

-- Opened again, by whatever hand, a ticket does not sleep.
create function private.keep_snooze() returns trigger
language plpgsql set search_path = '' as $$
begin
  if new.status <> 'on_hold' then
    new.snoozed_until := null;
  end if;
  if new.snoozed_until is distinct from old.snoozed_until then
    new.snoozed_by := case when new.snoozed_until is not null then (select auth.uid()) end;
  end if;
  return new;
end;
$$;

-- By name after tickets_keep, which sets the category.
create trigger tickets_snooze before update on public.tickets
for each row when (new.snoozed_until is not null or old.snoozed_until is not null)
execute function private.keep_snooze();

-- Asks to be woken when a ticket's waiting has an end.
create function private.await_end(ticket public.tickets) returns void
language plpgsql security definer set search_path = '' as $$
declare
  organization public.organizations;
  ends_at timestamptz;
begin
  if ticket.snoozed_until is null and ticket.status in ('pending', 'solved') then
    select * into organization from public.organizations as o where o.id = ticket.organization_id;
    ends_at := private.waiting_ends_at(ticket, organization);
  end if;
  if ends_at is not null then
    perform private.enqueue(
      ticket.organization_id, 'clock', jsonb_build_object('ring', 'waited', 'ticket_id', ticket.id), ends_at,
      dedupe_key => 'waited:' || ticket.id
    );
  end if;
end;
$$;

create function private.follow_waiting() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if new.snoozed_until is distinct from old.snoozed_until then
    if new.snoozed_until is not null then
      perform private.emit(
        new.organization_id, 'ticket.snoozed', new.id, jsonb_build_object('until', new.snoozed_until), 'agents', new.id
      );
      perform private.enqueue(
        new.organization_id, 'clock', jsonb_build_object('ring', 'wake', 'ticket_id', new.id), new.snoozed_until,
        dedupe_key => 'wake:' || new.id
      );
    else
      perform private.emit(
        new.organization_id, 'ticket.woke', new.id, jsonb_build_object('snoozed_by', old.snoozed_by), 'agents', new.id
      );
    end if;
  end if;
  perform private.await_end(new);
  return null;
end;
$$;

-- When a ticket is solved (if it waits for the customer) or closed (if it is solved) by itself. Null: never.
create function private.waiting_ends_at(ticket public.tickets, organization public.organizations) returns timestamptz
language sql immutable parallel safe set search_path = '' as $$
  select case
    when ticket.status = 'pending' then coalesce(ticket.last_message_at, ticket.created_at) + organization.solve_after
    when ticket.status = 'solved' then ticket.resolved_at + organization.close_after
  end;
$$;

create trigger tickets_wait after update on public.tickets
for each row when (
  (old.status, old.snoozed_until, old.last_message_at)
  is distinct from (new.status, new.snoozed_until, new.last_message_at)
)
execute function private.follow_waiting();

-- The end of a snooze.
create function private.ring_wake(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
begin
  update public.tickets as t set status = 'open'
  where t.organization_id = private.current_organization() and t.id = (payload ->> 'ticket_id')::uuid
    and t.snoozed_until <= now();
end;
$$;

-- The end of a wait. What was written or changed meanwhile has moved it, and asked for a clock of its own.
create function private.ring_waited(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
begin
  update public.tickets as t
  set status = case t.status when 'pending' then 'solved' else 'closed' end
  from public.organizations as o
  where t.organization_id = private.current_organization() and t.id = (payload ->> 'ticket_id')::uuid
    and o.id = t.organization_id
    and t.snoozed_until is null
    and private.waiting_ends_at(t, o) <= now();
end;
$$;

-- An organization has changed how long it waits: for the tickets that wait already too, some at a time.
create function private.ring_waiting_all(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  slice constant integer := 500;
  ticket public.tickets;
  seen integer := 0;
begin
  for ticket in
    select t.* from public.tickets as t
    where t.organization_id = private.current_organization() and t.status in ('pending', 'solved')
      and t.id > coalesce((payload ->> 'after')::uuid, '00000000-0000-0000-0000-000000000000')
    order by t.id
    limit slice
  loop
    perform private.await_end(ticket);
    seen := seen + 1;
  end loop;
  if seen = slice then
    perform private.enqueue_own('clock', jsonb_build_object('ring', 'waiting_all', 'after', ticket.id));
  end if;
end;
$$;

create function private.follow_patience() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.enqueue(new.id, 'clock', '{"ring": "waiting_all"}', dedupe_key => 'waiting');
  return null;
end;
$$;

create trigger organizations_patience after update on public.organizations
for each row when ((old.solve_after, old.close_after) is distinct from (new.solve_after, new.close_after))
execute function private.follow_patience();


-- sql/46_reading.sql

-- What each member has read of each ticket, and what is new to them.

create table public.ticket_reads (
  organization_id uuid not null,
  ticket_id uuid not null,
  user_id uuid not null,
  -- Up to this message of the ticket; only ever grows, unless marked unread.
  seq integer not null,
  read_at timestamptz not null default now(),
  primary key (ticket_id, user_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, user_id) references public.members (organization_id, user_id) on delete cascade
);
create index ticket_reads_ticket_idx on public.ticket_reads (organization_id, ticket_id);
create index ticket_reads_user_idx on public.ticket_reads (organization_id, user_id);

-- The caller has read a ticket up to a message; of an older and a newer word the newer counts, in whatever order they
-- come. Null: up to now. With `unread` the word is taken back: read up to this message and no further.
create function private.mark_read(ticket_id uuid, seq integer, unread boolean) returns integer
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  ticket public.tickets;
  now_read integer;
begin
  select * into ticket from public.tickets as t
  where t.id = mark_read.ticket_id
    and t.organization_id in (select private.my_organizations());
  if ticket.id is null then
    raise exception 'there is no ticket %', mark_read.ticket_id using errcode = 'PT404';
  end if;
  insert into public.ticket_reads as r (organization_id, ticket_id, user_id, seq)
  values (
    ticket.organization_id, ticket.id, (select auth.uid()),
    least(greatest(coalesce(mark_read.seq, ticket.last_seq), 0), ticket.last_seq)
  )
  on conflict (ticket_id, user_id) do update
  set seq = case when mark_read.unread then excluded.seq else greatest(r.seq, excluded.seq) end, read_at = now()
  returning r.seq into now_read;
  return now_read;
end;
$$;

create function public.mark_read(ticket_id uuid, seq integer default null, unread boolean default false) returns integer
language sql set search_path = '' as $$
  select private.mark_read(mark_read.ticket_id, mark_read.seq, mark_read.unread);
$$;

-- How many messages and notes of others the caller has not read, of one ticket: a computed column of the API
-- (`tickets?select=id,unread`). Who is no member has read nothing and is told nothing.
create function public.unread(ticket public.tickets) returns integer
language sql stable set search_path = '' as $$
  select count(*)::integer
  from public.messages as m
  where m.ticket_id = (ticket).id
    and m.seq > coalesce(
      (select r.seq from public.ticket_reads as r where r.ticket_id = (ticket).id and r.user_id = (select auth.uid())),
      0
    )
    and m.member_id is distinct from (select auth.uid());
$$;

-- Who writes has read what stands above.
create function private.read_by_writing() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into public.ticket_reads as r (organization_id, ticket_id, user_id, seq)
  values (new.organization_id, new.ticket_id, new.member_id, new.seq)
  on conflict (ticket_id, user_id) do update set seq = greatest(r.seq, excluded.seq), read_at = now();
  return null;
end;
$$;

create trigger messages_read after insert on public.messages
for each row when (new.sender = 'member' and new.member_id is not null) execute function private.read_by_writing();

-- The caller's unread tickets, for the badge of the inbox: those of theirs that hold something new, and all that wait
-- for nobody.
create function private.unread_counts(organization_id uuid) returns table (mine integer, unassigned integer)
language sql stable security definer set search_path = '' as $$
  select
    count(*) filter (where t.assignee_id = (select auth.uid()))::integer,
    count(*) filter (where t.assignee_id is null)::integer
  from public.tickets as t
  left join public.ticket_reads as r on r.ticket_id = t.id and r.user_id = (select auth.uid())
  where t.organization_id = unread_counts.organization_id
    and t.organization_id in (select private.my_organizations())
    and t.status_category = 'open'
    and (t.assignee_id is null or t.assignee_id = (select auth.uid()))
    and t.last_seq > coalesce(r.seq, 0);
$$;

create function public.unread_counts(organization_id uuid) returns table (mine integer, unassigned integer)
language sql stable set search_path = '' as $$
  select * from private.unread_counts(unread_counts.organization_id);
$$;


-- sql/47_canned_responses.sql

-- Texts that are written once and used often, with variables for what differs.

create table public.canned_responses (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  -- What an agent types to find it, after a slash.
  shortcut text not null check (shortcut ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
  title text not null check (length(btrim(title)) between 1 and 200),
  body text not null check (length(body) between 1 and 20000),
  -- Null: for everybody.
  team_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, shortcut),
  foreign key (organization_id, team_id) references public.teams (organization_id, id) on delete cascade
);
create index canned_responses_team_idx on public.canned_responses (organization_id, team_id);

create trigger canned_responses_touch before update on public.canned_responses
for each row execute function private.touch();

-- What {{…}} may name in a text.
create function private.text_variables() returns text[]
language sql immutable parallel safe set search_path = '' as $$
  select array[
    'contact.name', 'contact.first_name', 'contact.email', 'ticket.number', 'ticket.subject', 'agent.name',
    'organization.name'
  ];
$$;

-- What is wrong with a text that holds variables: {{contact.first_name}}, or {{contact.first_name|there}} with what to
-- say where it is not known. Null where it is sound.
create function private.text_error(body text) returns text
language sql immutable parallel safe set search_path = '' as $$
  select 'there is no variable {{' || found.name || '}}: there are ' || array_to_string(private.text_variables(), ', ')
  from (
    select btrim(split_part(match[1], '|', 1)) as name from regexp_matches(body, '\{\{([^{}]*)\}\}', 'g') as match
  ) as found
  where found.name <> all (private.text_variables())
  limit 1;
$$;

create function private.check_canned_response() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  problem constant text := private.text_error(new.body);
begin
  if problem is not null then
    raise exception '%', problem using errcode = '23514';
  end if;
  return new;
end;
$$;

create trigger canned_responses_body before insert or update of body on public.canned_responses
for each row execute function private.check_canned_response();

-- A text as the caller would send it in a ticket: values are put in once, and nothing in them is a variable.
create function public.fill_text(body text, ticket_id uuid) returns text
language plpgsql stable set search_path = '' as $$
declare
  ticket public.tickets;
  known jsonb;
  filled text := '';
  rest text := body;
  place integer;
  inner_text text;
begin
  select * into ticket from public.tickets as t where t.id = fill_text.ticket_id;
  if ticket.id is null then
    raise exception 'there is no ticket %', fill_text.ticket_id using errcode = 'PT404';
  end if;
  select jsonb_build_object(
    'contact.name', c.name, 'contact.first_name', split_part(btrim(c.name), ' ', 1), 'contact.email', c.email,
    'ticket.number', ticket.number, 'ticket.subject', ticket.subject, 'organization.name', o.name,
    'agent.name', (
      select a.name from public.authors as a
      where a.organization_id = ticket.organization_id and a.user_id = (select auth.uid())
    )
  ) into known
  from public.contacts as c
  join public.organizations as o on o.id = c.organization_id
  where c.id = ticket.contact_id;
  loop
    inner_text := substring(rest from '\{\{([^{}]*)\}\}');
    exit when inner_text is null;
    place := position('{{' || inner_text || '}}' in rest);
    filled := filled || left(rest, place - 1) || coalesce(
      nullif(known ->> btrim(split_part(inner_text, '|', 1)), ''),
      case when position('|' in inner_text) > 0 then substr(inner_text, position('|' in inner_text) + 1) end,
      ''
    );
    rest := substr(rest, place + length(inner_text) + 4);
  end loop;
  return filled || rest;
end;
$$;

-- What a member has begun to write in a ticket: it is there on every device, and gone once it is sent.
create table public.compositions (
  organization_id uuid not null,
  ticket_id uuid not null,
  user_id uuid not null default auth.uid(),
  is_internal boolean not null default false,
  body text not null check (length(body) <= 100000),
  updated_at timestamptz not null default now(),
  primary key (ticket_id, user_id, is_internal),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, user_id) references public.members (organization_id, user_id) on delete cascade
);
create index compositions_ticket_idx on public.compositions (organization_id, ticket_id);
create index compositions_user_idx on public.compositions (organization_id, user_id);

create trigger compositions_touch before update on public.compositions
for each row execute function private.touch();

create function private.end_composition() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  delete from public.compositions as c
  where c.ticket_id = new.ticket_id and c.user_id = new.member_id and c.is_internal = new.is_internal;
  return null;
end;
$$;

create trigger messages_end_composition after insert on public.messages
for each row when (new.sender = 'member' and new.member_id is not null) execute function private.end_composition();


-- sql/48_macros.sql

-- Several steps on a ticket under one name, done in one transaction: all of them or none.

create table public.macros (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 100),
  -- In order. Each is one of
  --   {"do": "reply", "body": text}   {"do": "note", "body": text}      texts with variables, see fill_text
  --   {"do": "set", "field": status | priority | category_id | team_id | assignee_id, "value": text or null}
  --   {"do": "add_tags", "tags": [text]}   {"do": "remove_tags", "tags": [text]}
  --   {"do": "assign_me"}   {"do": "snooze", "for": "2 days"}
  actions jsonb not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, name)
);

create trigger macros_touch before update on public.macros
for each row execute function private.touch();

-- What is wrong with one action; null where it is sound.
create function private.action_error(action jsonb) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  known constant jsonb := '{
    "reply": ["do", "body"], "note": ["do", "body"], "set": ["do", "field", "value"], "add_tags": ["do", "tags"],
    "remove_tags": ["do", "tags"], "assign_me": ["do"], "snooze": ["do", "for"]
  }';
  what constant text := action ->> 'do';
  extra text;
begin
  if jsonb_typeof(action) <> 'object' or what is null or not known ? what then
    return format('there is no action "%s"', left(coalesce(what, action #>> '{}'), 60));
  end if;
  select key into extra from jsonb_object_keys(action) as key where not known -> what ? key limit 1;
  return case
    when extra is not null then format('"%s" takes no "%s"', what, left(extra, 60))
    when what in ('reply', 'note')
      and coalesce(jsonb_typeof(action -> 'body') <> 'string' or btrim(action ->> 'body') = '', true)
      then format('"%s" needs a body', what)
    when what in ('reply', 'note') then private.text_error(action ->> 'body')
    when what = 'set' and coalesce(
      action ->> 'field' not in ('status', 'priority', 'category_id', 'team_id', 'assignee_id'), true
    ) then '"set" takes a field: status, priority, category_id, team_id or assignee_id'
    when what = 'set' and coalesce(jsonb_typeof(action -> 'value') not in ('string', 'null'), true)
      then '"set" takes a value: a text, or null'
    when what in ('add_tags', 'remove_tags') and coalesce(
      jsonb_typeof(action -> 'tags') <> 'array'
      or jsonb_path_exists(action -> 'tags', '$[*] ? (@.type() != "string")'),
      true
    ) then format('"%s" takes a list of tags', what)
    when what = 'snooze' and not coalesce(pg_input_is_valid(action ->> 'for', 'interval'), false)
      then '"snooze" takes how long, as {"for": "2 days"}'
  end;
end;
$$;

create function private.check_actions() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  problem text;
begin
  if jsonb_typeof(new.actions) <> 'array' or jsonb_array_length(new.actions) not between 1 and 20 then
    raise exception 'actions: a list of 1 to 20' using errcode = '23514';
  end if;
  select format('action %s: %s', a.ordinal, private.action_error(a.action)) into problem
  from jsonb_array_elements(new.actions) with ordinality as a (action, ordinal)
  where private.action_error(a.action) is not null
  order by a.ordinal
  limit 1;
  if problem is not null then
    raise exception '%', problem using errcode = '23514';
  end if;
  return new;
end;
$$;

create trigger macros_actions before insert or update of actions on public.macros
for each row execute function private.check_actions();

-- Does what a macro says, with the caller's rights. `expected_seq`, as for send_reply, is the last message that the
-- caller has seen: needed where the macro replies.
create function public.run_macro(macro_id uuid, ticket_id uuid, expected_seq integer default null)
returns public.tickets
language plpgsql set search_path = '' as $$
declare
  macro public.macros;
  ticket public.tickets;
  action jsonb;
  seen integer := expected_seq;
begin
  select * into ticket from public.tickets as t where t.id = run_macro.ticket_id for update;
  select * into macro from public.macros as m
  where m.id = run_macro.macro_id and m.organization_id = ticket.organization_id;
  if macro.id is null then
    raise exception 'there is no macro % for ticket %', run_macro.macro_id, run_macro.ticket_id using errcode = 'PT404';
  end if;
  for action in select * from jsonb_array_elements(macro.actions) loop
    case action ->> 'do'
      when 'reply' then
        seen := (public.send_reply(ticket.id, public.fill_text(action ->> 'body', ticket.id), seen)).seq;
      when 'note' then
        perform public.send_reply(ticket.id, public.fill_text(action ->> 'body', ticket.id), seen, true);
      when 'set' then
        update public.tickets as t
        set status = case action ->> 'field' when 'status' then action ->> 'value' else t.status end,
          priority = case action ->> 'field'
            when 'priority' then (action ->> 'value')::public.ticket_priority
            else t.priority
          end,
          category_id = case action ->> 'field'
            when 'category_id' then (action ->> 'value')::uuid
            else t.category_id
          end,
          team_id = case action ->> 'field' when 'team_id' then (action ->> 'value')::uuid else t.team_id end,
          assignee_id = case action ->> 'field'
            when 'assignee_id' then (action ->> 'value')::uuid
            else t.assignee_id
          end
        where t.id = ticket.id;
      when 'assign_me' then
        update public.tickets as t set assignee_id = (select auth.uid()) where t.id = ticket.id;
      when 'add_tags' then
        update public.tickets as t
        set tags = array(
          select distinct tag from unnest(t.tags || array(select jsonb_array_elements_text(action -> 'tags'))) as tag
          order by tag
        )
        where t.id = ticket.id;
      when 'remove_tags' then
        update public.tickets as t
        set tags = array(select tag from unnest(t.tags) as tag where not action -> 'tags' ? tag order by tag)
        where t.id = ticket.id;
      when 'snooze' then
        perform public.snooze_ticket(ticket.id, now() + (action ->> 'for')::interval);
    end case;
  end loop;
  select * into ticket from public.tickets as t where t.id = run_macro.ticket_id;
  return ticket;
end;
$$;


-- sql/49_sla_clocks.sql

-- SLA clocks kept: stored with every change of a ticket, told when their time has come, and explained.

-- Brings a ticket's clocks up to its history and to the time, tells what is to be told, and asks to be woken for what
-- comes next. The ticket's row is locked by the caller.
create function private.run_sla(ticket public.tickets) returns void
language plpgsql security definer set search_path = '' as $$
declare
  under uuid;
  rule_values jsonb;
  told integer;
  wake_at timestamptz;
begin
  select c.rules_id into under from public.sla_clocks as c where c.ticket_id = ticket.id limit 1;
  -- What has been resolved was promised under the rules of its time.
  if under is null or ticket.status_category <> 'resolved' then
    if under is null
      and not exists (select from public.sla_policies as p where p.organization_id = ticket.organization_id)
    then
      return;
    end if;
    under := private.sla_rules_of(ticket);
  end if;
  select r.rules into rule_values from private.sla_rules as r where r.id = under;

  with computed as materialized (
    select * from private.sla_clocks_of(ticket.id, rule_values)
  ), gone as (
    delete from public.sla_clocks as c
    where c.ticket_id = ticket.id
      and not exists (select from computed as n where n.metric = c.metric and n.cycle = c.cycle)
  )
  insert into public.sla_clocks as c (
    organization_id, ticket_id, rules_id, metric, cycle, target, started_at, stopped_at, spent, running_since, warn_at,
    due_at
  )
  select ticket.organization_id, ticket.id, under, n.* from computed as n
  on conflict (ticket_id, metric, cycle) do update
  set rules_id = excluded.rules_id, target = excluded.target, started_at = excluded.started_at,
    stopped_at = excluded.stopped_at, spent = excluded.spent, running_since = excluded.running_since,
    warn_at = excluded.warn_at, due_at = excluded.due_at
  where (c.rules_id, c.stopped_at, c.spent, c.running_since, c.warn_at, c.due_at, c.started_at) is distinct from (
    excluded.rules_id, excluded.stopped_at, excluded.spent, excluded.running_since, excluded.warn_at, excluded.due_at,
    excluded.started_at
  );

  with broken as (
    update public.sla_clocks as c
    set breached_at = clock_timestamp()
    where c.ticket_id = ticket.id and c.breached_at is null
      and c.due_at <= clock_timestamp() and c.due_at < coalesce(c.stopped_at, 'infinity')
    returning c.metric, c.cycle, c.due_at
  )
  select count(private.emit(ticket.organization_id, 'sla.breached', ticket.id, to_jsonb(b), 'agents', ticket.id))
  into told from broken as b;
  with late as (
    update public.sla_clocks as c
    set warned_at = clock_timestamp()
    where c.ticket_id = ticket.id and c.warned_at is null and c.breached_at is null
      and c.warn_at <= clock_timestamp() and c.stopped_at is null
    returning c.metric, c.cycle, c.due_at
  )
  select count(private.emit(ticket.organization_id, 'sla.warned', ticket.id, to_jsonb(l), 'agents', ticket.id))
  into told from late as l;

  update public.tickets as t
  set first_response_due_at = due.first_response, next_response_due_at = due.next_response,
    resolution_due_at = due.resolution
  from (
    select
      max(c.due_at) filter (where c.metric = 'first_response') as first_response,
      max(c.due_at) filter (where c.metric = 'next_response') as next_response,
      max(c.due_at) filter (where c.metric = 'resolution') as resolution
    from public.sla_clocks as c
    where c.ticket_id = ticket.id and c.running_since is not null
  ) as due
  where t.id = ticket.id
    and (t.first_response_due_at, t.next_response_due_at, t.resolution_due_at)
      is distinct from (due.first_response, due.next_response, due.resolution);

  select min(next_at) into wake_at
  from public.sla_clocks as c
  cross join lateral (values (case when c.warned_at is null then c.warn_at end), (c.due_at)) as v (next_at)
  where c.ticket_id = ticket.id and c.running_since is not null and c.breached_at is null;
  if wake_at is not null then
    perform private.enqueue(
      ticket.organization_id, 'clock', jsonb_build_object('ring', 'sla', 'ticket_id', ticket.id), wake_at,
      dedupe_key => 'sla:' || ticket.id
    );
  end if;
end;
$$;

create function private.follow_sla() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.run_sla(new);
  return null;
end;
$$;

create trigger tickets_sla_begins after insert on public.tickets
for each row execute function private.follow_sla();
-- Not after what run_sla itself has written.
create trigger tickets_sla after update on public.tickets
for each row when (
  (old.first_response_due_at, old.next_response_due_at, old.resolution_due_at)
  is not distinct from (new.first_response_due_at, new.next_response_due_at, new.resolution_due_at)
)
execute function private.follow_sla();

-- The time of a warning or a breach has come.
create function private.ring_sla(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  ticket public.tickets;
begin
  select * into ticket from public.tickets as t
  where t.organization_id = private.current_organization() and t.id = (payload ->> 'ticket_id')::uuid
  for update;
  if found then
    perform private.run_sla(ticket);
  end if;
end;
$$;

-- Policies, targets or hours have changed: all that is not resolved stands under the new ones, some tickets at a time.
create function private.ring_sla_all(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  slice constant integer := 200;
  ticket public.tickets;
  seen integer := 0;
begin
  for ticket in
    select t.* from public.tickets as t
    where t.organization_id = private.current_organization() and t.status_category in ('open', 'waiting')
      and t.id > coalesce((payload ->> 'after')::uuid, '00000000-0000-0000-0000-000000000000')
    order by t.id
    limit slice
    for update
  loop
    perform private.run_sla(ticket);
    seen := seen + 1;
  end loop;
  if seen = slice then
    perform private.enqueue_own('clock', jsonb_build_object('ring', 'sla_all', 'after', ticket.id));
  end if;
end;
$$;

create function private.rerun_sla() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  organization uuid := coalesce(new.organization_id, old.organization_id);
begin
  if exists (select from public.organizations where id = organization) then
    perform private.enqueue(organization, 'clock', '{"ring": "sla_all"}', dedupe_key => 'sla');
  end if;
  return null;
end;
$$;

create trigger sla_policies_rerun after insert or update or delete on public.sla_policies
for each row execute function private.rerun_sla();
create trigger sla_targets_rerun after insert or update or delete on public.sla_targets
for each row execute function private.rerun_sla();
create trigger calendars_rerun after update or delete on public.calendars
for each row execute function private.rerun_sla();
create trigger calendar_hours_rerun after insert or update or delete on public.calendar_hours
for each row execute function private.rerun_sla();
create trigger calendar_holidays_rerun after insert or update or delete on public.calendar_holidays
for each row execute function private.rerun_sla();
create trigger teams_rerun_sla after update of calendar_id on public.teams
for each row execute function private.rerun_sla();

-- Why the clocks of a ticket stand where they stand: every stretch, cut at opening hours, in order. `counted` is what
-- it added; a stretch that was paused, or lay outside opening hours, added nothing and says so. The last may be open.
create function private.explain_sla(ticket_id uuid)
returns table (
  metric text, cycle integer, target interval, state text, starts timestamptz, ends timestamptz, counted interval,
  policy text
)
language sql stable security definer set search_path = '' as $$
  with rules as (
    select r.rules, nullif(r.rules -> 'calendar', 'null') as calendar
    from private.sla_rules as r
    where r.id = (select c.rules_id from public.sla_clocks as c where c.ticket_id = explain_sla.ticket_id limit 1)
      and exists (
        select from public.tickets as t
        where t.id = explain_sla.ticket_id and t.organization_id in (select private.my_organizations())
      )
  ), spans as (
    select s.*, rules.calendar, rules.rules ->> 'name' as policy, coalesce(s.ends, greatest(now(), s.starts)) as until
    from rules
    cross join lateral private.sla_clock_spans(explain_sla.ticket_id, rules.rules) as s
  ), pieces as (
    select s.*, lower(o) as opens, upper(o) as closes, true as is_open
    from spans as s
    cross join lateral unnest(private.open_spans(s.calendar, tstzrange(s.starts, s.until))) as o
    where s.counted
    union all
    select s.*, lower(o), upper(o), false
    from spans as s
    cross join lateral unnest(
      tstzmultirange(tstzrange(s.starts, s.until)) - private.open_spans(s.calendar, tstzrange(s.starts, s.until))
    ) as o
    where s.counted
    union all
    select s.*, s.starts, s.until, false from spans as s where not s.counted
  )
  select
    p.metric, p.cycle, p.target,
    case when not p.counted then 'paused' when p.is_open then 'counted' else 'closed' end,
    p.opens, case when p.ends is not null or p.closes < p.until then p.closes end,
    case
      when p.counted and p.is_open
        then make_interval(secs => (extract(epoch from p.closes) - extract(epoch from p.opens))::float8)
      else interval '0'
    end,
    p.policy
  from pieces as p
  order by p.metric, p.cycle, p.opens;
$$;

create function public.explain_sla(ticket_id uuid)
returns table (
  metric text, cycle integer, target interval, state text, starts timestamptz, ends timestamptz, counted interval,
  policy text
)
language sql stable set search_path = '' as $$
  select * from private.explain_sla(explain_sla.ticket_id);
$$;


-- sql/50_knowledge.sql

-- The knowledge base: articles in immutable versions, cut into the passages that search finds and replies cite.

create type public.article_status as enum ('draft', 'published', 'archived');

create table public.article_categories (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 120),
  position smallint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, name)
);

create table public.articles (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  category_id uuid,
  slug text not null check (slug ~ '^[a-z0-9]([a-z0-9-]{0,98}[a-z0-9])?$'),
  -- Decides how its words are stemmed and which stop words are left out.
  language text not null default 'en' check (language ~ '^[a-z]{2,3}$'),
  status public.article_status not null default 'draft',
  -- What readers see once it is published; moved by every new version.
  current_version_id uuid,
  published_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, slug),
  foreign key (organization_id, category_id)
    references public.article_categories (organization_id, id) on delete set null (category_id)
);
create index articles_category_idx on public.articles (organization_id, category_id);
create index articles_status_idx on public.articles (organization_id, status, updated_at);

-- What an article said at a time. Never changed, so that a reply can cite it for good.
create table public.article_versions (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  article_id uuid not null,
  number integer not null check (number > 0),
  title text not null check (length(btrim(title)) between 1 and 300),
  -- Markdown.
  body text not null check (length(body) <= 500000),
  author_id uuid,
  created_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, article_id, id),
  unique (article_id, number),
  foreign key (organization_id, article_id) references public.articles (organization_id, id) on delete cascade,
  foreign key (organization_id, author_id)
    references public.authors (organization_id, user_id) on delete set null (author_id)
);
create index article_versions_author_idx on public.article_versions (organization_id, author_id);

-- An article's current version is one of its own.
alter table public.articles add constraint articles_current_version_fkey
foreign key (organization_id, id, current_version_id)
references public.article_versions (organization_id, article_id, id) deferrable initially deferred;
create index articles_current_version_idx on public.articles (organization_id, id, current_version_id);

-- A passage of one version. Kept after a newer version has replaced it in search (retired), because replies cite it.
create table public.chunks (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  article_id uuid not null,
  version_id uuid not null,
  ordinal integer not null check (ordinal >= 0),
  -- The article's title with the headings above the passage; embedded apart from the text.
  title text not null,
  heading text not null default '',
  text text not null check (text <> ''),
  language text not null check (language ~ '^[a-z]{2,3}$'),
  tokens integer not null check (tokens > 0),
  retired_at timestamptz,
  created_at timestamptz not null default now(),
  unique (organization_id, id),
  foreign key (organization_id, article_id) references public.articles (organization_id, id) on delete cascade,
  foreign key (organization_id, article_id, version_id)
    references public.article_versions (organization_id, article_id, id) on delete cascade
);
create index chunks_version_idx on public.chunks (organization_id, article_id, version_id);
create unique index chunks_live_idx on public.chunks (version_id, ordinal) where retired_at is null;

-- Did it help? One word per contact and version.
create table public.article_feedback (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  article_id uuid not null,
  version_id uuid not null,
  contact_id uuid not null,
  helpful boolean not null,
  comment text not null default '' check (length(comment) <= 4000),
  created_at timestamptz not null default now(),
  unique (version_id, contact_id),
  foreign key (organization_id, article_id, version_id)
    references public.article_versions (organization_id, article_id, id) on delete cascade,
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade
);
create index article_feedback_version_idx on public.article_feedback (organization_id, article_id, version_id);
create index article_feedback_contact_idx on public.article_feedback (organization_id, contact_id);

create trigger article_categories_touch before update on public.article_categories
for each row execute function private.touch();
create trigger articles_touch before update on public.articles
for each row execute function private.touch();

-- Numbers a version within its article and notes who wrote it. The article's row lock puts writers in line.
create function private.keep_article_version() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform from public.articles as a
  where a.organization_id = new.organization_id and a.id = new.article_id
  for no key update;
  if not found then
    raise exception 'there is no article %', new.article_id using errcode = '23503';
  end if;
  new.number := 1 + coalesce((
    select max(v.number) from public.article_versions as v where v.article_id = new.article_id
  ), 0);
  new.author_id := (
    select m.user_id from public.members as m
    where m.organization_id = new.organization_id and m.user_id = (select auth.uid())
  );
  return new;
end;
$$;

create trigger article_versions_keep before insert on public.article_versions
for each row execute function private.keep_article_version();

-- The newest version is the current one.
create function private.adopt_article_version() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.articles as a
  set current_version_id = new.id
  where a.organization_id = new.organization_id and a.id = new.article_id;
  return null;
end;
$$;

create trigger article_versions_adopt after insert on public.article_versions
for each row execute function private.adopt_article_version();

create function private.refuse_change_of_version() returns trigger
language plpgsql set search_path = '' as $$
begin
  raise exception 'a version of an article is never changed: make a new one' using errcode = '23514';
end;
$$;

-- Not of author_id: a member who leaves takes the name along.
create trigger article_versions_immutable
before update of organization_id, article_id, number, title, body, created_at on public.article_versions
for each row execute function private.refuse_change_of_version();

create function private.guard_article() returns trigger
language plpgsql set search_path = '' as $$
begin
  if new.status = 'published' and new.current_version_id is null then
    raise exception 'an article needs a text before it is published' using errcode = '23514';
  end if;
  if new.status = 'published' and old.status is distinct from 'published' then
    new.published_at := now();
  end if;
  return new;
end;
$$;

create trigger articles_guard before insert or update of status, current_version_id on public.articles
for each row execute function private.guard_article();

create function private.announce_article() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  was public.article_status := case when tg_op = 'UPDATE' then old.status end;
  happened text;
begin
  happened := case
    when tg_op = 'INSERT' and new.status <> 'published' then 'article.created'
    when new.status = 'published' and was is distinct from 'published' then 'article.published'
    when was = 'published' and new.status <> 'published' then 'article.' || case
      when new.status = 'archived' then 'archived' else 'unpublished'
    end
    when new.status = 'published' and (old.current_version_id, old.language)
      is distinct from (new.current_version_id, new.language) then 'article.updated'
  end;
  if happened in ('article.archived', 'article.unpublished') then
    perform private.retire_chunks(new.id);
  end if;
  if happened is not null then
    perform private.emit(
      new.organization_id, happened, new.id, jsonb_build_object('version_id', new.current_version_id)
    );
  end if;
  return null;
end;
$$;

create trigger articles_announce after insert or update of status, current_version_id, language on public.articles
for each row execute function private.announce_article();

insert into private.routes (event_type, consumer) values
  ('article.published', 'index_article'),
  ('article.updated', 'index_article');

-- A title as it may stand in an address, not yet taken in the organization.
create function private.free_slug(organization_id uuid, title text) returns text
language plpgsql stable set search_path = '' as $$
declare
  stem text := btrim(left(btrim(regexp_replace(lower(title), '[^a-z0-9]+', '-', 'g'), '-'), 80), '-');
  tried text;
begin
  stem := coalesce(nullif(stem, ''), 'article');
  tried := stem;
  for n in 2..1000 loop
    exit when not exists (
      select from public.articles as a where a.organization_id = free_slug.organization_id and a.slug = tried
    );
    tried := stem || '-' || n;
  end loop;
  return tried;
end;
$$;

-- A new draft with its first version.
create function public.create_article(
  organization_id uuid, title text, body text, language text default null, category_id uuid default null,
  slug text default null
) returns public.articles
language plpgsql set search_path = '' as $$
declare
  made public.articles;
begin
  insert into public.articles (organization_id, category_id, language, slug)
  values (
    create_article.organization_id, create_article.category_id,
    coalesce(
      create_article.language,
      (select o.language from public.organizations as o where o.id = create_article.organization_id),
      'en'
    ),
    coalesce(create_article.slug, private.free_slug(create_article.organization_id, create_article.title))
  )
  returning * into made;
  return public.save_article(made.id, create_article.title, create_article.body);
end;
$$;

-- A new version of an article. Where the article is published, readers have it at once, and search as soon as it is
-- indexed; what cites the old version keeps it.
create function public.save_article(article_id uuid, title text, body text) returns public.articles
language plpgsql set search_path = '' as $$
declare
  saved public.articles;
begin
  insert into public.article_versions (organization_id, article_id, title, body)
  select a.organization_id, a.id, save_article.title, save_article.body
  from public.articles as a where a.id = save_article.article_id;
  if not found then
    raise exception 'there is no article %', article_id using errcode = 'PT404';
  end if;
  select * into saved from public.articles as a where a.id = save_article.article_id;
  return saved;
end;
$$;

-- Lets the world read an article, or takes it back: drafts and archived articles are for members, and never found.
create function public.set_article_status(article_id uuid, status public.article_status) returns public.articles
language plpgsql set search_path = '' as $$
declare
  changed public.articles;
begin
  update public.articles as a set status = set_article_status.status
  where a.id = set_article_status.article_id
  returning * into changed;
  if changed.id is null then
    raise exception 'there is no article % that you may change', article_id using errcode = 'PT404';
  end if;
  return changed;
end;
$$;

create function public.publish_article(article_id uuid) returns public.articles
language sql set search_path = '' as $$
  select * from public.set_article_status(publish_article.article_id, 'published');
$$;

create function public.archive_article(article_id uuid) returns public.articles
language sql set search_path = '' as $$
  select * from public.set_article_status(archive_article.article_id, 'archived');
$$;


-- sql/51_views.sql

-- Views: lists of tickets that are kept under a name, each with how many are in it.

create table public.ticket_views (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 100),
  -- Whose it is: a member's own, a team's, or neither: everybody's.
  user_id uuid,
  team_id uuid,
  position integer not null default 0,
  -- "me" for an assignee and "my_teams" for a team are whoever looks.
  conditions jsonb not null default '{"all": []}',
  sort text not null default 'last_message_at' check (sort in ('last_message_at', 'number', 'priority', 'due_at')),
  ascending boolean not null default false,
  -- What clients show of each ticket, as they call it.
  columns text[] not null default '{}' check (cardinality(columns) <= 50 and length(columns::text) <= 2000),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  check (num_nonnulls(user_id, team_id) <= 1),
  foreign key (organization_id, user_id) references public.members (organization_id, user_id) on delete cascade,
  foreign key (organization_id, team_id) references public.teams (organization_id, id) on delete cascade
);
create index ticket_views_user_idx on public.ticket_views (organization_id, user_id);
create index ticket_views_team_idx on public.ticket_views (organization_id, team_id);
-- What is open, in the other orders that queues are worked off in.
create index tickets_priority_idx on public.tickets (organization_id, priority, id) where status_category = 'open';
create index tickets_due_idx on public.tickets (
  organization_id,
  coalesce(least(first_response_due_at, next_response_due_at, resolution_due_at), 'infinity'),
  id
) where status_category = 'open';
create index tickets_snoozed_idx on public.tickets (organization_id, snoozed_until) where snoozed_until is not null;

create trigger ticket_views_touch before update on public.ticket_views
for each row execute function private.touch();
create trigger ticket_views_conditions before insert or update of conditions on public.ticket_views
for each row execute function private.check_conditions();

-- Every organization starts with the lists of the trade.
create function private.furnish_views() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  mine constant jsonb := '{"field": "assignee_id", "op": "is", "value": "me"}';
  my_teams constant jsonb := '{"field": "team_id", "op": "is", "value": "my_teams"}';
  is_unassigned constant jsonb := '{"field": "assignee_id", "op": "is_not_set"}';
  is_open constant jsonb := '{"field": "status_category", "op": "is", "value": "open"}';
  is_waiting constant jsonb := '{"field": "status_category", "op": "is", "value": "waiting"}';
  is_resolved constant jsonb := '{"field": "status_category", "op": "is", "value": "resolved"}';
  is_snoozed constant jsonb := '{"field": "snoozed_until", "op": "is_set"}';
  is_no_spam constant jsonb := '{"field": "is_spam", "op": "is", "value": false}';
  is_late constant jsonb := '{"any": [
    {"field": "first_response_due_at", "op": "below", "value": "now"},
    {"field": "next_response_due_at", "op": "below", "value": "now"},
    {"field": "resolution_due_at", "op": "below", "value": "now"}
  ]}';
begin
  insert into public.ticket_views (organization_id, name, position, sort, ascending, conditions)
  select new.id, v.name, v.position, v.sort, v.ascending, jsonb_build_object('all', to_jsonb(v.parts))
  from (
    values
      ('Mine', 1, 'last_message_at', false, array[mine, is_open]),
      ('Unassigned', 2, 'last_message_at', true, array[is_unassigned, is_open, is_no_spam]),
      ('My teams', 3, 'last_message_at', true, array[my_teams, is_open, is_no_spam]),
      ('All open', 4, 'last_message_at', false, array[is_open, is_no_spam]),
      ('Late', 5, 'due_at', true, array[is_open, is_late]),
      ('Waiting', 6, 'last_message_at', false, array[is_waiting]),
      ('Snoozed', 7, 'last_message_at', false, array[is_snoozed]),
      ('Resolved', 8, 'last_message_at', false, array[is_resolved, is_no_spam])
  ) as v (name, position, sort, ascending, parts);
  return null;
end;
$$;

create trigger organizations_views after insert on public.organizations
for each row execute function private.furnish_views();

-- A page of an organization's tickets for which conditions hold, in order; for members. `after`: the last ticket of the
-- page before, as it was when it was read.
create function private.filter_tickets(
  organization_id uuid, conditions jsonb, sort text, ascending boolean, after jsonb, max_tickets integer
) returns table (ticket_id uuid, place bigint)
language plpgsql stable security definer set search_path = '' rows 50 as $$
declare
  page_size constant integer := least(greatest(coalesce(max_tickets, 50), 1), 200);
  -- Of a ticket; never null.
  key constant text := case filter_tickets.sort
    when 'last_message_at' then '(%1$s).last_message_at'
    when 'number' then '(%1$s).number'
    when 'priority' then '(%1$s).priority'
    when 'due_at' then
      'coalesce(least((%1$s).first_response_due_at, (%1$s).next_response_due_at, (%1$s).resolution_due_at), ''infinity'')'
  end;
  direction constant text := case when ascending then 'asc' else 'desc' end;
  last_seen constant public.tickets := jsonb_populate_record(null::public.tickets, after);
  predicate text;
  branches text[] := array['true'];
  beyond text;
begin
  if key is null then
    raise exception 'tickets are sorted by last_message_at, number, priority or due_at, not by %',
      coalesce(filter_tickets.sort, 'nothing') using errcode = '22023';
  elsif after is not null and last_seen.id is null then
    raise exception 'after: the last ticket of the page before, with its id' using errcode = '22023';
  elsif not filter_tickets.organization_id in (select private.my_organizations()) then
    return;
  end if;
  predicate := private.my_predicate(conditions);
  if filter_tickets.sort = 'last_message_at' then
    -- The index has a category's tickets in their order: so each category by itself that the conditions leave possible.
    branches := array(
      select distinct format('t.status_category = %L', s.category)
      from public.ticket_statuses as s
      where s.organization_id = filter_tickets.organization_id
        and not exists (
          select from private.certain_questions(conditions) as q
          where q ->> 'field' in ('status', 'status_category')
            and not private.question_holds(q, jsonb_build_object('status', s.key, 'status_category', s.category))
        )
    );
  end if;
  if cardinality(branches) = 0 then
    return;
  end if;
  if after is not null then
    beyond := format(
      'and (%s, t.id) %s (%s, ($2).id)', format(key, 't'), case when ascending then '>' else '<' end, format(key, '$2')
    );
  end if;
  return query execute (
    select format(
      'select page.id, row_number() over (order by page.key %1$s, page.id %1$s) from (%2$s) as page (id, key)'
      ' order by page.key %1$s, page.id %1$s limit %3$s',
      direction, string_agg(
        concat_ws(
          ' ',
          '(select t.id,', format(key, 't'), 'from public.tickets as t',
          'left join public.contacts as c on c.organization_id = t.organization_id and c.id = t.contact_id',
          'where t.organization_id = $1 and t.merged_into is null and', branch, 'and', predicate,
          beyond,
          'order by', format(key, 't'), direction || ', t.id', direction, 'limit', page_size || ')'
        ),
        ' union all '
      ), page_size
    )
    from unnest(branches) as branch
  ) using filter_tickets.organization_id, last_seen;
end;
$$;

-- How many tickets there are for which conditions hold: exactly, or at least so many.
create function private.count_tickets(organization_id uuid, conditions jsonb)
returns table (tickets integer, is_capped boolean)
language plpgsql stable security definer set search_path = '' rows 1 as $$
declare
  -- As much as anybody reads, and as much as is looked at for it.
  most constant integer := 1000;
  looked_at constant integer := 20000;
  predicate text;
  within text;
begin
  if not count_tickets.organization_id in (select private.my_organizations()) then
    return;
  end if;
  predicate := private.my_predicate(conditions);
  -- What an index can answer says which tickets are looked at.
  select coalesce(
    string_agg(private.question_sql(q, (select auth.uid()), array(select private.my_teams())), ' and '), 'true'
  ) into within
  from private.certain_questions(conditions) as q
  where q ->> 'field' in ('status', 'status_category', 'assignee_id', 'team_id', 'category_id', 'contact_id', 'snoozed_until')
    and q ->> 'op' in ('is', 'in', 'is_set', 'is_not_set', 'is_not', 'not_in');
  return query execute concat_ws(
    ' ',
    'select least(count(*) filter (where holds and place <= $2), $3)::integer,',
    'coalesce(bool_or(place > $2) or count(*) > $3, false)',
    'from (select * from (select', predicate, 'as holds, row_number() over () as place from public.tickets as t',
    'left join public.contacts as c on c.organization_id = t.organization_id and c.id = t.contact_id',
    'where t.organization_id = $1 and t.merged_into is null and', within, 'limit $2 + 1) as seen where holds or place > $2 limit $3 + 1) as counted'
  ) using count_tickets.organization_id, looked_at, most;
end;
$$;

-- A page of the tickets for which conditions hold: what a view would show before it is one.
create function public.filter_tickets(
  organization_id uuid, conditions jsonb, sort text default 'last_message_at', ascending boolean default false,
  after jsonb default null, max_tickets integer default 50
) returns setof public.tickets
language sql stable set search_path = '' as $$
  select t.*
  from private.filter_tickets(
    filter_tickets.organization_id, filter_tickets.conditions, filter_tickets.sort, filter_tickets.ascending,
    filter_tickets.after, filter_tickets.max_tickets
  ) as found
  join public.tickets as t on t.id = found.ticket_id
  order by found.place;
$$;

-- A page of a view. The next one: `after`, the last ticket of this one.
create function public.view_tickets(view_id uuid, after jsonb default null, max_tickets integer default 50)
returns setof public.tickets
language plpgsql stable set search_path = '' rows 50 as $$
declare
  seen public.ticket_views;
begin
  select * into seen from public.ticket_views as v where v.id = view_tickets.view_id;
  if seen.id is null then
    raise exception 'there is no view %', view_tickets.view_id using errcode = 'PT404';
  end if;
  return query
  select * from public.filter_tickets(
    seen.organization_id, seen.conditions, seen.sort, seen.ascending, view_tickets.after, view_tickets.max_tickets
  );
end;
$$;

-- How many tickets are in each of the caller's views. `is_capped`: there are at least so many.
create function public.view_counts(organization_id uuid)
returns table (view_id uuid, tickets integer, is_capped boolean)
language sql stable set search_path = '' rows 20 as $$
  select v.id, n.tickets, n.is_capped
  from (
    select * from public.ticket_views as v
    where v.organization_id = view_counts.organization_id
    order by v.position, v.id
    limit 100
  ) as v
  cross join lateral private.count_tickets(v.organization_id, v.conditions) as n
  order by v.position, v.id;
$$;


-- sql/52_csat.sql

-- Was the contact satisfied? Asked once after each resolution, answered in the portal or by the signed link of a mail.

alter table public.organizations
-- Null: nobody is asked. Else how long after a ticket was resolved.
add column ask_csat_after interval check (ask_csat_after between interval '0' and interval '30 days');

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'csat.asked', 'csat_survey', 'contact',
  'A resolved ticket''s contact is asked how satisfied they are: by mail where the ticket came by mail, in the portal '
  || 'too.',
  '{"expires_at": {"$ref": "#/$defs/instant_or_null", "description": "until when it can be answered"}}',
  false,
  '{"expires_at": "2026-12-20T09:00:00+00:00"}'
),
(
  'ticket.rated', 'csat_rating', 'agents',
  'A contact said how satisfied they are with a ticket''s resolution, or changed their word. 4 and 5 are good.',
  '{
    "score": {"type": "integer", "minimum": 1, "maximum": 5},
    "previous": {"type": ["integer", "null"], "description": "what they had said before"},
    "has_comment": {"type": "boolean"}
  }',
  false,
  '{"score": 5, "previous": null, "has_comment": false}'
);

-- One question about one resolution. Who is asked about, and what answered last, as it was then: ids stay though what
-- they name may be gone.
create table public.csat_surveys (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid not null,
  contact_id uuid not null,
  -- Which of the ticket's resolutions.
  resolved_at timestamptz not null,
  member_id uuid,
  team_id uuid,
  answered_by text check (answered_by in ('member', 'ai')),
  expires_at timestamptz not null default now() + interval '30 days',
  created_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (ticket_id, resolved_at),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id)
);
create index csat_surveys_ticket_idx on public.csat_surveys (organization_id, ticket_id);
create index csat_surveys_contact_idx on public.csat_surveys (organization_id, contact_id);

-- The answer to a survey: one, which its contact may change until the survey expires.
create table public.csat_ratings (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  survey_id uuid not null,
  ticket_id uuid not null,
  contact_id uuid not null,
  -- As the survey has them.
  member_id uuid,
  team_id uuid,
  answered_by text check (answered_by in ('member', 'ai')),
  score smallint not null check (score between 1 and 5),
  comment text not null default '' check (length(comment) <= 5000),
  via text not null check (via in ('link', 'portal')),
  -- When they said it last.
  at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, survey_id),
  foreign key (organization_id, survey_id) references public.csat_surveys (organization_id, id) on delete cascade,
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id)
);
create index csat_ratings_ticket_idx on public.csat_ratings (organization_id, ticket_id);
create index csat_ratings_contact_idx on public.csat_ratings (organization_id, contact_id);
create index csat_ratings_at_idx on public.csat_ratings (organization_id, at);

insert into private.contact_references (table_name, column_name, on_merge, because) values
('public.csat_surveys', 'contact_id', 'move', 'the winner is asked'),
('public.csat_ratings', 'contact_id', 'move', 'the winner said so');

-- A ticket was resolved: its contact is asked when the organization's time has gone by.
create function private.follow_resolution() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  patience constant interval := (
    select o.ask_csat_after from public.organizations as o where o.id = new.organization_id
  );
begin
  if patience is not null then
    perform private.enqueue(
      new.organization_id, 'clock',
      jsonb_build_object('ring', 'csat', 'ticket_id', new.id, 'resolved_at', new.resolved_at),
      new.resolved_at + patience,
      dedupe_key => 'csat:' || new.id
    );
  end if;
  return null;
end;
$$;

create trigger tickets_csat after update on public.tickets
for each row when (
  new.status_category = 'resolved' and old.status_category <> 'resolved' and not new.is_spam
)
execute function private.follow_resolution();

-- The survey of a ticket's present resolution, made where there is none; null where there is nothing to ask about: it
-- is not resolved (any more), is spam, was merged into another, or was begun by no person, or nobody has answered it.
create function private.survey_of(ticket public.tickets) returns public.csat_surveys
language plpgsql security definer set search_path = '' as $$
declare
  survey public.csat_surveys;
begin
  if ticket.status_category <> 'resolved' or ticket.is_spam or ticket.merged_into is not null
    or ticket.last_contact_at is null or ticket.last_answer_at is null
  then
    return null;
  end if;
  insert into public.csat_surveys as s (
    organization_id, ticket_id, contact_id, resolved_at, member_id, team_id, answered_by
  )
  values (
    ticket.organization_id, ticket.id, ticket.contact_id, ticket.resolved_at, ticket.assignee_id, ticket.team_id,
    ticket.last_answer_by
  )
  on conflict (ticket_id, resolved_at) do nothing
  returning s.* into survey;
  if survey.id is null then
    select s.* into survey from public.csat_surveys as s
    where s.ticket_id = ticket.id and s.resolved_at = ticket.resolved_at;
  end if;
  return survey;
end;
$$;

-- The time to ask has come. Whose ticket was opened again meanwhile is not asked, nor who has rated it by themselves.
create function private.ring_csat(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  ticket public.tickets;
  survey public.csat_surveys;
begin
  select t.* into ticket
  from public.tickets as t
  join public.organizations as o on o.id = t.organization_id
  join public.contacts as c on c.organization_id = t.organization_id and c.id = t.contact_id
  where t.organization_id = private.current_organization() and t.id = (payload ->> 'ticket_id')::uuid
    and t.resolved_at = (payload ->> 'resolved_at')::timestamptz
    and o.ask_csat_after is not null
    and c.suppressed_at is null
    and not exists (
      select from public.csat_surveys as s where s.ticket_id = t.id and s.resolved_at = t.resolved_at
    )
  for no key update of t;
  if ticket.id is null then
    return;
  end if;
  survey := private.survey_of(ticket);
  if survey.id is not null then
    perform private.emit(
      survey.organization_id, 'csat.asked', survey.id, jsonb_build_object('expires_at', survey.expires_at), 'contact',
      survey.ticket_id
    );
  end if;
end;
$$;

-- Keeps what the contact says to a survey. The same word again changes nothing.
create function private.record_rating(survey public.csat_surveys, score integer, comment text, via text)
returns public.csat_ratings
language plpgsql security definer set search_path = '' as $$
declare
  rated public.csat_ratings;
  before public.csat_ratings;
  said constant text := left(btrim(coalesce(record_rating.comment, '')), 5000);
begin
  if not coalesce(record_rating.score between 1 and 5, false) then
    raise exception 'a rating is a number from 1 to 5' using errcode = '22023';
  end if;
  -- One word after the other.
  perform from public.csat_surveys as s where s.id = survey.id for no key update;
  select r.* into before from public.csat_ratings as r where r.survey_id = survey.id;
  if before.score = record_rating.score and before.comment = said then
    return before;
  end if;
  insert into public.csat_ratings as r (
    organization_id, survey_id, ticket_id, contact_id, member_id, team_id, answered_by, score, comment, via
  )
  values (
    survey.organization_id, survey.id, survey.ticket_id, survey.contact_id, survey.member_id, survey.team_id,
    survey.answered_by, record_rating.score, said, record_rating.via
  )
  on conflict (organization_id, survey_id) do update
  set score = excluded.score, comment = excluded.comment, via = excluded.via, at = now()
  returning r.* into rated;
  perform private.emit(
    rated.organization_id, 'ticket.rated', rated.id,
    jsonb_build_object('score', rated.score, 'previous', before.score, 'has_comment', rated.comment <> ''),
    'agents', rated.ticket_id
  );
  return rated;
end;
$$;

-- The signed-in contact says how satisfied they are with a resolved ticket of theirs, asked already or not, where their
-- desk asks at all. Of several resolutions the latest counts.
create function private.rate_ticket(ticket_id uuid, score integer, comment text) returns public.csat_ratings
language plpgsql security definer set search_path = '' as $$
declare
  ticket public.tickets;
  survey public.csat_surveys;
begin
  select t.* into ticket
  from public.tickets as t
  where t.id = rate_ticket.ticket_id and t.contact_id in (select private.my_contacts())
  for no key update;
  if ticket.id is null then
    raise exception 'there is no ticket %', rate_ticket.ticket_id using errcode = 'PT404';
  end if;
  if exists (
    select from public.organizations as o where o.id = ticket.organization_id and o.ask_csat_after is not null
  ) then
    survey := private.survey_of(ticket);
  end if;
  if survey.id is null then
    raise exception 'there is nothing to rate'
      using errcode = 'PT409', hint = 'A ticket is rated once it was answered and resolved, where its desk asks.';
  end if;
  if survey.expires_at <= now() then
    raise exception 'the time to rate this ticket is over' using errcode = 'PT409';
  end if;
  return private.record_rating(survey, rate_ticket.score, rate_ticket.comment, 'portal');
end;
$$;

create function public.rate_ticket(ticket_id uuid, score integer, comment text default '') returns public.csat_ratings
language sql set search_path = '' as $$
  select * from private.rate_ticket(rate_ticket.ticket_id, rate_ticket.score, rate_ticket.comment);
$$;

-- The same for whoever holds the survey's signed link; the function that calls has checked the signature. False: it is
-- over, or there is no such survey.
create function private.rate_by_link(survey_id uuid, score integer, comment text) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  survey public.csat_surveys;
begin
  select s.* into survey
  from public.csat_surveys as s
  where s.organization_id = private.current_organization() and s.id = rate_by_link.survey_id and s.expires_at > now();
  if survey.id is null then
    return false;
  end if;
  perform private.record_rating(survey, rate_by_link.score, rate_by_link.comment, 'link');
  return true;
end;
$$;


-- sql/53_links.sql

-- How tickets belong together, and which ones may be about the same thing.

-- Read as a sentence: `ticket_id` <kind> `other_ticket_id`. Two tickets have one link of a kind, whichever way it is
-- written.
create table public.ticket_links (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid not null,
  other_ticket_id uuid not null,
  -- child_of: an incident of a problem; follows: was opened because of the other, after it was over or split from it;
  -- distinct: somebody looked, and they are not about the same thing: no hint any more.
  kind text not null check (kind in ('relates', 'duplicates', 'child_of', 'follows', 'distinct')),
  created_by uuid,
  created_at timestamptz not null default now(),
  primary key (ticket_id, other_ticket_id, kind),
  check (ticket_id <> other_ticket_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, other_ticket_id) references public.tickets (organization_id, id) on delete cascade
);
create unique index ticket_links_pair_idx on public.ticket_links
  (least(ticket_id, other_ticket_id), greatest(ticket_id, other_ticket_id), kind);
create unique index ticket_links_parent_idx on public.ticket_links (ticket_id) where kind = 'child_of';
create index ticket_links_ticket_idx on public.ticket_links (organization_id, ticket_id);
create index ticket_links_other_idx on public.ticket_links (organization_id, other_ticket_id);

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'ticket.linked', 'ticket', 'agents',
  'Two tickets were linked. It is told of the one that the link begins with: this ticket duplicates the other, say.',
  '{
    "kind": {"enum": ["relates", "duplicates", "child_of", "follows", "distinct"]},
    "other_ticket_id": {"$ref": "#/$defs/ticket_id"}
  }',
  false,
  '{"kind": "child_of", "other_ticket_id": "01993f2b-0100-7e21-9d22-7a8b9c0d1e2f"}'
),
(
  'ticket.unlinked', 'ticket', 'agents',
  'A link between two tickets was taken away.',
  '{
    "kind": {"enum": ["relates", "duplicates", "child_of", "follows", "distinct"]},
    "other_ticket_id": {"$ref": "#/$defs/ticket_id"}
  }',
  false,
  '{"kind": "relates", "other_ticket_id": "01993f2b-0100-7e21-9d22-7a8b9c0d1e2f"}'
);

-- Is `ancestor` this ticket, or above it?
create function private.is_above(ancestor uuid, ticket_id uuid) returns boolean
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return exists (
    with recursive line as (
      select is_above.ticket_id as id
      union
      select l.other_ticket_id from line join public.ticket_links as l on l.ticket_id = line.id and l.kind = 'child_of'
    )
    select from line where line.id = is_above.ancestor
  );
end;
$$;

create function private.keep_link() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  new.created_by := (select private.actor_id());
  if new.kind = 'child_of' then
    -- One at a time for an organization: two that are made at once could close a circle.
    perform pg_advisory_xact_lock(hashtextextended('pgdesk.links:' || new.organization_id, 0));
    if private.is_above(new.ticket_id, new.other_ticket_id) then
      raise exception 'ticket % stands above ticket % already', new.ticket_id, new.other_ticket_id
        using errcode = '23514';
    end if;
  end if;
  return new;
end;
$$;

create trigger ticket_links_keep before insert on public.ticket_links
for each row execute function private.keep_link();

create function private.announce_link() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  link public.ticket_links := coalesce(new, old);
begin
  -- What goes with a ticket, or with its organization, needs no word of its own.
  if tg_op = 'INSERT' or exists (select from public.tickets as t where t.id = link.ticket_id) then
    perform private.emit(
      link.organization_id, case tg_op when 'INSERT' then 'ticket.linked' else 'ticket.unlinked' end, link.ticket_id,
      jsonb_build_object('kind', link.kind, 'other_ticket_id', link.other_ticket_id), 'agents', link.ticket_id
    );
  end if;
  return null;
end;
$$;

create trigger ticket_links_announce after insert or delete on public.ticket_links
for each row execute function private.announce_link();

-- What a ticket was opened with, as a vector: kept by triage, which made it. Apart from what else triage saw, so that
-- the newest thousands are read in a few milliseconds.
create table private.ticket_vectors (
  organization_id uuid not null,
  ticket_id uuid not null,
  embedding extensions.halfvec(384) not null,
  model text not null,
  primary key (organization_id, ticket_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade
);
alter table private.ticket_vectors alter column embedding set storage plain;

-- From which likeness on two tickets are shown as possible duplicates (tests/tickets/test_similar.py measures it).
create function private.alike_enough() returns real
language sql immutable parallel safe set search_path = '' as $$
  select 0.75::real;
$$;

-- Tickets that may be about the same thing as this one, the most alike first: opened within 90 days of it, among the
-- 20,000 next before it and after it, neither merged nor spam, and not looked at before. So many are compared exactly,
-- in one pass over their vectors: a duplicate is recent, and an index of all vectors would cost every mail.
create function private.similar_tickets(ticket_id uuid, max_tickets integer)
returns table (other_ticket_id uuid, likeness real)
language plpgsql stable security definer set search_path = '' rows 10 as $$
#variable_conflict use_column
declare
  ticket public.tickets;
  own private.ticket_vectors;
begin
  select * into ticket from public.tickets as t
  where t.id = similar_tickets.ticket_id and t.organization_id in (select private.my_organizations());
  if ticket.id is null then
    raise exception 'there is no ticket %', similar_tickets.ticket_id using errcode = 'PT404';
  end if;
  select * into own from private.ticket_vectors as v
  where v.organization_id = ticket.organization_id and v.ticket_id = ticket.id;
  return query
  with near as materialized (
    select v.ticket_id as id, -(v.embedding operator(extensions.<#>) own.embedding) as alike
    from (
      (
        select older.* from private.ticket_vectors as older
        where older.organization_id = ticket.organization_id and older.ticket_id < ticket.id
          and older.ticket_id > private.uuid7_floor(ticket.created_at - interval '90 days')
        order by older.ticket_id desc
        limit 20000
      )
      union all
      (
        select newer.* from private.ticket_vectors as newer
        where newer.organization_id = ticket.organization_id and newer.ticket_id > ticket.id
          and newer.ticket_id < private.uuid7_floor(ticket.created_at + interval '90 days')
        order by newer.ticket_id
        limit 20000
      )
    ) as v
    where v.model = own.model
      and -(v.embedding operator(extensions.<#>) own.embedding) >= private.alike_enough()
  )
  select n.id, n.alike::real
  from near as n
  join public.tickets as t on t.organization_id = ticket.organization_id and t.id = n.id
  where t.merged_into is null and not t.is_spam
    and not exists (
      select from public.ticket_links as l
      where least(l.ticket_id, l.other_ticket_id) = least(t.id, ticket.id)
        and greatest(l.ticket_id, l.other_ticket_id) = greatest(t.id, ticket.id)
        and l.kind in ('duplicates', 'distinct')
    )
  order by n.alike desc, n.id desc
  limit least(greatest(coalesce(similar_tickets.max_tickets, 5), 1), 50);
end;
$$;

create function public.similar_tickets(ticket_id uuid, max_tickets integer default 5)
returns table (
  other_ticket_id uuid, likeness real, number bigint, subject text, status text, contact_id uuid,
  is_same_contact boolean, created_at timestamptz
)
language sql stable set search_path = '' as $$
  select
    s.other_ticket_id, s.likeness, t.number, t.subject, t.status, t.contact_id,
    t.contact_id = (select o.contact_id from public.tickets as o where o.id = similar_tickets.ticket_id), t.created_at
  from private.similar_tickets(similar_tickets.ticket_id, similar_tickets.max_tickets) as s
  -- Left, so that it is asked and can refuse, also where its caller sees no tickets at all.
  left join public.tickets as t on t.id = s.other_ticket_id
  order by s.likeness desc, s.other_ticket_id desc;
$$;


-- sql/54_merge_split.sql

-- Tickets brought together, and taken apart again. What moves are messages, with all that hangs on them.
--
-- Moved messages get the next numbers of the ticket that they come to, whatever their age: so to everybody who has that
-- ticket open they are something new that they have not seen, for send_reply and the AI as for the mark of what was
-- read. Shown, messages are in the order of their ids, which is that of time.

-- Each merge or split, with what is needed to take it back.
create table public.ticket_moves (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  kind text not null check (kind in ('merge', 'split')),
  from_ticket_id uuid not null,
  to_ticket_id uuid not null,
  message_ids uuid[] not null,
  -- Of a merge: the status of the ticket that was merged, and what the other one got from it.
  status_before text,
  tags text[] not null default '{}',
  contact_ids uuid[] not null default '{}',
  links jsonb not null default '[]',
  moved_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  undone_at timestamptz,
  undone_by uuid,
  unique (organization_id, id),
  foreign key (organization_id, from_ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, to_ticket_id) references public.tickets (organization_id, id) on delete cascade
);
create index ticket_moves_from_idx on public.ticket_moves (organization_id, from_ticket_id);
create index ticket_moves_to_idx on public.ticket_moves (organization_id, to_ticket_id);

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'ticket.merged', 'ticket', 'contact',
  'A ticket was merged into another: its messages are there now, with new numbers. Told to both tickets'' topics.',
  '{
    "into_ticket_id": {"$ref": "#/$defs/ticket_id"},
    "messages": {"type": "integer", "minimum": 0, "description": "how many messages moved"}
  }',
  false,
  '{"into_ticket_id": "01993f2b-0100-7e21-9d22-7a8b9c0d1e2f", "messages": 3}'
),
(
  'ticket.unmerged', 'ticket', 'contact',
  'A merge was undone: the ticket has its messages back. Told to both tickets'' topics.',
  '{
    "from_ticket_id": {"$ref": "#/$defs/ticket_id"},
    "messages": {"type": "integer", "minimum": 0, "description": "how many messages came back"}
  }',
  false,
  '{"from_ticket_id": "01993f2b-0100-7e21-9d22-7a8b9c0d1e2f", "messages": 3}'
);

-- Where a ticket's messages are now: itself, or what it was merged into, and that one, and so on.
create function private.ticket_now(ticket_id uuid) returns uuid
language plpgsql stable set search_path = '' as $$
declare
  here uuid := ticket_now.ticket_id;
  further uuid;
begin
  loop
    select t.merged_into into further from public.tickets as t where t.id = here;
    exit when further is null;
    here := further;
  end loop;
  return here;
end;
$$;

-- Who merges or moves has all tickets concerned to themselves, and waits for none while it holds another: who writes to
-- a ticket that was merged under its hands holds that one, and waits for the other.
create function private.lock_tickets(ticket_ids uuid[]) returns void
language plpgsql security definer set search_path = '' as $$
begin
  for round in 1..200 loop
    begin
      perform from public.tickets as t where t.id = any (lock_tickets.ticket_ids) order by t.id
      for no key update nowait;
      return;
    exception when lock_not_available then
      perform pg_sleep(0.02); -- what was locked is free again
    end;
  end loop;
  raise exception 'somebody else has been at work on these tickets for seconds: try again' using errcode = 'PT409';
end;
$$;

-- Moves messages, and what hangs on them. Both tickets are locked by the caller. What was drafted for them rested on
-- another thread.
create function private.move_messages(from_ticket_id uuid, to_ticket_id uuid, message_ids uuid[]) returns void
language plpgsql security definer set search_path = '' as $$
declare
  organization constant uuid := (select t.organization_id from public.tickets as t where t.id = to_ticket_id);
begin
  -- Mails before messages, as private.mark_sent takes them.
  update public.outgoing_mails as o set ticket_id = to_ticket_id
  where o.organization_id = organization and o.message_id = any (message_ids);
  update public.inbound_mails as i set ticket_id = to_ticket_id
  where i.organization_id = organization and i.message_id = any (message_ids);
  update public.attachments as a set ticket_id = to_ticket_id
  where a.organization_id = organization and a.message_id = any (message_ids);
  update public.triage_results as r set ticket_id = to_ticket_id
  where r.organization_id = organization and r.message_id = any (message_ids);
  update public.drafts as d
  set ticket_id = to_ticket_id, status = case when d.status in ('open', 'stale') then 'superseded' else d.status end
  where d.organization_id = organization and d.message_id = any (message_ids);
  with placed as (
    select m.id, row_number() over (order by m.id) + t.last_seq as seq
    from public.tickets as t
    join public.messages as m on m.organization_id = t.organization_id and m.id = any (message_ids)
    where t.id = to_ticket_id
  ), moved as (
    update public.messages as m set ticket_id = to_ticket_id, seq = placed.seq
    from placed
    where m.id = placed.id
    returning m.seq, m.created_at
  )
  update public.tickets as t
  set last_seq = greatest(t.last_seq, (select max(moved.seq) from moved)),
    last_message_at = greatest(t.last_message_at, (select max(moved.created_at) from moved))
  where t.id = to_ticket_id;
  perform private.index_ticket(from_ticket_id);
  perform private.index_ticket(to_ticket_id);
end;
$$;

-- The status of a ticket that is over for good.
create function private.closed_status(organization_id uuid) returns text
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select s.key from public.ticket_statuses as s
    where s.organization_id = closed_status.organization_id and s.category = 'resolved'
    order by s.key = 'closed' desc, s.position desc
    limit 1
  );
end;
$$;

-- What one ticket brings into another besides its messages, as it is kept for taking it back: tags, people, links. The
-- requester of the one becomes a participant of the other.
create function private.hand_over(loser public.tickets, winner public.tickets, move_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  with joined as (
    insert into public.ticket_participants (organization_id, ticket_id, contact_id, role, source)
    select loser.organization_id, winner.id, p.contact_id, p.role, 'merge'
    from (
      select p.contact_id, p.role from public.ticket_participants as p
      where p.ticket_id = loser.id and p.removed_at is null
      union
      select loser.contact_id, 'cc'
    ) as p
    where p.contact_id <> winner.contact_id
    on conflict do nothing
    returning contact_id
  ), linked as (
    insert into public.ticket_links (organization_id, ticket_id, other_ticket_id, kind)
    select
      l.organization_id, case l.ticket_id when loser.id then winner.id else l.ticket_id end,
      case l.other_ticket_id when loser.id then winner.id else l.other_ticket_id end, l.kind
    from public.ticket_links as l
    where loser.id in (l.ticket_id, l.other_ticket_id) and winner.id not in (l.ticket_id, l.other_ticket_id)
      and l.organization_id = loser.organization_id
      and not (l.kind = 'child_of' and private.is_above(
        case l.ticket_id when loser.id then winner.id else l.ticket_id end,
        case l.other_ticket_id when loser.id then winner.id else l.other_ticket_id end
      ))
    on conflict do nothing
    returning ticket_id, other_ticket_id, kind
  )
  update public.ticket_moves as m
  set tags = array(select unnest(loser.tags) except select unnest(winner.tags)),
    contact_ids = array(select j.contact_id from joined as j),
    links = coalesce((select jsonb_agg(to_jsonb(l)) from linked as l), '[]')
  where m.id = move_id;
end;
$$;

-- Merges tickets into one, in one transaction. Agents. Where they are of different contacts, the one who reads the
-- portal would be shown the other's words: refused, unless `share` says that this is wanted.
create function private.merge_tickets(into_ticket_id uuid, ticket_ids uuid[], share boolean)
returns setof public.ticket_moves
language plpgsql security definer set search_path = '' as $$
declare
  winner public.tickets;
  loser public.tickets;
  move public.ticket_moves;
  most_open text;
begin
  if cardinality(ticket_ids) not between 1 and 20 or into_ticket_id = any (ticket_ids) then
    raise exception '1 to 20 other tickets can be merged into one' using errcode = '22023';
  end if;
  perform private.lock_tickets(ticket_ids || into_ticket_id);
  select * into winner from public.tickets as t
  where t.id = into_ticket_id and t.organization_id = any (array(select private.my_organizations('agent')));
  if winner.id is null then
    raise exception 'there is no ticket %', into_ticket_id using errcode = 'PT404';
  end if;
  if winner.merged_into is not null then
    raise exception 'ticket % was itself merged into another', winner.number
      using errcode = 'PT409', detail = winner.merged_into::text;
  end if;
  if (
    select count(*) from public.tickets as t
    where t.id = any (ticket_ids) and t.organization_id = winner.organization_id
  ) <> (select count(distinct t) from unnest(ticket_ids) as t) then
    raise exception 'one of the tickets is not there' using errcode = 'PT404';
  end if;
  for loser in select t.* from public.tickets as t where t.id = any (ticket_ids) order by t.id loop
    if loser.merged_into is not null then
      raise exception 'ticket % was merged before', loser.number
        using errcode = 'PT409', detail = loser.merged_into::text;
    end if;
    if loser.contact_id <> winner.contact_id and not coalesce(share, false) then
      raise exception 'ticket % is of another contact, whose words would be shown', loser.number
        using errcode = '23514', hint = 'If that is wanted, say so: share.';
    end if;
    if loser.channel = 'email' and winner.channel <> 'email' then
      raise exception 'ticket % came by mail, and what is answered in ticket % is not mailed', loser.number, winner.number
        using errcode = '23514', hint = 'Merge the other way round.';
    end if;
    insert into public.ticket_moves (
      organization_id, kind, from_ticket_id, to_ticket_id, message_ids, status_before, moved_by
    )
    values (
      winner.organization_id, 'merge', loser.id, winner.id,
      array(select m.id from public.messages as m where m.ticket_id = loser.id order by m.id), loser.status,
      (select private.actor_id())
    )
    returning * into move;
    update public.tickets as t
    set merged_into = winner.id, status = coalesce(private.closed_status(t.organization_id), t.status)
    where t.id = loser.id;
    delete from private.ticket_search as s where s.ticket_id = loser.id;
    perform private.move_messages(loser.id, winner.id, move.message_ids);
    perform private.hand_over(loser, winner, move.id);
    -- What nobody has answered yet is open here too. From the first word of a human on, no bot posts.
    most_open := case
      when loser.status_category = 'open' and winner.status_category <> 'open' then 'open'
      when loser.status_category = 'waiting' and winner.status_category = 'resolved' then 'pending'
      else winner.status
    end;
    update public.tickets as t
    set status = most_open,
      ai_state = case when loser.ai_state = 'off' then 'off' else t.ai_state end,
      tags = array(select distinct tag from unnest(t.tags || loser.tags) as tag order by tag limit 100)
    where t.id = winner.id
    returning * into winner;
    perform private.emit(
      winner.organization_id, 'ticket.merged', loser.id,
      jsonb_build_object('into_ticket_id', winner.id, 'messages', cardinality(move.message_ids)),
      case when loser.contact_id = winner.contact_id then 'contact' else 'agents' end, loser.id
    );
    return query select m.* from public.ticket_moves as m where m.id = move.id;
  end loop;
end;
$$;

create function public.merge_tickets(into_ticket_id uuid, ticket_ids uuid[], share boolean default false)
returns setof public.ticket_moves
language sql set search_path = '' as $$
  select * from private.merge_tickets(merge_tickets.into_ticket_id, merge_tickets.ticket_ids, merge_tickets.share);
$$;

-- A merged ticket stays as it is: what is to be done is done where its messages are.
create function private.guard_signpost() returns trigger
language plpgsql set search_path = '' as $$
begin
  raise exception 'ticket % was merged into another', old.number
    using errcode = 'PT409', detail = old.merged_into::text;
end;
$$;

create trigger tickets_signpost before update of status on public.tickets
for each row when (old.merged_into is not null and new.merged_into is not null and new.status <> old.status)
execute function private.guard_signpost();

-- Opens a ticket with messages of another one, which the caller has locked. It is the sender's where all that a contact
-- could see of them is one contact's own, else the old requester's. Triage reads its first message again.
create function private.split_off(ticket public.tickets, message_ids uuid[], subject text) returns public.tickets
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  opened public.tickets;
  writers uuid[];
  first_words uuid;
begin
  select array_agg(distinct m.contact_id) into writers
  from public.messages as m
  where m.id = any (split_off.message_ids) and not m.is_internal;
  insert into public.tickets (organization_id, subject, channel, contact_id, mail_address_id, team_id, language, ai_state)
  values (
    ticket.organization_id, split_off.subject, ticket.channel,
    case when cardinality(writers) = 1 then coalesce(writers[1], ticket.contact_id) else ticket.contact_id end,
    ticket.mail_address_id, ticket.team_id, ticket.language, ticket.ai_state
  )
  returning * into opened;
  insert into public.ticket_moves (organization_id, kind, from_ticket_id, to_ticket_id, message_ids, moved_by)
  values (ticket.organization_id, 'split', ticket.id, opened.id, split_off.message_ids, (select private.actor_id()));
  perform private.move_messages(ticket.id, opened.id, split_off.message_ids);
  -- In a ticket of its own the sender is the requester.
  update public.messages as m set sender_status = 'known'
  where m.id = any (split_off.message_ids) and m.sender_status = 'pending' and m.contact_id = opened.contact_id
    and not exists (
      select from public.inbound_mails as i
      where i.organization_id = m.organization_id and i.message_id = m.id and i.dmarc = 'fail'
    );
  insert into public.ticket_links (organization_id, ticket_id, other_ticket_id, kind)
  values (ticket.organization_id, opened.id, ticket.id, 'follows');
  perform private.emit(
    ticket.organization_id, 'message.moved', moved.id,
    jsonb_build_object('from_ticket_id', ticket.id, 'to_ticket_id', opened.id), 'agents', opened.id
  )
  from unnest(split_off.message_ids) as moved (id);
  select m.id into first_words
  from public.messages as m
  where m.ticket_id = opened.id and m.sender = 'contact' and m.sender_status = 'known' and not m.is_machine
  order by m.seq
  limit 1;
  if first_words is not null then
    -- From now on somebody waits for an answer here.
    update public.tickets as t set last_contact_at = clock_timestamp() where t.id = opened.id;
    perform private.enqueue(ticket.organization_id, 'triage', jsonb_build_object('message_id', first_words));
  end if;
  select * into opened from public.tickets as t where t.id = opened.id;
  return opened;
end;
$$;

-- Takes messages out of a ticket and opens another with them. Agents.
create function private.split_ticket(ticket_id uuid, message_ids uuid[], subject text) returns public.tickets
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  ticket public.tickets;
  moved uuid[];
begin
  select * into ticket from public.tickets as t
  where t.id = split_ticket.ticket_id and t.organization_id = any (array(select private.my_organizations('agent')))
  for no key update;
  if ticket.id is null then
    raise exception 'there is no ticket %', split_ticket.ticket_id using errcode = 'PT404';
  end if;
  moved := array(
    select m.id from public.messages as m
    where m.ticket_id = ticket.id and m.id = any (split_ticket.message_ids) order by m.id
  );
  if cardinality(moved) = 0 or moved <> array(select distinct m from unnest(split_ticket.message_ids) as m order by m) then
    raise exception 'not all of these messages are in ticket %', ticket.number using errcode = 'PT404';
  end if;
  if not exists (select from public.messages as m where m.ticket_id = ticket.id and m.id <> all (moved)) then
    raise exception 'these are all messages of ticket %: one must stay', ticket.number using errcode = '23514';
  end if;
  return private.split_off(ticket, moved, coalesce(nullif(btrim(split_ticket.subject), ''), ticket.subject));
end;
$$;

create function public.split_ticket(ticket_id uuid, message_ids uuid[], subject text default null)
returns public.tickets
language sql set search_path = '' as $$
  select * from private.split_ticket(split_ticket.ticket_id, split_ticket.message_ids, split_ticket.subject);
$$;

-- Takes a merge or a split back. Every message returns that is still where it was brought, or where that ticket has
-- been merged into since. What has come since stays. Agents.
create function private.undo_move(move_id uuid) returns public.ticket_moves
language plpgsql security definer set search_path = '' as $$
declare
  move public.ticket_moves;
  here uuid;
  home uuid;
  returning_ids uuid[];
begin
  select * into move from public.ticket_moves as m
  where m.id = move_id and m.organization_id = any (array(select private.my_organizations('agent')));
  if move.id is null then
    raise exception 'nothing was moved as %', move_id using errcode = 'PT404';
  end if;
  -- Where both are now can change until they are locked.
  loop
    here := private.ticket_now(move.to_ticket_id);
    home := case move.kind when 'merge' then move.from_ticket_id else private.ticket_now(move.from_ticket_id) end;
    perform private.lock_tickets(array[here, home, move.from_ticket_id, move.to_ticket_id]);
    exit when here = private.ticket_now(move.to_ticket_id)
      and (move.kind = 'merge' or home = private.ticket_now(move.from_ticket_id));
  end loop;
  update public.ticket_moves as m set undone_at = clock_timestamp(), undone_by = (select private.actor_id())
  where m.id = move.id and m.undone_at is null
  returning * into move;
  if not found then
    raise exception 'it was taken back before' using errcode = 'PT409';
  end if;
  returning_ids := array(
    select m.id from public.messages as m where m.id = any (move.message_ids) and m.ticket_id = here order by m.id
  );
  if move.kind = 'merge' then
    update public.tickets as t
    set merged_into = null,
      status = coalesce(
        (select s.key from public.ticket_statuses as s
        where s.organization_id = t.organization_id and s.key = move.status_before),
        'open'
      )
    where t.id = home;
    delete from public.ticket_participants as p
    where p.ticket_id = move.to_ticket_id and p.contact_id = any (move.contact_ids) and p.source = 'merge';
    delete from public.ticket_links as l
    using jsonb_to_recordset(move.links) as k (ticket_id uuid, other_ticket_id uuid, kind text)
    where (l.ticket_id, l.other_ticket_id, l.kind) = (k.ticket_id, k.other_ticket_id, k.kind);
    update public.tickets as t
    set tags = array(select tag from unnest(t.tags) as tag where tag <> all (move.tags) order by tag)
    where t.id = move.to_ticket_id;
  end if;
  perform private.move_messages(here, home, returning_ids);
  if move.kind = 'merge' then
    perform private.emit(
      move.organization_id, 'ticket.unmerged', home,
      jsonb_build_object('from_ticket_id', here, 'messages', cardinality(returning_ids)),
      case
        when (select count(distinct t.contact_id) from public.tickets as t where t.id in (home, here)) = 1 then 'contact'
        else 'agents'
      end,
      home
    );
  else
    perform private.emit(
      move.organization_id, 'message.moved', moved.id,
      jsonb_build_object('from_ticket_id', here, 'to_ticket_id', home), 'agents', home
    )
    from unnest(returning_ids) as moved (id);
    -- A ticket with nothing left in it is none: who looks for it is led back.
    if here = move.to_ticket_id and not exists (select from public.messages as m where m.ticket_id = here) then
      update public.tickets as t
      set merged_into = home, status = coalesce(private.closed_status(t.organization_id), t.status)
      where t.id = here;
      delete from private.ticket_search as s where s.ticket_id = here;
    end if;
  end if;
  -- The clocks of who has kept the rest go by its own steps again.
  update public.tickets as t set updated_at = now() where t.id = here;
  return move;
end;
$$;

create function public.undo_move(move_id uuid) returns public.ticket_moves
language sql set search_path = '' as $$
  select * from private.undo_move(undo_move.move_id);
$$;

-- The steps that a ticket's clocks go by. Where others were merged into it, they are those of one ticket that had all
-- their steps: it began with the first of them, was open while any of them was, and was answered with any.
create function private.ticket_steps(ticket_id uuid)
returns table (step integer, at timestamptz, status_category text, wrote text)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
begin
  if not exists (
    select from public.tickets as t
    join public.tickets as merged on merged.organization_id = t.organization_id and merged.merged_into = t.id
    where t.id = ticket_steps.ticket_id
  ) then
    return query
    select h.step, h.at, h.status_category, h.wrote from public.ticket_history as h
    where h.ticket_id = ticket_steps.ticket_id;
    return;
  end if;
  return query
  with recursive family (id, organization_id, until) as (
    select t.id, t.organization_id, 'infinity'::timestamptz from public.tickets as t where t.id = ticket_steps.ticket_id
    union all
    -- Up to the merge a ticket went its own way.
    select t.id, t.organization_id, m.created_at
    from family as f
    join public.tickets as t on t.organization_id = f.organization_id and t.merged_into = f.id
    cross join lateral (
      select max(m.created_at) as created_at from public.ticket_moves as m
      where m.organization_id = t.organization_id and m.from_ticket_id = t.id and m.kind = 'merge'
        and m.undone_at is null
    ) as m
  ), steps as (
    select h.* from family as f join public.ticket_history as h on h.ticket_id = f.id and h.at < f.until
  )
  select
    (row_number() over (order by s.at, s.ticket_id, s.step))::integer, s.at,
    (
      select (array_agg(
        stood.status_category order by array_position('{open,waiting,resolved}', stood.status_category)
      ))[1]
      from family as f
      cross join lateral (
        select h.status_category from steps as h
        where h.ticket_id = f.id and (h.at, h.ticket_id, h.step) <= (s.at, s.ticket_id, s.step) and s.at < f.until
        order by h.step desc
        limit 1
      ) as stood
    ),
    s.wrote
  from steps as s;
end;
$$;


-- sql/55_retrieval.sql

-- Finding passages: by their words (BM25 over postings) and by their meaning (vectors), joined on absolute scales.

-- What search reads: one row for every passage that may be found. Clients never do.
create table private.chunk_index (
  chunk_id uuid primary key,
  organization_id uuid not null references public.organizations (id) on delete cascade,
  article_id uuid not null,
  language text not null,
  -- Words of title and text, stop words left out.
  length integer not null,
  -- Which model the vectors are of.
  model text not null,
  title_embedding extensions.vector(384) not null,
  body_embedding extensions.vector(384) not null,
  foreign key (organization_id, chunk_id) references public.chunks (organization_id, id) on delete cascade
);
-- Two vectors are 3 kB: kept in the row, because reading them out of line costs more than comparing them.
alter table private.chunk_index set (toast_tuple_target = 8160);
create index chunk_index_organization_idx on private.chunk_index (organization_id, chunk_id);
create index chunk_index_language_idx on private.chunk_index (organization_id, language) include (length);
create index chunk_index_model_idx on private.chunk_index (model, organization_id);
create index chunk_index_title_idx on private.chunk_index
using hnsw (title_embedding extensions.vector_cosine_ops);
create index chunk_index_body_idx on private.chunk_index
using hnsw (body_embedding extensions.vector_cosine_ops);

-- Which word stands in which passage, and how often. Words are lexemes of the passage's language.
create table private.postings (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  language text not null,
  lexeme text not null,
  chunk_id uuid not null references private.chunk_index (chunk_id) on delete cascade,
  tf smallint not null,
  -- The passage's, repeated: so that ranking reads nothing else.
  length integer not null,
  primary key (organization_id, language, lexeme, chunk_id)
);
create index postings_chunk_idx on private.postings (chunk_id);

-- The text search configuration of a language; the plain one where PostgreSQL knows no stemmer.
create function private.text_config(language text) returns regconfig
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return case language
    when 'ar' then 'pg_catalog.arabic' when 'ca' then 'pg_catalog.catalan' when 'da' then 'pg_catalog.danish'
    when 'de' then 'pg_catalog.german' when 'el' then 'pg_catalog.greek' when 'en' then 'pg_catalog.english'
    when 'es' then 'pg_catalog.spanish' when 'eu' then 'pg_catalog.basque' when 'fi' then 'pg_catalog.finnish'
    when 'fr' then 'pg_catalog.french' when 'ga' then 'pg_catalog.irish' when 'hi' then 'pg_catalog.hindi'
    when 'hu' then 'pg_catalog.hungarian' when 'hy' then 'pg_catalog.armenian' when 'id' then 'pg_catalog.indonesian'
    when 'it' then 'pg_catalog.italian' when 'lt' then 'pg_catalog.lithuanian' when 'ne' then 'pg_catalog.nepali'
    when 'nb' then 'pg_catalog.norwegian' when 'nl' then 'pg_catalog.dutch' when 'nn' then 'pg_catalog.norwegian'
    when 'no' then 'pg_catalog.norwegian' when 'pt' then 'pg_catalog.portuguese' when 'ro' then 'pg_catalog.romanian'
    when 'ru' then 'pg_catalog.russian' when 'sr' then 'pg_catalog.serbian' when 'sv' then 'pg_catalog.swedish'
    when 'ta' then 'pg_catalog.tamil' when 'tr' then 'pg_catalog.turkish' when 'yi' then 'pg_catalog.yiddish'
    else 'pg_catalog.simple'
  end::regconfig;
end;
$$;

-- Takes an article out of search. Its passages stay for those who cite them.
create function private.retire_chunks(article_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  delete from private.chunk_index as i
  using public.chunks as c
  where c.article_id = retire_chunks.article_id and c.retired_at is null and i.chunk_id = c.id;
  update public.chunks as c set retired_at = now()
  where c.article_id = retire_chunks.article_id and c.retired_at is null;
end;
$$;

-- Puts a version of an article into search in place of what was there, for the tenant that the function works for.
-- Takes the passages in order, as parallel arrays, vectors as text '[…]'. Returns false, and changes nothing, where the
-- version is no longer the current one of a published article: then another job has that one to do.
create function private.replace_chunks(
  article_id uuid, version_id uuid, model text, titles text[], headings text[], texts text[], tokens integer[],
  title_embeddings text[], body_embeddings text[]
) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  article public.articles;
  previous uuid;
begin
  select * into article from public.articles as a
  where a.id = replace_chunks.article_id
    and a.organization_id = (select private.current_organization())
  for no key update;
  if article.id is null
    or article.status <> 'published'
    or article.current_version_id is distinct from replace_chunks.version_id
  then
    return false;
  end if;
  select c.version_id into previous
  from public.chunks as c where c.article_id = article.id and c.retired_at is null limit 1;
  perform private.retire_chunks(article.id);

  with passages as (
    select
      private.uuid7() as id, p.ordinal::integer - 1 as ordinal, p.title, p.heading, p.text, p.tokens,
      p.title_embedding::extensions.vector as title_embedding, p.body_embedding::extensions.vector as body_embedding,
      to_tsvector(private.text_config(article.language), p.title || E'\n' || p.text) as words
    from unnest(titles, headings, texts, replace_chunks.tokens, title_embeddings, body_embeddings) with ordinality
      as p (title, heading, text, tokens, title_embedding, body_embedding, ordinal)
  ), kept as (
    insert into public.chunks (
      id, organization_id, article_id, version_id, ordinal, title, heading, text, language, tokens
    )
    select
      p.id, article.organization_id, article.id, replace_chunks.version_id, p.ordinal, p.title, p.heading, p.text,
      article.language, p.tokens
    from passages as p
  ), words as (
    select p.id, w.lexeme, greatest(coalesce(cardinality(w.positions), 1), 1) as tf
    from passages as p cross join lateral unnest(p.words) as w
  ), lengths as (
    select w.id, sum(w.tf)::integer as length from words as w group by w.id
  ), indexed as (
    insert into private.chunk_index (
      chunk_id, organization_id, article_id, language, length, model, title_embedding, body_embedding
    )
    select
      p.id, article.organization_id, article.id, article.language, coalesce(l.length, 0), replace_chunks.model,
      p.title_embedding, p.body_embedding
    from passages as p left join lengths as l using (id)
  )
  insert into private.postings (organization_id, language, lexeme, chunk_id, tf, length)
  select article.organization_id, article.language, w.lexeme, w.id, w.tf, l.length
  from words as w join lengths as l using (id);

  perform private.emit(
    article.organization_id, 'article.reindexed', article.id,
    jsonb_build_object('version_id', replace_chunks.version_id, 'previous_version_id', previous)
  );
  return true;
end;
$$;

-- Passages of an organization that share words with a question, each with
--   bm25      BM25 as a share of the most that any passage could have: 1 where it is full of every word asked for
--   coverage  share of the question's words found in it, rare words counting more
--   known     share of the question's words that the organization's passages know at all
-- Words are weighed by their rarity in this organization and language, so the scales mean the same everywhere. The
-- question is only ever read as words: operators and quotes in it mean nothing.
create function private.match_words(organization_id uuid, query text)
returns table (chunk_id uuid, bm25 double precision, coverage double precision, known double precision)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  with parameters as (
    -- k1: how soon repetition stops counting; b: how much long passages pay. Low, because passages are all short.
    select 0.6 as k1, 0.4 as b
  ), lexicon as (
    select i.language, count(*)::double precision as chunks, greatest(avg(i.length), 1)::double precision as length
    from private.chunk_index as i
    where i.organization_id = match_words.organization_id
    group by i.language
  ), terms as materialized (
    select l.language, l.chunks, l.length, w.lexeme
    from lexicon as l
    cross join lateral unnest(to_tsvector(private.text_config(l.language), left(query, 4000))) as w
  ), hits as (
    select
      p.chunk_id, t.language, t.lexeme, p.tf::double precision as tf, p.length / t.length as length, t.chunks,
      count(*) over (partition by t.language, t.lexeme) as found
    from terms as t
    join private.postings as p
      on p.organization_id = match_words.organization_id and p.language = t.language and p.lexeme = t.lexeme
  ), weighed as (
    select h.*, ln(1 + (h.chunks - h.found + 0.5) / (h.found + 0.5)) as idf from hits as h
  ), asked as (
    select
      t.language,
      sum(coalesce(w.idf, ln(1 + (t.chunks + 0.5) / 0.5))) as idf,
      coalesce(sum(w.idf), 0) as known
    from terms as t
    left join (select distinct language, lexeme, idf from weighed) as w using (language, lexeme)
    group by t.language
  )
  select
    w.chunk_id,
    sum(w.idf * w.tf / (w.tf + p.k1 * (1 - p.b + p.b * w.length))) / a.idf,
    sum(w.idf) / a.idf,
    a.known / a.idf
  from weighed as w
  join asked as a using (language)
  cross join parameters as p
  group by w.chunk_id, a.idf, a.known;
end;
$$;

-- The passages nearest to a vector, by title and by text, out of the graph. Both lists follow the order of the graph
-- until `many` of the organization are found (strict_order): a plain scan would stop at others' passages.
create function private.nearest_chunks(organization_id uuid, embedding extensions.vector, many integer)
returns setof uuid
language plpgsql stable set search_path = ''
set "hnsw.iterative_scan" = 'strict_order' set "hnsw.ef_search" = '200' set "hnsw.max_scan_tuples" = '200000' as $$
begin
  return query (
    select i.chunk_id from private.chunk_index as i
    where i.organization_id = nearest_chunks.organization_id
    order by i.title_embedding operator(extensions.<=>) nearest_chunks.embedding
    limit many
  ) union (
    select i.chunk_id from private.chunk_index as i
    where i.organization_id = nearest_chunks.organization_id
    order by i.body_embedding operator(extensions.<=>) nearest_chunks.embedding
    limit many
  );
end;
$$;

-- The best passages of an organization's published articles for a question.
--
--   score = weight * meaning + (1 - weight) * bm25
--
-- meaning is the cosine with the passage's title and with its text, the better of the two counting 0.7. Both halves are
-- on absolute scales, not stretched to the best hit, so a question that has no answer scores low, and the same passage
-- scores the same however many others there are. The embedding model knows English: there meaning weighs 0.65, else
-- 0.3. Without an embedding words alone decide.
--
-- Every passage is compared up to 20,000 of an organization; above that the candidates are the 200 nearest by title, by
-- text and by words.
create function private.search_chunks(
  organization_id uuid, query text, embedding extensions.vector default null, language text default null,
  max_chunks integer default 10, per_article integer default 3
) returns table (
  chunk_id uuid, article_id uuid, version_id uuid, slug text, title text, heading text, text text, written_in text,
  score double precision, title_cosine double precision, body_cosine double precision, bm25 double precision,
  coverage double precision, known double precision
)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  weight double precision := 0;
  few boolean;
begin
  if search_chunks.embedding is not null then
    if extensions.vector_dims(search_chunks.embedding) <> 384 then
      raise exception 'an embedding has 384 numbers, not %', extensions.vector_dims(search_chunks.embedding)
        using errcode = '22023';
    end if;
    weight := case coalesce(
      search_chunks.language,
      (select o.language from public.organizations as o where o.id = search_chunks.organization_id)
    ) when 'en' then 0.65 else 0.3 end;
  end if;
  few := 20000 >= (
    select count(*) from (
      select from private.chunk_index as i where i.organization_id = search_chunks.organization_id limit 20001
    ) as counted
  );
  return query
  with words as materialized (
    select * from private.match_words(search_chunks.organization_id, search_chunks.query)
  ), candidates as (
    select near.chunk_id
    from private.nearest_chunks(search_chunks.organization_id, search_chunks.embedding, 200) as near (chunk_id)
    where not few and search_chunks.embedding is not null
    union
    (select w.chunk_id from words as w where not few order by w.bm25 desc limit 200)
  ), compared as materialized (
    select
      i.chunk_id, i.article_id,
      1 - (i.title_embedding operator(extensions.<=>) search_chunks.embedding) as title_cosine,
      1 - (i.body_embedding operator(extensions.<=>) search_chunks.embedding) as body_cosine
    from private.chunk_index as i
    where few and i.organization_id = search_chunks.organization_id
    union all
    select
      i.chunk_id, i.article_id,
      1 - (i.title_embedding operator(extensions.<=>) search_chunks.embedding),
      1 - (i.body_embedding operator(extensions.<=>) search_chunks.embedding)
    from candidates as c
    join private.chunk_index as i using (chunk_id)
  ), signals as (
    -- No embedding, or one of length zero (not a number): nothing is known of the meaning.
    select
      c.chunk_id, c.article_id,
      coalesce(nullif(c.title_cosine, 'nan'), 0) as title_cosine,
      coalesce(nullif(c.body_cosine, 'nan'), 0) as body_cosine,
      coalesce(w.bm25, 0) as bm25,
      coalesce(w.coverage, 0) as coverage,
      coalesce(w.known, (select max(known) from words), 0) as known
    from compared as c
    left join words as w using (chunk_id)
    where search_chunks.embedding is not null or w.chunk_id is not null
  ), scored as (
    select
      s.*,
      weight * (0.7 * greatest(s.title_cosine, s.body_cosine) + 0.3 * least(s.title_cosine, s.body_cosine))
        + (1 - weight) * s.bm25 as score
    from signals as s
  ), ranked as (
    select s.*, row_number() over (partition by s.article_id order by s.score desc, s.chunk_id) as place
    from scored as s
  ), best as (
    select * from ranked as r
    where r.place <= greatest(search_chunks.per_article, 1)
    order by r.score desc, r.chunk_id
    limit least(greatest(search_chunks.max_chunks, 1), 100)
  )
  select
    b.chunk_id, a.id, k.version_id, a.slug, v.title, k.heading, k.text, k.language,
    b.score, b.title_cosine, b.body_cosine, b.bm25, b.coverage, b.known
  from best as b
  join public.chunks as k on k.id = b.chunk_id
  join public.articles as a on a.id = k.article_id and a.status = 'published'
  join public.article_versions as v on v.id = k.version_id
  order by b.score desc, b.chunk_id;
end;
$$;

-- The same for a Lambda function, for the tenant it works for and no other.
create function private.search_own_chunks(
  query text, embedding text default null, language text default null, max_chunks integer default 10,
  per_article integer default 3
) returns table (
  chunk_id uuid, article_id uuid, version_id uuid, slug text, title text, heading text, text text, written_in text,
  score double precision, title_cosine double precision, body_cosine double precision, bm25 double precision,
  coverage double precision, known double precision
)
language sql stable security definer set search_path = '' as $$
  select * from private.search_chunks(
    (select private.current_organization()), search_own_chunks.query,
    search_own_chunks.embedding::extensions.vector,
    search_own_chunks.language, search_own_chunks.max_chunks, search_own_chunks.per_article
  );
$$;

-- The published articles that answer a question best, each with its best passage. Words alone are enough; an embedding
-- of the question (384 numbers, as text '[…]') finds those that say it in other words.
create function public.search_articles(
  organization_id uuid, query text, embedding extensions.vector default null, language text default null,
  max_articles integer default 10
) returns table (
  article_id uuid, version_id uuid, chunk_id uuid, slug text, title text, heading text, excerpt text, written_in text,
  score double precision
)
language sql stable set search_path = '' as $$
  select s.article_id, s.version_id, s.chunk_id, s.slug, s.title, s.heading, s.text, s.written_in, s.score
  from private.search_chunks(
    search_articles.organization_id, search_articles.query, search_articles.embedding, search_articles.language,
    search_articles.max_articles, 1
  ) as s
  order by s.score desc, s.chunk_id;
$$;

-- Does search have the current version of an article, in its language and with vectors of this model? Passages of one
-- article are only ever put in together, so one of them speaks for all.
create function private.is_indexed(article_id uuid, model text) returns boolean
language sql stable set search_path = '' as $$
  select exists (
    select from public.articles as a
    join public.chunks as c on c.organization_id = a.organization_id and c.article_id = a.id
      and c.version_id = a.current_version_id and c.language = a.language
    join private.chunk_index as i on i.chunk_id = c.id
    where a.id = is_indexed.article_id and i.model = is_indexed.model
  );
$$;

-- Articles whose passages are of another model, or that have none, are queued to be indexed again. For the operator,
-- after a change of model. Returns how many.
create function private.reindex_articles(model text) returns integer
language sql security definer set search_path = '' as $$
  select count(private.enqueue(
    a.organization_id, 'index_article', jsonb_build_object('subject_id', a.id), dedupe_key => a.id::text
  ))::integer
  from public.articles as a
  where a.status = 'published'
    and not private.is_indexed(a.id, reindex_articles.model);
$$;


-- sql/57_reopen.sql

-- What a message does to a ticket that is over, and where one goes that was written to a merged ticket. It holds for
-- mail, portal and chat alike, because it is asked where messages are kept (35_messages.sql).

alter table public.organizations
-- A contact who writes later than this after the resolution gets a new ticket, linked to the old one. Null: never.
add column reopen_within interval check (reopen_within >= interval '0'),
-- Whether a closed ticket can be opened again at all.
add column reopen_closed boolean not null default true,
-- Whose a ticket is that comes back: who had it; its team's; who had it if they are at work, else the team's.
add column reopen_for text not null default 'assignee' check (reopen_for in ('assignee', 'team', 'assignee_at_work')),
-- Whether a solved ticket stays solved when all that the contact says is thanks.
add column thanks_stay_solved boolean not null default false;

-- Nothing but thanks: at most twelve words, all of them of this list or of the writer's name, one of them a thanks. So
-- "Thanks, works now!" is, and "Thanks, but it does not work" or "Thanks. When does it arrive?" is not.
create function private.is_thanks(body text, name text) returns boolean
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  words constant text[] := regexp_split_to_array(
    btrim(regexp_replace(lower(left(body, 500)), '[^[:alnum:]?'']+', ' ', 'g')), ' +'
  );
begin
  return cardinality(words) between 1 and 12
    and words && '{thanks,thank,thx,cheers,danke,dank,dankeschön,merci,gracias,grazie}'
    and words <@ (
      '{thanks,thank,you,thx,so,very,much,many,a,lot,for,the,your,quick,fast,help,reply,answer,support,it,that,that''s,
        is,was,all,good,great,perfect,super,awesome,ok,okay,works,worked,now,again,and,hi,hello,dear,team,best,kind,
        regards,cheers,danke,dank,dankeschön,vielen,herzlichen,schön,für,die,ihre,eure,schnelle,hilfe,antwort,hallo,
        liebe,viele,grüße,grüsse,lg,mfg,merci,beaucoup,gracias,muchas,grazie,mille}'::text[]
      || regexp_split_to_array(lower(coalesce(name, '')), '[^[:alnum:]]+')
    );
end;
$$;

-- A ticket that takes up one that is over.
create function private.open_follow_up(ticket public.tickets, contact_id uuid, assignee_id uuid) returns uuid
language plpgsql security definer set search_path = '' as $$
declare
  opened uuid;
begin
  insert into public.tickets (
    organization_id, subject, channel, contact_id, mail_address_id, team_id, assignee_id, language
  )
  values (
    ticket.organization_id, ticket.subject, ticket.channel, open_follow_up.contact_id, ticket.mail_address_id,
    ticket.team_id, open_follow_up.assignee_id, ticket.language
  )
  returning id into opened;
  insert into public.ticket_links (organization_id, ticket_id, other_ticket_id, kind)
  values (ticket.organization_id, opened, ticket.id, 'follows');
  return opened;
end;
$$;

-- Where a message belongs that was written to a ticket which is merged or over, and whether it opens it again. The
-- ticket is locked then. `counts`: people are told of it, so it is no note, no machine's, and of somebody known.
create function private.place_message(
  organization_id uuid, ticket_id uuid, sender public.message_sender, contact_id uuid, counts boolean, body text,
  out place uuid, out reopens boolean
)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  ticket public.tickets;
  rules public.organizations;
  keeper uuid;
begin
  loop
    select * into ticket from public.tickets as t
    where t.organization_id = place_message.organization_id and t.id = private.ticket_now(place_message.ticket_id)
    for no key update;
    if not found then
      raise exception 'there is no ticket %', place_message.ticket_id using errcode = '23503';
    end if;
    exit when ticket.merged_into is null; -- or it was merged while we waited
  end loop;
  place := ticket.id;
  reopens := true;
  -- Who answers has to see what stands there.
  if ticket.id <> place_message.ticket_id and counts and sender in ('member', 'ai') then
    raise exception 'the ticket was merged: answer in ticket %', ticket.number
      using errcode = 'PT409', detail = ticket.id::text;
  end if;
  if not (counts and sender = 'contact' and ticket.status_category = 'resolved') then
    return;
  end if;
  select * into rules from public.organizations as o where o.id = ticket.organization_id;
  if rules.thanks_stay_solved and private.is_thanks(
    body, (select c.name from public.contacts as c where c.id = place_message.contact_id)
  ) then
    reopens := false;
    return;
  end if;
  keeper := case
    when rules.reopen_for = 'assignee' or rules.reopen_for = 'assignee_at_work' and exists (
      select from public.member_availability as a
      where a.organization_id = ticket.organization_id and a.user_id = ticket.assignee_id and a.status = 'online'
    ) then ticket.assignee_id
  end;
  if now() > ticket.resolved_at + rules.reopen_within or ticket.status = 'closed' and not rules.reopen_closed then
    place := private.open_follow_up(ticket, place_message.contact_id, keeper);
  elsif keeper is distinct from ticket.assignee_id then
    update public.tickets as t set assignee_id = keeper where t.id = ticket.id;
  end if;
end;
$$;


-- sql/58_participants.sql

-- Who else takes part in a ticket: the people in copy. What a member answers goes to them too, and what they mail is
-- known to belong there.

create table public.ticket_participants (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid not null,
  contact_id uuid not null,
  role text not null default 'cc' check (role in ('cc', 'bcc')),
  source text not null check (source in ('agent', 'mail', 'merge')),
  -- Whose mail named them.
  brought_by uuid,
  added_by uuid,
  created_at timestamptz not null default now(),
  -- Kept, so that the next mail that names them does not bring back who was taken out.
  removed_at timestamptz,
  primary key (ticket_id, contact_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade,
  foreign key (organization_id, brought_by)
    references public.contacts (organization_id, id) on delete set null (brought_by)
);
create index ticket_participants_ticket_idx on public.ticket_participants (organization_id, ticket_id);
create index ticket_participants_contact_idx on public.ticket_participants (organization_id, contact_id);
create index ticket_participants_brought_idx on public.ticket_participants (organization_id, brought_by, created_at);

insert into private.contact_references (table_name, column_name, on_merge, because) values
('public.ticket_participants', 'contact_id', 'move', 'the winner takes part; where both do, as it does itself'),
('public.ticket_participants', 'brought_by', 'move', 'the winner named them');

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'ticket.participant.changed', 'ticket', 'agents',
  'Somebody takes part in a ticket, in another role, or no more: then the role is null.',
  '{"contact_id": {"$ref": "#/$defs/contact_id"}, "role": {"enum": ["cc", "bcc", null]}}',
  false,
  '{"contact_id": "01993f2a-5c00-7b1e-9c41-4f2f0a6d7e10", "role": "cc"}'
);

create function private.announce_participant() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  part public.ticket_participants := coalesce(new, old);
begin
  if tg_op <> 'DELETE' or exists (select from public.tickets as t where t.id = part.ticket_id) then
    perform private.emit(
      part.organization_id, 'ticket.participant.changed', part.ticket_id,
      jsonb_build_object(
        'contact_id', part.contact_id,
        'role', case when tg_op <> 'DELETE' and part.removed_at is null then part.role end
      ),
      'agents', part.ticket_id
    );
  end if;
  return null;
end;
$$;

create trigger ticket_participants_announce after insert or delete on public.ticket_participants
for each row execute function private.announce_participant();
create trigger ticket_participants_announce_change after update on public.ticket_participants
for each row when ((old.role, old.removed_at) is distinct from (new.role, new.removed_at))
execute function private.announce_participant();

create function private.max_participants() returns integer
language sql immutable parallel safe set search_path = '' as $$
  select 20;
$$;

-- Is it an address that mail to this organization comes in by? With whatever stands behind a `+`.
create function private.is_own_address(organization_id uuid, email text) returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return exists (
    select from public.mail_addresses as m
    where m.organization_id = is_own_address.organization_id
      and m.address = regexp_replace(is_own_address.email, '\+[^@]*@', '@')
  );
end;
$$;

-- Adds somebody to a ticket: a contact, or an address, which becomes one. Agents.
create function private.add_participant(ticket_id uuid, contact_id uuid, email text, name text, role text)
returns public.ticket_participants
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  ticket public.tickets;
  address constant text := private.normal_email(add_participant.email);
  joining uuid;
  part public.ticket_participants;
begin
  select * into ticket from public.tickets as t
  where t.id = private.ticket_now(add_participant.ticket_id)
    and t.organization_id = any (array(select private.my_organizations('agent')))
  for no key update;
  if ticket.id is null then
    raise exception 'there is no ticket %', add_participant.ticket_id using errcode = 'PT404';
  end if;
  if add_participant.contact_id is not null then
    select c.id into joining from public.contacts as c
    where c.organization_id = ticket.organization_id and c.id = add_participant.contact_id;
  elsif coalesce(address !~ '^[^@\s<>,;"]+@[^@\s<>,;"]+$', true) then
    raise exception 'a participant is a contact_id, or an email' using errcode = '22023';
  elsif private.is_own_address(ticket.organization_id, address) then
    raise exception '% is an address of your own: mail to it comes in here', address using errcode = '23514';
  else
    joining := private.contact_for(ticket.organization_id, address, coalesce(left(add_participant.name, 500), ''));
  end if;
  if joining is null then
    raise exception 'there is no contact %', add_participant.contact_id using errcode = 'PT404';
  end if;
  if joining = ticket.contact_id then
    raise exception 'the ticket is theirs: they are answered in any case' using errcode = '23514';
  end if;
  if (
    select count(*) from public.ticket_participants as p
    where p.ticket_id = ticket.id and p.removed_at is null and p.contact_id <> joining
  ) >= private.max_participants() then
    raise exception 'a ticket has at most % participants', private.max_participants() using errcode = '23514';
  end if;
  insert into public.ticket_participants as p (organization_id, ticket_id, contact_id, role, source, added_by)
  values (
    ticket.organization_id, ticket.id, joining, coalesce(add_participant.role, 'cc'), 'agent',
    (select private.actor_id())
  )
  on conflict (ticket_id, contact_id) do update
  set role = excluded.role, source = 'agent', added_by = excluded.added_by, removed_at = null
  returning p.* into part;
  return part;
end;
$$;

create function public.add_participant(
  ticket_id uuid, contact_id uuid default null, email text default null, name text default null, role text default 'cc'
) returns public.ticket_participants
language sql set search_path = '' as $$
  select * from private.add_participant(
    add_participant.ticket_id, add_participant.contact_id, add_participant.email, add_participant.name,
    add_participant.role
  );
$$;

-- Takes somebody out: they get no more copies, and no mail brings them back. Agents. Returns whether they took part.
create function private.remove_participant(ticket_id uuid, contact_id uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if not exists (
    select from public.tickets as t
    where t.id = remove_participant.ticket_id
      and t.organization_id = any (array(select private.my_organizations('agent')))
  ) then
    raise exception 'there is no ticket %', remove_participant.ticket_id using errcode = 'PT404';
  end if;
  update public.ticket_participants as p set removed_at = now()
  where p.ticket_id = private.ticket_now(remove_participant.ticket_id)
    and p.contact_id = remove_participant.contact_id and p.removed_at is null;
  return found;
end;
$$;

create function public.remove_participant(ticket_id uuid, contact_id uuid) returns boolean
language sql set search_path = '' as $$
  select private.remove_participant(remove_participant.ticket_id, remove_participant.contact_id);
$$;

-- Whom a mail names besides us, its sender and members, joins its ticket. Nobody does by a mail that names more than
-- twelve (it was sent to a crowd), when the ticket is full, or when the sender's mails have brought fifty people in a
-- day: a stranger must not make us write to whom they choose. For the tenant that the function works for; it refuses
-- nothing, for mail is never lost over it.
create function private.bring_participants(ticket_id uuid, sender_id uuid, named jsonb) returns void
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  organization constant uuid := (select private.current_organization());
  person record;
begin
  if jsonb_array_length(named) not between 1 and 12 or (
    select count(*) from public.ticket_participants as p
    where p.organization_id = organization and p.brought_by = sender_id and p.created_at > now() - interval '1 day'
  ) >= 50 then
    return;
  end if;
  for person in
    select n.email, max(n.name) as name
    from (
      select private.normal_email(n.email) as email, left(coalesce(n.name, ''), 500) as name
      from jsonb_to_recordset(named) as n (email text, name text)
    ) as n
    where n.email ~ '^[^@\s<>,;"]+@[^@\s<>,;"]+$' and length(n.email) <= 320
      and not private.is_own_address(organization, n.email)
      and private.member_by_email(n.email) is null
      and not exists (
        select from public.contacts as c
        join public.tickets as t on t.id = bring_participants.ticket_id
        where c.organization_id = organization and c.email = n.email and c.id in (t.contact_id, sender_id)
      )
    group by n.email
    limit greatest(private.max_participants() - (
      select count(*) from public.ticket_participants as p where p.ticket_id = bring_participants.ticket_id
    ), 0)
  loop
    insert into public.ticket_participants (organization_id, ticket_id, contact_id, source, brought_by)
    values (
      organization, bring_participants.ticket_id, private.contact_for(organization, person.email, person.name), 'mail',
      sender_id
    )
    on conflict do nothing;
  end loop;
end;
$$;

-- May a contact write in a ticket: it is theirs, or they take part? Volatile, so that it sees a ticket which was opened
-- for the very message that is being written (57_reopen.sql).
create function private.may_write_in(ticket_id uuid, contact_id uuid) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  return exists (
    select from public.tickets as t
    where t.id = may_write_in.ticket_id and t.contact_id = may_write_in.contact_id
    union all
    select from public.ticket_participants as p
    where p.ticket_id = may_write_in.ticket_id and p.contact_id = may_write_in.contact_id and p.removed_at is null
  );
end;
$$;


-- sql/59_notifications.sql

-- What a member should know of: a row for each ticket and kind, told at once in the app, mailed as they wish.

-- What members are told of, and how unless they wish otherwise.
create table private.notification_kinds (
  kind text primary key check (kind ~ '^[a-z_]+$'),
  happens text not null,
  in_app boolean not null,
  mail text not null check (mail in ('at_once', 'digest', 'off'))
);

insert into private.notification_kinds (kind, happens, in_app, mail) values
  ('mentioned', 'a note names you, or a team of yours', true, 'at_once'),
  ('assigned', 'a ticket became yours', true, 'at_once'),
  ('team_assigned', 'a ticket came to a team of yours, and is nobody''s yet', false, 'off'),
  ('replied', 'the contact wrote in a ticket of yours', true, 'digest'),
  ('noted', 'somebody left a note in a ticket of yours', true, 'digest'),
  ('sla_warned', 'a ticket of yours, or your team''s and nobody''s, is nearly late', true, 'at_once'),
  ('sla_breached', 'a ticket of yours, or your team''s and nobody''s, is late', true, 'at_once'),
  ('rated_badly', 'a contact gave 1 or 2 to a ticket that was yours; managers hear of all', true, 'digest'),
  ('mail_failed', 'an answer in a ticket of yours did not reach its contact', true, 'at_once'),
  ('webhook_disabled', 'a webhook endpoint was switched off after failing too long; admins', true, 'at_once');

create table public.notification_preferences (
  organization_id uuid not null,
  user_id uuid not null default auth.uid(),
  kind text not null references private.notification_kinds (kind) on delete cascade,
  in_app boolean not null default true,
  mail text not null default 'off' check (mail in ('at_once', 'digest', 'off')),
  created_at timestamptz not null default now(),
  primary key (organization_id, kind, user_id),
  foreign key (organization_id, user_id) references public.members (organization_id, user_id) on delete cascade
);
create index notification_preferences_user_idx on public.notification_preferences (organization_id, user_id);
create index notification_preferences_kind_idx on public.notification_preferences (kind);

create table public.notification_settings (
  organization_id uuid not null,
  user_id uuid not null default auth.uid(),
  digest text not null default 'daily' check (digest in ('hourly', 'daily')),
  -- The hour of the day at which a daily digest comes, where the member is.
  digest_hour smallint not null default 8 check (digest_hour between 0 and 23),
  -- Null: that of the organization's default calendar.
  time_zone text check (length(time_zone) <= 64),
  -- No mail at all since then: by the link of a mail, or because mail to the member came back.
  mail_stopped_at timestamptz,
  mail_stopped_because text check (length(mail_stopped_because) <= 200),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, user_id),
  foreign key (organization_id, user_id) references public.members (organization_id, user_id) on delete cascade
);

create trigger notification_settings_touch before update on public.notification_settings
for each row execute function private.touch();
create trigger notification_settings_time_zone before insert or update of time_zone on public.notification_settings
for each row when (new.time_zone is not null) execute function private.check_time_zone();

create table public.notifications (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null,
  user_id uuid not null,
  kind text not null,
  ticket_id uuid,
  -- What it is about, of several the latest: a message, a rating, an endpoint, or the ticket.
  subject_id uuid not null,
  -- Who did it, if anybody.
  actor_id uuid,
  -- The message of the ticket that it is about: who has read up to there has read this.
  seq integer,
  count integer not null default 1,
  in_app boolean not null,
  mail text not null check (mail in ('at_once', 'digest', 'off')),
  -- The mail that told of it, by outgoing_mails.about_id.
  mailed_in uuid,
  created_at timestamptz not null default now(),
  -- When it happened last.
  at timestamptz not null default now(),
  seen_at timestamptz,
  read_at timestamptz,
  unique (organization_id, id),
  foreign key (organization_id, user_id) references public.members (organization_id, user_id) on delete cascade,
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade
);
-- While one is not read, more of its kind are counted, not added.
create unique index notifications_unread_idx on public.notifications (user_id, organization_id, ticket_id, kind)
nulls not distinct where read_at is null;
create index notifications_user_idx on public.notifications (organization_id, user_id, at desc);
create index notifications_ticket_idx on public.notifications (organization_id, ticket_id);
create index notifications_mailed_idx on public.notifications (organization_id, mailed_in) where mailed_in is not null;

-- When a member's next digest comes.
create function private.next_digest(settings public.notification_settings, default_zone text) returns timestamptz
language plpgsql stable set search_path = '' as $$
declare
  zone constant text := coalesce(settings.time_zone, default_zone, 'UTC');
  here constant timestamp := now() at time zone zone;
  due timestamp := date_trunc('day', here) + make_interval(hours => coalesce(settings.digest_hour, 8));
begin
  if settings.digest = 'hourly' then
    return date_trunc('hour', now()) + interval '1 hour';
  end if;
  return (case when due > here then due else due + interval '1 day' end) at time zone zone;
end;
$$;

-- Asks for the mail that will tell a member of what they have not read by then. At once means after two minutes: who is
-- there reads it in the app, and gets no mail.
create function private.await_notices(organization_id uuid, user_id uuid, mail text) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  settings public.notification_settings;
  zone text;
  due timestamptz := now() + interval '2 minutes';
begin
  if await_notices.mail = 'digest' then
    select s.* into settings from public.notification_settings as s
    where s.organization_id = await_notices.organization_id and s.user_id = await_notices.user_id;
    select c.time_zone into zone from public.calendars as c
    where c.organization_id = await_notices.organization_id and c.is_default;
    due := private.next_digest(settings, zone);
  else
    -- What comes while one waits goes along, and does not put it off.
    select coalesce(min(n.at) + interval '2 minutes', due) into due
    from public.notifications as n
    where n.organization_id = await_notices.organization_id and n.user_id = await_notices.user_id
      and n.mail = 'at_once' and n.mailed_in is null and n.read_at is null;
  end if;
  perform private.enqueue(
    await_notices.organization_id, 'clock',
    jsonb_build_object('ring', 'notices', 'user_id', await_notices.user_id, 'mail', await_notices.mail),
    due, dedupe_key => concat_ws(':', 'notices', await_notices.mail, await_notices.user_id)
  );
end;
$$;

-- Tells members of something, each as they wish; never whoever did it.
create function private.notify(
  organization_id uuid, users uuid[], kind text, subject_id uuid, ticket_id uuid default null, seq integer default null
) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  usual private.notification_kinds;
  actor constant uuid := private.actor_id();
  due record;
begin
  if coalesce(cardinality(users), 0) = 0 then
    return;
  end if;
  select * into strict usual from private.notification_kinds as k where k.kind = notify.kind;
  -- A kind that nobody has asked for costs one look.
  if not usual.in_app and usual.mail = 'off' and not exists (
    select from public.notification_preferences as p
    where p.organization_id = notify.organization_id and p.kind = notify.kind
  ) then
    return;
  end if;
  for due in
    insert into public.notifications as n (
      organization_id, user_id, kind, ticket_id, subject_id, actor_id, seq, in_app, mail
    )
    select
      m.organization_id, m.user_id, notify.kind, notify.ticket_id, notify.subject_id, actor, notify.seq,
      coalesce(p.in_app, usual.in_app), coalesce(p.mail, usual.mail)
    from public.members as m
    left join public.notification_preferences as p
      on p.organization_id = m.organization_id and p.user_id = m.user_id and p.kind = notify.kind
    where m.organization_id = notify.organization_id and m.user_id = any (users)
      and m.user_id is distinct from actor
      and (coalesce(p.in_app, usual.in_app) or coalesce(p.mail, usual.mail) <> 'off')
    -- In one order, whoever else tells the same members at the same time.
    order by m.user_id
    on conflict (user_id, organization_id, ticket_id, kind) where read_at is null
    do update set count = n.count + 1, at = now(), seen_at = null, subject_id = excluded.subject_id,
      actor_id = excluded.actor_id, seq = greatest(n.seq, excluded.seq), in_app = excluded.in_app, mail = excluded.mail
    returning n.organization_id, n.user_id, n.mail, n.mailed_in
  loop
    if due.mail <> 'off' and due.mailed_in is null then
      perform private.await_notices(due.organization_id, due.user_id, due.mail);
    end if;
  end loop;
end;
$$;

-- What is new or was read is told on the member's own topic, to all of their windows.
create function private.tell_notifications() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform realtime.send(
    jsonb_build_object('organization_id', c.organization_id, 'notification_ids', (array_agg(c.id))[1:100]),
    'notifications', 'member:' || c.user_id, true
  )
  from changed as c
  where c.in_app
  group by c.organization_id, c.user_id;
  return null;
end;
$$;

create trigger notifications_tell_new after insert on public.notifications
referencing new table as changed
for each statement execute function private.tell_notifications();
create trigger notifications_tell after update on public.notifications
referencing new table as changed
for each statement execute function private.tell_notifications();

-- Who has read a ticket has read what they were told of it.
create function private.read_notifications() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.notifications as n set read_at = now()
  where n.user_id = new.user_id and n.organization_id = new.organization_id and n.ticket_id = new.ticket_id
    and n.read_at is null and coalesce(n.seq, 0) <= new.seq;
  return null;
end;
$$;

create trigger ticket_reads_notifications after insert or update on public.ticket_reads
for each row when (new.seq > 0) execute function private.read_notifications();

-- Whom a text names: members by `@[Ann](<user id>)`, all of a team by `@[Support](team:<team id>)`. Who is not of the
-- organization is named in vain.
create function private.mentioned(organization_id uuid, body text) returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
declare
  users uuid[];
begin
  if body !~ '@\[' then
    return '{}';
  end if;
  with named as (
    select match[1] is not null as is_team, private.try_uuid(match[2]) as id
    from regexp_matches(body, '@\[[^][\n]{1,200}\]\((team:)?([0-9A-Fa-f-]{36})\)', 'g') as match
    limit 50
  )
  select array_agg(distinct found.user_id) into users
  from (
    select m.user_id from public.members as m
    where m.organization_id = mentioned.organization_id and m.user_id in (select n.id from named as n where not n.is_team)
    union all
    select t.user_id from public.team_members as t
    where t.organization_id = mentioned.organization_id and t.team_id in (select n.id from named as n where n.is_team)
  ) as found;
  return coalesce(users, '{}');
end;
$$;

-- Who has to see to a ticket: its assignee, else its team.
create function private.carers(ticket public.tickets) returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
begin
  if ticket.assignee_id is not null then
    return array[ticket.assignee_id];
  end if;
  return array(
    select m.user_id from public.team_members as m
    where m.organization_id = ticket.organization_id and m.team_id = ticket.team_id
  );
end;
$$;

create function private.notify_of_event() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  organization constant uuid := new.organization_id;
  ticket public.tickets;
  named uuid[];
begin
  if new.type = 'webhook.disabled' then
    perform private.notify(
      organization, array(
        select m.user_id from public.members as m where m.organization_id = organization and m.role >= 'admin'
      ), 'webhook_disabled', new.subject_id
    );
    return null;
  end if;
  select t.* into ticket from public.tickets as t where t.id = new.ticket_id;
  if new.type = 'message.received' then
    if new.data ->> 'sender_status' = 'known' and not (new.data ->> 'is_machine')::boolean then
      perform private.notify(
        organization, array_remove(array[ticket.assignee_id], null), 'replied', new.subject_id, ticket.id,
        (new.data ->> 'seq')::integer
      );
    end if;
  elsif new.type = 'note.created' then
    select private.mentioned(m.organization_id, m.body_text) into named
    from public.messages as m
    where m.id = new.subject_id and m.sender = 'member';
    perform private.notify(
      organization, named, 'mentioned', new.subject_id, ticket.id, (new.data ->> 'seq')::integer
    );
    if named is not null and ticket.assignee_id <> all (named) then
      perform private.notify(
        organization, array[ticket.assignee_id], 'noted', new.subject_id, ticket.id, (new.data ->> 'seq')::integer
      );
    end if;
  elsif new.type in ('sla.warned', 'sla.breached') then
    perform private.notify(organization, private.carers(ticket), replace(new.type, '.', '_'), ticket.id, ticket.id);
  elsif new.type = 'ticket.rated' then
    if (new.data ->> 'score')::integer <= 2 and coalesce((new.data ->> 'previous')::integer, 5) > 2 then
      perform private.notify(
        organization, array(
          select r.member_id from public.csat_ratings as r where r.id = new.subject_id and r.member_id is not null
          union
          select m.user_id from public.members as m where m.organization_id = organization and m.role >= 'manager'
        ), 'rated_badly', new.subject_id, ticket.id
      );
    end if;
  elsif new.data ->> 'kind' = 'reply' then
    perform private.notify(
      organization, array_remove(array[ticket.assignee_id], null), 'mail_failed', new.subject_id, ticket.id
    );
  end if;
  return null;
end;
$$;

create trigger events_notify after insert on public.events
for each row when (
  new.type in (
    'message.received', 'note.created', 'sla.warned', 'sla.breached', 'ticket.rated', 'mail.failed', 'mail.unknown',
    'mail.bounced', 'webhook.disabled'
  )
)
execute function private.notify_of_event();

create function private.notify_of_assignment() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if new.assignee_id is not null and (tg_op = 'INSERT' or old.assignee_id is distinct from new.assignee_id) then
    perform private.notify(new.organization_id, array[new.assignee_id], 'assigned', new.id, new.id);
  elsif new.assignee_id is null and new.team_id is not null and not new.is_spam then
    perform private.notify(new.organization_id, private.carers(new), 'team_assigned', new.id, new.id);
  end if;
  return null;
end;
$$;

create trigger tickets_notify_new after insert on public.tickets
for each row when (new.assignee_id is not null or new.team_id is not null)
execute function private.notify_of_assignment();
create trigger tickets_notify after update on public.tickets
for each row when (
  new.assignee_id is distinct from old.assignee_id and new.assignee_id is not null
  or new.team_id is distinct from old.team_id and new.team_id is not null
)
execute function private.notify_of_assignment();

-- The time of a member's mail has come: all that they have not read and were not mailed goes into one.
create function private.ring_notices(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  organization constant uuid := private.current_organization();
  member constant uuid := (payload ->> 'user_id')::uuid;
  bundle constant uuid := private.uuid7();
begin
  update public.notifications as n set mailed_in = bundle
  where n.user_id = member and n.organization_id = organization
    and n.read_at is null and n.mailed_in is null and n.mail = payload ->> 'mail'
    and not exists (
      select from public.notification_settings as s
      where s.organization_id = organization and s.user_id = member and s.mail_stopped_at is not null
    );
  if found then
    perform private.enqueue_own(
      'send_mail', jsonb_build_object('type', 'notices', 'subject_id', bundle, 'user_id', member),
      order_key => 'send_mail:' || member
    );
  end if;
end;
$$;

-- Another hour or zone is kept by the digest that waits already.
create function private.move_digest() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if exists (
    select from public.notifications as n
    where n.user_id = new.user_id and n.organization_id = new.organization_id
      and n.read_at is null and n.mailed_in is null and n.mail = 'digest'
  ) then
    perform private.await_notices(new.organization_id, new.user_id, 'digest');
  end if;
  return null;
end;
$$;

create trigger notification_settings_digest after insert or update on public.notification_settings
for each row execute function private.move_digest();

-- The member that a bundle is for, as mail needs them. No row where they get no mail. For the tenant that the function
-- works for.
create function private.notices_recipient(bundle uuid) returns table (user_id uuid, to_address text, to_name text)
language plpgsql stable security definer set search_path = '' rows 1 as $$
#variable_conflict use_column
begin
  return query
  select m.user_id, lower(u.email::text), m.display_name
  from public.members as m
  join auth.users as u on u.id = m.user_id
  left join public.notification_settings as s on s.organization_id = m.organization_id and s.user_id = m.user_id
  where m.organization_id = private.current_organization()
    and m.user_id = (
      select n.user_id from public.notifications as n
      where n.organization_id = private.current_organization() and n.mailed_in = notices_recipient.bundle
      limit 1
    )
    and u.email_confirmed_at is not null
    and s.mail_stopped_at is null;
end;
$$;

-- No more mail to a member of the tenant that the function works for. False: there is no such member.
create function private.stop_notices(user_id uuid, because text) returns boolean
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  insert into public.notification_settings as s (organization_id, user_id, mail_stopped_at, mail_stopped_because)
  select m.organization_id, m.user_id, now(), stop_notices.because
  from public.members as m
  where m.organization_id = private.current_organization() and m.user_id = stop_notices.user_id
  on conflict (organization_id, user_id) do update
  set mail_stopped_at = coalesce(s.mail_stopped_at, now()),
    mail_stopped_because = coalesce(s.mail_stopped_because, stop_notices.because);
  return found;
end;
$$;

-- When the caller's digest comes, and whether they get mail at all.
create function private.set_digest(
  organization_id uuid, digest text, digest_hour integer, time_zone text, mail boolean
) returns public.notification_settings
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  chosen public.notification_settings;
begin
  if set_digest.organization_id not in (select private.my_organizations()) or (select auth.uid()) is null then
    raise exception 'you are not a member of this organization' using errcode = '42501';
  end if;
  insert into public.notification_settings as s (
    organization_id, user_id, digest, digest_hour, time_zone, mail_stopped_at
  )
  values (
    set_digest.organization_id, (select auth.uid()), set_digest.digest, set_digest.digest_hour, set_digest.time_zone,
    case when not set_digest.mail then now() end
  )
  on conflict (organization_id, user_id) do update
  set digest = excluded.digest, digest_hour = excluded.digest_hour, time_zone = excluded.time_zone,
    mail_stopped_at = case when not set_digest.mail then coalesce(s.mail_stopped_at, now()) end,
    mail_stopped_because = case when not set_digest.mail then s.mail_stopped_because end
  returning s.* into chosen;
  return chosen;
end;
$$;

create function public.set_digest(
  organization_id uuid, digest text default 'daily', digest_hour integer default 8, time_zone text default null,
  mail boolean default true
) returns public.notification_settings
language sql set search_path = '' as $$
  select * from private.set_digest(
    set_digest.organization_id, set_digest.digest, set_digest.digest_hour, set_digest.time_zone, set_digest.mail
  );
$$;

-- How the caller is told of each kind in an organization.
create function private.notification_choices(organization_id uuid)
returns table (kind text, happens text, in_app boolean, mail text, is_default boolean)
language sql stable security definer set search_path = '' as $$
  select k.kind, k.happens, coalesce(p.in_app, k.in_app), coalesce(p.mail, k.mail), p.kind is null
  from private.notification_kinds as k
  left join public.notification_preferences as p
    on p.organization_id = notification_choices.organization_id and p.user_id = (select auth.uid()) and p.kind = k.kind
  where notification_choices.organization_id in (select private.my_organizations())
  order by k.kind;
$$;

create function public.notification_choices(organization_id uuid)
returns table (kind text, happens text, in_app boolean, mail text, is_default boolean)
language sql stable set search_path = '' as $$
  select * from private.notification_choices(notification_choices.organization_id);
$$;

-- The caller's unread notifications, for the badge: all, and those that came since they last looked.
create function public.notification_counts(organization_id uuid) returns table (unread integer, unseen integer)
language sql stable set search_path = '' as $$
  select count(*)::integer, (count(*) filter (where n.seen_at is null))::integer
  from public.notifications as n
  where n.organization_id = notification_counts.organization_id and n.user_id = (select auth.uid())
    and n.read_at is null and n.in_app;
$$;


-- sql/60_triage.sql

-- What a message is about, and how that is learned from people.

-- A text that somebody filed under a category. What is written here without an embedding is embedded and learned by the
-- job `refit`, which every change asks for.
create table public.triage_examples (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  category_id uuid not null,
  -- Where it comes from; one word per ticket, the last one counts. It goes with the ticket.
  ticket_id uuid,
  text text not null check (length(btrim(text)) between 1 and 4000),
  embedding extensions.vector(384),
  -- The wording: chalicelib/triage/lexical.py.
  lexical extensions.sparsevec(65536),
  -- The model that made the embedding.
  model text,
  source text not null default 'seed' check (source in ('seed', 'correction', 'confirmation')),
  -- When it was last filed: newer than the head's reading, it counts as a neighbour of its own weight.
  learned_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default now(),
  check ((embedding is null) = (lexical is null) and (embedding is null) = (model is null)),
  unique (organization_id, ticket_id),
  foreign key (organization_id, category_id)
    references public.ticket_categories (organization_id, id) on delete cascade,
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade
);
-- Every prediction reads every embedding of the organization: beside the row (1.5 kB), not in the toast table.
alter table public.triage_examples alter column embedding set storage plain;
create index triage_examples_category_idx on public.triage_examples (organization_id, category_id);
create index triage_examples_recent_idx on public.triage_examples (organization_id, learned_at);

-- The linear head of an organization: what was fitted, on what, and how its logits and the neighbours' votes become
-- probabilities (chalicelib/triage/blend.py says what the numbers mean).
create table private.triage_heads (
  organization_id uuid primary key references public.organizations (id) on delete cascade,
  model text not null,
  examples integer not null,
  -- Examples learned after this were not seen by it.
  read_at timestamptz not null,
  fitted_at timestamptz not null default now(),
  slope double precision not null,
  vote double precision not null,
  logit_mean double precision not null,
  logit_deviation double precision not null check (logit_deviation > 0),
  cosine_mean double precision not null,
  cosine_deviation double precision not null check (cosine_deviation > 0),
  -- Below this the text is like nothing that was filed.
  floor double precision not null
);

create table private.triage_weights (
  organization_id uuid not null references private.triage_heads (organization_id) on delete cascade,
  category_id uuid not null,
  weight extensions.vector(384) not null,
  bias double precision not null,
  primary key (organization_id, category_id),
  foreign key (organization_id, category_id)
    references public.ticket_categories (organization_id, id) on delete cascade
);

-- What triage saw in one message of a contact.
create table public.triage_results (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid not null,
  message_id uuid not null,
  -- The text that was looked at, and its vectors: what a correction learns from.
  text text not null,
  embedding extensions.vector(384) not null,
  lexical extensions.sparsevec(65536) not null,
  model text not null,
  -- The best category and how probable it is, also where none was taken (abstained).
  category_id uuid,
  confidence real not null default 0 check (confidence between 0 and 1),
  -- No label fits: the text is unlike everything that was filed, or nothing was filed yet.
  abstained boolean not null,
  -- [{category_id, confidence}], best first.
  ranking jsonb not null default '[]',
  -- The examples that spoke for the category, nearest first.
  evidence uuid[] not null default '{}',
  language text,
  priority public.ticket_priority not null,
  sentiment text not null check (sentiment in ('negative', 'neutral', 'positive')),
  is_spam boolean not null,
  wants_human boolean not null,
  -- refund, account_access, legal, payment, security, cancellation
  sensitive text[] not null default '{}',
  -- Something in the text addresses a machine. Never a reason to drop it.
  injection boolean not null,
  -- {name: {value, confidence, evidence: [words of the text]}} for each of the signals above.
  signals jsonb not null,
  ms integer not null,
  created_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, message_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, message_id) references public.messages (organization_id, id) on delete cascade,
  foreign key (organization_id, category_id)
    references public.ticket_categories (organization_id, id) on delete set null (category_id)
);
create index triage_results_ticket_idx on public.triage_results (organization_id, ticket_id, created_at);
create index triage_results_category_idx on public.triage_results (organization_id, category_id);

insert into private.routes (event_type, consumer, only_if) values
  (
    'message.received', 'triage',
    '{"sender": "contact", "is_machine": false, "sender_status": "known", "process": true}'
  );

-- The categories of a text, best first, with calibrated probabilities that sum to 1.
--
-- The head gives each category a logit. The 20 examples most alike in meaning and wording (of the 100 nearest by
-- embedding) vote. Both are weighed as the last fit found best. What was learned since that fit counts as a voter like
-- any other and, the more alike it is, overrules the rest: the same words again get the label they were corrected to.
-- `abstain` looks at the best logit and the distance of the neighbours: a softmax is sure of something in any case.
create function private.predict_category(
  organization_id uuid, embedding extensions.vector, lexical extensions.sparsevec, top integer default 5
)
returns table (category_id uuid, confidence double precision, evidence uuid[], abstain boolean)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  with head as (
    -- Before the first fit the neighbours are all there is.
    select
      h.read_at, coalesce(h.slope, 1.4) as slope, coalesce(h.vote, 0.6) as vote,
      coalesce(h.logit_mean, 0) as logit_mean, coalesce(h.logit_deviation, 1) as logit_deviation,
      coalesce(h.cosine_mean, 0.6) as cosine_mean, coalesce(h.cosine_deviation, 0.1) as cosine_deviation,
      coalesce(h.floor, -2) as floor
    from (select) as always
    left join private.triage_heads as h on h.organization_id = predict_category.organization_id
  ),
  near as materialized (
    select
      e.id, e.category_id, e.lexical, e.learned_at,
      -(e.embedding operator(extensions.<#>) predict_category.embedding) as cosine
    from public.triage_examples as e
    where e.organization_id = predict_category.organization_id and e.embedding is not null
    order by e.embedding operator(extensions.<#>) predict_category.embedding
    limit 100
  ),
  voters as (
    select
      v.id, v.category_id, v.alike, exp((v.alike - max(v.alike) over ()) / 0.05) as weight,
      v.learned_at > h.read_at as is_fresh
    from (
      select
        n.id, n.category_id, n.learned_at,
        n.cosine - 0.6 * (n.lexical operator(extensions.<#>) predict_category.lexical) as alike
      from near as n
      order by alike desc, n.id
      limit 20
    ) as v
    cross join head as h
  ),
  votes as (
    select
      v.category_id, sum(v.weight) / sum(sum(v.weight)) over () as share,
      array_agg(v.id order by v.alike desc) as ids
    from voters as v
    group by v.category_id
  ),
  -- 1.6 is the likeness of a text to itself.
  fresh as (
    select v.category_id, sum(v.weight) / sum(sum(v.weight)) over () as share,
      max(max(v.alike)) over () as alike
    from voters as v
    where v.is_fresh
    group by v.category_id
  ),
  logits as (
    select w.category_id, -(w.weight operator(extensions.<#>) predict_category.embedding) + w.bias as logit
    from private.triage_weights as w
    where w.organization_id = predict_category.organization_id
  ),
  scores as (
    select
      coalesce(l.category_id, v.category_id) as category_id, v.ids,
      -- A category that the head has not seen yet stands with its average.
      h.slope * coalesce(l.logit, (select avg(logit) from logits), 0)
        + h.vote * ln(coalesce(v.share, 0) + 0.03) as score
    from logits as l
    full join votes as v on v.category_id = l.category_id
    cross join head as h
  ),
  shares as (
    select s.category_id, s.ids, exp(s.score - max(s.score) over ()) as share from scores as s
  ),
  mixed as (
    select
      s.category_id, s.ids,
      (1 - f.weight) * s.share / sum(s.share) over () + f.weight * coalesce(fresh.share, 0) as confidence
    from shares as s
    left join fresh on fresh.category_id = s.category_id
    cross join (select least(coalesce(max(exp((fresh.alike - 1.6) / 0.15)), 0), 0.95) as weight from fresh) as f
  )
  select
    m.category_id, m.confidence, coalesce(m.ids[1:5], '{}'),
    -- Something newly filed may be known to the neighbours alone.
    coalesce(
      ((select max(logit) from logits) - h.logit_mean) / h.logit_deviation, 0
    ) + (
      (select avg(five.cosine) from (select n.cosine from near as n order by n.cosine desc limit 5) as five)
        - h.cosine_mean
    ) / h.cosine_deviation < h.floor
    and coalesce((select max(fresh.alike) from fresh), 0) < 1.1
  from mixed as m
  cross join head as h
  order by m.confidence desc, m.category_id
  limit top;
end;
$$;

-- Asks for a new fit, soon: one for all that is learned until it runs.
create function private.request_refit(organization_id uuid, delay interval) returns void
language plpgsql security definer set search_path = '' as $$
declare
  waiting timestamptz := (
    select min(j.run_at) from private.jobs as j
    where j.organization_id = request_refit.organization_id and j.consumer = 'refit' and j.dedupe_key = 'refit'
      and j.state = 'waiting'
  );
begin
  -- Never later than what already waits: a steady flow of corrections must not put the fit off for ever.
  if waiting is null or waiting > now() + delay then
    perform private.enqueue(
      request_refit.organization_id, 'refit', '{}', now() + delay, dedupe_key => 'refit', order_key => 'refit'
    );
  end if;
end;
$$;

-- Seeds wait for their embeddings, so their job runs at once; single words of agents already count and can wait.
create function private.relearn() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.request_refit(
    changed.organization_id, case when bool_or(changed.embedding is null) then '0' else '2 minutes' end::interval
  )
  from changed
  -- An organization that is being deleted has no more use for it.
  where exists (select from public.organizations as o where o.id = changed.organization_id)
  group by changed.organization_id;
  return null;
end;
$$;

create trigger triage_examples_learn_new after insert on public.triage_examples
referencing new table as changed for each statement execute function private.relearn();
create trigger triage_examples_forget after delete on public.triage_examples
referencing old table as changed for each statement execute function private.relearn();

-- A text that is edited or filed elsewhere is learned anew; one whose words changed has no vectors any more.
create function private.refile_example() returns trigger
language plpgsql set search_path = '' as $$
begin
  if new.text <> old.text then
    new.embedding := null;
    new.lexical := null;
    new.model := null;
  end if;
  if new.text <> old.text or new.category_id <> old.category_id or new.source <> old.source then
    new.learned_at := clock_timestamp();
  end if;
  return new;
end;
$$;

create trigger triage_examples_refile before update on public.triage_examples
for each row execute function private.refile_example();

create function private.relearn_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.request_refit(
    new.organization_id, case when new.embedding is null then '0' else '2 minutes' end::interval
  );
  return null;
end;
$$;

create trigger triage_examples_relearn after update of category_id, text on public.triage_examples
for each row when (new.category_id <> old.category_id or new.text <> old.text)
execute function private.relearn_changed();

-- Files a ticket's opening under its category, in the vectors that triage made of it.
create function private.learn(ticket public.tickets, source text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if ticket.category_id is null or ticket.is_spam then
    delete from public.triage_examples as e
    where e.organization_id = ticket.organization_id and e.ticket_id = ticket.id;
    return;
  end if;
  insert into public.triage_examples (organization_id, category_id, ticket_id, text, embedding, lexical, model, source)
  select r.organization_id, ticket.category_id, r.ticket_id, r.text, r.embedding, r.lexical, r.model, learn.source
  from public.triage_results as r
  where r.organization_id = ticket.organization_id and r.ticket_id = ticket.id and btrim(r.text) <> ''
  order by r.created_at, r.id
  limit 1
  on conflict (organization_id, ticket_id) do update
  set category_id = excluded.category_id, source = excluded.source, learned_at = excluded.learned_at;
end;
$$;

-- A member's word on the category teaches, whichever way it was given. So does a member who solves a ticket and leaves
-- the label alone. What the AI does by itself teaches nothing.
create function private.learn_from_ticket() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if (select auth.uid()) is null then
    return null;
  end if;
  if new.category_id is distinct from old.category_id or new.is_spam <> old.is_spam then
    perform private.learn(new, 'correction');
  elsif new.status_category = 'resolved' and old.status_category <> 'resolved' and not exists (
    select from public.triage_examples as e where e.organization_id = new.organization_id and e.ticket_id = new.id
  ) then
    perform private.learn(new, 'confirmation');
  end if;
  return null;
end;
$$;

create trigger tickets_teach after update on public.tickets
for each row when (
  new.category_id is distinct from old.category_id or new.is_spam <> old.is_spam
  or new.status_category <> old.status_category
)
execute function private.learn_from_ticket();

-- An agent says that the label is right.
create function private.confirm_category(ticket_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  ticket public.tickets;
begin
  select * into ticket from public.tickets as t
  where t.id = confirm_category.ticket_id and t.organization_id in (select private.my_organizations('agent'));
  if ticket.id is null then
    raise exception 'there is no ticket % that you may file', confirm_category.ticket_id using errcode = 'PT404';
  end if;
  update public.tickets as t
  set set_by_member = array(select distinct unnest(t.set_by_member || array['category_id']) order by 1)
  where t.id = ticket.id;
  perform private.learn(ticket, 'confirmation');
end;
$$;

-- An agent's word on a ticket: its category and, where given, its priority and team. Counts from the next ticket on.
create function public.correct_triage(
  ticket_id uuid, category_id uuid, priority public.ticket_priority default null, team_id uuid default null
) returns public.tickets
language plpgsql set search_path = '' as $$
declare
  before public.tickets;
  corrected public.tickets;
begin
  select * into before from public.tickets as t where t.id = correct_triage.ticket_id for update;
  update public.tickets as t
  set category_id = correct_triage.category_id,
    priority = coalesce(correct_triage.priority, t.priority),
    team_id = coalesce(correct_triage.team_id, t.team_id)
  where t.id = correct_triage.ticket_id
  returning * into corrected;
  if corrected.id is null then
    raise exception 'there is no ticket % that you may file', correct_triage.ticket_id using errcode = 'PT404';
  end if;
  if corrected.category_id is not distinct from before.category_id then
    perform private.confirm_category(corrected.id);
  end if;
  return corrected;
end;
$$;

-- The team that knows what a category asks for; of several the one with the fewest open tickets.
create function private.team_for_category(organization_id uuid, category_id uuid) returns uuid
language plpgsql stable set search_path = '' as $$
begin
  return (
    select ts.team_id
    from public.ticket_categories as c
    join public.team_skills as ts on ts.organization_id = c.organization_id and ts.skill_id = c.skill_id
    where c.organization_id = team_for_category.organization_id and c.id = team_for_category.category_id
    order by (
      select count(*) from public.tickets as t
      where t.organization_id = ts.organization_id and t.team_id = ts.team_id and t.status_category = 'open'
    ), ts.team_id
    limit 1
  );
end;
$$;

-- Keeps what triage saw and moves the ticket where no member has spoken. The category, priority and team follow the
-- ticket's first message; later ones can only raise the priority. Returns the result's id; the same message again
-- replaces its result.
create function private.record_triage(message_id uuid, seen jsonb) returns uuid
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  message public.messages;
  ticket public.tickets;
  result public.triage_results;
  is_first boolean;
begin
  select * into message from public.messages as m where m.id = record_triage.message_id;
  select * into ticket from public.tickets as t where t.id = message.ticket_id for update;
  if ticket.id is null then
    raise exception 'there is no message %', record_triage.message_id using errcode = 'PT404';
  end if;
  is_first := not exists (
    select from public.triage_results as r
    where r.organization_id = ticket.organization_id and r.ticket_id = ticket.id and r.message_id < message.id
  );
  insert into public.triage_results as r (
    organization_id, ticket_id, message_id, text, embedding, lexical, model, category_id, confidence, abstained,
    ranking, evidence, language, priority, sentiment, is_spam, wants_human, sensitive, injection, signals, ms
  )
  select
    ticket.organization_id, ticket.id, message.id, s.text, s.embedding::extensions.vector(384),
    s.lexical::extensions.sparsevec(65536), s.model, c.id, s.confidence, s.abstained or c.id is null, s.ranking,
    s.evidence, s.language, s.priority, s.sentiment, s.is_spam, s.wants_human, s.sensitive, s.injection, s.signals, s.ms
  from jsonb_to_record(seen) as s (
    text text, embedding text, lexical text, model text, category_id uuid, confidence real, abstained boolean,
    ranking jsonb, evidence uuid[], language text, priority public.ticket_priority, sentiment text, is_spam boolean,
    wants_human boolean, sensitive text[], injection boolean, signals jsonb, ms integer
  )
  -- A category that was deleted since the prediction.
  left join public.ticket_categories as c on c.organization_id = ticket.organization_id and c.id = s.category_id
  on conflict (organization_id, message_id) do update
  set text = excluded.text, embedding = excluded.embedding, lexical = excluded.lexical, model = excluded.model,
    category_id = excluded.category_id, confidence = excluded.confidence, abstained = excluded.abstained,
    ranking = excluded.ranking, evidence = excluded.evidence, language = excluded.language,
    priority = excluded.priority, sentiment = excluded.sentiment, is_spam = excluded.is_spam,
    wants_human = excluded.wants_human,
    sensitive = excluded.sensitive, injection = excluded.injection, signals = excluded.signals, ms = excluded.ms
  returning r.* into result;
  if is_first then
    insert into private.ticket_vectors as v (organization_id, ticket_id, embedding, model)
    values (result.organization_id, result.ticket_id, result.embedding::extensions.halfvec(384), result.model)
    on conflict (organization_id, ticket_id) do update set embedding = excluded.embedding, model = excluded.model;
  end if;
  update public.tickets as t
  set category_id = case
      when is_first and not 'category_id' = any (t.set_by_member) and not result.abstained then result.category_id
      else t.category_id
    end,
    team_id = case
      when is_first and not 'team_id' = any (t.set_by_member) and t.team_id is null and not result.abstained
        and not 'category_id' = any (t.set_by_member)
      then private.team_for_category(t.organization_id, result.category_id)
      else t.team_id
    end,
    priority = case
      when 'priority' = any (t.set_by_member) then t.priority
      when is_first then result.priority
      else greatest(t.priority, result.priority)
    end,
    language = case
      when 'language' = any (t.set_by_member) then t.language
      else coalesce(result.language, t.language)
    end,
    is_spam = case when is_first and not 'is_spam' = any (t.set_by_member) then result.is_spam else t.is_spam end,
    sentiment = result.sentiment
  where t.id = ticket.id;
  perform private.route_triaged(ticket.id);
  return result.id;
end;
$$;

create function private.announce_triage() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  ticket public.tickets;
begin
  -- A member may have been faster than triage.
  select * into ticket from public.tickets as t
  where t.organization_id = new.organization_id and t.id = new.ticket_id and 'category_id' = any (t.set_by_member);
  if ticket.id is not null then
    perform private.learn(ticket, 'correction');
  end if;
  perform private.emit(
    new.organization_id, 'ticket.triaged', new.ticket_id,
    jsonb_build_object(
      'message_id', new.message_id, 'category_id', new.category_id, 'confidence', new.confidence,
      'abstained', new.abstained, 'priority', new.priority, 'is_spam', new.is_spam
    ),
    'agents', new.ticket_id
  );
  return null;
end;
$$;

create trigger triage_results_announce after insert on public.triage_results
for each row execute function private.announce_triage();

-- Replaces an organization's head: `blend` as in chalicelib/triage/blend.py, one weight and bias for each category.
create function private.replace_head(
  organization_id uuid, model text, examples integer, read_at timestamptz, blend jsonb, categories uuid[],
  weights text[], biases double precision[]
) returns void
language plpgsql set search_path = '' as $$
begin
  delete from private.triage_heads as h where h.organization_id = replace_head.organization_id;
  insert into private.triage_heads (
    organization_id, model, examples, read_at, slope, vote, logit_mean, logit_deviation, cosine_mean, cosine_deviation,
    floor
  )
  select replace_head.organization_id, replace_head.model, replace_head.examples, replace_head.read_at, b.*
  from jsonb_to_record(blend) as b (
    slope double precision, vote double precision, logit_mean double precision, logit_deviation double precision,
    cosine_mean double precision, cosine_deviation double precision, floor double precision
  );
  insert into private.triage_weights (organization_id, category_id, weight, bias)
  select replace_head.organization_id, f.category_id, f.weight::extensions.vector(384), f.bias
  from unnest(categories, weights, biases) as f (category_id, weight, bias)
  -- A category that was deleted while the head was fitted.
  join public.ticket_categories as c on c.organization_id = replace_head.organization_id and c.id = f.category_id;
end;
$$;


-- sql/61_action_templates.sql

-- Forms: an agent sends one in a ticket, the contact fills it in, once: in the portal or by the signed link of a mail.

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'form.sent', 'action_form', 'contact',
  'An agent sent the contact a form to fill in; the message that carries it has its own `message.sent`.',
  '{"message_id": {"$ref": "#/$defs/message_id"}}',
  false,
  '{"message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33"}'
),
(
  'form.answered', 'action_form', 'contact',
  'The contact filled in a form; what they said stands in a message of theirs too.',
  '{"message_id": {"$ref": "#/$defs/message_id"}}',
  false,
  '{"message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33"}'
),
(
  'form.cancelled', 'action_form', 'contact',
  'An agent took a form back before it was filled in.',
  '{"message_id": {"$ref": "#/$defs/message_id"}}',
  false,
  '{"message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33"}'
);

create table public.action_templates (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 100),
  -- What the contact reads with it; may hold variables as canned responses do.
  body text not null check (length(body) between 1 and 20000),
  -- [{"key", "label", "type", "required", "options", "help", "maps_to"}, …] in the order they are asked.
  fields jsonb not null,
  expires_after interval not null default '14 days' check (expires_after between '1 hour' and '90 days'),
  -- No longer sent; what was sent stays.
  archived_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, name)
);

-- One form of a ticket, with its questions as they were when it was sent.
create table public.action_forms (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid not null,
  contact_id uuid not null,
  template_id uuid,
  -- The message that carries it.
  message_id uuid not null,
  title text not null,
  fields jsonb not null,
  status text not null default 'sent' check (status in ('sent', 'answered', 'cancelled')),
  answers jsonb,
  -- The message that says the same.
  answer_id uuid,
  expires_at timestamptz not null,
  answered_at timestamptz,
  created_at timestamptz not null default now(),
  check ((status = 'answered') = (answers is not null)),
  unique (organization_id, id),
  unique (organization_id, message_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id),
  foreign key (organization_id, template_id)
    references public.action_templates (organization_id, id) on delete set null (template_id),
  foreign key (organization_id, message_id) references public.messages (organization_id, id) on delete cascade
);
create index action_forms_ticket_idx on public.action_forms (organization_id, ticket_id);
create index action_forms_contact_idx on public.action_forms (organization_id, contact_id);
create index action_forms_template_idx on public.action_forms (organization_id, template_id);

insert into private.contact_references (table_name, column_name, on_merge, because) values
('public.action_forms', 'contact_id', 'move', 'the winner fills it in');

-- What an answer of type text may set; any may set a custom field of the contact (contact.fields.<key>) that has its
-- type. Nothing else.
create function private.form_targets() returns text[]
language sql immutable parallel safe set search_path = '' as $$
  select array['contact.name', 'ticket.subject'];
$$;

-- What is wrong with one field of a form's definition; null where it is sound.
create function private.form_field_error(field jsonb) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  types constant text[] := array[
    'text', 'number', 'boolean', 'date', 'select', 'multiselect', 'url', 'email', 'phone'
  ];
  properties constant text[] := array['key', 'label', 'type', 'required', 'options', 'help', 'maps_to'];
  options constant jsonb := coalesce(field -> 'options', '[]');
begin
  if jsonb_typeof(field) <> 'object' then
    return 'a field is an object';
  end if;
  return case
    when exists (select from jsonb_object_keys(field) as k where k <> all (properties))
      then 'a field has only ' || array_to_string(properties, ', ')
    when coalesce(field ->> 'key' !~ '^[a-z][a-z0-9_]{0,39}$', true) then 'a key is of a-z, 0-9 and _'
    when coalesce(length(btrim(field ->> 'label')) not between 1 and 200, true) then 'a label has 1 to 200 letters'
    when length(field ->> 'help') > 1000 then 'help has 1000 letters at most'
    when coalesce(field ->> 'type' <> all (types), true) then 'a type is one of ' || array_to_string(types, ', ')
    when jsonb_typeof(coalesce(field -> 'required', 'false')) <> 'boolean' then 'required is true or false'
    when jsonb_typeof(options) <> 'array' then 'options are a list'
    when (field ->> 'type' in ('select', 'multiselect')) <> (jsonb_array_length(options) between 1 and 200)
      then 'a select has 1 to 200 options, other fields have none'
    when jsonb_path_exists(options, '$[*] ? (@.type() != "string" || @ == "")') then 'an option is a text'
    when field ? 'maps_to' and coalesce(field ->> 'maps_to', '') !~ '^contact[.]fields[.][a-z][a-z0-9_]*$' and (
      coalesce(field ->> 'maps_to', '') <> all (private.form_targets()) or field ->> 'type' <> 'text'
    ) then 'a field may set contact.fields.<key>, one of type text ' || array_to_string(private.form_targets(), ' or ')
  end;
end;
$$;

create function private.check_action_template() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  problem text := private.text_error(new.body);
begin
  if problem is null and (jsonb_typeof(new.fields) <> 'array' or jsonb_array_length(new.fields) not between 1 and 50) then
    problem := 'a form has 1 to 50 fields';
  end if;
  if problem is null then
    select format('field %s: %s', f.nth, private.form_field_error(f.field)) into problem
    from jsonb_array_elements(new.fields) with ordinality as f (field, nth)
    where private.form_field_error(f.field) is not null
    order by f.nth
    limit 1;
  end if;
  if problem is null then
    select format('there are two fields "%s"', f.field ->> 'key') into problem
    from jsonb_array_elements(new.fields) as f (field)
    group by f.field ->> 'key'
    having count(*) > 1
    limit 1;
  end if;
  if problem is null then
    select format('field "%s": no custom field of contacts with this key takes its answers', f.field ->> 'key')
    into problem
    from jsonb_array_elements(new.fields) as f (field)
    where f.field ->> 'maps_to' like 'contact.fields.%'
      and not exists (
        select from public.custom_fields as c
        where c.organization_id = new.organization_id and c.target = 'contact'
          and c.key = substr(f.field ->> 'maps_to', length('contact.fields.') + 1) and c.type = f.field ->> 'type'
          and not c.is_sensitive and c.archived_at is null
          and to_jsonb(c.options) @> coalesce(f.field -> 'options', '[]')
      )
    limit 1;
  end if;
  if problem is not null then
    raise exception '%', problem using errcode = '23514';
  end if;
  return new;
end;
$$;

create trigger action_templates_check before insert or update of body, fields on public.action_templates
for each row execute function private.check_action_template();
create trigger action_templates_touch before update on public.action_templates
for each row execute function private.touch();

-- What is wrong with an answer to one field, as a word that clients put in theirs: required, or what it should be
-- (text, number, boolean, date, option, url, email, phone), or too_long. Null where it fits.
create function private.form_answer_error(field jsonb, answer jsonb) returns text
language plpgsql stable set search_path = '' as $$
declare
  kind constant text := field ->> 'type';
  said constant text := answer #>> '{}';
  given constant text := coalesce(jsonb_typeof(answer), 'null');
begin
  if given = 'null' or given = 'string' and said !~ '\S' or answer = '[]' or kind = 'boolean' and answer = 'false' then
    -- A box that must be ticked is required as any other.
    return case when (field ->> 'required')::boolean then 'required' end;
  elsif length(said) > 10000 then
    return 'too_long';
  end if;
  return case kind
    when 'number' then case when given <> 'number' then 'number' end
    when 'boolean' then case when given <> 'boolean' then 'boolean' end
    when 'multiselect' then case
      when given <> 'array' then 'option'
      when not field -> 'options' @> answer then 'option'
    end
    when 'select' then case when given <> 'string' or not (field -> 'options') ? said then 'option' end
    else case
      when given <> 'string' then 'text'
      when kind = 'date' and (said !~ '^\d{4}-\d\d-\d\d$' or not pg_input_is_valid(said, 'date')) then 'date'
      when kind = 'url' and said !~* '^https?://[^\s/?#]+\.[^\s]+$' then 'url'
      when kind = 'email' and said !~ '^[^@\s]+@[^@\s]+\.[^@\s]+$' then 'email'
      when kind = 'phone' and said !~ '^\+?[0-9 ()./-]{5,30}$' then 'phone'
    end
  end;
end;
$$;

-- What is wrong with the answers to a form, by the fields' keys; {} where all fit.
create function private.form_problems(fields jsonb, answers jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  problems jsonb;
begin
  if coalesce(jsonb_typeof(answers), 'null') <> 'object' then
    raise exception 'answers are an object: field by field' using errcode = '22023';
  end if;
  select coalesce(jsonb_object_agg(found.key, found.problem), '{}') into problems
  from (
    select f.field ->> 'key' as key, private.form_answer_error(f.field, answers -> (f.field ->> 'key')) as problem
    from jsonb_array_elements(fields) as f (field)
    union all
    select left(k, 60), 'unknown'
    from jsonb_object_keys(answers) as k
    where not jsonb_path_exists(fields, '$[*] ? (@.key == $key)', jsonb_build_object('key', k))
  ) as found
  where found.problem is not null;
  return problems;
end;
$$;

-- Makes the message of the caller's that was just sent carry a form.
create function private.attach_form(message_id uuid, template_id uuid) returns public.action_forms
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  attached public.action_forms;
begin
  insert into public.action_forms as f (
    organization_id, ticket_id, contact_id, template_id, message_id, title, fields, expires_at
  )
  select
    m.organization_id, t.id, t.contact_id, a.id, m.id, a.name, a.fields, now() + a.expires_after
  from public.messages as m
  join public.tickets as t on t.id = m.ticket_id
  join public.action_templates as a on a.organization_id = m.organization_id
  where m.id = attach_form.message_id and a.id = attach_form.template_id
    and m.sender = 'member' and not m.is_internal and m.member_id is not distinct from (select auth.uid())
    and m.organization_id in (select private.my_organizations('agent'))
  returning f.* into attached;
  if attached.id is null then
    raise exception 'a form is carried by a message of yours' using errcode = '42501';
  end if;
  perform private.emit(
    attached.organization_id, 'form.sent', attached.id, jsonb_build_object('message_id', attached.message_id),
    'contact', attached.ticket_id
  );
  return attached;
end;
$$;

-- Sends the contact of a ticket a form, as a reply that carries it: refused over a newer message, as any reply.
create function public.send_form(ticket_id uuid, template_id uuid, expected_seq integer) returns public.action_forms
language plpgsql set search_path = '' as $$
declare
  template public.action_templates;
  sent public.messages;
begin
  select * into template from public.action_templates as a
  where a.id = send_form.template_id and a.archived_at is null
    and a.organization_id = (select t.organization_id from public.tickets as t where t.id = send_form.ticket_id);
  if template.id is null then
    raise exception 'there is no such ticket and form' using errcode = 'PT404';
  end if;
  sent := public.send_reply(
    send_form.ticket_id, public.fill_text(template.body, send_form.ticket_id), send_form.expected_seq
  );
  return private.attach_form(sent.id, template.id);
end;
$$;

-- Sets what the template says that answers set.
create function private.map_answers(form public.action_forms, answers jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  field jsonb;
  said text;
begin
  for field in
    select f.field from jsonb_array_elements(form.fields) as f (field) where answers ? (f.field ->> 'key')
  loop
    said := left(btrim(regexp_replace(answers ->> (field ->> 'key'), '\s+', ' ', 'g')), 200);
    if field ->> 'maps_to' = 'contact.name' then
      update public.contacts as c set name = said
      where c.organization_id = form.organization_id
        and c.id = (select t.contact_id from public.tickets as t where t.id = form.ticket_id);
    elsif field ->> 'maps_to' = 'ticket.subject' then
      update public.tickets as t set subject = said
      where t.organization_id = form.organization_id and t.id = form.ticket_id;
    elsif field ->> 'maps_to' like 'contact.fields.%' then
      -- Where the custom field has changed since the form was made, the answer is in the form alone.
      update public.contacts as c
      set fields = c.fields || jsonb_build_object(f.key, answers -> (field ->> 'key'))
      from public.custom_fields as f
      where f.organization_id = form.organization_id and f.target = 'contact'
        and f.key = substr(field ->> 'maps_to', length('contact.fields.') + 1)
        and not f.is_sensitive and f.archived_at is null
        and private.field_value_error(f, answers -> (field ->> 'key')) is null
        and c.organization_id = form.organization_id
        and c.id = (select t.contact_id from public.tickets as t where t.id = form.ticket_id);
    end if;
  end loop;
end;
$$;

-- Records the answers to a form whose row is locked: as a message of its contact, and in what the template says they
-- set. Returns what is wrong with them; then nothing is recorded.
create function private.answer_form(form public.action_forms, answers jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  problems constant jsonb := private.form_problems(form.fields, answer_form.answers);
  given jsonb;
  words text;
  answer uuid;
begin
  if problems <> '{}' then
    return problems;
  end if;
  select coalesce(jsonb_object_agg(a.key, a.value), '{}') into given
  from jsonb_each(jsonb_strip_nulls(answer_form.answers)) as a
  where a.value not in ('""', '[]');
  select string_agg(
    format('%s: %s', f.field ->> 'label', case jsonb_typeof(said.value)
      when 'array' then (select string_agg(item, ', ') from jsonb_array_elements_text(said.value) as item)
      when 'boolean' then case when said.value = 'true' then '✓' else '–' end
      else said.value #>> '{}'
    end), E'\n' order by f.nth
  ) into words
  from jsonb_array_elements(form.fields) with ordinality as f (field, nth)
  join jsonb_each(given) as said on said.key = f.field ->> 'key';
  insert into public.messages (organization_id, ticket_id, sender, contact_id, body_text)
  select t.organization_id, t.id, 'contact', t.contact_id, concat_ws(E'\n\n', form.title, words)
  from public.tickets as t
  where t.organization_id = form.organization_id and t.id = form.ticket_id
  returning id into answer;
  update public.action_forms as f
  set status = 'answered', answers = given, answer_id = answer, answered_at = now()
  where f.id = form.id;
  perform private.map_answers(form, given);
  perform private.emit(
    form.organization_id, 'form.answered', form.id, jsonb_build_object('message_id', answer), 'contact', form.ticket_id
  );
  return '{}';
end;
$$;

-- The signed-in contact fills in a form of a ticket of theirs.
create function private.submit_form(form_id uuid, answers jsonb) returns public.action_forms
language plpgsql security definer set search_path = '' as $$
declare
  form public.action_forms;
  problems jsonb;
begin
  select f.* into form
  from public.action_forms as f
  join public.tickets as t on t.organization_id = f.organization_id and t.id = f.ticket_id
  where f.id = submit_form.form_id and t.contact_id in (select private.my_contacts())
  for no key update of f;
  if form.id is null then
    raise exception 'there is no form %', submit_form.form_id using errcode = 'PT404';
  elsif form.status <> 'sent' or form.expires_at <= now() then
    raise exception 'the form %', case form.status
      when 'answered' then 'was filled in already' when 'cancelled' then 'was taken back' else 'has expired'
    end using errcode = 'PT409';
  end if;
  problems := private.answer_form(form, submit_form.answers);
  if problems <> '{}' then
    raise exception 'the form is not filled in as it asks' using errcode = '23514', detail = problems::text;
  end if;
  select f.* into form from public.action_forms as f where f.id = form.id;
  return form;
end;
$$;

create function public.submit_form(form_id uuid, answers jsonb) returns public.action_forms
language sql set search_path = '' as $$
  select * from private.submit_form(submit_form.form_id, submit_form.answers);
$$;

-- The same for whoever holds the form's signed link; the function that calls has checked the signature. What is wrong,
-- {} where nothing is; null: there is no form to fill in (any more).
create function private.submit_form_by_link(form_id uuid, answers jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  form public.action_forms;
begin
  select f.* into form
  from public.action_forms as f
  where f.organization_id = private.current_organization() and f.id = submit_form_by_link.form_id
    and f.status = 'sent' and f.expires_at > now()
  for no key update;
  return case when form.id is not null then private.answer_form(form, submit_form_by_link.answers) end;
end;
$$;

-- Takes back a form that is not filled in. Agents.
create function private.cancel_form(form_id uuid) returns public.action_forms
language plpgsql security definer set search_path = '' as $$
declare
  form public.action_forms;
begin
  update public.action_forms as f set status = 'cancelled'
  where f.id = cancel_form.form_id and f.status = 'sent'
    and f.organization_id in (select private.my_organizations('agent'))
  returning f.* into form;
  if form.id is null then
    raise exception 'there is no form % to take back', cancel_form.form_id
      using errcode = 'PT404', hint = 'It may have been filled in.';
  end if;
  perform private.emit(
    form.organization_id, 'form.cancelled', form.id, jsonb_build_object('message_id', form.message_id), 'contact',
    form.ticket_id
  );
  return form;
end;
$$;

create function public.cancel_form(form_id uuid) returns public.action_forms
language sql set search_path = '' as $$
  select * from private.cancel_form(cancel_form.form_id);
$$;


-- sql/62_chat.sql

-- Chat with visitors of a site: where the widget may stand, who comes by it, and what they say.

-- What a visitor's token is in the database: a contact's rights, and of those only what
-- private.visitor_rights names (99_visitors.sql).
do $$
begin
  if not exists (select from pg_roles where rolname = 'pgdesk_visitor') then
    create role pgdesk_visitor nologin inherit;
  end if;
end;
$$;
grant authenticated to pgdesk_visitor;
-- Those who take its token: REST, live topics, files.
grant pgdesk_visitor to authenticator, supabase_realtime_admin, supabase_storage_admin;

-- Hosts of pages, as a browser names them in Origin behind the scheme: `shop.example`, `*.shop.example` for all below
-- it, `localhost:3000`.
create function private.are_hosts(hosts text[]) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select coalesce(bool_and(
    each.host ~ '^(\*\.)?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*(:[0-9]{1,5})?$'
    -- `*.example` would be everybody's.
    and each.host !~ '^\*\.[^.]+$'
  ), true)
  from unnest(hosts) as each (host);
$$;

-- Where an organization's widget may stand. Its id is what the page names: the space of a chat.
create table public.chat_widgets (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 100),
  -- Pages elsewhere are given no token.
  domains text[] not null check (cardinality(domains) between 1 and 50 and private.are_hosts(domains)),
  -- Only visitors for whom the site vouches.
  needs_identity boolean not null default false,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, name)
);

-- With which a site vouches for its users; encrypted by the functions (73_data_keys.sql).
create table private.widget_secrets (
  id uuid primary key,
  organization_id uuid not null,
  widget_id uuid not null,
  sealed bytea not null,
  key_version integer not null,
  created_at timestamptz not null default now(),
  unique (organization_id, widget_id),
  foreign key (organization_id, widget_id) references public.chat_widgets (organization_id, id) on delete cascade
);

-- Who came by a widget and has said something, or is vouched for and known already. Whoever merely opens it is no row.
create table public.visitors (
  -- A part of the SHA-256 of the secret that the widget keeps, or of who the site says it is.
  id uuid primary key,
  organization_id uuid not null,
  widget_id uuid,
  contact_id uuid not null,
  -- The site has vouched for them.
  is_identified boolean not null default false,
  -- What they say their address is, for members to read. Nobody has checked it, so it makes them no contact with that
  -- address, and nothing is sent there by itself.
  email text check (email = private.normal_email(email) and email like '%_@_%' and length(email) <= 320),
  -- When they last got a token or said something.
  seen_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  foreign key (organization_id, widget_id)
    references public.chat_widgets (organization_id, id) on delete set null (widget_id),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade
);
create index visitors_contact_idx on public.visitors (organization_id, contact_id);
create index visitors_widget_idx on public.visitors (organization_id, widget_id);

insert into private.contact_references (table_name, column_name, on_merge, because) values
('public.visitors', 'contact_id', 'move', 'who chats is the winner, and sees what is the winner''s');

create trigger chat_widgets_touch before update on public.chat_widgets
for each row execute function private.touch();

-- A claim of the caller's token, where that is a visitor's; null for everyone else.
create function private.visitor_claim(claim text) returns text
language plpgsql stable set search_path = '' as $$
begin
  if current_setting('role', true) = 'pgdesk_visitor' then
    return nullif((select auth.jwt()) ->> claim, '');
  end if;
  return null;
end;
$$;

-- May a page with this Origin show the widget? Plain http is for the machine of who builds the page.
create function private.is_home(domains text[], origin text) returns boolean
language sql immutable parallel safe set search_path = '' as $$
  select coalesce(bool_or(
    case when d.host like '*.%'
      then length(asked.host) > length(d.host) - 1 and right(asked.host, length(d.host) - 1) = substr(d.host, 2)
      else asked.host = d.host
    end
  ), false)
  from (select (regexp_match(lower(origin), '^(https?)://([a-z0-9.:-]+)$')) as parts) as o
  cross join lateral (select o.parts[2] as host) as asked
  cross join unnest(domains) as d (host)
  where o.parts[1] = 'https' or asked.host ~ '^(localhost|127\.0\.0\.1)(:[0-9]+)?$';
$$;

-- The widget that somebody opens on a page, before any tenant is known. No row: there is none, or it is switched off.
create function private.open_widget(widget_id uuid, origin text) returns table (
  organization_id uuid, is_home boolean, needs_identity boolean, secret_id uuid, sealed bytea, key_version integer
)
language plpgsql stable security definer set search_path = '' rows 1 as $$
#variable_conflict use_column
begin
  return query
  select w.organization_id, private.is_home(w.domains, origin), w.needs_identity, s.id, s.sealed, s.key_version
  from public.chat_widgets as w
  left join private.widget_secrets as s on s.organization_id = w.organization_id and s.widget_id = w.id
  where w.id = open_widget.widget_id and w.is_active;
end;
$$;

-- May the caller give this widget a secret? Returns its organization.
create function private.administered_widget(widget_id uuid) returns uuid
language plpgsql stable security definer set search_path = '' as $$
declare
  organization uuid := (
    select w.organization_id from public.chat_widgets as w
    where w.id = administered_widget.widget_id
      and w.organization_id in (select private.my_organizations())
  );
begin
  if organization is null then
    raise exception 'there is no widget %', administered_widget.widget_id using errcode = 'PT404';
  end if;
  if coalesce(private.my_role(organization) < 'admin', true) then
    raise exception 'widgets are for admins of the organization' using errcode = '42501';
  end if;
  return organization;
end;
$$;

-- A new secret with which the site vouches for its users; the old one ends.
create function private.set_widget_secret(widget_id uuid, secret_id uuid, sealed bytea, key_version integer)
returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  organization uuid := private.administered_widget(set_widget_secret.widget_id);
begin
  insert into private.widget_secrets as s (id, organization_id, widget_id, sealed, key_version)
  values (
    set_widget_secret.secret_id, organization, set_widget_secret.widget_id, set_widget_secret.sealed,
    set_widget_secret.key_version
  )
  on conflict (organization_id, widget_id) do update
  set id = excluded.id, sealed = excluded.sealed, key_version = excluded.key_version, created_at = now();
end;
$$;

-- A visitor comes, or stays: who of the contacts they are, null for nobody yet. Whom the site vouches for by an address
-- is the contact with that address. For the tenant that the function works for.
create function private.greet_visitor(visitor_id uuid, widget_id uuid, vouched_email text) returns uuid
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  organization constant uuid := (select private.current_organization());
  known uuid;
begin
  update public.visitors as v set seen_at = now()
  where v.organization_id = organization and v.id = greet_visitor.visitor_id
  returning v.contact_id into known;
  if known is null and vouched_email is not null then
    insert into public.visitors (id, organization_id, widget_id, contact_id, is_identified)
    select greet_visitor.visitor_id, organization, greet_visitor.widget_id, coalesce(c.merged_into, c.id), true
    from public.contacts as c
    where c.organization_id = organization and c.email = private.normal_email(vouched_email)
    on conflict do nothing
    returning contact_id into known;
  end if;
  return known;
end;
$$;

-- The calling visitor's row, made with its contact where they have never said anything; locked, so that two first words
-- make one contact. What is known of them: what the site vouches for.
create function private.my_visitor() returns public.visitors
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  mine constant uuid := private.try_uuid(private.visitor_claim('visitor_id'));
  organization constant uuid := private.try_uuid(private.visitor_claim('organization_id'));
  email constant text := private.normal_email(private.visitor_claim('email'));
  visitor public.visitors;
  contact uuid;
begin
  if mine is null or organization is null then
    raise exception 'this is for visitors of a widget' using errcode = '42501';
  end if;
  select * into visitor from public.visitors as v where v.id = mine for update;
  if found then
    return visitor;
  end if;
  perform pg_advisory_xact_lock(hashtext('pgdesk.visitors'), hashtext(mine::text));
  select * into visitor from public.visitors as v where v.id = mine for update;
  if found then
    return visitor;
  end if;
  if email is not null then
    insert into public.contacts (organization_id, email, name, source)
    values (organization, email, left(coalesce(private.visitor_claim('name'), ''), 200), 'chat')
    on conflict do nothing;
    select coalesce(c.merged_into, c.id) into contact from public.contacts as c where c.organization_id = organization and c.email = email;
  else
    insert into public.contacts (organization_id, name, source)
    values (organization, left(coalesce(private.visitor_claim('name'), ''), 200), 'chat')
    returning id into contact;
  end if;
  insert into public.visitors (id, organization_id, widget_id, contact_id, is_identified)
  select mine, organization, w.id, contact, coalesce(private.visitor_claim('identified')::boolean, false)
  from (select private.try_uuid(private.visitor_claim('widget_id')) as id) as asked
  left join public.chat_widgets as w on w.organization_id = organization and w.id = asked.id
  returning * into visitor;
  return visitor;
end;
$$;

-- What a visitor says. The first word opens a ticket; what follows goes on with it until it is resolved. With an
-- external_id, made by the client, a message that is sent again is the one that is there.
create function private.say_in_chat(body text, external_id text) returns public.messages
language plpgsql security definer set search_path = '' as $$
declare
  visitor public.visitors;
  message uuid;
  said public.messages;
begin
  visitor := private.my_visitor();
  update public.visitors as v set seen_at = now() where v.id = visitor.id;
  select c.message_id into message
  from private.capture(
    visitor.organization_id, 'chat', 'visitor:' || visitor.id, visitor.contact_id, 'contact', say_in_chat.body,
    'visitor:' || visitor.id || ':' || say_in_chat.external_id, true
  ) as c;
  select * into said from public.messages as m where m.id = message;
  return said;
end;
$$;

create function public.say_in_chat(body text, external_id text default null) returns public.messages
language sql set search_path = '' as $$
  select * from private.say_in_chat(say_in_chat.body, say_in_chat.external_id);
$$;

-- What a visitor says their address is, and how they are called. Their visit is registered with it (26_sessions.sql).
create function private.leave_address(email text, name text) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  visitor public.visitors;
begin
  visitor := private.my_visitor();
  perform private.register_session(
    visitor.organization_id, null, case when not visitor.is_identified then leave_address.email end,
    leave_address.name, visitor.widget_id::text, null, null, null, null, null
  );
  update public.visitors as v
  set email = private.normal_email(leave_address.email), seen_at = now()
  where v.id = visitor.id;
  update public.contacts as c
  set name = left(btrim(leave_address.name), 200)
  where c.id = visitor.contact_id and c.name = '' and btrim(coalesce(leave_address.name, '')) <> '';
end;
$$;

create function public.leave_address(email text, name text default null) returns void
language sql set search_path = '' as $$
  select private.leave_address(leave_address.email, leave_address.name);
$$;

-- A hint to whoever has a chat open: a part of a reply in the making, or that it is withdrawn. Nothing rests on it: the
-- message is what counts. For the tenant that the function works for.
create function private.tell_reply(ticket_id uuid, event text, payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if exists (
    select from public.tickets as t
    where t.id = tell_reply.ticket_id and t.organization_id = (select private.current_organization())
  ) then
    perform realtime.send(tell_reply.payload, tell_reply.event, 'ticket:' || tell_reply.ticket_id || ':contact', true);
  end if;
end;
$$;


-- sql/63_internal_chat.sql

-- The workspace's own chat: rooms of members. Contacts, visitors and programs have no part in it.

create table public.rooms (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  -- open: every member reads it and may join; closed: only who was let in; direct: between these and no others.
  kind text not null check (kind in ('open', 'closed', 'direct')),
  name text not null default '' check (length(name) <= 100),
  -- Of a direct one: its members' ids in order, so that the same people have one room.
  between_users uuid[],
  created_by uuid,
  archived_at timestamptz,
  last_seq integer not null default 0,
  created_at timestamptz not null default now(),
  check ((kind = 'direct') = (between_users is not null)),
  check (kind = 'direct' or length(btrim(name)) > 0),
  unique (organization_id, id),
  unique (organization_id, between_users),
  foreign key (organization_id, created_by)
    references public.authors (organization_id, user_id) on delete set null (created_by)
);
create unique index rooms_name_idx on public.rooms (organization_id, lower(name)) where kind = 'open';
create index rooms_created_by_idx on public.rooms (organization_id, created_by);

create table public.room_members (
  organization_id uuid not null,
  room_id uuid not null,
  user_id uuid not null,
  -- Up to which message they have read.
  read_seq integer not null default 0,
  created_at timestamptz not null default now(),
  primary key (room_id, user_id),
  foreign key (organization_id, room_id) references public.rooms (organization_id, id) on delete cascade,
  foreign key (organization_id, user_id) references public.members (organization_id, user_id) on delete cascade
);
create index room_members_room_idx on public.room_members (organization_id, room_id);
create index room_members_user_idx on public.room_members (organization_id, user_id);

-- Numbered within the room. What was said stays in its place: edited it says so, deleted it is empty.
create table public.room_messages (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null,
  room_id uuid not null,
  seq integer not null,
  user_id uuid,
  body text not null check (length(body) <= 20000),
  edited_at timestamptz,
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  unique (room_id, seq),
  check (deleted_at is null or body = ''),
  foreign key (organization_id, room_id) references public.rooms (organization_id, id) on delete cascade,
  foreign key (organization_id, user_id)
    references public.authors (organization_id, user_id) on delete set null (user_id)
);
create index room_messages_room_idx on public.room_messages (organization_id, room_id);
create index room_messages_user_idx on public.room_messages (organization_id, user_id);

-- The rooms that the caller may read: open ones of its organizations, and those it was let into and is still of.
create function private.my_rooms() returns setof uuid
language plpgsql stable security definer set search_path = '' as $$
declare
  me constant uuid := (select auth.uid());
begin
  if me is null then
    return; -- a key: rooms are for people
  end if;
  return query
  select r.id from public.rooms as r
  where r.kind = 'open' and r.organization_id in (select private.my_organizations())
  union
  select p.room_id from public.room_members as p
  where p.user_id = me and p.organization_id in (select private.my_organizations());
end;
$$;

-- Tells who is in a room that something is new there: ids only, they fetch what they may see.
create function private.tell_room(room_id uuid, event text, subject_id uuid, seq integer) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform realtime.send(
    jsonb_build_object('room_id', tell_room.room_id, 'subject_id', tell_room.subject_id, 'seq', tell_room.seq),
    tell_room.event, 'room:' || tell_room.room_id, true
  );
end;
$$;

-- A room, with its maker and these members in it. The same people have one direct room: it is returned.
create function private.open_room(organization_id uuid, kind text, name text, user_ids uuid[]) returns public.rooms
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  me constant uuid := (select auth.uid());
  people uuid[] := array(
    select distinct u.id from unnest(coalesce(user_ids, '{}') || me) as u (id) where u.id is not null order by 1
  );
  room public.rooms;
begin
  if coalesce(private.my_role(open_room.organization_id) < 'agent', true) then
    raise exception 'rooms are opened by agents' using errcode = '42501';
  end if;
  if cardinality(people) > 200 or (kind = 'direct' and cardinality(people) not between 1 and 10) then
    raise exception 'too many people for this room: %', cardinality(people) using errcode = '22023';
  end if;
  if exists (
    select from unnest(people) as u (id)
    where not exists (
      select from public.members as m where m.organization_id = open_room.organization_id and m.user_id = u.id
    )
  ) then
    raise exception 'all of a room are members of the organization' using errcode = '23514';
  end if;
  insert into public.rooms as r (organization_id, kind, name, between_users, created_by)
  values (
    open_room.organization_id, open_room.kind, case when open_room.kind = 'direct' then '' else btrim(open_room.name) end,
    case when open_room.kind = 'direct' then people end, me
  )
  on conflict (organization_id, between_users) do nothing
  returning r.* into room;
  if room.id is null then
    select * into room from public.rooms as r
    where r.organization_id = open_room.organization_id and r.between_users = people;
    return room;
  end if;
  insert into public.room_members (organization_id, room_id, user_id)
  select room.organization_id, room.id, u.id from unnest(people) as u (id);
  return room;
end;
$$;

create function public.open_room(
  organization_id uuid, kind text default 'open', name text default '', user_ids uuid[] default '{}'
) returns public.rooms
language sql set search_path = '' as $$
  select * from private.open_room(open_room.organization_id, open_room.kind, open_room.name, open_room.user_ids);
$$;

-- A room that the caller may read, locked: writers come one after the other.
create function private.own_room(room_id uuid, at_least public.member_role) returns public.rooms
language plpgsql security definer set search_path = '' as $$
declare
  room public.rooms;
begin
  select * into room from public.rooms as r
  where r.id = own_room.room_id and r.id in (select private.my_rooms())
  for update;
  if room.id is null then
    raise exception 'there is no room % of yours', own_room.room_id using errcode = 'PT404';
  end if;
  if coalesce(private.my_role(room.organization_id) < at_least, true) then
    raise exception 'viewers read and do not write' using errcode = '42501';
  end if;
  return room;
end;
$$;

-- Lets somebody into a room: themselves into an open one, others by who is in it. Nobody joins a direct one.
create function private.join_room(room_id uuid, user_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  room constant public.rooms := private.own_room(join_room.room_id, 'viewer');
  who constant uuid := coalesce(join_room.user_id, (select auth.uid()));
begin
  if room.kind = 'direct' then
    raise exception 'nobody joins a direct room: open another' using errcode = '42501';
  end if;
  if who <> (select auth.uid()) and private.my_role(room.organization_id) < 'agent' then
    raise exception 'viewers read and do not write' using errcode = '42501';
  end if;
  if not exists (
    select from public.members as m where m.organization_id = room.organization_id and m.user_id = who
  ) then
    raise exception 'all of a room are members of the organization' using errcode = '23514';
  end if;
  insert into public.room_members (organization_id, room_id, user_id, read_seq)
  values (room.organization_id, room.id, who, room.last_seq)
  on conflict do nothing;
  perform private.tell_room(room.id, 'room.joined', who, room.last_seq);
end;
$$;

create function public.join_room(room_id uuid, user_id uuid default null) returns void
language sql set search_path = '' as $$
  select private.join_room(join_room.room_id, join_room.user_id);
$$;

create function private.leave_room(room_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  delete from public.room_members as p
  using public.rooms as r
  where p.room_id = leave_room.room_id and p.user_id = (select auth.uid()) and r.id = p.room_id and r.kind <> 'direct';
end;
$$;

create function public.leave_room(room_id uuid) returns void
language sql set search_path = '' as $$
  select private.leave_room(leave_room.room_id);
$$;

-- Says something in a room. Who is named in it (59_notifications.sql) and can read it is told.
create function private.say_in_room(room_id uuid, body text) returns public.room_messages
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  room constant public.rooms := private.own_room(say_in_room.room_id, 'agent');
  me constant uuid := (select auth.uid());
  said public.room_messages;
begin
  if coalesce(say_in_room.body, '') !~ '\S' then
    raise exception 'a message needs words' using errcode = '23514';
  end if;
  if room.archived_at is not null then
    raise exception 'the room is archived' using errcode = 'PT409';
  end if;
  update public.rooms as r set last_seq = r.last_seq + 1 where r.id = room.id;
  insert into public.room_messages as m (organization_id, room_id, seq, user_id, body)
  values (room.organization_id, room.id, room.last_seq + 1, me, say_in_room.body)
  returning m.* into said;
  -- Who writes in an open room is in it, and has read what stands above.
  insert into public.room_members as p (organization_id, room_id, user_id, read_seq)
  values (room.organization_id, room.id, me, said.seq)
  on conflict (room_id, user_id) do update set read_seq = excluded.read_seq;
  perform private.notify(
    room.organization_id,
    array(
      select u.id from unnest(private.mentioned(room.organization_id, said.body)) as u (id)
      where room.kind = 'open' or exists (
        select from public.room_members as p where p.room_id = room.id and p.user_id = u.id
      )
    ),
    'mentioned', said.id
  );
  perform private.tell_room(room.id, 'room.said', said.id, said.seq);
  return said;
end;
$$;

create function public.say_in_room(room_id uuid, body text) returns public.room_messages
language sql set search_path = '' as $$
  select * from private.say_in_room(say_in_room.room_id, say_in_room.body);
$$;

-- Changes what the caller has said; without words it is deleted. Admins delete what others have said.
create function private.edit_room_message(message_id uuid, body text) returns public.room_messages
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  deletes constant boolean := coalesce(edit_room_message.body, '') !~ '\S';
  changed public.room_messages;
begin
  update public.room_messages as m
  set body = case when deletes then '' else edit_room_message.body end,
    edited_at = case when deletes then m.edited_at else now() end,
    deleted_at = case when deletes then now() end
  where m.id = edit_room_message.message_id and m.deleted_at is null and m.room_id in (select private.my_rooms())
    and (
      m.user_id = (select auth.uid()) and private.my_role(m.organization_id) >= 'agent'
      or deletes and private.my_role(m.organization_id) >= 'admin'
    )
  returning m.* into changed;
  if changed.id is null then
    raise exception 'there is no message % that you may change', edit_room_message.message_id using errcode = 'PT404';
  end if;
  perform private.tell_room(
    changed.room_id, case when deletes then 'room.deleted' else 'room.edited' end, changed.id, changed.seq
  );
  return changed;
end;
$$;

create function public.edit_room_message(message_id uuid, body text default null) returns public.room_messages
language sql set search_path = '' as $$
  select * from private.edit_room_message(edit_room_message.message_id, edit_room_message.body);
$$;

-- The caller has read a room up to a message; of two windows the one that has seen more counts.
create function private.read_room(room_id uuid, seq integer) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  update public.room_members as p
  set read_seq = greatest(p.read_seq, least(read_room.seq, r.last_seq))
  from public.rooms as r
  where p.room_id = read_room.room_id and p.user_id = (select auth.uid()) and r.id = p.room_id;
end;
$$;

create function public.read_room(room_id uuid, seq integer) returns void
language sql set search_path = '' as $$
  select private.read_room(read_room.room_id, read_room.seq);
$$;

-- The caller's rooms in an organization with what is new in each, the latest first.
create function public.unread_rooms(organization_id uuid) returns table (room_id uuid, unread bigint, last_seq integer)
language sql stable set search_path = '' as $$
  select p.room_id,
    (
      select count(*) from public.room_messages as m
      where m.room_id = p.room_id and m.seq > p.read_seq and m.deleted_at is null
        and m.user_id is distinct from (select auth.uid())
    ),
    r.last_seq
  from public.room_members as p
  join public.rooms as r on r.organization_id = p.organization_id and r.id = p.room_id
  where p.organization_id = unread_rooms.organization_id and p.user_id = (select auth.uid())
  order by r.last_seq desc, r.id;
$$;


-- sql/64_capture.sql

-- The port of all channels but mail: how a conversation elsewhere becomes tickets and messages, and how answers find
-- back. docs/chat.md says what an adapter gives and gets; the widget is the first one.

-- A conversation as its channel knows it.
create table public.channel_threads (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  channel public.ticket_channel not null check (channel not in ('email', 'portal')),
  -- The channel's own name for it: a chat id, a phone number, `visitor:<id>`.
  thread text not null check (length(thread) between 1 and 255),
  contact_id uuid not null,
  -- The ticket it goes on in; a new one once this is resolved.
  ticket_id uuid,
  created_at timestamptz not null default now(),
  unique (organization_id, channel, thread),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade,
  foreign key (organization_id, ticket_id)
    references public.tickets (organization_id, id) on delete set null (ticket_id)
);
create index channel_threads_contact_idx on public.channel_threads (organization_id, contact_id);
create index channel_threads_ticket_idx on public.channel_threads (organization_id, ticket_id);

create trigger channel_threads_contact before insert on public.channel_threads
for each row execute function private.land_at_standing_contact();
insert into private.contact_references (table_name, column_name, on_merge, because) values
('public.channel_threads', 'contact_id', 'move', 'the conversation goes on with the winner');

-- Which messages came from a channel, by the channel's ids: none is kept twice.
create table public.captured_messages (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null,
  channel public.ticket_channel not null,
  external_id text not null check (length(external_id) between 1 and 255),
  ticket_id uuid not null,
  message_id uuid not null,
  created_at timestamptz not null default now(),
  unique (organization_id, channel, external_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, message_id) references public.messages (organization_id, id) on delete cascade
);
create index captured_messages_ticket_idx on public.captured_messages (organization_id, ticket_id);
create index captured_messages_message_idx on public.captured_messages (organization_id, message_id);

-- A message of a conversation. It goes on with the conversation's ticket, or opens one: the first, or where the last is
-- resolved. Not to be processed: it is kept and told, and the AI leaves it alone. The conversation's row puts its
-- writers in line.
create function private.capture(
  organization_id uuid, channel public.ticket_channel, thread text, contact_id uuid, sender public.message_sender,
  body text, external_id text, process boolean
) returns table (ticket_id uuid, message_id uuid, is_new boolean)
language plpgsql security definer set search_path = '' rows 1 as $$
#variable_conflict use_column
declare
  conversation public.channel_threads;
  allowed integer;
  wait integer;
begin
  if coalesce(body, '') !~ '\S' or length(body) > 20000 then
    raise exception 'a message needs words, up to 20000 characters' using errcode = '23514';
  end if;
  insert into public.channel_threads as t (organization_id, channel, thread, contact_id)
  values (capture.organization_id, capture.channel, capture.thread, capture.contact_id)
  on conflict (organization_id, channel, thread) do update set contact_id = excluded.contact_id
  returning t.* into conversation;
  return query
  select m.ticket_id, m.message_id, false from public.captured_messages as m
  where m.organization_id = capture.organization_id and m.channel = capture.channel
    and m.external_id = capture.external_id;
  if found then
    return;
  end if;

  select t.id into ticket_id
  from public.tickets as t
  where t.organization_id = capture.organization_id and t.id = private.ticket_now(conversation.ticket_id)
    and t.contact_id = conversation.contact_id and t.status_category <> 'resolved';
  if ticket_id is null then
    if capture.channel = 'chat' then
      select l.chats into allowed from private.rate_limits as l where l.organization_id = capture.organization_id;
      wait := private.take_rate('chats ' || capture.organization_id, coalesce(allowed, 300));
      if wait is not null then
        perform private.refuse(
          429, 'PT429', 'too many new chats in this minute', format('Try again in %s s.', wait),
          jsonb_build_object('Retry-After', wait::text)
        );
      end if;
    end if;
    insert into public.tickets as t (organization_id, subject, channel, contact_id)
    values (
      capture.organization_id, left(regexp_replace(btrim(capture.body), '\s+', ' ', 'g'), 120), capture.channel,
      conversation.contact_id
    )
    returning t.id into ticket_id;
  end if;
  insert into public.messages as m (
    organization_id, ticket_id, sender, contact_id, body_text, process,
    -- Its channel says who it is, and answers go back by the same one.
    is_verified
  )
  values (
    capture.organization_id, ticket_id, capture.sender,
    case when capture.sender = 'contact' then conversation.contact_id end, capture.body, capture.process,
    capture.sender = 'contact'
  )
  returning m.id, m.ticket_id into message_id, ticket_id;
  update public.channel_threads as t set ticket_id = capture.ticket_id
  where t.id = conversation.id and t.ticket_id is distinct from capture.ticket_id;
  if capture.external_id is not null then
    insert into public.captured_messages (organization_id, channel, external_id, ticket_id, message_id)
    values (capture.organization_id, capture.channel, capture.external_id, ticket_id, message_id);
  end if;
  is_new := true;
  return next;
end;
$$;

-- Of whom and where a chat is. The space is a widget of an organization in which the caller may write; the session is
-- named by its id, by what the site calls it, or by an address: then it is the latest of the contact who has it. What
-- cannot be found is named.
create function private.chat_context(space_id text, session_id text, email text)
returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  space public.chat_widgets;
  session uuid;
  contact uuid;
  address constant text := nullif(private.normal_email(chat_context.email), '');
  named constant text := nullif(btrim(chat_context.session_id), '');
begin
  select w.* into space
  from public.chat_widgets as w
  where w.id = coalesce(
    private.try_uuid(chat_context.space_id),
    private.try_uuid(regexp_replace(
      substring(chat_context.space_id from '^wdg_([0-9a-f]{32})$'), '^(.{8})(.{4})(.{4})(.{4})', '\1-\2-\3-\4-'
    ))
  )
  and w.organization_id in (select private.my_organizations('agent'));
  if space.id is null then
    raise exception 'there is no space % in which you may write', left(coalesce(chat_context.space_id, 'null'), 100)
      using errcode = 'PT404', hint = 'The space is the id of a widget.';
  end if;
  if named is not null then
    -- Whom the visitor's own token stands for, before whom they say they are.
    select s.id, coalesce(s.visitor_id, s.contact_id) into session, contact
    from public.sessions as s
    where s.organization_id = space.organization_id
      and (s.id = private.try_uuid(named) or s.external_id = named)
    order by s.id = private.try_uuid(named) desc nulls last
    limit 1;
    if session is null then
      raise exception 'there is no session % in this organization', left(named, 200) using errcode = 'PT404';
    end if;
    if contact is null and address is null then
      raise exception 'session % is nobody''s yet', left(named, 200)
        using errcode = 'PT404', hint = 'Register it with an e-mail address, or name one here.';
    end if;
  end if;
  if address is not null then
    if contact is null then
      select coalesce(c.merged_into, c.id) into contact from public.contacts as c
      where c.organization_id = space.organization_id and c.email = address;
    end if;
    if contact is null then
      raise exception 'there is no contact with the address %', left(address, 200)
        using errcode = 'PT404', hint = 'Register a session with it first.';
    end if;
    if session is null then
      select s.id into session
      from public.sessions as s
      where s.organization_id = space.organization_id and s.contact_id = contact
      order by s.started_at desc, s.id desc
      limit 1;
    end if;
  end if;
  return jsonb_build_object(
    'organization_id', space.organization_id, 'widget_id', space.id, 'session_id', session, 'contact_id', contact
  );
end;
$$;

-- The same for a client: with the open ticket of the chat, and the topics on which its news come.
create function public.chat_context(space_id text, session_id text default null, email text default null)
returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  context constant jsonb := private.chat_context(chat_context.space_id, chat_context.session_id, chat_context.email);
  ticket constant uuid := (
    select t.id
    from public.tickets as t
    where t.contact_id = (context ->> 'contact_id')::uuid and t.channel = 'chat' and t.status_category <> 'resolved'
    order by t.created_at desc
    limit 1
  );
begin
  return context || jsonb_build_object(
    'ticket_id', ticket,
    'topics', array['org:' || (context ->> 'organization_id')] || case when ticket is not null
      then array['ticket:' || ticket || ':agents', 'ticket:' || ticket || ':contact']
      else array[]::text[] end
  );
end;
$$;

-- Captures a message of a conversation that an adapter, or a program, carries on. The conversation is named as its
-- channel names it, or is that of a session or an address (as chat_context finds it). Of a new one, and without either,
-- the sender becomes a contact called `name`.
create function private.capture_message(
  space_id text, body text, conversation text, session_id text, email text, name text, external_id text, sender text,
  channel public.ticket_channel, process boolean
) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  context constant jsonb := private.chat_context(
    capture_message.space_id, capture_message.session_id, capture_message.email
  );
  organization constant uuid := context ->> 'organization_id';
  named text := nullif(btrim(capture_message.conversation), '');
  author uuid := context ->> 'contact_id';
  kept record;
begin
  if capture_message.sender not in ('contact', 'assistant') then
    raise exception 'a message is of the contact or of the assistant, not of %', left(capture_message.sender, 50)
      using errcode = '22023';
  end if;
  if capture_message.sender = 'assistant' and private.my_key_id() is not null and not private.key_allows('mail:send')
  then
    raise exception 'this API key lacks the scope mail:send' using errcode = '42501';
  end if;
  if capture_message.channel in ('email', 'portal') or named like 'visitor:%' then
    raise exception 'what comes by % is not captured', case when named like 'visitor:%' then 'the widget itself'
      else capture_message.channel::text end using errcode = '22023';
  end if;
  named := coalesce(named, 'contact:' || author);
  if named is null then
    raise exception 'whose message is it: name a conversation, a session or an e-mail address' using errcode = '22023';
  end if;
  if author is null then
    -- One maker of a conversation's contact at a time.
    perform pg_advisory_xact_lock(hashtext('pgdesk.threads'), hashtext(capture_message.channel::text || named));
    select t.contact_id into author from public.channel_threads as t
    where t.organization_id = organization and t.channel = capture_message.channel and t.thread = named;
  end if;
  if author is null then
    insert into public.contacts (organization_id, name, source)
    values (organization, left(coalesce(capture_message.name, ''), 200), 'chat')
    returning id into author;
  end if;
  select * into kept from private.capture(
    organization, capture_message.channel, named, author,
    case capture_message.sender when 'contact' then 'contact' else 'ai' end::public.message_sender,
    capture_message.body, capture_message.external_id, capture_message.process
  );
  return context || jsonb_build_object(
    'contact_id', author,
    'ticket_id', kept.ticket_id, 'message_id', kept.message_id, 'is_new', kept.is_new
  );
end;
$$;

create function public.capture_message(
  space_id text, body text, conversation text default null, session_id text default null, email text default null,
  name text default null, external_id text default null, sender text default 'contact',
  channel public.ticket_channel default 'chat', process boolean default true
) returns jsonb
language sql set search_path = '' as $$
  select private.capture_message(
    capture_message.space_id, capture_message.body, capture_message.conversation, capture_message.session_id,
    capture_message.email, capture_message.name, capture_message.external_id, capture_message.sender,
    capture_message.channel, coalesce(capture_message.process, true)
  );
$$;


-- sql/65_replies.sql

-- What the AI wrote, what it rests on, what was decided about it, and what people thought of it.

-- One row for every call of a model, also of the built-in one.
create table public.ai_executions (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid,
  purpose text not null check (purpose in ('reply', 'judge')),
  model text not null,
  status text not null check (status in ('ok', 'timeout', 'error', 'invalid', 'over_budget')),
  tokens_in integer not null default 0,
  tokens_out integer not null default 0,
  cost_usd numeric(12, 6) not null default 0,
  ms integer not null default 0,
  error text,
  created_at timestamptz not null default now(),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade
);
create index ai_executions_organization_idx on public.ai_executions (organization_id, created_at);
create index ai_executions_ticket_idx on public.ai_executions (organization_id, ticket_id);

create table public.drafts (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid not null,
  -- The message it answers, and the ticket's last public message that its writer had seen.
  message_id uuid not null,
  seen_seq integer not null,
  -- open: waits for a person; sent: went out by itself; accepted, edited, rejected: a person's word;
  -- stale: an article it cites has a newer version; superseded: the ticket moved on.
  status text not null default 'open'
    check (status in ('open', 'sent', 'accepted', 'edited', 'rejected', 'stale', 'superseded')),
  decision text not null check (decision in ('send', 'draft', 'escalate')),
  -- Why it was not sent, or why it was handed to a person.
  reasons text[] not null default '{}',
  -- Calibrated: of the drafts with confidence p, a share of p is right.
  confidence real not null check (confidence between 0 and 1),
  source text not null check (source in ('extract', 'model')),
  body_text text not null,
  sent_message_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  -- One draft for one message: a job that runs again finds its own.
  unique (organization_id, message_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, message_id) references public.messages (organization_id, id) on delete cascade,
  foreign key (organization_id, sent_message_id)
    references public.messages (organization_id, id) on delete set null (sent_message_id)
);
create index drafts_ticket_idx on public.drafts (organization_id, ticket_id, created_at desc);
create index drafts_sent_message_idx on public.drafts (organization_id, sent_message_id);

-- Each sentence of a draft with the passage it rests on: a chunk of one version of an article.
create table public.draft_citations (
  organization_id uuid not null,
  draft_id uuid not null,
  ordinal smallint not null,
  sentence text not null,
  chunk_id uuid not null,
  version_id uuid not null,
  article_id uuid not null,
  -- How well the passage carries the sentence, 0 to 1.
  support real not null check (support between 0 and 1),
  created_at timestamptz not null default now(),
  primary key (draft_id, ordinal, chunk_id),
  foreign key (organization_id, draft_id) references public.drafts (organization_id, id) on delete cascade,
  foreign key (organization_id, chunk_id) references public.chunks (organization_id, id) on delete cascade,
  foreign key (organization_id, article_id, version_id)
    references public.article_versions (organization_id, article_id, id) on delete cascade
);
create index draft_citations_draft_idx on public.draft_citations (organization_id, draft_id);
create index draft_citations_chunk_idx on public.draft_citations (organization_id, chunk_id);
create index draft_citations_version_idx on public.draft_citations (organization_id, article_id, version_id);

-- What a person did with a draft: material to learn from.
create table public.draft_feedback (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  draft_id uuid not null,
  member_id uuid,
  verdict text not null check (verdict in ('accepted', 'edited', 'rejected')),
  final_text text,
  comment text not null default '' check (length(comment) <= 4000),
  created_at timestamptz not null default now(),
  foreign key (organization_id, draft_id) references public.drafts (organization_id, id) on delete cascade,
  foreign key (organization_id, member_id)
    references public.authors (organization_id, user_id) on delete set null (member_id)
);
create index draft_feedback_draft_idx on public.draft_feedback (organization_id, draft_id);
create index draft_feedback_member_idx on public.draft_feedback (organization_id, member_id);

create trigger drafts_touch before update on public.drafts
for each row execute function private.touch();

-- Are all these passages still what search finds? Until the end of the transaction no other version takes their place.
-- For the tenant that the function works for.
create function private.hold_passages(chunk_ids uuid[]) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  -- The row lock that private.replace_chunks takes, in the same order for everyone.
  perform from public.articles as a
  where a.organization_id = (select private.current_organization())
    and a.id in (select c.article_id from public.chunks as c where c.id = any (hold_passages.chunk_ids))
  order by a.id
  for share;
  return not exists (
    select from unnest(hold_passages.chunk_ids) as cited (id)
    left join public.chunks as c
      on c.organization_id = (select private.current_organization()) and c.id = cited.id and c.retired_at is null
    where c.id is null
  );
end;
$$;

-- Keeps a draft with its citations and does what was decided, for the tenant that the function works for.
--
-- Sending is a compare-and-set on the ticket: if a public message has come since `seen_seq`, a human has taken over, an
-- article has changed, or the contact has had enough automatic mail, nothing is sent: the draft stays for a person with
-- the reason. The ticket's row lock makes the check and the sending one step, whoever writes at the same time.
--
-- A message has one draft: recorded again, the first one stands and is returned.
create function private.record_draft(
  ticket_id uuid, message_id uuid, seen_seq integer, body text, decision text, reasons text[], confidence real,
  source text, citations jsonb
) returns table (draft_id uuid, decided text, because text[])
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  organization uuid := (select private.current_organization());
  ticket public.tickets;
  made uuid;
  final_decision text := record_draft.decision;
  final_reasons text[] := record_draft.reasons;
  is_current boolean;
  sent uuid;
begin
  select t.* into ticket from public.tickets as t
  where t.organization_id = organization and t.id = record_draft.ticket_id
  for update;
  if not found then
    raise exception 'there is no ticket %', record_draft.ticket_id using errcode = 'PT404';
  end if;
  if not exists (
    select from public.messages as m where m.id = record_draft.message_id and m.ticket_id = ticket.id
  ) then
    raise exception 'message % is not in this ticket any more', record_draft.message_id using errcode = 'PT404';
  end if;
  return query
  select d.id, d.decision, d.reasons from public.drafts as d
  where d.organization_id = organization and d.message_id = record_draft.message_id;
  if found then
    return;
  end if;

  is_current := private.hold_passages(array(
    select distinct c.chunk_id from jsonb_to_recordset(citations) as c (chunk_id uuid)
  ));
  if final_decision = 'send' then
    final_reasons := final_reasons
      || case when ticket.ai_state = 'off' then array['human_took_over'] else '{}' end
      || case when ticket.is_spam then array['spam'] else '{}' end
      || case when (select o.ai_mode from public.organizations as o where o.id = organization) <> 'auto'
        then array['mode_changed'] else '{}' end
      || case when exists (
        select from public.messages as m
        where m.ticket_id = ticket.id and m.seq > record_draft.seen_seq and not m.is_internal
      ) then array['newer_message'] else '{}' end
      || case when not is_current then array['article_changed'] else '{}' end
      || case when ticket.channel = 'email' and not private.may_mail_automatically(ticket.contact_id, ticket.id)
        then array['too_much_automatic_mail'] else '{}' end;
    if cardinality(final_reasons) > 0 then
      final_decision := 'draft';
    end if;
  end if;

  update public.drafts as d set status = 'superseded'
  where d.organization_id = organization and d.ticket_id = ticket.id and d.status in ('open', 'stale')
    and d.message_id < record_draft.message_id;
  insert into public.drafts as d (
    organization_id, ticket_id, message_id, seen_seq, decision, reasons, confidence, source, body_text
  )
  values (
    organization, ticket.id, record_draft.message_id, record_draft.seen_seq, final_decision, final_reasons,
    record_draft.confidence, record_draft.source, record_draft.body
  )
  returning d.id into made;
  insert into public.draft_citations (
    organization_id, draft_id, ordinal, sentence, chunk_id, version_id, article_id, support
  )
  select organization, made, c.ordinal, c.sentence, c.chunk_id, c.version_id, c.article_id, c.support
  from jsonb_to_recordset(citations)
    as c (ordinal smallint, sentence text, chunk_id uuid, version_id uuid, article_id uuid, support real)
  on conflict do nothing;

  if final_decision = 'send' then
    insert into public.messages as m (organization_id, ticket_id, sender, body_text)
    values (organization, ticket.id, 'ai', record_draft.body)
    returning m.id into sent;
    update public.drafts as d set status = 'sent', sent_message_id = sent where d.id = made;
  elsif not is_current then
    update public.drafts as d set status = 'stale' where d.id = made;
  end if;
  return query select made, final_decision, final_reasons;
end;
$$;

create function private.announce_draft() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.emit(
    new.organization_id,
    case new.decision when 'send' then 'draft.sent' when 'escalate' then 'ticket.escalated' else 'draft.created' end,
    case new.decision when 'escalate' then new.ticket_id else new.id end,
    jsonb_build_object(
      'draft_id', new.id, 'message_id', new.message_id, 'confidence', new.confidence, 'reasons', new.reasons
    ),
    'agents', new.ticket_id
  );
  return null;
end;
$$;

create trigger drafts_announce after insert on public.drafts
for each row execute function private.announce_draft();

-- The AI has had its say: now a person can be asked.
create trigger drafts_assign after insert on public.drafts
for each row execute function private.follow_draft();

-- A person sends a draft, as it is or edited. Refuses when the ticket has a newer public message than they have seen.
create function public.accept_draft(draft_id uuid, expected_seq integer, body text default null) returns public.messages
language plpgsql set search_path = '' as $$
declare
  draft public.drafts;
  sent public.messages;
  final text;
  verdict text;
begin
  -- The ticket first, as everyone does who writes to it.
  perform from public.tickets as t
  where t.id = (select d.ticket_id from public.drafts as d where d.id = accept_draft.draft_id)
  for update;
  select * into draft from public.drafts as d
  where d.id = accept_draft.draft_id and d.status in ('open', 'stale')
  for update;
  if not found then
    raise exception 'there is no open draft %', accept_draft.draft_id using errcode = 'PT404';
  end if;
  final := coalesce(nullif(btrim(accept_draft.body), ''), draft.body_text);
  if btrim(final) = '' then
    raise exception 'the draft has no text to send' using errcode = '23514', hint = 'Write one: body.';
  end if;
  verdict := case when final = draft.body_text then 'accepted' else 'edited' end;
  sent := public.send_reply(draft.ticket_id, final, accept_draft.expected_seq);
  update public.drafts as d set status = verdict, sent_message_id = sent.id where d.id = draft.id;
  insert into public.draft_feedback (organization_id, draft_id, member_id, verdict, final_text)
  values (draft.organization_id, draft.id, (select auth.uid()), verdict, final);
  return sent;
end;
$$;

-- A person puts a draft aside.
create function public.reject_draft(draft_id uuid, comment text default '') returns void
language plpgsql set search_path = '' as $$
declare
  draft public.drafts;
begin
  update public.drafts as d set status = 'rejected'
  where d.id = reject_draft.draft_id and d.status in ('open', 'stale')
  returning d.* into draft;
  if draft.id is null then
    raise exception 'there is no open draft %', reject_draft.draft_id using errcode = 'PT404';
  end if;
  insert into public.draft_feedback (organization_id, draft_id, member_id, verdict, comment)
  values (draft.organization_id, draft.id, (select auth.uid()), 'rejected', reject_draft.comment);
end;
$$;

-- Who answers by hand has no more use for what the AI proposed.
create function private.supersede_drafts() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.drafts as d set status = 'superseded'
  where d.organization_id = new.organization_id and d.ticket_id = new.ticket_id and d.status in ('open', 'stale');
  return null;
end;
$$;

create trigger messages_supersede_drafts after insert on public.messages
for each row when (new.sender = 'member' and not new.is_internal) execute function private.supersede_drafts();

-- A draft that cites an older version of an article than the one now in search is stale: seen before it is sent.
create function private.mark_stale_drafts() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.drafts as d set status = 'stale'
  where d.organization_id = new.organization_id
    and d.status = 'open'
    and exists (
      select from public.draft_citations as c
      where c.organization_id = d.organization_id
        and c.draft_id = d.id
        and c.article_id = new.subject_id
        and c.version_id::text is distinct from new.data ->> 'version_id'
    );
  return null;
end;
$$;

create trigger events_mark_stale_drafts after insert on public.events
for each row when (new.type = 'article.reindexed') execute function private.mark_stale_drafts();

-- What the model cost an organization since midnight (UTC), in US dollars.
create function private.model_cost_today() returns numeric
language sql stable set search_path = '' as $$
  select coalesce(sum(e.cost_usd), 0)
  from public.ai_executions as e
  where e.organization_id = (select private.current_organization())
    and e.created_at >= date_trunc('day', now() at time zone 'utc') at time zone 'utc';
$$;

-- Everything a reply to a message rests on: what was written, what triage saw, how the organization wants it. No row:
-- there is no such message of a contact. For the tenant that the function works for.
--
-- Step by step, each with a plan that is kept: as one statement it took longer to plan than to run.
create function private.reply_case(message_id uuid) returns table (
  ticket_id uuid, subject text, channel public.ticket_channel, ai_state text, is_spam boolean, last_seq integer,
  is_machine boolean, sender_status text, is_verified boolean, texts text[],
  organization text, ai_mode text, ai_threshold real, style text, language text,
  is_dissatisfied boolean, wants_human boolean, injection boolean, sensitive text[],
  ai_turns bigint, awaits_person boolean, has_later_message boolean, has_draft boolean
)
language plpgsql stable set search_path = '' as $$
declare
  message record;
  ticket record;
  owner record;
  triage record;
  category record;
  so_far record;
begin
  select m.ticket_id, m.organization_id, m.seq, m.is_machine, m.sender_status, m.is_verified into message
  from public.messages as m
  where m.id = reply_case.message_id and m.sender = 'contact';
  if not found then
    return;
  end if;
  select t.subject, t.channel, t.ai_state, t.is_spam, t.last_seq, t.language, t.sentiment, t.category_id into ticket
  from public.tickets as t
  where t.id = message.ticket_id;
  select o.name, o.ai_mode, o.ai_threshold, o.language, coalesce(o.settings ->> 'reply_style', '') as style into owner
  from public.organizations as o
  where o.id = message.organization_id;
  select r.language, r.sentiment, r.wants_human, r.injection, r.sensitive into triage
  from public.triage_results as r
  where r.organization_id = message.organization_id and r.message_id = reply_case.message_id;
  select c.sensitive, c.key into category from public.ticket_categories as c where c.id = ticket.category_id;
  select
    coalesce(max(p.seq) filter (where p.sender in ('member', 'ai') and p.seq < message.seq), 0) as last_answer,
    coalesce(max(p.seq) filter (where p.sender = 'member'), 0) as last_by_person,
    count(*) filter (where p.sender = 'ai') as ai_turns,
    coalesce(bool_or(
      p.sender = 'contact' and p.seq > message.seq and not p.is_machine and p.sender_status = 'known'
    ), false) as has_later_message
  into so_far
  from public.messages as p
  where p.ticket_id = message.ticket_id and not p.is_internal;
  return query select
    message.ticket_id, ticket.subject, ticket.channel, ticket.ai_state, ticket.is_spam, ticket.last_seq,
    message.is_machine, message.sender_status, message.is_verified,
    -- What the contact has written since the last answer, this message last: a question may come in two mails.
    (
      select array_agg(coalesce(nullif(p.reply_text, ''), p.body_text) order by p.seq)
      from public.messages as p
      where p.ticket_id = message.ticket_id and p.seq > so_far.last_answer and p.seq <= message.seq
        and p.sender = 'contact' and p.sender_status = 'known' and not p.is_machine
    ),
    owner.name, owner.ai_mode, owner.ai_threshold, owner.style,
    coalesce(triage.language, ticket.language, owner.language),
    coalesce(triage.sentiment, ticket.sentiment) = 'negative',
    coalesce(triage.wants_human, false), coalesce(triage.injection, false),
    array(
      select s.topic
      from unnest(coalesce(triage.sensitive, '{}') || case when category.sensitive then array[category.key] end)
        as s (topic)
      group by s.topic
      order by s.topic
    ),
    so_far.ai_turns,
    -- A person was promised to somebody who asked for one, and has not written yet.
    exists (
      select from public.drafts as d
      where d.organization_id = message.organization_id and d.ticket_id = message.ticket_id
        and d.decision = 'escalate' and 'wants_human' = any (d.reasons) and d.seen_seq >= so_far.last_by_person
    ),
    so_far.has_later_message,
    exists (
      select from public.drafts as d
      where d.organization_id = message.organization_id and d.message_id = reply_case.message_id
    );
end;
$$;


-- sql/70_outgoing_mails.sql

-- Mail out: rendered once, stored first, then sent; what became of it stays visible.

-- What a provider told of a mail it took, the weaker word first: of all that is told, the strongest counts.
create type public.mail_delivery as enum (
  'sent', 'delayed',
  'soft_bounced', -- not this time: a full mailbox, a busy server
  'delivered',
  'suppressed',   -- the provider sends nothing to this address any more
  'failed',       -- the provider could not send it
  'bounced',      -- there is no such address
  'complained'    -- the recipient calls it spam
);

create table public.outgoing_mails (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid,
  -- The message it carries; null for a mail about the ticket itself.
  message_id uuid,
  -- What else it is about: a survey, a member's bundle of notifications.
  about_id uuid,
  kind text not null check (kind in ('reply', 'receipt', 'csat', 'notices')),
  -- Nobody pressed a button: it says so in Auto-Submitted and counts against the limits.
  is_automatic boolean not null,
  contact_id uuid,
  -- The member it goes to, where it goes to no contact.
  user_id uuid,
  -- stored: to be sent; sent: the provider has taken it; failed: it never will; suppressed: not to be sent;
  -- unknown: the provider may or may not have it, a person looks; given_up: a person looked, it is not to be sent.
  status text not null default 'stored' check (
    status in ('stored', 'sent', 'failed', 'suppressed', 'unknown', 'given_up')
  ),
  reason text,
  to_address text not null,
  -- Who else gets it, as it was when the mail was rendered.
  cc text[] not null default '{}',
  bcc text[] not null default '{}',
  from_address text not null,
  reply_to text not null,
  subject text not null check (subject !~ '[\r\n]'),
  body_text text not null,
  body_html text not null,
  headers jsonb not null default '{}',
  -- Noted before the provider is called: whether it took the mail is not known since then. Null: it certainly has not.
  attempted_at timestamptz,
  -- Of the job's attempt that noted this last: a later one has taken over from any other.
  attempt_token uuid,
  -- The job that tried first; where another tries again, it must be by the same key.
  idempotency_key uuid,
  provider text,
  provider_id text,
  message_id_header text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  sent_at timestamptz,
  -- Computed from all of public.mail_events, whatever order they came in.
  delivery public.mail_delivery,
  delivered_at timestamptz,
  bounced_at timestamptz,
  complained_at timestamptz,
  opened_at timestamptz,
  clicked_at timestamptz,
  unique (organization_id, id),
  unique (organization_id, message_id, kind),
  unique (organization_id, about_id, kind),
  check (case when user_id is null then contact_id is not null and ticket_id is not null else contact_id is null end),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, message_id) references public.messages (organization_id, id) on delete cascade,
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id),
  foreign key (organization_id, user_id) references public.members (organization_id, user_id) on delete cascade
);
create index outgoing_mails_user_idx on public.outgoing_mails (organization_id, user_id) where user_id is not null;
create unique index outgoing_mails_receipt_idx on public.outgoing_mails (organization_id, ticket_id)
where kind = 'receipt';
create index outgoing_mails_ticket_idx on public.outgoing_mails (organization_id, ticket_id);
create index outgoing_mails_contact_idx on public.outgoing_mails (organization_id, contact_id, created_at);
create unique index outgoing_mails_provider_idx on public.outgoing_mails (provider, provider_id)
where provider_id is not null;

create index outgoing_mails_header_idx on public.outgoing_mails (message_id_header, organization_id)
where message_id_header is not null;

create trigger outgoing_mails_touch before update on public.outgoing_mails
for each row execute function private.touch();

-- A reply is mailed when it stands in a ticket that came by mail; a new ticket is confirmed to its
-- requester once triage has looked at it: by then its language is known, and spam gets no receipt.
insert into private.routes (event_type, consumer, only_if) values
  ('message.sent', 'send_mail', null),
  ('ticket.triaged', 'send_mail', '{"is_spam": false}'),
  ('csat.asked', 'send_mail', null);

-- Members hear of a mail that did not go out.
create function private.announce_outgoing_mail() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.emit(
    new.organization_id, 'mail.' || new.status, new.id,
    jsonb_build_object('kind', new.kind, 'message_id', new.message_id, 'reason', new.reason), 'agents', new.ticket_id
  );
  return null;
end;
$$;

create trigger outgoing_mails_announce_new after insert on public.outgoing_mails
for each row when (new.status = 'suppressed') execute function private.announce_outgoing_mail();
create trigger outgoing_mails_announce after update of status on public.outgoing_mails
for each row when (new.status in ('failed', 'unknown', 'suppressed') and old.status <> new.status)
execute function private.announce_outgoing_mail();

-- May one more automatic mail go to this contact about this ticket? At most two answers in ten minutes about a ticket,
-- and five mails in a day to a contact, so that two machines that answer each other come to rest (RFC 3834, section 2).
create function private.may_mail_automatically(contact_id uuid, ticket_id uuid) returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return (
    select count(*) filter (
        where m.ticket_id = may_mail_automatically.ticket_id and m.created_at > now() - interval '10 minutes'
          and m.kind = 'reply'
      ) < 2
      and count(*) < 5
    from public.outgoing_mails as m
    where m.organization_id = (select private.current_organization())
      and m.contact_id = may_mail_automatically.contact_id
      and m.is_automatic
      and m.status <> 'suppressed'
      and m.created_at > now() - interval '1 day'
  );
end;
$$;

-- The provider has the mail: so it is told by the one who sent it, and by each of the provider's events. Also where
-- somebody had given it up. Where it was sent again, what is told late of the first sending does not take the place of
-- the second. For the tenant that the function works for.
create function private.mark_sent(
  outgoing_mail_id uuid, provider text, provider_id text, message_id_header text, sent_at timestamptz
) returns void
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  mail public.outgoing_mails;
begin
  select * into mail from public.outgoing_mails as m where m.id = mark_sent.outgoing_mail_id;
  if mail.status = 'sent' and mail.provider = mark_sent.provider and mail.sent_at is not null and (
    mail.provider_id <> mark_sent.provider_id
    or mail.provider_id = mark_sent.provider_id
    and (mark_sent.message_id_header is null or mail.message_id_header = mark_sent.message_id_header)
  ) then
    return; -- nothing of it is new
  end if;
  update public.outgoing_mails as m
  set status = 'sent', reason = null, provider = mark_sent.provider,
    provider_id = coalesce(m.provider_id, mark_sent.provider_id),
    message_id_header = case
      when coalesce(m.provider_id, mark_sent.provider_id) = mark_sent.provider_id
      then coalesce(mark_sent.message_id_header, m.message_id_header)
      else m.message_id_header
    end,
    sent_at = coalesce(m.sent_at, mark_sent.sent_at, now())
  where m.id = mark_sent.outgoing_mail_id
  returning m.* into mail;
  if mail.message_id is not null and mail.message_id_header is not null then
    -- So that an answer which quotes it finds its ticket.
    update public.messages as m set message_id_header = mail.message_id_header where m.id = mail.message_id;
  end if;
end;
$$;

-- A mail that is failed or unknown is a person's to decide about: `was_sent` leaves it, `send_again` sends it once more
-- as it was rendered, `give_up` files it. Agents of its organization. Returns the mail's new status.
create function private.resolve_outgoing_mail(id uuid, decision text) returns text
language plpgsql security definer set search_path = '' as $$
declare
  mail public.outgoing_mails;
  status constant text := case decision
    when 'was_sent' then 'sent' when 'send_again' then 'stored' when 'give_up' then 'given_up'
  end;
begin
  if status is null then
    raise exception 'not a decision: %', left(decision, 60)
      using errcode = '22023', hint = 'It is was_sent, send_again or give_up.';
  end if;
  select m.* into mail
  from public.outgoing_mails as m
  where m.id = resolve_outgoing_mail.id
    and m.organization_id = any(array(select private.my_organizations('agent')))
    and (m.user_id is null or m.user_id = (select auth.uid()))
  for no key update;
  if mail.id is null then
    raise exception 'there is no mail %', resolve_outgoing_mail.id using errcode = 'PT404';
  end if;
  if mail.status not in ('failed', 'unknown') then
    raise exception 'the mail is %: there is nothing to decide', mail.status using errcode = 'PT409';
  end if;
  if decision = 'send_again' and exists (
    select from public.contacts as c
    where c.organization_id = mail.organization_id and c.id = mail.contact_id and c.suppressed_at is not null
  ) then
    raise exception 'the address bounced or complained: nothing is sent there'
      using errcode = 'PT409', hint = 'Call unsuppress_contact first.';
  end if;
  if decision = 'send_again' then
    -- As if it had never been tried: the provider must not take it for a repetition.
    update public.outgoing_mails as m
    set status = 'stored', reason = null, attempted_at = null, attempt_token = null, idempotency_key = null,
      provider = null, provider_id = null, message_id_header = null
    where m.id = mail.id;
    perform private.enqueue(
      mail.organization_id, 'send_mail',
      jsonb_build_object(
        'type', case mail.kind
          when 'reply' then 'message.sent' when 'receipt' then 'ticket.triaged' when 'csat' then 'csat.asked'
          else mail.kind
        end,
        'subject_id', coalesce(mail.message_id, mail.about_id, mail.ticket_id), 'ticket_id', mail.ticket_id
      ),
      order_key => 'send_mail:' || coalesce(mail.ticket_id, mail.user_id)
    );
  elsif decision = 'was_sent' then
    update public.outgoing_mails as m
    set status = 'sent', reason = null, sent_at = coalesce(m.attempted_at, m.updated_at)
    where m.id = mail.id;
  else
    update public.outgoing_mails as m set status = 'given_up' where m.id = mail.id;
  end if;
  perform private.emit(
    mail.organization_id, 'mail.resolved', mail.id,
    jsonb_build_object('kind', mail.kind, 'message_id', mail.message_id, 'decision', decision), 'agents', mail.ticket_id
  );
  return status;
end;
$$;

create function public.resolve_outgoing_mail(id uuid, decision text) returns text
language sql set search_path = '' as $$
  select private.resolve_outgoing_mail(resolve_outgoing_mail.id, resolve_outgoing_mail.decision);
$$;


-- sql/72_mail_events.sql

-- What providers tell of the mail they took: delivered, bounced, opened. Each is believed once, in whatever order.

create table public.mail_events (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  outgoing_mail_id uuid not null,
  provider text not null,
  provider_event_id text not null check (length(provider_event_id) between 1 and 255),
  type text not null check (
    type in (
      'sent', 'delivery_delayed', 'delivered', 'bounced', 'complained', 'opened', 'clicked', 'failed', 'suppressed'
    )
  ),
  -- hard: the address is no good; soft: this mail did not arrive, the next one may.
  bounce text check (bounce in ('hard', 'soft')),
  at timestamptz not null,
  -- The provider's words, without addresses.
  detail jsonb not null default '{}',
  created_at timestamptz not null default now(),
  check ((type = 'bounced') = (bounce is not null)),
  unique (organization_id, provider, provider_event_id),
  foreign key (organization_id, outgoing_mail_id) references public.outgoing_mails (organization_id, id)
    on delete cascade
);
create index mail_events_mail_idx on public.mail_events (organization_id, outgoing_mail_id, at);

-- The mail that an event is about, whoever's it is: a provider's webhook belongs to no tenant. By the provider's id, by
-- our own id that the mail carried along, by its Message-ID. Gives ids.
create function private.find_outgoing_mail(
  provider text, provider_id text, own_id uuid default null, message_id_header text default null
) returns table (organization_id uuid, outgoing_mail_id uuid)
language plpgsql stable security definer set search_path = '' rows 1 as $$
#variable_conflict use_column
begin
  return query
  select found.organization_id, found.id
  from (
    select 1 as rank, m.organization_id, m.id from public.outgoing_mails as m
    where m.provider = find_outgoing_mail.provider and m.provider_id = find_outgoing_mail.provider_id
    union all
    select 2, m.organization_id, m.id from public.outgoing_mails as m where m.id = find_outgoing_mail.own_id
    union all
    select 3, m.organization_id, m.id from public.outgoing_mails as m
    where m.message_id_header = find_outgoing_mail.message_id_header
  ) as found
  order by found.rank
  limit 1;
end;
$$;

-- Completes the mail by all that is told of it, and draws the consequences. What is computed anew from all events
-- cannot depend on their order.
create function private.apply_mail_event() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  mail public.outgoing_mails;
begin
  -- One after the other for a mail, so that each sees what the others told.
  select m.* into mail
  from public.outgoing_mails as m
  where m.organization_id = new.organization_id and m.id = new.outgoing_mail_id
  for no key update;
  update public.outgoing_mails as m
  set delivery = told.delivery, delivered_at = told.delivered_at, bounced_at = told.bounced_at,
    complained_at = told.complained_at, opened_at = told.opened_at, clicked_at = told.clicked_at
  from (
    select
      max(
        case
          when e.type = 'delivery_delayed' then 'delayed'
          when e.type in ('opened', 'clicked') then 'delivered'
          when e.bounce = 'soft' then 'soft_bounced'
          else e.type
        end::public.mail_delivery
      ) as delivery,
      -- Who opens a mail has it, even where its delivery was never told.
      coalesce(
        min(e.at) filter (where e.type = 'delivered'), min(e.at) filter (where e.type in ('opened', 'clicked'))
      ) as delivered_at,
      min(e.at) filter (where e.type = 'bounced') as bounced_at,
      min(e.at) filter (where e.type = 'complained') as complained_at,
      min(e.at) filter (where e.type = 'opened') as opened_at,
      min(e.at) filter (where e.type = 'clicked') as clicked_at
    from public.mail_events as e
    where e.organization_id = mail.organization_id and e.outgoing_mail_id = mail.id
  ) as told
  where m.id = mail.id;
  if new.bounce = 'hard' or new.type = 'complained' then
    update public.contacts as c
    set suppressed_at = coalesce(c.suppressed_at, now()),
      suppressed_because = coalesce(
        c.suppressed_because,
        case new.type when 'complained' then 'the recipient complained' else 'mail to this address bounced' end
      )
    -- Where the contact has another address by now, that one did nothing wrong.
    where c.organization_id = mail.organization_id and mail.contact_id in (c.id, c.merged_into)
      and c.email = private.normal_email(mail.to_address)
      -- Of a mail with copies nobody can tell whose address it was.
      and mail.cc = '{}' and mail.bcc = '{}';
    if mail.user_id is not null then
      perform private.stop_notices(
        mail.user_id, case new.type when 'complained' then 'a mail was called spam' else 'a mail bounced' end
      );
    end if;
  end if;
  -- Members hear of the first of its kind.
  if new.type in ('bounced', 'complained', 'failed', 'suppressed') and not exists (
    select from public.mail_events as e
    where e.organization_id = mail.organization_id and e.outgoing_mail_id = mail.id and e.id <> new.id
      and e.type = new.type and e.bounce is not distinct from new.bounce
  ) then
    perform private.emit(
      mail.organization_id, 'mail.' || new.type, mail.id,
      jsonb_build_object('kind', mail.kind, 'message_id', mail.message_id, 'reason', new.detail ->> 'reason')
        || case when new.type = 'bounced' then jsonb_build_object('bounce', new.bounce) else '{}' end,
      'agents', mail.ticket_id
    );
  end if;
  return null;
end;
$$;

create trigger mail_events_apply after insert on public.mail_events
for each row execute function private.apply_mail_event();

-- Keeps what a webhook tells of a mail of the tenant that the function works for: once, however often it comes. Returns
-- whether it was new.
create function private.note_mail_event(
  webhook_source text, webhook_id text, outgoing_mail_id uuid, provider text, provider_event_id text,
  provider_id text, message_id_header text, type text, bounce text, at timestamptz, detail jsonb
) returns boolean
language plpgsql set search_path = '' as $$
#variable_conflict use_column
begin
  if not private.note_webhook(webhook_source, webhook_id) then
    return false;
  end if;
  -- Whatever else it says, the provider has the mail.
  perform private.mark_sent(outgoing_mail_id, provider, provider_id, message_id_header, at);
  insert into public.mail_events (
    organization_id, outgoing_mail_id, provider, provider_event_id, type, bounce, at, detail
  ) values (
    (select private.current_organization()), note_mail_event.outgoing_mail_id, note_mail_event.provider,
    note_mail_event.provider_event_id, note_mail_event.type, note_mail_event.bounce, note_mail_event.at,
    note_mail_event.detail
  )
  on conflict do nothing;
  return found;
end;
$$;

-- Lets mail go to a contact again after a bounce or a complaint. Agents of its organization. Returns whether it was
-- held back before.
create function private.unsuppress_contact(contact_id uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  contact public.contacts;
begin
  select c.* into contact
  from public.contacts as c
  where c.id = unsuppress_contact.contact_id
    and c.organization_id = any(array(select private.my_organizations('agent')))
  for no key update;
  if contact.id is null then
    raise exception 'there is no contact %', unsuppress_contact.contact_id using errcode = 'PT404';
  end if;
  update public.contacts as c set suppressed_at = null, suppressed_because = null
  where c.id = contact.id and c.suppressed_at is not null;
  return contact.suppressed_at is not null;
end;
$$;

create function public.unsuppress_contact(contact_id uuid) returns boolean
language sql set search_path = '' as $$
  select private.unsuppress_contact(unsuppress_contact.contact_id);
$$;

-- Another address begins anew.
create function private.forget_suppression() returns trigger
language plpgsql set search_path = '' as $$
begin
  new.suppressed_at := null;
  new.suppressed_because := null;
  return new;
end;
$$;

create trigger contacts_forget_suppression before update of email on public.contacts
for each row when (old.email is distinct from new.email) execute function private.forget_suppression();


-- sql/73_data_keys.sql

-- What encrypts an organization's secrets. The functions encrypt and decrypt (kit/secrets.py); here lies only what is
-- of no use without the key that wraps it.

create table private.data_keys (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  -- The newest seals; older ones still open what they sealed.
  version integer not null check (version > 0),
  wrapped bytea not null,
  -- Who unwraps it: `kms`, or `master:` and the fingerprint of a master key.
  wrapped_by text not null,
  created_at timestamptz not null default now(),
  primary key (organization_id, version)
);


-- sql/74_typed_ids.sql

-- Ids as integrators see them outside the database: `tkt_` and the 32 hex digits of the uuid, so that nobody takes a
-- ticket's for a message's. Postgres reads those digits as a uuid: what stands behind the prefix can be used in a
-- filter of the REST API as it is.

create table private.id_prefixes (
  -- What the id names, as in the key `<noun>_id`, or as in private.event_types.subject.
  noun text primary key check (noun ~ '^[a-z]+(_[a-z]+)*$'),
  prefix text not null check (prefix ~ '^[a-z]{3,5}$')
);

insert into private.id_prefixes (noun, prefix) values
  ('organization', 'org'),
  ('event', 'evt'),
  ('user', 'usr'),
  ('actor', 'usr'),
  ('assignee', 'usr'),
  ('member', 'usr'),
  ('team', 'tem'),
  ('contact', 'con'),
  ('session', 'wses'),
  ('tag', 'wtag'),
  ('company', 'cmp'),
  ('merge', 'mrg'),
  ('mail_address', 'adr'),
  ('ticket', 'tkt'),
  ('category', 'cat'),
  ('message', 'msg'),
  ('inbound_mail', 'iml'),
  ('outgoing_mail', 'oml'),
  ('provider_mail', 'pml'),
  ('article', 'art'),
  ('version', 'ver'),
  ('draft', 'drf'),
  ('action_form', 'frm'),
  ('csat_survey', 'srv'),
  ('csat_rating', 'rtg'),
  ('attachment', 'att'),
  ('webhook_endpoint', 'whe'),
  ('endpoint', 'whe'),
  ('webhook_delivery', 'whd'),
  ('delivery', 'whd'),
  ('chat_widget', 'wdg'),
  ('widget', 'wdg'),
  ('visitor', 'vis'),
  ('room', 'rom'),
  ('room_message', 'rmg');

-- The prefix of a noun, or of the last words of one that is longer (`from_ticket`); null where there is none.
create function private.id_prefix(noun text) returns text
language sql stable security definer set search_path = '' as $$
  select p.prefix
  from private.id_prefixes as p
  where id_prefix.noun = p.noun or right(id_prefix.noun, length(p.noun) + 1) = '_' || p.noun
  order by length(p.noun) desc
  limit 1;
$$;

-- `typed_id('ticket', …)` is `tkt_…`. A noun without a prefix leaves the uuid as it is.
create function public.typed_id(noun text, id uuid) returns text
language sql stable set search_path = '' as $$
  select coalesce(private.id_prefix(typed_id.noun) || '_' || replace(typed_id.id::text, '-', ''), typed_id.id::text);
$$;

-- The uuid behind a typed id, whatever it names.
create function public.uuid_of(typed_id text) returns uuid
language plpgsql immutable set search_path = '' as $$
begin
  if typed_id !~ '^[a-z]{3,5}_[0-9a-f]{32}$' then
    raise exception 'not a typed id: %', left(typed_id, 60)
      using errcode = '22023', hint = 'Three to five letters that say what it names, an underscore, 32 hex digits.';
  end if;
  return right(typed_id, 32)::uuid;
end;
$$;

-- Data of an event with every id typed: the values of its keys `…_id`.
create function private.with_typed_ids(data jsonb) returns jsonb
language sql stable set search_path = '' as $$
  select coalesce(jsonb_object_agg(
    d.key,
    case
      when d.key like '%\_id' and private.try_uuid(d.value #>> '{}') is not null
      then to_jsonb(public.typed_id(left(d.key, -3), private.try_uuid(d.value #>> '{}')))
      else d.value
    end
  ), '{}')
  from jsonb_each(with_typed_ids.data) as d;
$$;


-- sql/75_webhooks.sql

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


-- sql/76_webhook_deliveries.sql

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


-- sql/77_files.sql

-- Files are looked at before anybody gets them: what they are by their content, whether the organization takes that,
-- whether they carry a virus. Members and contacts add files of their own; how much is kept, the plan says.

alter table public.organizations
-- Types that are taken, as `image/png` or `image/*`; null: those that a desk usually needs.
add column file_types text[] check (cardinality(file_types) between 1 and 200);

create index attachments_thumbnail_idx on public.attachments (organization_id, thumbnail_path)
where thumbnail_path is not null;

insert into private.consumers (name, in_flight, lease, max_attempts) values ('inspect_file', 12, '5 minutes', 12);

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'attachment.inspected', 'attachment', 'contact',
  'A file was looked at: it can be fetched from now on, or it says why not.',
  '{"verdict": {"enum": ["clean", "unscanned", "infected", "refused"]}}', false, '{"verdict": "clean"}'
);

-- How much each organization keeps, kept by triggers.
create table private.file_usage (
  organization_id uuid primary key references public.organizations (id) on delete cascade,
  bytes bigint not null default 0
);

create function private.count_files() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  insert into private.file_usage as u (organization_id, bytes)
  select c.organization_id, sum(c.bytes)
  from changed as c
  where exists (select from public.organizations as o where o.id = c.organization_id)
  group by c.organization_id
  on conflict (organization_id) do update
  set bytes = u.bytes + case when tg_op = 'DELETE' then -excluded.bytes else excluded.bytes end;
  return null;
end;
$$;

create trigger attachments_count after insert on public.attachments
referencing new table as changed for each statement execute function private.count_files();
create trigger attachments_uncount after delete on public.attachments
referencing old table as changed for each statement execute function private.count_files();

create function private.have_inspected() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.enqueue(new.organization_id, 'inspect_file', jsonb_build_object('attachment_id', new.id));
  return null;
end;
$$;

create trigger attachments_inspect after insert on public.attachments
for each row when (new.verdict = 'waiting') execute function private.have_inspected();

-- Has an organization room for more? Asked before an upload, and once more when it is attached.
create function private.has_room_for_files(organization_id uuid) returns boolean
language plpgsql stable security definer set search_path = '' as $$
declare
  allowed constant bigint := private.plan_limit(has_room_for_files.organization_id, 'storage');
begin
  return allowed is null or allowed > coalesce((
    select u.bytes from private.file_usage as u where u.organization_id = has_room_for_files.organization_id
  ), 0);
end;
$$;

-- Where the caller may upload to: as an agent, or as a contact of a desk that shows itself to contacts.
create function private.may_upload(organization_id uuid) returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  return may_upload.organization_id in (
    select private.my_organizations('agent') union select private.my_contact_organizations()
  ) and private.has_room_for_files(may_upload.organization_id);
end;
$$;

-- Makes uploads of the caller attachments of a message that the caller has written just now.
create function private.attach_files(message_id uuid, files text[]) returns setof public.attachments
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  most constant integer := 20;
  message public.messages;
  me constant uuid := (select auth.uid());
  missing text;
begin
  select * into message from public.messages as m
  where m.id = attach_files.message_id and m.created_at > now() - interval '1 hour'
    and (
      (m.sender = 'member' and m.member_id = me and m.organization_id in (select private.my_organizations('agent')))
      or (m.sender = 'contact' and m.contact_id in (select private.my_contacts()))
    );
  if not found then
    raise exception 'there is no message % that you have just written', attach_files.message_id using errcode = 'PT404';
  end if;
  -- Its mail has been made by now, or is being made.
  if message.sender = 'member' and not message.is_internal and message.created_at <> now() then
    raise exception 'a reply is sent with its files, or without: give them to send_reply' using errcode = 'PT409';
  end if;
  if cardinality(files) > most or cardinality(files) <> (select count(distinct f) from unnest(files) as f) then
    raise exception 'a message takes % files at most, each once', most using errcode = '22023';
  end if;
  select f into missing from unnest(files) as f
  where not starts_with(f, message.organization_id || '/uploads/' || me || '/')
    or not exists (select from storage.objects as o where o.bucket_id = 'attachments' and o.name = f)
  limit 1;
  if missing is not null or me is null then
    raise exception 'you have uploaded no file %', left(missing, 200) using errcode = 'PT404';
  end if;
  -- Of two at the limit one passes: the other waits here, and counts again.
  perform from private.file_usage as u where u.organization_id = message.organization_id for update;
  if not private.has_room_for_files(message.organization_id) then
    raise exception 'the plan includes no more room for files'
      using errcode = 'PT402', hint = 'usage(organization_id) tells what is used.';
  end if;
  return query
  insert into public.attachments as a (
    organization_id, ticket_id, message_id, file_name, content_type, bytes, storage_path, uploaded_by
  )
  select
    message.organization_id, message.ticket_id, message.id, right(regexp_replace(o.name, '^.*/', ''), 255),
    left(coalesce(o.metadata ->> 'mimetype', 'application/octet-stream'), 255),
    coalesce((o.metadata ->> 'size')::bigint, 0), o.name, me
  from storage.objects as o
  where o.bucket_id = 'attachments' and o.name = any (files)
  returning a.*;
end;
$$;

create function public.attach_files(message_id uuid, files text[]) returns setof public.attachments
language sql set search_path = '' as $$
  select * from private.attach_files(attach_files.message_id, attach_files.files);
$$;

-- Has a file looked at again: a scanner was away, or other types are taken now. For managers.
create function private.inspect_again(attachment_id uuid) returns public.attachments
language plpgsql security definer set search_path = '' as $$
declare
  file public.attachments;
begin
  update public.attachments as a
  set verdict = 'waiting', verdict_because = null
  where a.id = inspect_again.attachment_id and a.organization_id in (select private.my_organizations('manager'))
  returning * into file;
  if not found then
    raise exception 'there is no attachment %', inspect_again.attachment_id using errcode = 'PT404';
  end if;
  perform private.enqueue(file.organization_id, 'inspect_file', jsonb_build_object('attachment_id', file.id));
  return file;
end;
$$;

create function public.inspect_again(attachment_id uuid) returns public.attachments
language sql set search_path = '' as $$
  select * from private.inspect_again(inspect_again.attachment_id);
$$;

-- A file that waits to be looked at, for the function that does. `kept_as`: the type that Storage gives it out by.
create function private.file_to_inspect(attachment_id uuid)
returns table (storage_path text, kept_as text, file_types text[])
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  select a.storage_path, s.metadata ->> 'mimetype', o.file_types
  from public.attachments as a
  join public.organizations as o on o.id = a.organization_id
  left join storage.objects as s on s.bucket_id = 'attachments' and s.name = a.storage_path
  where a.organization_id = private.current_organization() and a.id = file_to_inspect.attachment_id
    and a.verdict = 'waiting';
end;
$$;

create function private.file_inspected(
  attachment_id uuid, verdict text, because text, detected_type text, bytes bigint, sha256 bytea, thumbnail_path text
) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  file public.attachments;
begin
  update public.attachments as a
  set verdict = file_inspected.verdict, verdict_because = left(file_inspected.because, 500),
    detected_type = file_inspected.detected_type, bytes = coalesce(file_inspected.bytes, a.bytes),
    sha256 = coalesce(file_inspected.sha256, a.sha256), thumbnail_path = file_inspected.thumbnail_path
  where a.organization_id = private.current_organization() and a.id = file_inspected.attachment_id
    and a.verdict = 'waiting'
  returning * into file;
  if found then
    perform private.emit(
      file.organization_id, 'attachment.inspected', file.id, jsonb_build_object('verdict', file.verdict),
      case when (
        select m.is_internal or m.sender_status = 'pending' from public.messages as m where m.id = file.message_id
      ) then 'agents' else 'contact' end,
      file.ticket_id
    );
  end if;
end;
$$;

-- Uploads of yesterday that belong to no message are removed; called once an hour with the rest of the housekeeping.
create function private.forget_uploads() returns integer
language plpgsql security definer set search_path = '' as $$
declare
  forgotten integer;
begin
  perform private.doom_files(o.id, 'attachments', array_agg(s.name))
  from (
    select s.name, private.try_uuid(split_part(s.name, '/', 1)) as organization_id
    from storage.objects as s
    where s.bucket_id = 'attachments' and split_part(s.name, '/', 2) = 'uploads'
      and s.created_at < now() - interval '1 day'
      and not exists (
        select from public.attachments as a
        where a.organization_id = private.try_uuid(split_part(s.name, '/', 1))
          and s.name in (a.storage_path, a.thumbnail_path)
      )
      and not exists (
        select from private.doomed_files as d where d.bucket = 'attachments' and d.path = s.name
      )
    limit 1000
  ) as s
  join public.organizations as o on o.id = s.organization_id
  group by o.id;
  get diagnostics forgotten = row_count;
  return forgotten;
end;
$$;


-- sql/78_privacy.sql

-- What is known of a contact is given out as files, or forgotten, when an admin asks for it. Each is a job.

-- Where personal data of contacts lie; the rows stand in sql/96_personal_data.sql. A test fails for a table that hangs
-- on a contact, or on what hangs on one, and is missing there.
--
-- `by_contact` and `by_ticket` are conditions on a row `r`. In both $1 is the organization; in the first $2 are the ids
-- of the contact and of those that were merged into it, and $3 their addresses; in the second $2 are tickets.
create table private.personal_data (
  -- With its schema.
  table_name text primary key,
  by_contact text,
  by_ticket text,
  is_exported boolean not null default true,
  -- Columns that are not given out: keys, vectors, what is bytes.
  hidden text[] not null default '{}',
  -- delete: the row goes; blank: it stays for what is counted, and `blank`, a SET list, empties it; call: `blank` is a
  -- call that does; keep: it holds nothing personal.
  erasure text not null check (erasure in ('delete', 'blank', 'call', 'keep')),
  blank text,
  -- Rows are erased in this order: what refers to others before them.
  position smallint not null default 0,
  -- Why it is not exported, or not erased.
  because text,
  check ((erasure in ('blank', 'call')) = (blank is not null)),
  check (because is not null or (is_exported and erasure <> 'keep')),
  check (by_contact is not null or by_ticket is not null or because is not null)
);

create table public.privacy_requests (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  contact_id uuid not null,
  kind text not null check (kind in ('export', 'erasure')),
  state text not null default 'waiting' check (state in ('waiting', 'done', 'failed')),
  -- The admin; an id, for people leave.
  requested_by uuid,
  note text not null default '' check (length(note) <= 1000),
  -- Rows given out or erased, by table: {"public.messages": 12}.
  manifest jsonb not null default '{}' check (jsonb_typeof(manifest) = 'object'),
  -- Of an export: where its parts lie in the bucket `exports`, until they expire.
  files text[] not null default '{}',
  expires_at timestamptz,
  error text,
  done_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id)
);
create unique index privacy_requests_open_idx on public.privacy_requests (organization_id, contact_id, kind)
where state = 'waiting';
create index privacy_requests_contact_idx on public.privacy_requests (organization_id, contact_id);

insert into private.contact_references (table_name, column_name, on_merge, because) values
('public.privacy_requests', 'contact_id', 'leave', 'what was asked for; nobody with an open one is merged');

create trigger privacy_requests_touch before update on public.privacy_requests
for each row execute function private.touch();

insert into storage.buckets (id, name, public) values ('exports', 'exports', false)
on conflict (id) do nothing;

insert into private.consumers (name, in_flight, lease, max_attempts) values ('privacy', 4, '10 minutes', 8);

-- Asks for the data of a contact, or for the end of them. For admins.
create function private.request_privacy(contact_id uuid, kind text, note text) returns public.privacy_requests
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  contact public.contacts;
  asked public.privacy_requests;
begin
  select * into contact from public.contacts as c
  where c.id = request_privacy.contact_id and c.organization_id in (select private.my_organizations('admin'));
  if not found then
    raise exception 'there is no contact % of an organization that you administer', request_privacy.contact_id
      using errcode = 'PT404';
  end if;
  if contact.erased_at is not null then
    raise exception 'this contact was erased on %', contact.erased_at::date using errcode = 'PT409';
  end if;
  insert into public.privacy_requests as p (organization_id, contact_id, kind, note, requested_by)
  values (
    contact.organization_id, contact.id, request_privacy.kind, coalesce(request_privacy.note, ''),
    (select private.actor_id())
  )
  on conflict (organization_id, contact_id, kind) where state = 'waiting' do nothing
  returning * into asked;
  if not found then
    raise exception 'this is being done already' using errcode = 'PT409';
  end if;
  if asked.kind = 'export' then
    perform private.log_export(asked.organization_id, 'contact ' || asked.contact_id, null);
  end if;
  perform private.enqueue(
    asked.organization_id, 'privacy', jsonb_build_object('task', asked.kind, 'request_id', asked.id)
  );
  return asked;
end;
$$;

create function public.request_contact_export(contact_id uuid, note text default '') returns public.privacy_requests
language sql set search_path = '' as $$
  select * from private.request_privacy(request_contact_export.contact_id, 'export', request_contact_export.note);
$$;

create function public.request_contact_erasure(contact_id uuid, note text default '') returns public.privacy_requests
language sql set search_path = '' as $$
  select * from private.request_privacy(request_contact_erasure.contact_id, 'erasure', request_contact_erasure.note);
$$;

-- A request whose job has died says so; given another life, it waits again.
create function private.follow_job_of_privacy() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.privacy_requests as p
  set state = case when new.state = 'dead' then 'failed' else 'waiting' end,
    error = case when new.state = 'dead' then left(coalesce(new.error, ''), 1000) end
  where p.organization_id = new.organization_id
    and p.id = private.try_uuid(new.payload ->> 'request_id')
    and p.state = case when new.state = 'dead' then 'waiting' else 'failed' end;
  return null;
end;
$$;

create trigger jobs_privacy after update of state on private.jobs
for each row when (
  new.consumer = 'privacy' and new.state <> old.state
  and (new.state = 'dead' or (old.state = 'dead' and new.state = 'waiting'))
)
execute function private.follow_job_of_privacy();

-- The contact, and whoever was merged into it.
create function private.contact_family(organization_id uuid, contact_id uuid) returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
begin
  return array(
    with recursive family as (
      select contact_family.contact_id as id
      union
      select c.id
      from family as f
      join public.contacts as c on c.organization_id = contact_family.organization_id and c.merged_into = f.id
    )
    select f.id from family as f
  );
end;
$$;

-- All that is known of the contact of an export: {table: [rows]}. One snapshot.
create function private.export_contact(request_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  organization uuid := private.current_organization();
  family uuid[];
  addresses text[];
  tickets uuid[];
  place private.personal_data;
  found_rows jsonb;
  told jsonb := '{}';
begin
  select private.contact_family(organization, p.contact_id) into family
  from public.privacy_requests as p
  where p.organization_id = organization and p.id = export_contact.request_id and p.kind = 'export';
  if family is null then
    raise exception 'there is no export %', export_contact.request_id using errcode = 'PT404';
  end if;
  addresses := array(select c.email from public.contacts as c where c.id = any (family) and c.email is not null);
  tickets := array(
    select t.id from public.tickets as t where t.organization_id = organization and t.contact_id = any (family)
  );
  for place in
    select * from private.personal_data as d where d.is_exported order by d.table_name
  loop
    execute format(
      'select coalesce(jsonb_agg(to_jsonb(r) - $5), ''[]'') from %s as r where r.organization_id = $1 and (%s or %s)',
      place.table_name,
      coalesce('(' || place.by_contact || ')', 'false'),
      coalesce('(' || replace(place.by_ticket, '$2', '$4') || ')', 'false')
    ) into found_rows using organization, family, addresses, tickets, place.hidden;
    if found_rows <> '[]' then
      told := told || jsonb_build_object(place.table_name, found_rows);
    end if;
  end loop;
  return told;
end;
$$;

-- The files of an export: attachments, and mails as they came (without a path: the ledger has them).
create function private.files_of_contact(request_id uuid)
returns table (folder text, id uuid, name text, bucket text, path text)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  organization uuid := private.current_organization();
  tickets uuid[] := array(
    select t.id
    from public.privacy_requests as p
    join public.tickets as t
      on t.organization_id = organization and t.contact_id = any (private.contact_family(organization, p.contact_id))
    where p.organization_id = organization and p.id = files_of_contact.request_id
  );
begin
  return query
  select 'files', a.id, a.file_name, 'attachments', a.storage_path
  from public.attachments as a
  where a.organization_id = organization and a.ticket_id = any (tickets)
  union all
  select 'mails', m.id, 'mail.eml', null, null
  from public.inbound_mails as m
  join private.inbound_raw as r on r.organization_id = m.organization_id and r.inbound_mail_id = m.id
  where m.organization_id = organization and m.ticket_id = any (tickets);
end;
$$;

-- The parts of an export lie in Storage.
create function private.keep_export(request_id uuid, files text[], manifest jsonb) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  keep constant interval := '7 days';
begin
  update public.privacy_requests as p
  set state = 'done', done_at = now(), expires_at = now() + keep, files = keep_export.files,
    manifest = keep_export.manifest
  where p.organization_id = private.current_organization() and p.id = keep_export.request_id;
  perform private.enqueue(
    private.current_organization(), 'clock',
    jsonb_build_object('ring', 'export_expires', 'request_id', keep_export.request_id), now() + keep
  );
end;
$$;

create function private.ring_export_expires(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  expired public.privacy_requests;
begin
  update public.privacy_requests as p
  set files = '{}'
  from public.privacy_requests as before
  where p.organization_id = private.current_organization() and p.id = (payload ->> 'request_id')::uuid
    and before.id = p.id
  returning before.* into expired;
  perform private.doom_files(expired.organization_id, 'exports', expired.files);
end;
$$;

-- Erases what the manifest names and `where_column` (by_contact, by_ticket) finds. Returns the rows by table.
create function private.erase_rows(
  organization_id uuid, where_column text, ids uuid[], addresses text[] default '{}'
) returns jsonb
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  place private.personal_data;
  condition text;
  erased bigint;
  done jsonb := '{}';
begin
  for place in
    select * from private.personal_data as d
    where d.erasure <> 'keep' and case where_column when 'by_contact' then d.by_contact else d.by_ticket end is not null
    order by d.position, d.table_name
  loop
    condition := case where_column when 'by_contact' then place.by_contact else place.by_ticket end;
    execute format(
      case place.erasure
        when 'delete' then 'delete from %1$s as r where r.organization_id = $1 and (%2$s)'
        when 'call' then 'select %3$s from %1$s as r where r.organization_id = $1 and (%2$s)'
        else 'update %1$s as r set %3$s where r.organization_id = $1 and (%2$s)'
      end,
      place.table_name, condition, place.blank
    ) using erase_rows.organization_id, erase_rows.ids, erase_rows.addresses;
    get diagnostics erased = row_count;
    if erased > 0 then
      done := done || jsonb_build_object(place.table_name, erased);
    end if;
  end loop;
  return done;
end;
$$;

-- Two counts by table, as one.
create function private.add_counts(one jsonb, other jsonb) returns jsonb
language sql immutable set search_path = '' as $$
  select coalesce(jsonb_object_agg(c.key, c.rows), '{}')
  from (
    select each.key, sum(each.value::bigint) as rows
    from (select * from jsonb_each_text(one) union all select * from jsonb_each_text(other)) as each
    group by each.key
  ) as c;
$$;

-- Contacts, without anything that says who they were.
create function private.erase_contacts(organization_id uuid, contacts uuid[]) returns jsonb
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  addresses constant text[] := array(
    select c.email from public.contacts as c where c.id = any (erase_contacts.contacts) and c.email is not null
  );
begin
  -- In copy of what was written to others.
  update public.outgoing_mails as m
  set cc = array(select unnest(m.cc) except select unnest(addresses)),
    bcc = array(select unnest(m.bcc) except select unnest(addresses))
  where m.organization_id = erase_contacts.organization_id and (m.cc && addresses or m.bcc && addresses);
  return private.erase_rows(erase_contacts.organization_id, 'by_contact', erase_contacts.contacts, addresses);
end;
$$;

-- One step of an erasure: some tickets, and when none is left the contact itself. The ticket stays for what is counted,
-- without a word of what was said. Returns whether it wants to be called again.
create function private.erase_contact(request_id uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  organization uuid := private.current_organization();
  slice constant integer := 50;
  request public.privacy_requests;
  family uuid[];
  some_tickets uuid[];
  done jsonb;
begin
  select * into request from public.privacy_requests as p
  where p.organization_id = organization and p.id = erase_contact.request_id and p.kind = 'erasure'
  for update;
  if not found then
    raise exception 'there is no erasure %', erase_contact.request_id using errcode = 'PT404';
  end if;
  if request.state = 'done' or request.manifest ? 'public.contacts' then
    return false;
  end if;
  perform set_config('app.privacy_request', request.id::text, true);
  family := private.contact_family(organization, request.contact_id);
  some_tickets := array(
    select t.id from public.tickets as t
    where t.organization_id = organization and t.contact_id = any (family) and t.erased_at is null
    order by t.id
    limit slice
    for update
  );
  if some_tickets <> '{}' then
    done := private.erase_tickets(organization, some_tickets);
  else
    -- Nothing of the contact arrives any more: its address is no longer its own after this.
    done := private.erase_contacts(organization, family);
  end if;
  done := private.add_counts(request.manifest, done);
  update public.privacy_requests as p
  set manifest = done,
    state = case when done ? 'public.contacts' and not exists (
      select from private.doomed_files as d where d.organization_id = organization and d.request_id = p.id
    ) then 'done' else 'waiting' end,
    done_at = case when done ? 'public.contacts' then now() end
  where p.id = request.id;
  return not done ? 'public.contacts';
end;
$$;

-- Tickets without their words. Open ones are closed: nobody can be answered there any more.
create function private.erase_tickets(organization_id uuid, tickets uuid[]) returns jsonb
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  update public.tickets as t
  set status = coalesce((
    select s.key from public.ticket_statuses as s
    where s.organization_id = t.organization_id and s.category = 'resolved'
    order by s.key = 'closed' desc, s.position, s.key
    limit 1
  ), t.status)
  where t.organization_id = erase_tickets.organization_id and t.id = any (erase_tickets.tickets)
    and t.status_category <> 'resolved';
  return private.erase_rows(erase_tickets.organization_id, 'by_ticket', erase_tickets.tickets);
end;
$$;


-- sql/79_doomed_files.sql

-- Files whose rows are gone are removed from Storage too, by a job.

-- Until Storage has let them go.
create table private.doomed_files (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  bucket text not null,
  path text not null,
  -- The erasure that is not done before this file is gone.
  request_id uuid,
  created_at timestamptz not null default now(),
  foreign key (organization_id, request_id)
    references public.privacy_requests (organization_id, id) on delete set null (request_id)
);
create index doomed_files_organization_idx on private.doomed_files (organization_id, id);
create index doomed_files_request_idx on private.doomed_files (organization_id, request_id);

-- Has files removed, in the transaction in which their rows go.
create function private.doom_files(organization_id uuid, bucket text, paths text[]) returns void
language plpgsql security definer set search_path = '' as $$
begin
  insert into private.doomed_files (organization_id, bucket, path, request_id)
  select
    doom_files.organization_id, doom_files.bucket, path,
    private.try_uuid(current_setting('app.privacy_request', true))
  from unnest(doom_files.paths) as path;
  if found then
    perform private.enqueue(doom_files.organization_id, 'privacy', '{"task": "files"}', dedupe_key => 'files');
  end if;
end;
$$;

create function private.doom_attachments() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.doom_files(g.organization_id, 'attachments', array_agg(path))
  from gone as g
  cross join lateral unnest(array_remove(array[g.storage_path, g.thumbnail_path], null)) as path
  -- Gone with its organization: whoever removes one removes its folder in Storage.
  where exists (select from public.organizations as o where o.id = g.organization_id)
  group by g.organization_id;
  return null;
end;
$$;

create trigger attachments_doom after delete on public.attachments
referencing old table as gone for each statement execute function private.doom_attachments();

-- The files that a job is to remove next.
create function private.doomed_files(most integer default 100) returns table (id uuid, bucket text, path text)
language plpgsql stable security definer set search_path = '' as $$
begin
  return query
  select d.id, d.bucket, d.path
  from private.doomed_files as d
  where d.organization_id = private.current_organization()
  order by d.id
  limit most;
end;
$$;

-- They are gone. Ends the erasures that waited for it, and asks for the next ones.
create function private.files_removed(removed uuid[]) returns void
language plpgsql security definer set search_path = '' as $$
declare
  organization uuid := private.current_organization();
begin
  delete from private.doomed_files as d where d.organization_id = organization and d.id = any (files_removed.removed);
  update public.privacy_requests as p
  set state = 'done', done_at = now()
  where p.organization_id = organization and p.kind = 'erasure' and p.state = 'waiting' and p.manifest ? 'public.contacts'
    and not exists (select from private.doomed_files as d where d.organization_id = organization and d.request_id = p.id);
  if exists (select from private.doomed_files as d where d.organization_id = organization) then
    perform private.enqueue(organization, 'privacy', '{"task": "files"}', dedupe_key => 'files');
  end if;
end;
$$;


-- sql/80_realtime.sql

-- Every event is told at once on private topics, with ids only: clients fetch the rows under row-level security.

create function private.tell_event() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  told jsonb := jsonb_build_object(
    'event_id', new.id, 'type', new.type, 'subject_id', new.subject_id, 'ticket_id', new.ticket_id, 'data', new.data
  );
begin
  perform realtime.send(told, new.type, 'org:' || new.organization_id, true);
  if new.ticket_id is not null then
    perform realtime.send(told, new.type, 'ticket:' || new.ticket_id || ':agents', true);
    if new.audience = 'contact' then
      perform realtime.send(told, new.type, 'ticket:' || new.ticket_id || ':contact', true);
    end if;
    -- What moves between two tickets concerns who looks at the other one too.
    if new.type in ('ticket.merged', 'ticket.unmerged', 'message.moved') then
      perform realtime.send(told, new.type, 'ticket:' || other.id || ':agents', true)
      from unnest(array[
        new.data ->> 'into_ticket_id', new.data ->> 'from_ticket_id', new.data ->> 'to_ticket_id'
      ]) as other (id)
      where other.id <> new.ticket_id::text;
    end if;
    if new.type in ('ticket.assigned', 'ticket.created') then
      perform realtime.send(told, new.type, 'team:' || t.team_id, true)
      from public.tickets as t
      where t.id = new.ticket_id and t.team_id is not null;
    end if;
  end if;
  return null;
end;
$$;

create trigger events_tell after insert on public.events
for each row execute function private.tell_event();

-- May the caller join a topic? Never raises: one policy that does would silence every subscriber.
create function private.may_join(topic text) returns boolean
language sql stable security definer set search_path = '' as $$
  with asked as (
    select split_part(topic, ':', 1) as kind, private.try_uuid(split_part(topic, ':', 2)) as id,
      split_part(topic, ':', 3) as side
  )
  select coalesce(case
    when kind = 'member' and side = '' then id = (select auth.uid())
    when kind = 'org' and side = '' then id in (select private.my_organizations())
    when kind = 'team' and side = '' then exists (
      select from public.teams as t where t.id = asked.id and t.organization_id in (select private.my_organizations())
    )
    when kind = 'room' and side = '' then id in (select private.my_rooms())
    when kind = 'ticket' and side = 'agents' then exists (
      select from public.tickets as t where t.id = asked.id and t.organization_id in (select private.my_organizations())
    )
    when kind = 'ticket' and side = 'contact' then exists (
      select from public.tickets as t
      where t.id = asked.id
        and (t.contact_id in (select private.my_contacts()) or t.organization_id in (select private.my_organizations()))
    )
  end, false)
  from asked;
$$;

-- The portal follows its own tickets as rows.
alter publication supabase_realtime add table public.tickets;


-- sql/81_members.sql

-- How members come and go: who is removed hands over their work, ownership passes in one step, and a user of many
-- organizations sees them all by one token.

-- What a member has open goes back to its team's line, and from there to whose turn it is (44_assignment.sql). The
-- rest of what was theirs alone (teams, availability, compositions, what they have read) goes by its foreign keys.
-- After the row is gone: whoever gave them a ticket before is seen, and whoever does after is refused.
create function private.release_work() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if exists (select from public.organizations as o where o.id = old.organization_id) then
    update public.tickets as t set assignee_id = null
    where t.organization_id = old.organization_id and t.assignee_id = old.user_id and t.status_category <> 'resolved';
  end if;
  return null;
end;
$$;

create trigger members_release after delete on public.members
for each row execute function private.release_work();

-- Takes a member out of an organization, at once: which organizations a token opens is read at every request. What they
-- have open goes to `hand_over_to`, an agent, or back to its teams. Admins remove others; everybody may leave. Returns
-- how many tickets were handed over.
create function private.remove_member(organization_id uuid, user_id uuid, hand_over_to uuid) returns integer
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  mine constant public.member_role := private.my_role(remove_member.organization_id);
  handed_over integer := 0;
begin
  if coalesce(mine < 'admin', true) and not (mine is not null and remove_member.user_id = (select auth.uid())) then
    raise exception 'only admins remove members' using errcode = '42501';
  end if;
  perform from public.members as m
  where m.organization_id = remove_member.organization_id and m.user_id = remove_member.user_id
  for update;
  if not found then
    raise exception 'there is no member %', remove_member.user_id using errcode = 'PT404';
  end if;
  if remove_member.hand_over_to is not null then
    if remove_member.hand_over_to = remove_member.user_id or not exists (
      select from public.members as m
      where m.organization_id = remove_member.organization_id and m.user_id = remove_member.hand_over_to
        and m.role >= 'agent'
    ) then
      raise exception 'tickets are handed over to another agent of the organization, not to %',
        remove_member.hand_over_to using errcode = '22023';
    end if;
    update public.tickets as t set assignee_id = remove_member.hand_over_to
    where t.organization_id = remove_member.organization_id and t.assignee_id = remove_member.user_id
      and t.status_category <> 'resolved';
    get diagnostics handed_over = row_count;
  end if;
  delete from public.members as m
  where m.organization_id = remove_member.organization_id and m.user_id = remove_member.user_id;
  return handed_over;
end;
$$;

create function public.remove_member(
  organization_id uuid, user_id uuid, hand_over_to uuid default null
) returns integer
language sql set search_path = '' as $$
  select private.remove_member(remove_member.organization_id, remove_member.user_id, remove_member.hand_over_to);
$$;

create function public.leave_organization(organization_id uuid, hand_over_to uuid default null) returns integer
language sql set search_path = '' as $$
  select private.remove_member(
    leave_organization.organization_id, (select auth.uid()), leave_organization.hand_over_to
  );
$$;

-- The caller, an owner, makes another member the owner and is an admin from then on.
create function private.transfer_ownership(organization_id uuid, user_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if coalesce(private.my_role(transfer_ownership.organization_id) < 'owner', true) then
    raise exception 'only an owner passes the ownership on' using errcode = '42501';
  end if;
  if transfer_ownership.user_id = (select auth.uid()) then
    raise exception 'you are the owner already' using errcode = '22023';
  end if;
  -- As guard_members does: owners are counted one change at a time.
  perform from public.organizations as o where o.id = transfer_ownership.organization_id for no key update;
  update public.members as m set role = 'owner'
  where m.organization_id = transfer_ownership.organization_id and m.user_id = transfer_ownership.user_id;
  if not found then
    raise exception 'there is no member %', transfer_ownership.user_id using errcode = 'PT404';
  end if;
  update public.members as m set role = 'admin'
  where m.organization_id = transfer_ownership.organization_id and m.user_id = (select auth.uid());
end;
$$;

create function public.transfer_ownership(organization_id uuid, user_id uuid) returns void
language sql set search_path = '' as $$
  select private.transfer_ownership(transfer_ownership.organization_id, transfer_ownership.user_id);
$$;

-- Every organization that the caller is a member of, by whatever token: what a switch between them shows. One that asks
-- for a second factor the token has not (`needs_mfa`) tells its name and no more.
create function private.my_memberships() returns table (
  organization_id uuid, name text, slug text, role public.member_role, needs_mfa boolean, unread_mine integer,
  unread_unassigned integer
)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  select
    o.id, o.name, o.slug, m.role, mine.role is null, unread.mine, unread.unassigned
  from public.members as m
  join public.organizations as o on o.id = m.organization_id
  cross join lateral (select private.my_role(o.id) as role) as mine
  left join lateral private.unread_counts(o.id) as unread on mine.role is not null
  where m.user_id = (select auth.uid())
  order by o.name, o.id;
end;
$$;

create function public.my_memberships() returns table (
  organization_id uuid, name text, slug text, role public.member_role, needs_mfa boolean, unread_mine integer,
  unread_unassigned integer
)
language sql stable set search_path = '' as $$
  select * from private.my_memberships();
$$;


-- sql/82_profiles.sql

-- Users as they want to be seen: one profile, shown wherever they are members. Pictures lie in Storage.

create table public.profiles (
  user_id uuid primary key references auth.users (id) on delete cascade,
  name text not null default '' check (length(name) <= 200),
  -- In the bucket `avatars`, under the user's own folder.
  avatar_path text check (avatar_path like user_id::text || '/%' and length(avatar_path) <= 500),
  time_zone text not null default 'UTC' check (length(time_zone) <= 60),
  locale text not null default 'en' check (locale ~ '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create trigger profiles_touch before update on public.profiles
for each row execute function private.touch();

create trigger profiles_zone before insert or update of time_zone on public.profiles
for each row execute function private.check_time_zone();

-- What is shown of a member follows their profile, in every organization where they are one now.
create function private.follow_profile() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.authors as a
  set name = coalesce(nullif(m.display_name, ''), new.name), avatar_path = new.avatar_path
  from public.members as m
  where a.user_id = new.user_id and m.organization_id = a.organization_id and m.user_id = a.user_id;
  return null;
end;
$$;

create trigger profiles_follow after insert or update of name, avatar_path on public.profiles
for each row execute function private.follow_profile();

-- The members of other users' organizations that are colleagues of the caller. (For the policy on profiles.)
create function private.my_colleagues() returns setof uuid
language plpgsql stable security definer set search_path = '' as $$
begin
  return query
  select distinct m.user_id from public.members as m
  where m.organization_id = any(array(select private.my_organizations()));
end;
$$;

-- Who answered the caller, a contact, in a ticket of theirs: that much a contact sees of the people at a desk.
create function private.my_answerers() returns table (organization_id uuid, user_id uuid)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  select distinct m.organization_id, m.member_id
  from public.tickets as t
  join public.messages as m on m.ticket_id = t.id and m.organization_id = t.organization_id
  where t.contact_id = any(array(select private.my_contacts()))
    and m.sender = 'member' and m.member_id is not null and not m.is_internal and m.sender_status = 'known';
end;
$$;

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
  ('avatars', 'avatars', false, 2097152, array['image/png', 'image/jpeg', 'image/webp', 'image/gif'])
on conflict (id) do nothing;


-- sql/83_plans.sql

-- What an organization's plan includes. Enforced where rows are made, for people and programs that make more; never for
-- what comes in: a customer's mail is kept, answered and counted whatever the plan says.

create table private.plans (
  key text primary key check (key ~ '^[a-z][a-z0-9_]{0,39}$'),
  -- Null: as many as there are.
  contacts integer check (contacts >= 0),
  mails_per_month integer check (mails_per_month >= 0),
  workflows integer check (workflows >= 0),
  seats integer check (seats > 0),
  -- Files of members and contacts; what comes by mail is kept all the same, and counts.
  storage_mb integer check (storage_mb > 0)
);

insert into private.plans (key, contacts, mails_per_month, workflows, seats, storage_mb) values
  ('unlimited', null, null, null, null, null),
  ('free', 500, 1000, 2, 2, 500),
  ('team', 10000, 20000, 20, 10, 20000),
  ('business', 100000, 200000, 100, 50, 200000);

-- Who runs the installation sets it; an organization does not.
alter table public.organizations add column plan text not null default 'unlimited' references private.plans (key);
create index organizations_plan_idx on public.organizations (plan);

-- How many an organization may have; null: no limit.
create function private.plan_limit(organization_id uuid, what text) returns bigint
language plpgsql stable security definer set search_path = '' as $$
declare
  plan private.plans;
begin
  select p.* into plan
  from public.organizations as o
  join private.plans as p on p.key = o.plan
  where o.id = plan_limit.organization_id;
  return case what
    when 'contacts' then plan.contacts
    when 'mails' then plan.mails_per_month
    when 'workflows' then plan.workflows
    when 'seats' then plan.seats
    when 'storage' then plan.storage_mb * 1048576::bigint
  end;
end;
$$;

-- How many it has: counted from the rows, up to `enough`, so that no counter can be wrong (`storage`, in bytes, is one
-- that triggers keep). Mails are those of this
-- month (UTC) that were not held back.
create function private.plan_use(organization_id uuid, what text, enough bigint default null) returns bigint
language plpgsql volatile security definer set search_path = '' as $$
#variable_conflict use_column
declare
  used bigint := 0;
begin
  case what
    when 'contacts' then
      select count(*) into used from (
        select from public.contacts as c where c.organization_id = plan_use.organization_id limit enough
      ) as counted;
    when 'mails' then
      select count(*) into used from (
        select from public.outgoing_mails as m
        where m.organization_id = plan_use.organization_id
          and m.id >= private.uuid7_floor(date_trunc('month', now() at time zone 'utc') at time zone 'utc')
          and m.status <> 'suppressed'
        limit enough
      ) as counted;
    when 'seats' then
      select count(*) into used from public.members as m where m.organization_id = plan_use.organization_id;
    when 'storage' then -- bytes
      used := coalesce((
        select u.bytes from private.file_usage as u where u.organization_id = plan_use.organization_id
      ), 0);
    else
      if to_regclass('public.' || quote_ident(what)) is not null then
        execute format('select count(*) from public.%I where organization_id = $1', what)
        into used using plan_use.organization_id;
      end if;
  end case;
  return used;
end;
$$;

-- Raises where an organization would have more than its plan includes, with `adding` besides what there is. Who asks at
-- the same time waits, and then counts what the other has made: of two at the limit one passes.
create function private.check_plan(organization_id uuid, what text, adding bigint default 0) returns void
language plpgsql volatile security definer set search_path = '' as $$
declare
  allowed constant bigint := private.plan_limit(check_plan.organization_id, what);
begin
  if allowed is null then
    return;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('pgdesk.plan:' || what || ':' || check_plan.organization_id, 0));
  if private.plan_use(check_plan.organization_id, what, allowed + 1) + adding > allowed then
    raise exception 'the plan includes % %', allowed, what
      using errcode = 'PT402', detail = format('what: %s, allowed: %s', what, allowed),
        hint = 'usage(organization_id) tells what is used; another plan includes more.';
  end if;
end;
$$;

-- After rows were made. Trigger arguments: what they are; and `by_members`, where nobody else is refused: functions and
-- contacts make contacts because a customer came in.
create function private.keep_to_plan() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_argv[1] = 'by_members' and private.actor_id() is null then
    return null;
  end if;
  perform private.check_plan(made.organization_id, tg_argv[0])
  from (select distinct n.organization_id from made_rows as n) as made
  where tg_argv[1] is distinct from 'by_members' or made.organization_id in (select private.my_organizations());
  return null;
end;
$$;

create trigger contacts_plan after insert on public.contacts
referencing new table as made_rows
for each statement execute function private.keep_to_plan('contacts', 'by_members');
create trigger members_plan after insert on public.members
referencing new table as made_rows
for each statement execute function private.keep_to_plan('seats');

-- Who is invited has a seat kept for them, until the invitation expires.
create function private.keep_invitations_to_plan() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.check_plan(new.organization_id, 'seats', (
    select count(*) from public.invitations as i
    where i.organization_id = new.organization_id and i.accepted_at is null and i.expires_at > now()
  ));
  return null;
end;
$$;

create trigger invitations_plan after insert on public.invitations
for each row execute function private.keep_invitations_to_plan();

-- Mails beyond the plan. Answers and what members are told go out all the same, and show in usage: a customer who was
-- let in is not left without an answer. What the desk sends unasked (receipts, questions how it went) is held back,
-- visibly. Anything else is refused to whoever wants to send it.
create function private.keep_mails_to_plan() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.check_plan(new.organization_id, 'mails', 1);
  return new;
exception when sqlstate 'PT402' then
  if new.kind in ('receipt', 'csat') then
    new.status := 'suppressed';
    new.reason := 'over the mails a month that the plan includes';
    return new;
  end if;
  raise;
end;
$$;

create trigger outgoing_mails_plan before insert on public.outgoing_mails
for each row when (new.kind not in ('reply', 'notices') and new.status = 'stored')
execute function private.keep_mails_to_plan();

-- What an organization uses of its plan. `allowed` null: no limit.
create function private.usage(organization_id uuid) returns table (what text, used bigint, allowed bigint)
language plpgsql volatile security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if private.my_role(usage.organization_id) is null then
    raise exception 'you are not a member of this organization' using errcode = '42501';
  end if;
  return query
  select w.what, private.plan_use(usage.organization_id, w.what), private.plan_limit(usage.organization_id, w.what)
  from (values ('contacts'), ('mails'), ('seats'), ('storage'), ('workflows')) as w (what);
end;
$$;

create function public.usage(organization_id uuid) returns table (what text, used bigint, allowed bigint)
language sql volatile set search_path = '' as $$
  select * from private.usage(usage.organization_id);
$$;


-- sql/84_mfa.sql

-- Organizations that ask for a second factor. Their members come with a token of level aal2, or find the door closed:
-- private.my_role and private.my_organizations see to it wherever rights are asked for, in policies, RPCs, topics and
-- files. API keys and contacts have no second factor, and none is asked of them.

-- Whoever turns it on has one in hand: an organization cannot lock all of its admins out by a click.
create function private.guard_mfa() returns trigger
language plpgsql set search_path = '' as $$
begin
  if (select auth.uid()) is not null and (select auth.jwt()) ->> 'aal' is distinct from 'aal2' then
    raise exception 'sign in with your own second factor before you ask it of others' using errcode = '42501';
  end if;
  return new;
end;
$$;

create trigger organizations_mfa before update of require_mfa on public.organizations
for each row when (new.require_mfa and not old.require_mfa) execute function private.guard_mfa();

create function private.keep_strict() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if new.require_mfa then
    insert into private.strict_organizations (organization_id) values (new.id) on conflict do nothing;
  else
    delete from private.strict_organizations as s where s.organization_id = new.id;
  end if;
  return null;
end;
$$;

create trigger organizations_strict after update of require_mfa on public.organizations
for each row when (new.require_mfa <> old.require_mfa) execute function private.keep_strict();
create trigger organizations_strict_from_the_start after insert on public.organizations
for each row when (new.require_mfa) execute function private.keep_strict();

-- The caller's organizations whose second factor this token lacks.
create function private.closed_organizations() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 1 as $$
begin
  if (select auth.jwt()) ->> 'aal' is distinct from 'aal2' then
    return query
    select s.organization_id
    from private.strict_organizations as s
    join public.members as m on m.organization_id = s.organization_id
    where m.user_id = (select auth.uid());
  end if;
end;
$$;


-- sql/85_sensitive_fields.sql

-- Values of custom fields that are marked sensitive: encrypted by the functions, opened for agents one at a time, found
-- by a blind index. Postgres never sees one.

create table public.sensitive_fields (
  -- A ciphertext is bound to it, so whoever seals makes it.
  id uuid primary key,
  organization_id uuid not null references public.organizations (id) on delete cascade,
  contact_id uuid not null,
  field_id uuid not null,
  sealed bytea not null,
  key_version integer not null,
  -- Keyed digest of the value: equal values of one field have equal ones, under one version of the key.
  blind_index bytea not null check (length(blind_index) = 16),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, contact_id, field_id),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade,
  foreign key (organization_id, field_id) references public.custom_fields (organization_id, id) on delete cascade,
  foreign key (organization_id, key_version) references private.data_keys (organization_id, version)
    deferrable initially deferred
);
create index sensitive_fields_field_idx on public.sensitive_fields (organization_id, field_id, blind_index);
create index sensitive_fields_key_idx on public.sensitive_fields (organization_id, key_version);

create trigger sensitive_fields_touch before update on public.sensitive_fields
for each row execute function private.touch();

-- Who looked at which value. The value itself is nowhere.
create table public.sensitive_field_reads (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  contact_id uuid not null,
  field_id uuid not null,
  member_id uuid not null,
  created_at timestamptz not null default now(),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade,
  foreign key (organization_id, field_id) references public.custom_fields (organization_id, id) on delete cascade
);
create index sensitive_field_reads_contact_idx on public.sensitive_field_reads (organization_id, contact_id);
create index sensitive_field_reads_field_idx on public.sensitive_field_reads (organization_id, field_id);

insert into private.contact_references (table_name, column_name, on_merge, because) values
  ('public.sensitive_fields', 'contact_id', 'move', 'the same person; where both have one, the winner''s'),
  ('public.sensitive_field_reads', 'contact_id', 'move', 'who looked at what is known of the same person');

-- The sensitive field of a contact whose organization the caller serves as an agent at least.
create function private.sensitive_field(contact_id uuid, key text)
returns table (organization_id uuid, field_id uuid)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  select c.organization_id, f.id
  from public.contacts as c
  join public.custom_fields as f on f.organization_id = c.organization_id and f.target = 'contact'
  where c.id = sensitive_field.contact_id and f.key = sensitive_field.key
    and f.is_sensitive and f.archived_at is null and c.erased_at is null
    and c.organization_id in (select private.my_organizations('agent'));
  if not found then
    raise exception 'there is no such contact with a sensitive field "%"', left(sensitive_field.key, 60)
      using errcode = 'PT404';
  end if;
end;
$$;

-- Keeps a sealed value in the place of the one before.
create function private.keep_sensitive_field(
  contact_id uuid, key text, value_id uuid, sealed bytea, key_version integer, blind_index bytea
) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  place record;
begin
  select * into place from private.sensitive_field(keep_sensitive_field.contact_id, keep_sensitive_field.key);
  insert into public.sensitive_fields as s (
    id, organization_id, contact_id, field_id, sealed, key_version, blind_index
  )
  values (
    keep_sensitive_field.value_id, place.organization_id, keep_sensitive_field.contact_id, place.field_id,
    keep_sensitive_field.sealed, keep_sensitive_field.key_version, keep_sensitive_field.blind_index
  )
  on conflict (organization_id, contact_id, field_id) do update
  set id = excluded.id, sealed = excluded.sealed, key_version = excluded.key_version, blind_index = excluded.blind_index;
end;
$$;

create function private.forget_sensitive_field(contact_id uuid, key text) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  delete from public.sensitive_fields as s
  using private.sensitive_field(forget_sensitive_field.contact_id, forget_sensitive_field.key) as place
  where s.organization_id = place.organization_id and s.contact_id = forget_sensitive_field.contact_id
    and s.field_id = place.field_id;
end;
$$;

-- A sealed value, for the function that opens it for the caller, who is written down.
create function private.read_sensitive_field(contact_id uuid, key text)
returns table (id uuid, organization_id uuid, sealed bytea, key_version integer)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  place record;
begin
  select * into place from private.sensitive_field(read_sensitive_field.contact_id, read_sensitive_field.key);
  insert into public.sensitive_field_reads (organization_id, contact_id, field_id, member_id)
  values (place.organization_id, read_sensitive_field.contact_id, place.field_id, (select auth.uid()));
  return query
  select s.id, s.organization_id, s.sealed, s.key_version
  from public.sensitive_fields as s
  where s.organization_id = place.organization_id and s.contact_id = read_sensitive_field.contact_id
    and s.field_id = place.field_id;
end;
$$;

-- The sensitive field of an organization that the caller serves as an agent at least, for looking up.
create function private.sensitive_field_to_look_up(organization_id uuid, key text) returns uuid
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  field_id uuid;
begin
  select f.id into field_id
  from public.custom_fields as f
  where f.organization_id = sensitive_field_to_look_up.organization_id and f.target = 'contact' and f.is_sensitive
    and f.key = sensitive_field_to_look_up.key
    and f.organization_id in (select private.my_organizations('agent'));
  if field_id is null then
    raise exception 'there is no sensitive field "%"', left(sensitive_field_to_look_up.key, 60) using errcode = 'PT404';
  end if;
  return field_id;
end;
$$;

-- Contacts with a value: its blind indexes are those under each key that there is.
create function private.find_by_sensitive_field(field_id uuid, blind_indexes bytea[]) returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return array(
    select s.contact_id
    from public.sensitive_fields as s
    where s.organization_id in (select private.my_organizations('agent'))
      and s.field_id = find_by_sensitive_field.field_id
      and s.blind_index = any (find_by_sensitive_field.blind_indexes)
    order by s.contact_id
    limit 100
  );
end;
$$;

-- Those of the contact of an export, for the function that opens them.
create function private.sealed_of_contact(request_id uuid)
returns table (id uuid, key text, sealed bytea, key_version integer)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  select s.id, f.key, s.sealed, s.key_version
  from public.privacy_requests as p
  join public.sensitive_fields as s
    on s.organization_id = p.organization_id
    and s.contact_id = any (private.contact_family(p.organization_id, p.contact_id))
  join public.custom_fields as f on f.organization_id = s.organization_id and f.id = s.field_id
  where p.organization_id = private.current_organization() and p.id = sealed_of_contact.request_id
    and p.kind = 'export';
end;
$$;


-- sql/86_rate_limits.sql

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


-- sql/87_key_rotation.sql

-- An organization's data key is replaced every 90 days: what older keys sealed is sealed anew, then they are thrown
-- away.

-- Where ciphertexts lie. Such a table has id, organization_id, sealed and key_version; its name is part of what a
-- ciphertext is bound to. Where it can be looked up by a column blind_index too, `indexed_by` is the column that says
-- what of, and part of that index.
create table private.sealed_tables (
  table_name text primary key,
  indexed_by text
);

insert into private.sealed_tables (table_name, indexed_by) values
  ('private.webhook_secrets', null),
  ('private.widget_secrets', null),
  ('public.sensitive_fields', 'field_id');

-- A key stays as long as anything is sealed with it. Looked at when a transaction ends: an organization that goes takes
-- both along, in whatever order.
alter table private.webhook_secrets add foreign key (organization_id, key_version)
references private.data_keys (organization_id, version) deferrable initially deferred;
create index webhook_secrets_key_idx on private.webhook_secrets (organization_id, key_version);
alter table private.widget_secrets add foreign key (organization_id, key_version)
references private.data_keys (organization_id, version) deferrable initially deferred;
create index widget_secrets_key_idx on private.widget_secrets (organization_id, key_version);

-- What is not sealed by the newest key, for the function that seals it anew. In the order of ids, after `last_id`.
create function private.sealed_by_old_keys(last_id uuid, most integer default 100)
returns table (table_name text, id uuid, sealed bytea, key_version integer, indexed_by text)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  organization uuid := private.current_organization();
  newest integer := (select max(k.version) from private.data_keys as k where k.organization_id = organization);
begin
  return query execute (
    select string_agg(
      format(
        'select %L as table_name, s.id, s.sealed, s.key_version, %s::text from %s as s'
        ' where s.organization_id = $1 and s.key_version < $2 and s.id > $3',
        t.table_name, coalesce('s.' || t.indexed_by, 'null'), t.table_name
      ), ' union all '
    ) from private.sealed_tables as t
  ) || ' order by id limit $4' using organization, newest, last_id, most;
end;
$$;

-- Puts what was sealed anew in the place of what it was, unless that has changed meanwhile.
create function private.reseal(
  table_name text, id uuid, old_sealed bytea, sealed bytea, key_version integer, blind_index bytea
) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  place private.sealed_tables;
begin
  select * into strict place from private.sealed_tables as t where t.table_name = reseal.table_name;
  execute format(
    'update %s as s set sealed = $4, key_version = $5 %s where s.organization_id = $1 and s.id = $2 and s.sealed = $3',
    place.table_name, case when place.indexed_by is not null then ', blind_index = $6' else '' end
  ) using private.current_organization(), reseal.id, reseal.old_sealed, reseal.sealed, reseal.key_version,
    reseal.blind_index;
end;
$$;

-- Throws away older keys that seal nothing any more. Returns how many.
create function private.retire_data_keys() returns integer
language plpgsql security definer set search_path = '' as $$
declare
  organization uuid := private.current_organization();
  old_key integer;
  retired integer := 0;
begin
  set constraints all immediate;
  for old_key in
    select k.version from private.data_keys as k
    where k.organization_id = organization
      and k.version < (select max(n.version) from private.data_keys as n where n.organization_id = organization)
  loop
    begin
      delete from private.data_keys as k where k.organization_id = organization and k.version = old_key;
      retired := retired + 1;
    exception when foreign_key_violation then
      null; -- Something is sealed with it still: the next rotation comes.
    end;
  end loop;
  return retired;
end;
$$;

-- Whose newest key is due. Called once an hour with the rest of the housekeeping.
create function private.enqueue_key_rotations() returns integer
language plpgsql security definer set search_path = '' as $$
declare
  rotate_after constant interval := '90 days';
  asked integer;
begin
  perform private.enqueue(k.organization_id, 'privacy', '{"task": "rotate"}', dedupe_key => 'rotate')
  from private.data_keys as k
  group by k.organization_id
  having max(k.created_at) < now() - rotate_after;
  get diagnostics asked = row_count;
  return asked;
end;
$$;

-- At once, because a key may have become known. For admins.
create function private.rotate_data_key(organization_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if rotate_data_key.organization_id not in (select private.my_organizations('admin')) then
    raise exception 'keys are for admins of the organization' using errcode = '42501';
  end if;
  perform private.enqueue(
    rotate_data_key.organization_id, 'privacy', '{"task": "rotate"}', dedupe_key => 'rotate'
  );
end;
$$;

create function public.rotate_data_key(organization_id uuid) returns void
language sql set search_path = '' as $$
  select private.rotate_data_key(rotate_data_key.organization_id);
$$;


-- sql/88_retention.sql

-- How long an organization keeps what it need not keep for ever. Rules are kept by a job a day.

create table public.retention_rules (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  -- raw_mail: mails as they came, once filed (what they said stands in the ticket). sessions: visits and their pages.
  -- spam: tickets of spam, as a whole. resolved_tickets: the words and files of tickets that have rested since.
  -- contacts: who has no ticket with words left, and has not been heard of since.
  what text not null check (what in ('raw_mail', 'sessions', 'spam', 'resolved_tickets', 'contacts')),
  keep interval not null check (keep between interval '1 day' and interval '50 years'),
  -- When it was kept last, and how many rows or tickets have gone by it.
  last_run_at timestamptz,
  gone bigint not null default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (organization_id, what)
);

create trigger retention_rules_touch before update on public.retention_rules
for each row execute function private.touch();

-- A rule that is new or shorter is kept at once.
create function private.ask_retention() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.enqueue(new.organization_id, 'clock', '{"ring": "retention"}', dedupe_key => 'retention');
  return null;
end;
$$;

create trigger retention_rules_new after insert on public.retention_rules
for each row execute function private.ask_retention();
create trigger retention_rules_changed after update of keep on public.retention_rules
for each row when (new.keep <> old.keep) execute function private.ask_retention();

create index tickets_rested_idx on public.tickets (organization_id, resolved_at)
where resolved_at is not null and erased_at is null;
create index tickets_spam_idx on public.tickets (organization_id, last_message_at) where is_spam;

-- Removes some of what a rule no longer keeps. Returns how many.
create function private.keep_retention(rule public.retention_rules, most integer) returns integer
language plpgsql security definer set search_path = '' as $$
declare
  before constant timestamptz := now() - rule.keep;
  some_ids uuid[];
  gone integer;
begin
  case rule.what
    when 'raw_mail' then
      delete from private.inbound_raw as r
      where r.organization_id = rule.organization_id and r.inbound_mail_id in (
        select m.id
        from private.inbound_raw as c
        join public.inbound_mails as m on m.organization_id = c.organization_id and m.id = c.inbound_mail_id
        where c.organization_id = rule.organization_id and c.inbound_mail_id < private.uuid7_floor(before)
          and m.state = 'done'
        order by c.inbound_mail_id
        limit most
      );
    when 'sessions' then
      delete from public.sessions as s
      where s.organization_id = rule.organization_id and s.id in (
        select c.id from public.sessions as c
        where c.organization_id = rule.organization_id and c.last_seen_at < before
        limit most
      );
    when 'spam' then
      some_ids := array(
        select t.id from public.tickets as t
        where t.organization_id = rule.organization_id and t.is_spam and t.last_message_at < before
        limit most / 10
        for update skip locked
      );
      if some_ids <> '{}' then
        -- What the ledger of mail says of them goes too.
        perform private.erase_tickets(rule.organization_id, some_ids);
        delete from public.tickets as t where t.organization_id = rule.organization_id and t.id = any (some_ids);
      end if;
      return cardinality(some_ids);
    when 'resolved_tickets' then
      some_ids := array(
        select t.id from public.tickets as t
        where t.organization_id = rule.organization_id and t.resolved_at < before and t.erased_at is null
        order by t.resolved_at
        limit most / 10
        for update skip locked
      );
      if some_ids <> '{}' then
        perform private.erase_tickets(rule.organization_id, some_ids);
      end if;
      return cardinality(some_ids);
    when 'contacts' then
      some_ids := array(
        select c.id from public.contacts as c
        where c.organization_id = rule.organization_id and c.erased_at is null and c.updated_at < before
          and c.id < private.uuid7_floor(before)
          and not exists (
            select from public.tickets as t
            where t.organization_id = c.organization_id and t.contact_id = c.id and t.erased_at is null
          )
          and not exists (
            select from public.sessions as s
            where s.organization_id = c.organization_id and s.contact_id = c.id and s.last_seen_at >= before
          )
        limit most / 10
        for update skip locked
      );
      if some_ids <> '{}' then
        perform private.erase_contacts(rule.organization_id, some_ids);
      end if;
      return cardinality(some_ids);
  end case;
  get diagnostics gone = row_count;
  return gone;
end;
$$;

-- One slice by each rule. Comes again at once where a slice was full, else in a day, as long as there are rules.
create function private.ring_retention(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  slice constant integer := 1000;
  organization uuid := private.current_organization();
  rule public.retention_rules;
  gone integer;
  there_is_more boolean := false;
begin
  for rule in
    select * from public.retention_rules as r where r.organization_id = organization order by r.what
  loop
    gone := private.keep_retention(rule, slice);
    there_is_more := there_is_more
      or gone >= case when rule.what in ('spam', 'resolved_tickets', 'contacts') then slice / 10 else slice end;
    update public.retention_rules as r
    set last_run_at = now(), gone = r.gone + keep_now.gone
    from (values (gone)) as keep_now (gone)
    where r.organization_id = organization and r.what = rule.what;
  end loop;
  if exists (select from public.retention_rules as r where r.organization_id = organization) then
    perform private.enqueue(
      organization, 'clock', '{"ring": "retention"}',
      now() + case when there_is_more then interval '0' else interval '1 day' end, dedupe_key => 'retention'
    );
  end if;
end;
$$;


-- sql/90_audit.sql

-- Who changed what that is sensitive. Written plainly and never in the way of the change: what cannot be written raises
-- an alarm. A job seals it afterwards (91_audit_seal.sql).

create table public.audit_log (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  actor_id uuid,
  actor_role text not null,
  action text not null check (
    action in ('insert', 'update', 'delete', 'sign_in', 'sign_in_failed', 'export', 'redact')
  ),
  table_name text not null,
  row_id text not null,
  -- {column: [before, after]}; what is secret reads "[redacted]".
  changes jsonb not null,
  ip inet,
  user_agent text,
  created_at timestamptz not null default now(),
  -- The order in which it is sealed: by then no transaction can add a row before those that are.
  epoch integer not null,
  txid xid8 not null default pg_current_xact_id()
);
create index audit_log_organization_idx on public.audit_log (organization_id, created_at desc);
create index audit_log_cursor_idx on public.audit_log (organization_id, epoch, txid, id);

-- What somebody has to look at, though nothing stood still for it. No client's; told by /health and the metric Alarms.
create table private.alarms (
  id uuid primary key default private.uuid7(),
  kind text not null check (kind in ('audit', 'sign_in')),
  organization_id uuid,
  detail text not null,
  created_at timestamptz not null default now()
);
create index alarms_created_at_idx on private.alarms (created_at);

-- Raises an alarm, and fails at nothing: it is called where something has failed already.
create function private.raise_alarm(kind text, organization_id uuid, detail text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  raise warning '%', raise_alarm.detail;
  insert into private.alarms (kind, organization_id, detail)
  values (raise_alarm.kind, raise_alarm.organization_id, left(raise_alarm.detail, 1000));
exception when others then
  raise warning 'the alarm % could not be kept: %', raise_alarm.kind, sqlerrm;
end;
$$;

-- How many alarms of each kind there were in the last five minutes and in the last day.
create function private.alarm_status() returns table (kind text, raised bigint, raised_today bigint, last text)
language sql stable security definer set search_path = '' as $$
  select
    k.kind, count(a.id) filter (where a.created_at > now() - interval '5 minutes'), count(a.id),
    (array_agg(a.detail order by a.created_at desc))[1]
  from (values ('audit'), ('sign_in')) as k (kind)
  left join private.alarms as a on a.kind = k.kind and a.created_at > now() - interval '1 day'
  group by k.kind
  order by k.kind;
$$;

-- In plpgsql, statement by statement: in SQL the planner may evaluate the cast of a known value before the case around
-- it.
create function private.try_inet(value text) returns inet
language plpgsql stable parallel safe set search_path = '' as $$
begin
  if pg_input_is_valid(value, 'inet') then
    return value::inet;
  end if;
  return null;
end;
$$;

create function private.try_jsonb(value text) returns jsonb
language plpgsql stable parallel safe set search_path = '' as $$
begin
  if pg_input_is_valid(value, 'jsonb') then
    return value::jsonb;
  end if;
  return null;
end;
$$;

-- Where a request came from, by what the front door says and its sender cannot: cf-connecting-ip, which it sets anew,
-- or the last address of x-forwarded-for, which it adds. What stands before that anybody can write.
create function private.caller_ip(headers jsonb) returns inet
language plpgsql stable parallel safe set search_path = '' as $$
begin
  return coalesce(
    private.try_inet(btrim(headers ->> 'cf-connecting-ip')),
    private.try_inet(btrim(split_part(headers ->> 'x-forwarded-for', ',', -1)))
  );
end;
$$;

-- Adds a row to the log. It may raise: its callers turn that into an alarm.
create function private.write_audit(
  organization_id uuid, action text, table_name text, row_id text, changes jsonb,
  actor_id uuid default private.actor_id()
) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  headers constant jsonb := private.try_jsonb(current_setting('request.headers', true));
begin
  insert into public.audit_log (
    organization_id, actor_id, actor_role, action, table_name, row_id, changes, ip, user_agent, epoch
  )
  values (
    write_audit.organization_id, write_audit.actor_id,
    coalesce(nullif(current_setting('role', true), 'none'), session_user), write_audit.action, write_audit.table_name,
    write_audit.row_id, write_audit.changes, private.caller_ip(headers), left(headers ->> 'user-agent', 400),
    (select e.epoch from private.event_epoch as e)
  );
  perform private.request_seal(write_audit.organization_id);
end;
$$;

-- Trigger argument: the column that names the row.
create function private.audit() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) else '{}' end;
  after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) else '{}' end;
  whose uuid;
begin
  begin
    whose := case tg_table_name
      when 'organizations' then private.try_uuid(coalesce(after ->> 'id', before ->> 'id'))
      else private.try_uuid(coalesce(after ->> 'organization_id', before ->> 'organization_id'))
    end;
    -- Gone with its organization: there is nobody left to read it.
    if not exists (select from public.organizations as o where o.id = whose) then
      return null;
    end if;
    perform private.write_audit(
      whose, lower(tg_op), tg_table_name, coalesce(after ->> tg_argv[0], before ->> tg_argv[0], ''),
      coalesce(jsonb_object_agg(
        key, case
          when key ~ '(secret|password|token|key_hash)' then '["[redacted]", "[redacted]"]'::jsonb
          else jsonb_build_array(before -> key, after -> key)
        end
      ) filter (where key is not null), '{}')
    )
    from (
      select key from jsonb_object_keys(before || after) as key
      where before -> key is distinct from after -> key and key <> 'updated_at'
    ) as changed;
  exception when others then
    perform private.raise_alarm(
      'audit', whose, format('audit of %s on %s failed: %s', tg_op, tg_table_name, sqlerrm)
    );
  end;
  return null;
end;
$$;

-- A member takes rows out of the desk: a client says so when it writes a list to a file.
create function private.log_export(organization_id uuid, what text, row_count integer) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if private.my_role(log_export.organization_id) is null then
    raise exception 'you are not a member of this organization' using errcode = '42501';
  end if;
  begin
    perform private.write_audit(
      log_export.organization_id, 'export', left(log_export.what, 100), '',
      jsonb_build_object('rows', jsonb_build_array(null, log_export.row_count))
    );
  exception when others then
    perform private.raise_alarm('audit', log_export.organization_id, format('audit of an export failed: %s', sqlerrm));
  end;
end;
$$;

create function public.log_export(organization_id uuid, what text, row_count integer default null) returns void
language sql set search_path = '' as $$
  select private.log_export(log_export.organization_id, log_export.what, log_export.row_count);
$$;

create trigger organizations_audit after update on public.organizations
for each row execute function private.audit('id');
create trigger members_audit after insert or update or delete on public.members
for each row execute function private.audit('user_id');
create trigger invitations_audit after insert or update or delete on public.invitations
for each row execute function private.audit('id');
create trigger mail_addresses_audit after insert or update or delete on public.mail_addresses
for each row execute function private.audit('id');
create trigger api_keys_audit after insert or delete or update of revoked_at on public.api_keys
for each row execute function private.audit('id');
create trigger teams_audit after insert or update or delete on public.teams
for each row execute function private.audit('id');
create trigger team_members_audit after insert or update or delete on public.team_members
for each row execute function private.audit('user_id');
create trigger webhook_endpoints_audit after insert or update or delete on public.webhook_endpoints
for each row execute function private.audit('id');

-- How an organization is set up. By table, the column that names a row. Not what other changes bring with them: the
-- statuses of a new organization, the skills of a member who is removed.
do $$
declare
  area record;
begin
  for area in
    select * from (values
      ('skills', 'id'), ('member_skills', 'user_id'), ('team_skills', 'team_id'), ('member_availability', 'user_id'),
      ('ticket_statuses', 'key'), ('ticket_categories', 'id'), ('routing_rules', 'id'), ('macros', 'id'),
      ('canned_responses', 'id'), ('calendars', 'id'), ('calendar_hours', 'calendar_id'),
      ('calendar_holidays', 'calendar_id'), ('sla_policies', 'id'), ('sla_targets', 'policy_id'),
      ('article_categories', 'id'), ('triage_examples', 'id'), ('action_templates', 'id')
    ) as t (name, key)
  loop
    execute format(
      'create trigger %I after insert or update or delete on public.%I'
        ' for each row when (pg_trigger_depth() = 0) execute function private.audit(%L)',
      area.name || '_audit', area.name, area.key
    );
  end loop;
end;
$$;

-- What a person decided about a mail; whom mail is kept from, and since when no more.
create trigger chat_widgets_audit after insert or update or delete on public.chat_widgets
for each row execute function private.audit('id');
create trigger outgoing_mails_audit after update of status on public.outgoing_mails
for each row when (old.status in ('failed', 'unknown') and new.status <> old.status)
execute function private.audit('id');
-- A merge may show one contact another's words.
create trigger ticket_moves_audit after insert or update of undone_at on public.ticket_moves
for each row execute function private.audit('id');
create trigger ticket_participants_audit after insert or update or delete on public.ticket_participants
for each row execute function private.audit('contact_id');
create trigger tags_audit after update on public.tags
for each row when ((old.name, old.removed_at) is distinct from (new.name, new.removed_at))
execute function private.audit('id');
-- Also: who may be sent news, and by whose word.
create trigger contacts_audit after update of suppressed_at, subscription_status on public.contacts
for each row when (
  (old.suppressed_at, old.subscription_status) is distinct from (new.suppressed_at, new.subscription_status)
)
execute function private.audit('id');
create trigger contact_merges_audit after insert or update of undone_at on public.contact_merges
for each row execute function private.audit('id');
create trigger custom_fields_audit after insert or update on public.custom_fields
for each row execute function private.audit('id');
-- What was given out of somebody, and what forgotten.
create trigger privacy_requests_audit after insert or update of state on public.privacy_requests
for each row execute function private.audit('id');
create trigger retention_rules_audit after insert or delete or update of keep on public.retention_rules
for each row execute function private.audit('what');


-- sql/91_audit_seal.sql

-- The seal on the audit log: of each row a salted digest, of all digests a chain of hashes. What is altered, removed or
-- slipped in behind it is found; what a person has a right to have erased can be, and the chain still holds.

-- One link: the rows of an organization since the link before, in the order (epoch, txid, id). Its hash rests on that
-- of the link before. Whoever keeps the last hash outside the database can prove that the log was not written anew.
create table public.audit_seals (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  number integer not null,
  rows integer not null check (rows > 0),
  epoch integer not null,
  txid xid8 not null,
  last_id uuid not null,
  hash text not null check (hash ~ '^[0-9a-f]{64}$'),
  created_at timestamptz not null default now(),
  primary key (organization_id, number)
);

create table private.audit_digests (
  audit_id uuid primary key,
  organization_id uuid not null,
  seal integer not null,
  place integer not null,
  -- sha256(salt, row). Without its salt a digest tells nothing of what was in the row, even to who guesses.
  salt bytea check (length(salt) = 32),
  digest bytea not null check (length(digest) = 32),
  -- The row was erased on purpose: then its salt is gone, and nobody can put anything back.
  redacted_at timestamptz,
  check ((salt is null) = (redacted_at is not null)),
  foreign key (organization_id, seal) references public.audit_seals (organization_id, number) on delete cascade
    deferrable initially deferred
);
create index audit_digests_seal_idx on private.audit_digests (organization_id, seal);

-- A row as it is digested: the same text in every session.
create function private.audit_digest(audited public.audit_log, salt bytea) returns bytea
language sql stable parallel safe set search_path = '' as $$
  select sha256(salt || convert_to(jsonb_build_array(
    audited.id, audited.organization_id, audited.actor_id, audited.actor_role, audited.action, audited.table_name,
    audited.row_id, audited.changes, audited.ip, audited.user_agent, extract(epoch from audited.created_at),
    audited.epoch, audited.txid::text
  )::text, 'UTF8'));
$$;

-- A link's hash: of the one before, its number, and its rows' digests in their order.
create function private.link_hash(organization_id uuid, number integer, before text) returns text
language sql stable set search_path = '' as $$
  select encode(sha256(
    coalesce(decode(before, 'hex'), '') || uuid_send(link_hash.organization_id) || int4send(link_hash.number)
    || coalesce(string_agg(uuid_send(d.audit_id) || d.digest, ''::bytea order by d.place), '')
  ), 'hex')
  from private.audit_digests as d
  where d.organization_id = link_hash.organization_id and d.seal = link_hash.number;
$$;

-- Asks for a seal in a minute, where none is asked for yet. It waits for nobody: where somebody asks at the same
-- moment, one is enough.
create function private.request_seal(organization_id uuid) returns void
language plpgsql security definer set search_path = '' set lock_timeout = '20ms' as $$
begin
  if not exists (
    select from private.jobs as j
    where j.organization_id = request_seal.organization_id and j.consumer = 'clock' and j.dedupe_key = 'seal_audit'
      and j.state = 'waiting'
  ) then
    perform private.enqueue(
      request_seal.organization_id, 'clock', '{"ring": "seal_audit"}', now() + interval '1 minute',
      dedupe_key => 'seal_audit'
    );
  end if;
exception when lock_not_available then
  null;
end;
$$;

-- Organizations with rows that no seal covers: for who was missed, by the hourly cleaning.
create function private.request_missing_seals() returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform private.request_seal(o.id)
  from public.organizations as o
  left join lateral (
    select s.epoch, s.txid, s.last_id from public.audit_seals as s
    where s.organization_id = o.id order by s.number desc limit 1
  ) as last on true
  where exists (
    select from public.audit_log as a
    where a.organization_id = o.id
      and (a.epoch, a.txid, a.id) > (coalesce(last.epoch, 0), coalesce(last.txid, '0'), coalesce(last.last_id, o.id))
  );
end;
$$;

-- The clock of sealing: one link for what was written since the last, up to the oldest transaction that is still open.
create function private.ring_seal_audit(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  slice constant integer := 1000;
  organization constant uuid := private.current_organization();
  horizon constant xid8 := pg_snapshot_xmin(pg_current_snapshot());
  now_epoch constant integer := (select e.epoch from private.event_epoch as e);
  last public.audit_seals;
  next public.audit_seals;
begin
  perform pg_advisory_xact_lock(hashtextextended('pgdesk.seal:' || organization, 0));
  select * into last from public.audit_seals as s
  where s.organization_id = organization order by s.number desc limit 1;
  next.number := coalesce(last.number, 0) + 1;
  with due as materialized (
    select a as audited, uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) as salt
    from public.audit_log as a
    where a.organization_id = organization
      and (last.number is null or (a.epoch, a.txid, a.id) > (last.epoch, last.txid, last.last_id))
      and (a.epoch < now_epoch or a.txid < horizon)
    order by a.epoch, a.txid, a.id
    limit slice
  ), digested as (
    insert into private.audit_digests (audit_id, organization_id, seal, place, salt, digest)
    select
      (d.audited).id, organization, next.number,
      row_number() over (order by (d.audited).epoch, (d.audited).txid, (d.audited).id), d.salt,
      private.audit_digest(d.audited, d.salt)
    from due as d
  )
  select count(*) over (), (d.audited).epoch, (d.audited).txid, (d.audited).id
  into next.rows, next.epoch, next.txid, next.last_id
  from due as d
  order by (d.audited).epoch desc, (d.audited).txid desc, (d.audited).id desc
  limit 1;
  if next.rows is not null then
    insert into public.audit_seals (organization_id, number, rows, epoch, txid, last_id, hash)
    values (
      organization, next.number, next.rows, next.epoch, next.txid, next.last_id,
      private.link_hash(organization, next.number, last.hash)
    );
  end if;
  if exists (
    select from public.audit_log as a
    where a.organization_id = organization
      and (a.epoch, a.txid, a.id) > (
        coalesce(next.epoch, last.epoch, 0), coalesce(next.txid, last.txid, '0'),
        coalesce(next.last_id, last.last_id, organization)
      )
  ) then
    perform private.request_seal(organization);
  end if;
end;
$$;

-- Looks at every row and every link: what was altered, removed, or slipped in behind a seal. For admins. `head` is the
-- hash of the last link, to be kept elsewhere and compared: who owns the tables could write the whole chain anew.
create function private.verify_audit(organization_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  shown constant integer := 100;
  whose constant uuid := verify_audit.organization_id;
  head text;
  answer jsonb;
begin
  if coalesce(private.my_role(whose) < 'admin', true) then
    raise exception 'only admins verify the audit log' using errcode = '42501';
  end if;
  select s.hash into head from public.audit_seals as s where s.organization_id = whose order by s.number desc limit 1;
  with links as (
    select
      s.*, lag(s.hash) over (order by s.number) as before, row_number() over (order by s.number) as expected
    from public.audit_seals as s where s.organization_id = whose
  ), last as (
    select l.epoch, l.txid, l.last_id from links as l order by l.number desc limit 1
  ), found (problem, audit_id, seal) as (
    select 'the chain is broken', null::uuid, l.number
    from links as l
    where l.number <> l.expected
      or l.hash <> private.link_hash(whose, l.number, l.before)
      or l.rows <> (
        select count(*) from private.audit_digests as d where d.organization_id = whose and d.seal = l.number
      )
    union all
    select case when a.id is null then 'the row was removed' else 'the row was altered' end, d.audit_id, d.seal
    from private.audit_digests as d
    left join public.audit_log as a on a.id = d.audit_id
    where d.organization_id = whose
      and case
        when a.id is null then true
        when d.salt is null then a.changes <> '{}' or a.ip is not null or a.user_agent is not null
        else private.audit_digest(a, d.salt) <> d.digest
      end
    union all
    select 'the row was slipped in', a.id, null
    from public.audit_log as a
    cross join last as l
    where a.organization_id = whose
      and (a.epoch, a.txid, a.id) <= (l.epoch, l.txid, l.last_id)
      and not exists (select from private.audit_digests as d where d.audit_id = a.id)
  )
  select jsonb_build_object(
    'is_sound', not exists (select from found),
    'problems', coalesce((
      select jsonb_agg(to_jsonb(f)) from (select * from found as f order by f.seal, f.audit_id limit shown) as f
    ), '[]'),
    'problem_count', (select count(*) from found),
    'rows', (select count(*) from public.audit_log as a where a.organization_id = whose),
    'sealed', (select count(*) from private.audit_digests as d where d.organization_id = whose),
    'redacted', (
      select count(*) from private.audit_digests as d where d.organization_id = whose and d.redacted_at is not null
    ),
    'seals', (select count(*) from links),
    'head', head
  ) into answer;
  return answer;
end;
$$;

create function public.verify_audit(organization_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select private.verify_audit(verify_audit.organization_id);
$$;

-- Erases what a row of the log says of people, for good, and leaves that there was one: who did what to which row.
-- The digest stays too, so the chain holds; without its salt it tells nothing. For the erasure of a contact.
create function private.redact_audit(audit_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  erased public.audit_log;
begin
  update public.audit_log as a set changes = '{}', ip = null, user_agent = null
  where a.id = redact_audit.audit_id and a.action <> 'redact'
  returning a.* into erased;
  if erased.id is null then
    return;
  end if;
  update private.audit_digests as d set salt = null, redacted_at = now()
  where d.audit_id = erased.id and d.salt is not null;
  perform private.write_audit(erased.organization_id, 'redact', 'audit_log', erased.id::text, '{}');
end;
$$;


-- sql/92_sign_ins.sql

-- Sign-ins in the audit log of every organization that the user is a member of: written by Auth's hooks, in whose hands
-- nothing may fail. Auth calls them inside the sign-in itself.

-- Adds an action of a user's to the log of each of their organizations. Waits for nobody, and raises nothing.
create function private.note_sign_in(user_id uuid, session_id uuid, ip text, action text, method text, aal text)
returns void
language plpgsql security definer set search_path = '' set lock_timeout = '200ms' as $$
#variable_conflict use_column
declare
  session record;
begin
  -- Auth tells a hook little of the client: what its session was begun with says more.
  select s.ip, s.user_agent into session from auth.sessions as s where s.id = note_sign_in.session_id;
  perform set_config(
    'request.headers',
    jsonb_build_object(
      'cf-connecting-ip', coalesce(host(session.ip), note_sign_in.ip), 'user-agent', session.user_agent
    )::text,
    true
  );
  perform private.write_audit(
    m.organization_id, note_sign_in.action, 'users', note_sign_in.user_id::text,
    jsonb_strip_nulls(jsonb_build_object(
      'method', jsonb_build_array(null, note_sign_in.method), 'aal', jsonb_build_array(null, note_sign_in.aal)
    )),
    note_sign_in.user_id
  )
  from public.members as m
  where m.user_id = note_sign_in.user_id;
exception when others then
  perform private.raise_alarm('sign_in', null, format('a %s is not in the audit log: %s', action, sqlerrm));
end;
$$;

-- Auth's custom access token hook: leaves the claims as they are. A refresh is no sign-in.
create function private.custom_access_token(event jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
begin
  if coalesce(event ->> 'authentication_method', '') <> 'token_refresh' then
    perform private.note_sign_in(
      private.try_uuid(event ->> 'user_id'), private.try_uuid(event #>> '{claims,session_id}'),
      event #>> '{metadata,ip_address}', 'sign_in', event ->> 'authentication_method', event #>> '{claims,aal}'
    );
  end if;
  return jsonb_build_object('claims', event -> 'claims');
end;
$$;

-- Auth's hook on passwords: a wrong one for a member is in the log, ten of them an hour at most: who tries them by the
-- thousand fills no log with it. It never says who may sign in.
create function private.password_checked(event jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  whose constant uuid := private.try_uuid(event ->> 'user_id');
begin
  begin
    if event ->> 'valid' = 'false' and (
      select count(*) < 10 from (
        select distinct a.created_at
        from public.members as m
        join public.audit_log as a on a.organization_id = m.organization_id
        where m.user_id = whose and a.actor_id = whose and a.action = 'sign_in_failed'
          and a.created_at > now() - interval '1 hour'
      ) as lately
    ) then
      perform private.note_sign_in(
        whose, null, event #>> '{metadata,ip_address}', 'sign_in_failed', 'password', null
      );
    end if;
  exception when others then
    perform private.raise_alarm('sign_in', null, format('a failed sign-in is not in the audit log: %s', sqlerrm));
  end;
  return '{"decision": "continue"}';
end;
$$;


-- sql/93_metrics.sql

-- What is measured of a ticket: each number by one branch of private.measures_of, from what the ticket went through.
--
-- Nothing here depends on the time it is asked at, so what is stored (96_metric_rollups.sql) stays true until something
-- happens to the ticket; what does (a resolution is assumed to hold after seven days) is reckoned when a report is read
-- (97_metric_reports.sql). Where team and agent are told they are those of that moment, so that work is counted for who
-- did it; volumes and the backlog are for who has the ticket now. docs/metrics.md says the same in words.

-- One thing that was measured: when it was, how much (milliseconds; of `csat` the score), and whose it was.
create type private.measure as (
  measure text, at timestamptz, value bigint, agent_id uuid, team_id uuid, handled_by text
);

create function private.milliseconds(starts timestamptz, ends timestamptz) returns bigint
language sql immutable parallel safe set search_path = '' as $$
  select floor((extract(epoch from ends) - extract(epoch from starts)) * 1000)::bigint;
$$;

-- All that is measured of these tickets. Spam counts for nothing, nor what was merged into another ticket.
create function private.measures_of(ticket_ids uuid[]) returns table (
  ticket_id uuid, measure text, at timestamptz, value bigint, agent_id uuid, team_id uuid, handled_by text
)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  with steps as materialized (
    select
      h.organization_id, h.ticket_id, h.step, h.at, h.wrote, h.status_category as category, h.team_id, h.assignee_id,
      -- Whose step it was: who answered; else who had the ticket, or resolved what nobody had.
      case
        when h.wrote = 'member' then coalesce(h.actor_id, h.assignee_id)
        when h.wrote = 'ai' then null
        else coalesce(h.assignee_id, case when h.status_category = 'resolved' then h.actor_id end)
      end as agent_id,
      h.wrote in ('member', 'ai') as answers,
      h.status_category = 'resolved' and lag(h.status_category) over life is distinct from 'resolved' as resolves,
      h.status_category <> 'resolved' and lag(h.status_category) over life = 'resolved' as reopens,
      lead(h.step) over life is null as is_last
    from public.ticket_history as h
    join public.tickets as t on t.id = h.ticket_id
    where h.ticket_id = any (ticket_ids) and not t.is_spam and t.merged_into is null
    window life as (partition by h.ticket_id order by h.step)
  ), turns as materialized (
    select
      s.*,
      first_value(s.at) over life as born,
      min(s.at) filter (where s.wrote = 'contact') over life as first_asked_at,
      coalesce(count(*) filter (where s.answers) over before, 0) as answers_before,
      coalesce(count(*) filter (where s.answers or s.resolves) over before, 0) as turn,
      case
        when bool_or(s.wrote = 'ai') over life and bool_or(s.wrote = 'member') over life then 'both'
        when bool_or(s.wrote = 'ai') over life then 'ai'
        when bool_or(s.wrote = 'member') over life then 'member'
        else 'nobody'
      end as handled_by,
      min(s.at) filter (where s.reopens) over later as reopened_at
    from steps as s
    window
      life as (partition by s.ticket_id order by s.step),
      before as (partition by s.ticket_id order by s.step rows between unbounded preceding and 1 preceding),
      later as (partition by s.ticket_id order by s.step rows between 1 following and unbounded following)
  ), questions as materialized (
    -- Since when the contact had waited, turn by turn: a turn ends with an answer, or with a resolution.
    select t.*, min(t.at) filter (where t.wrote = 'contact') over (partition by t.ticket_id, t.turn order by t.step)
      as asked_at
    from turns as t
  ), resolutions as materialized (
    -- Each with what the contact said of it before it was opened again, if ever.
    select t.*, coalesce(t.reopened_at <= t.at + interval '7 days', false) as came_back, said.score
    from turns as t
    left join lateral (
      select r.score from public.csat_ratings as r
      where r.organization_id = t.organization_id and r.ticket_id = t.ticket_id
        and r.at >= t.at and r.at < coalesce(t.reopened_at, 'infinity')
      order by r.at desc
      limit 1
    ) as said on true
    where t.resolves
  ), promises as (
    -- SLA clocks that have come to an end: kept or broken. As stored: a broken one has been told.
    select
      c.ticket_id, c.metric, c.cycle, c.breached_at is null as kept, coalesce(c.breached_at, c.stopped_at) as at
    from public.sla_clocks as c
    where c.ticket_id = any (ticket_ids) and (c.breached_at is not null or c.stopped_at is not null)
  )
  -- A ticket was opened.
  select t.ticket_id, 'created', t.born, null::bigint, t.assignee_id, t.team_id, null::text
  from turns as t where t.is_last
  union all
  -- It is unresolved: open for us, or waiting for the contact. Dated by its opening, so that the date tells its age.
  select t.ticket_id, t.category, t.born, null, t.assignee_id, t.team_id, null
  from turns as t where t.is_last and t.category <> 'resolved'
  union all
  -- A contact wrote.
  select t.ticket_id, 'question', t.at, null, t.agent_id, t.team_id, null from turns as t where t.wrote = 'contact'
  union all
  -- A member or the AI answered.
  select t.ticket_id, 'answer', t.at, null, t.agent_id, t.team_id, t.wrote from turns as t where t.answers
  union all
  -- From the contact's first message to the first answer.
  select t.ticket_id, 'first_response', t.at, private.milliseconds(t.first_asked_at, t.at), t.agent_id, t.team_id,
    t.wrote
  from turns as t where t.answers and t.answers_before = 0 and t.first_asked_at is not null
  union all
  -- From the first message after an answer, or after a resolution, to the next answer.
  select q.ticket_id, 'next_response', q.at, private.milliseconds(q.asked_at, q.at), q.agent_id, q.team_id, q.wrote
  from questions as q where q.answers and q.answers_before > 0 and q.asked_at is not null
  union all
  -- It was resolved, each time; and who had answered until then.
  select r.ticket_id, m.measure, r.at, null, r.agent_id, r.team_id, r.handled_by
  from resolutions as r
  cross join lateral (values ('resolved'), ('resolved_by_' || r.handled_by)) as m (measure)
  union all
  -- What became of that resolution, where it is known: opened again within seven days; else by the contact's rating.
  select r.ticket_id, case when r.came_back then 'reopened' when r.score >= 4 then 'confirmed' else 'disputed' end,
    r.at, null, r.agent_id, r.team_id, r.handled_by
  from resolutions as r where r.came_back or r.score >= 4 or r.score <= 2
  union all
  -- From the opening to the last resolution, of what has stayed resolved.
  select r.ticket_id, 'full_resolution', r.at, private.milliseconds(r.born, r.at), r.agent_id, r.team_id, r.handled_by
  from resolutions as r where r.reopened_at is null
  union all
  -- A promise was kept, or broken.
  (
    select distinct on (p.ticket_id, p.metric, p.cycle)
      p.ticket_id, p.metric || case when p.kept then '_kept' else '_broken' end, p.at, null::bigint, t.agent_id,
      t.team_id, t.handled_by
    from promises as p
    join turns as t on t.ticket_id = p.ticket_id and (t.at <= p.at or t.step = 1)
    order by p.ticket_id, p.metric, p.cycle, t.step desc
  )
  union all
  -- A contact rated the ticket; the score counts for who had it when it was resolved.
  select r.ticket_id, m.measure, r.at, r.score, r.member_id, r.team_id, r.handled_by
  from (
    select distinct on (r.id) r.*, t.handled_by
    from turns as l
    join public.csat_ratings as r on r.organization_id = l.organization_id and r.ticket_id = l.ticket_id
    join turns as t on t.ticket_id = r.ticket_id and (t.at <= r.at or t.step = 1)
    where l.is_last
    order by r.id, t.step desc
  ) as r
  cross join lateral (values ('csat'), (case when r.score >= 4 then 'csat_good' end)) as m (measure)
  where m.measure is not null;
end;
$$;


-- sql/94_health.sql

-- How the desk is doing, in one answer: for the health route, `pgdesk status` and whoever is called at night.

-- What it counts across all tenants, found without reading all their rows.
create index inbound_mails_quarantined_idx on public.inbound_mails (organization_id) where state = 'quarantined';
create index outgoing_mails_trouble_idx on public.outgoing_mails (status, updated_at)
where status in ('unknown', 'failed');
create index ai_executions_created_at_idx on public.ai_executions (created_at);

-- Per consumer: what waits, since when, what died, and how long attempts took in the last hour (milliseconds of work;
-- milliseconds from due to done). Mail and language model beside it. Figures of the installation, no tenant's rows.
create function private.health() returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'at', now(),
    'queue', (
      select jsonb_agg(
        to_jsonb(q) || jsonb_build_object(
          'done_in_hour', coalesce(l.done_in_hour, 0), 'work_ms_p50', l.work_ms_p50, 'work_ms_p95', l.work_ms_p95,
          'due_to_done_ms_p95', l.due_to_done_ms_p95
        )
        order by q.consumer
      )
      from private.queue_status() as q
      left join (
        select
          j.consumer, count(*) as done_in_hour,
          round(percentile_cont(0.5) within group (order by extract(epoch from j.finished_at - j.started_at) * 1000))
            as work_ms_p50,
          round(percentile_cont(0.95) within group (order by extract(epoch from j.finished_at - j.started_at) * 1000))
            as work_ms_p95,
          round(percentile_cont(0.95) within group (
            order by extract(epoch from j.finished_at - greatest(j.run_at, j.created_at)) * 1000
          )) as due_to_done_ms_p95
        from private.jobs as j
        where j.state = 'done' and j.finished_at > now() - interval '1 hour'
        group by j.consumer
      ) as l using (consumer)
    ),
    'mail', jsonb_build_object(
      'quarantined', (select count(*) from public.inbound_mails as m where m.state = 'quarantined'),
      'unknown', (select count(*) from public.outgoing_mails as o where o.status = 'unknown'),
      'failed_today', (
        select count(*) from public.outgoing_mails as o
        where o.status = 'failed' and o.updated_at >= date_trunc('day', now() at time zone 'utc') at time zone 'utc'
      )
    ),
    'alarms', (
      select jsonb_agg(
        jsonb_build_object('kind', a.kind, 'raised_today', a.raised_today, 'last', a.last) order by a.kind
      )
      from private.alarm_status() as a
    ),
    'model', (
      select jsonb_build_object(
        'calls_today', count(*),
        'failed_today', count(*) filter (where e.status <> 'ok'),
        'tokens_today', coalesce(sum(e.tokens_in + e.tokens_out), 0),
        'cost_usd_today', coalesce(sum(e.cost_usd), 0)
      )
      from public.ai_executions as e
      -- An extract of the knowledge base is nobody's call.
      where e.model <> 'extract' and e.created_at >= date_trunc('day', now() at time zone 'utc') at time zone 'utc'
    )
  );
$$;


-- sql/95_maintenance.sql

-- What keeps the house clean, run by a job once an hour.

-- Makes partitions ahead and deletes what has served its time, in slices: a long absence must not become one long
-- transaction. Where a slice was full it queues itself again. Returns what it did, for the log.
create function private.maintain() returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  slice constant integer := 20000;
  keep_done_jobs constant interval := '7 days';
  keep_events constant interval := '90 days';
  -- Far longer than a signature is good for, and than any provider repeats a webhook.
  keep_webhook_ids constant interval := '30 days';
  keep_webhook_deliveries constant interval := '90 days';
  keep_notifications constant interval := '90 days';
  -- Mostly spam to addresses that nobody has; long enough to notice an address that was forgotten.
  keep_unaddressed_mails constant interval := '30 days';
  keep_alarms constant interval := '90 days';
  keep_tag_jobs constant interval := '30 days';
  partitions integer := private.ensure_message_partitions();
  jobs integer;
  events integer;
  webhook_ids integer;
  webhook_deliveries integer;
  notifications integer;
  unaddressed_mails integer;
  rotations integer := private.enqueue_key_rotations();
  uploads integer := private.forget_uploads();
begin
  delete from private.jobs as j
  where j.id in (
    select d.id from private.jobs as d
    where d.state = 'done' and d.finished_at < now() - keep_done_jobs
    limit slice
  );
  get diagnostics jobs = row_count;
  with gone as (
    delete from public.events as e
    where e.id in (select d.id from public.events as d where d.created_at < now() - keep_events limit slice)
    returning e.txid
  ), last_gone as (
    select txid from gone order by txid desc limit 1
  ), noted as (
    update private.event_epoch as e set forgotten = greatest(e.forgotten, l.txid) from last_gone as l
  )
  select count(*) into events from gone;
  delete from private.received_webhooks as w
  where (w.source, w.id) in (
    select d.source, d.id from private.received_webhooks as d
    where d.received_at < now() - keep_webhook_ids
    limit slice
  );
  get diagnostics webhook_ids = row_count;
  delete from public.webhook_deliveries as w
  where w.id in (
    select d.id from public.webhook_deliveries as d
    where d.id < private.uuid7_floor(now() - keep_webhook_deliveries)
    limit slice
  );
  get diagnostics webhook_deliveries = row_count;
  delete from public.notifications as n
  where n.id in (
    select d.id from public.notifications as d
    where d.id < private.uuid7_floor(now() - keep_notifications)
    limit slice
  );
  get diagnostics notifications = row_count;
  delete from public.provider_mails as p
  where p.id in (
    select d.id from public.provider_mails as d
    where d.state = 'unaddressed' and d.created_at < now() - keep_unaddressed_mails
    limit slice
  );
  get diagnostics unaddressed_mails = row_count;
  perform private.request_all_metrics();
  delete from private.rate_counts as c
  where c.minute not between now() - interval '1 hour' and now() + interval '1 hour';
  delete from public.tag_jobs as j where j.finished_at < now() - keep_tag_jobs;
  delete from private.alarms as a where a.created_at < now() - keep_alarms;
  perform private.request_missing_seals();
  if slice in (jobs, events, webhook_ids, webhook_deliveries, unaddressed_mails, notifications) then
    perform private.enqueue_maintenance();
  end if;
  return jsonb_build_object(
    'partitions', partitions, 'jobs', jobs, 'events', events, 'webhook_ids', webhook_ids,
    'webhook_deliveries', webhook_deliveries, 'unaddressed_mails', unaddressed_mails, 'notifications', notifications,
    'rotations', rotations, 'uploads', uploads
  );
end;
$$;


-- sql/96_metric_rollups.sql

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


-- sql/96_personal_data.sql

-- What of every table is about a contact, and what becomes of it (sql/78_privacy.sql reads it). After everything else:
-- it speaks of every table.

insert into private.personal_data (
  table_name, by_contact, by_ticket, is_exported, hidden, erasure, blank, position, because
) values
-- What was written.
('public.messages', 'r.contact_id = any ($2) and r.body_text <> ''''', 'r.ticket_id = any ($2)', true, '{member_id}',
  'blank',
  'body_text = '''', reply_text = null, body_html = null, message_id_header = null', 10, null),
('public.attachments',
  'r.message_id in (select m.id from public.messages as m where m.organization_id = $1 and m.contact_id = any ($2))',
  'r.ticket_id = any ($2)', true, '{storage_path,thumbnail_path,sha256,uploaded_by}', 'delete', null, 5, null),
('public.compositions', null, 'r.ticket_id = any ($2)', false, '{}', 'delete', null, 10,
  'What a member has not sent yet is no word to or from the contact.'),
('public.drafts', null, 'r.ticket_id = any ($2)', true, '{}', 'delete', null, 10, null),
('public.draft_citations', null, null, false, '{}', 'keep', null, 0, 'Go with their draft; cite articles.'),
('public.draft_feedback', null, null, false, '{}', 'keep', null, 0, 'Goes with its draft; a member''s word on it.'),
('public.ai_executions', null, 'r.ticket_id = any ($2)', false, '{}', 'blank', 'error = null', 10,
  'Counts tokens and cost; an error might quote.'),
('public.triage_results', null, 'r.ticket_id = any ($2)', true, '{embedding,lexical}', 'delete', null, 10, null),
('public.triage_examples', null, 'r.ticket_id = any ($2)', true, '{embedding,lexical}', 'delete', null, 10, null),
('public.article_feedback', 'r.contact_id = any ($2)', null, true, '{}', 'delete', null, 10, null),
-- Mail.
('private.inbound_raw', null,
  'r.inbound_mail_id in (
    select m.id from public.inbound_mails as m where m.organization_id = $1 and m.ticket_id = any ($2)
  )', false, '{}', 'delete', null, 10, 'Each mail is exported as a file of its own.'),
('public.inbound_mails', 'r.sender = any ($3)', 'r.ticket_id = any ($2)', true, '{content_sha256}', 'blank',
  'sender = null, subject = null, envelope_from = null, message_id_header = null, recipients = ''{erased}'',
    decision = ''{}'', reason = null', 20, null),
('public.provider_mails', 'r.envelope_from = any ($3)',
  'r.inbound_mail_id in (
    select m.id from public.inbound_mails as m where m.organization_id = $1 and m.ticket_id = any ($2)
  )', false, '{}', 'blank', 'envelope_from = null, recipients = ''{}'', locator = null', 15,
  'Says only who delivered a mail, which is exported itself.'),
('public.outgoing_mails', 'r.contact_id = any ($2)', 'r.ticket_id = any ($2)', true, '{attempt_token}', 'blank',
  'to_address = '''', cc = ''{}'', bcc = ''{}'', subject = '''', body_text = '''', body_html = '''', headers = ''{}'',
    reply_to = '''', message_id_header = null,
    status = case r.status when ''stored'' then ''given_up'' else r.status end', 10, null),
('public.mail_events',
  'r.outgoing_mail_id in (
    select o.id from public.outgoing_mails as o where o.organization_id = $1 and o.contact_id = any ($2)
  )', null, true, '{}', 'blank', 'detail = ''{}''', 10, null),
-- The ticket itself, its clocks and its history.
('public.tickets', null, 'r.id = any ($2)', true, '{set_by_member}', 'blank',
  'subject = '''', fields = ''{}'', erased_at = now()', 30, null),
('public.ticket_history', null, 'r.ticket_id = any ($2)', true, '{actor_id,assignee_id}', 'keep', null, 0,
  'Times and states: what is counted.'),
('public.sla_clocks', null, null, false, '{}', 'keep', null, 0, 'Times that were promised to the ticket.'),
('private.sla_rules', null, null, false, '{}', 'keep', null, 0, 'The rules that a ticket was judged by.'),
('public.ticket_reads', null, null, false, '{}', 'keep', null, 0, 'What members have read.'),
('public.ticket_routings', null, null, false, '{}', 'keep', null, 0, 'Which rules were taken.'),
('public.ticket_participants', 'r.contact_id = any ($2)', 'r.ticket_id = any ($2)', true, '{added_by}', 'delete', null,
  10, null),
('public.ticket_links', null, null, false, '{}', 'keep', null, 0, 'Which tickets belong together: ids alone.'),
('public.ticket_moves', null, null, false, '{}', 'keep', null, 0, 'What was merged and split: ids alone.'),
('private.ticket_vectors', null, 'r.ticket_id = any ($2)', false, '{}', 'delete', null, 10,
  'Numbers that were made of the first message, which is exported itself.'),
('private.ticket_search', null, null, false, '{}', 'keep', null, 0,
  'Words of the ticket, indexed anew by triggers as they go.'),
('private.notification_kinds', null, null, false, '{}', 'keep', null, 0, 'What kinds of news there are.'),
('public.notification_preferences', null, null, false, '{}', 'keep', null, 0, 'How members want to be told.'),
('public.notifications', null, null, false, '{}', 'keep', null, 0, 'That a member was told of something, by ids.'),
('private.contact_words', 'r.contact_id = any ($2)', null, false, '{}', 'delete', null, 10,
  'Words of the name and address, which are exported themselves.'),
-- Work.
('private.jobs', null,
  'r.state = ''dead'' and (
    r.payload ->> ''ticket_id'' = any ($2::text[]) or r.payload ->> ''inbound_mail_id'' in (
      select m.id::text from public.inbound_mails as m where m.organization_id = $1 and m.ticket_id = any ($2)
    )
  )', false, '{}', 'blank', 'error = ''''', 10,
  'Ids of what is to be done; the error of a dead one might quote. Done ones go after seven days.'),
('private.doomed_files', null, null, false, '{}', 'keep', null, 0, 'Paths of files until they are gone.'),
-- Of members, not of contacts.
('public.invitations', null, null, false, '{}', 'keep', null, 0, 'Addresses of colleagues who are invited.'),
('public.mail_addresses', null, null, false, '{}', 'keep', null, 0, 'The organization''s own addresses.'),
('public.audit_log',
  'r.table_name = ''contacts'' and r.row_id = any ($2::text[]) or r.table_name = ''contact_merges'' and r.row_id in (
    select m.id::text from public.contact_merges as m
    where m.organization_id = $1 and (m.winner_id = any ($2) or m.loser_id = any ($2))
  )', null, true,
  '{actor_id,ip,user_agent}', 'call', 'private.redact_audit(r.id)', 10, null),
-- What the contact did and said besides.
('public.action_forms', 'r.contact_id = any ($2)', 'r.ticket_id = any ($2)', true, '{}', 'blank',
  'answers = case when r.answers is not null then ''{}''::jsonb end', 10, null),
('public.csat_surveys', null, null, false, '{}', 'keep', null, 0, 'When it was asked; the answer is in csat_ratings.'),
('public.csat_ratings', 'r.contact_id = any ($2)', 'r.ticket_id = any ($2)', true, '{member_id}', 'blank',
  'comment = ''''', 10, null),
('public.sessions', 'r.contact_id = any ($2) or r.visitor_id = any ($2)', null, true, '{}', 'delete', null, 20, null),
('public.session_events',
  'r.session_id in (select s.id from public.sessions as s where s.organization_id = $1
    and (s.contact_id = any ($2) or s.visitor_id = any ($2)))',
  null, true, '{}', 'delete', null, 10, null),
-- How it came by chat and by other channels.
('public.visitors', 'r.contact_id = any ($2)', null, true, '{}', 'delete', null, 20, null),
('public.channel_threads', 'r.contact_id = any ($2)', 'r.ticket_id = any ($2)', true, '{}', 'delete', null, 20, null),
('public.captured_messages', null, 'r.ticket_id = any ($2)', true, '{}', 'delete', null, 10, null),
('public.contact_tags', 'r.contact_id = any ($2)', null, true, '{created_by}', 'delete', null, 10, null),
('public.session_taggings',
  'r.session_id in (select s.id from public.sessions as s where s.organization_id = $1 and s.contact_id = any ($2))',
  null, true, '{created_by}', 'delete', null, 10, null),
('public.ticket_tags', null, null, false, '{}', 'keep', null, 0, 'Which tags the names in tickets.tags are.'),
('public.tag_jobs', null, null, false, '{}', 'keep', null, 0,
  'What was asked for of many at once, by ids or conditions; goes after 30 days.'),
-- What members and other systems know of the contact.
('public.contact_notes', 'r.contact_id = any ($2)', null, true, '{author_id}', 'delete', null, 10, null),
('public.contact_external_ids', 'r.contact_id = any ($2)', null, true, '{}', 'delete', null, 10, null),
('private.contact_keys', 'r.contact_id = any ($2)', null, false, '{}', 'delete', null, 10,
  'Made from the contact itself.'),
('public.contact_merges', 'r.winner_id = any ($2) or r.loser_id = any ($2)', null, true, '{merged_by,undone_by}',
  'blank', 'loser_name = '''', loser_email = null, filled = ''{}''', 20, null),
('private.contact_moves', null, null, false, '{}', 'keep', null, 0, 'Ids of rows that a merge moved.'),
('public.dismissed_duplicates', 'r.contact_id = any ($2) or r.other_id = any ($2)', null, false, '{}', 'delete', null,
  10, 'Pairs of ids that members have looked at.'),
('public.sensitive_fields', 'r.contact_id = any ($2)', null, false, '{}', 'delete', null, 10,
  'Opened by the function that writes the export, into it.'),
('public.sensitive_field_reads', 'r.contact_id = any ($2)', null, true, '{member_id}', 'delete', null, 10, null),
-- What was asked for by law.
('public.privacy_requests', null, null, false, '{}', 'keep', null, 0,
  'The proof that a request was met; names nobody.'),
-- At last the contact.
('public.contacts', 'r.id = any ($2)', null, true, '{}', 'blank',
  'email = null, name = '''', language = null, phone = null, company_id = null, fields = ''{}'',
    subscription_status = ''none'', consent_source = null, suppressed_because = null, erased_at = now()', 90, null);


-- sql/97_metric_reports.sql

-- Reports: sums over the days asked for, read from private.daily_metrics alone, however many tickets there were.
--
-- Each column of public.metrics_row and public.backlog_row is said in docs/metrics.md; times are seconds.

create type public.metrics_row as (
  period date, key text, label text,
  created bigint, questions bigint, answers bigint,
  first_responses bigint, first_response_mean integer, first_response_p50 integer, first_response_p90 integer,
  next_responses bigint, next_response_mean integer, next_response_p50 integer, next_response_p90 integer,
  full_resolutions bigint, full_resolution_mean integer, full_resolution_p50 integer, full_resolution_p90 integer,
  sla_kept bigint, sla_broken bigint, sla_percent real,
  sla_first_response_percent real, sla_next_response_percent real, sla_resolution_percent real,
  csat_ratings bigint, csat_mean real, csat_percent real,
  resolved bigint, resolved_by_ai bigint, resolved_by_member bigint, resolved_by_both bigint, resolved_by_nobody bigint,
  confirmed bigint, disputed bigint, reopened bigint, assumed bigint, pending bigint
);

create type public.backlog_row as (
  key text, label text, unresolved bigint, open bigint, waiting bigint,
  oldest date, age_days_p50 integer, age_days_p90 integer,
  days_0 bigint, days_1_to_3 bigint, days_4_to_7 bigint, days_8_to_30 bigint, days_over_30 bigint
);

create function private.percent(part bigint, whole bigint) returns real
language sql immutable parallel safe set search_path = '' as $$
  select round(100.0 * part / nullif(whole, 0), 1)::real;
$$;

-- What a key of a dimension is called; null where it is no more.
create function private.metrics_label(organization_id uuid, dimension text, key text) returns text
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return case dimension
    when 'organization' then (select o.name from public.organizations as o where o.id = metrics_label.organization_id)
    when 'team' then (
      select t.name from public.teams as t
      where t.organization_id = metrics_label.organization_id and t.id = key::uuid
    )
    when 'agent' then (
      select m.display_name from public.members as m
      where m.organization_id = metrics_label.organization_id and m.user_id = key::uuid
    )
    when 'category' then (
      select c.name from public.ticket_categories as c
      where c.organization_id = metrics_label.organization_id and c.id = key::uuid
    )
    else key
  end;
end;
$$;

-- Whose numbers of an organization the caller may read, and whether the question makes sense. Members read all that is
-- added up; what it says of each agent, managers read, and each agent of themselves: then the answer is that key.
create function private.check_metrics(organization_id uuid, dimension text, key text) returns text
language plpgsql stable security definer set search_path = '' as $$
begin
  if check_metrics.organization_id is null
    or check_metrics.organization_id not in (select private.my_organizations())
  then
    raise exception 'only members read the numbers of an organization' using errcode = '42501';
  end if;
  if dimension is null
    or dimension not in ('organization', 'team', 'agent', 'channel', 'category', 'tag', 'handled_by')
  then
    raise exception 'there are no numbers by "%"', left(dimension, 60)
      using errcode = '22023',
        hint = 'by: organization, team, agent, channel, category, tag or handled_by';
  end if;
  if dimension = 'agent' and check_metrics.organization_id not in (select private.my_organizations('manager')) then
    if key <> (select auth.uid())::text then
      raise exception 'only managers read the numbers of other agents' using errcode = '42501';
    end if;
    return coalesce((select auth.uid())::text, '');
  end if;
  return key;
end;
$$;

create function private.metrics(organization_id uuid, since date, until date, by text, key text, per text)
returns setof public.metrics_row
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  wanted constant text := private.check_metrics(metrics.organization_id, metrics.by, metrics.key);
  today constant date := (now() at time zone 'utc')::date;
begin
  if metrics.per is null or metrics.per not in ('total', 'month', 'week', 'day') then
    raise exception 'there are no numbers per "%"', left(metrics.per, 60)
      using errcode = '22023', hint = 'per: total, month, week or day';
  end if;
  if not coalesce(metrics.since <= metrics.until and metrics.until - metrics.since < 3660, false) then
    raise exception 'not a stretch of days: from % to %', metrics.since, metrics.until
      using errcode = '22023', hint = 'Ten years at most.';
  end if;
  return query
  with added as materialized (
    select
      case when metrics.per = 'total' then metrics.since else date_trunc(metrics.per, d.day::timestamp)::date end
        as period,
      d.key, d.measure, sum(d.count)::bigint as count, sum(d.sum)::bigint as sum,
      extensions.sum(d.histogram) as histogram,
      -- Of the last seven days it is not known yet whether what was resolved will hold.
      sum(d.count) filter (where d.day >= today - 7)::bigint as count_lately
    from private.daily_metrics as d
    where d.organization_id = metrics.organization_id and d.dimension = metrics.by
      and d.day between metrics.since and metrics.until
      and (wanted is null or d.key = wanted)
    group by 1, d.key, d.measure
  ), named as (
    select a.period, a.key,
      sum(a.count) filter (where a.measure = 'created') as created,
      sum(a.count) filter (where a.measure = 'question') as questions,
      sum(a.count) filter (where a.measure = 'answer') as answers,
      sum(a.count) filter (where a.measure = 'first_response') as first_responses,
      sum(a.sum) filter (where a.measure = 'first_response') as first_response_ms,
      extensions.sum(a.histogram) filter (where a.measure = 'first_response') as first_response,
      sum(a.count) filter (where a.measure = 'next_response') as next_responses,
      sum(a.sum) filter (where a.measure = 'next_response') as next_response_ms,
      extensions.sum(a.histogram) filter (where a.measure = 'next_response') as next_response,
      sum(a.count) filter (where a.measure = 'full_resolution') as full_resolutions,
      sum(a.sum) filter (where a.measure = 'full_resolution') as full_resolution_ms,
      extensions.sum(a.histogram) filter (where a.measure = 'full_resolution') as full_resolution,
      coalesce(sum(a.count) filter (where a.measure = 'first_response_kept'), 0) as first_kept,
      coalesce(sum(a.count) filter (where a.measure = 'first_response_broken'), 0) as first_broken,
      coalesce(sum(a.count) filter (where a.measure = 'next_response_kept'), 0) as next_kept,
      coalesce(sum(a.count) filter (where a.measure = 'next_response_broken'), 0) as next_broken,
      coalesce(sum(a.count) filter (where a.measure = 'resolution_kept'), 0) as resolution_kept,
      coalesce(sum(a.count) filter (where a.measure = 'resolution_broken'), 0) as resolution_broken,
      sum(a.count) filter (where a.measure = 'csat') as csat,
      sum(a.sum) filter (where a.measure = 'csat') as csat_sum,
      coalesce(sum(a.count) filter (where a.measure = 'csat_good'), 0) as csat_good,
      sum(a.count) filter (where a.measure = 'resolved') as resolved,
      sum(a.count) filter (where a.measure = 'resolved_by_ai') as resolved_by_ai,
      sum(a.count) filter (where a.measure = 'resolved_by_member') as resolved_by_member,
      sum(a.count) filter (where a.measure = 'resolved_by_both') as resolved_by_both,
      sum(a.count) filter (where a.measure = 'resolved_by_nobody') as resolved_by_nobody,
      sum(a.count) filter (where a.measure = 'confirmed') as confirmed,
      sum(a.count) filter (where a.measure = 'disputed') as disputed,
      sum(a.count) filter (where a.measure = 'reopened') as reopened,
      coalesce(sum(a.count) filter (where a.measure in ('confirmed', 'disputed', 'reopened')), 0) as known,
      coalesce(sum(a.count_lately) filter (where a.measure = 'resolved'), 0)
        - coalesce(sum(a.count_lately) filter (where a.measure in ('confirmed', 'disputed', 'reopened')), 0) as pending
    from added as a
    group by a.period, a.key
    having bool_or(a.count > 0)
  )
  select
    n.period, n.key, private.metrics_label(metrics.organization_id, metrics.by, n.key),
    coalesce(n.created, 0)::bigint, coalesce(n.questions, 0)::bigint, coalesce(n.answers, 0)::bigint,
    coalesce(n.first_responses, 0)::bigint,
    round(n.first_response_ms / nullif(n.first_responses, 0) / 1000)::integer,
    private.histogram_quantile(n.first_response, 0.5), private.histogram_quantile(n.first_response, 0.9),
    coalesce(n.next_responses, 0)::bigint,
    round(n.next_response_ms / nullif(n.next_responses, 0) / 1000)::integer,
    private.histogram_quantile(n.next_response, 0.5), private.histogram_quantile(n.next_response, 0.9),
    coalesce(n.full_resolutions, 0)::bigint,
    round(n.full_resolution_ms / nullif(n.full_resolutions, 0) / 1000)::integer,
    private.histogram_quantile(n.full_resolution, 0.5), private.histogram_quantile(n.full_resolution, 0.9),
    s.kept, s.broken, private.percent(s.kept, s.kept + s.broken),
    private.percent(n.first_kept::bigint, (n.first_kept + n.first_broken)::bigint),
    private.percent(n.next_kept::bigint, (n.next_kept + n.next_broken)::bigint),
    private.percent(n.resolution_kept::bigint, (n.resolution_kept + n.resolution_broken)::bigint),
    coalesce(n.csat, 0)::bigint, round(n.csat_sum / nullif(n.csat, 0), 2)::real,
    private.percent(n.csat_good::bigint, n.csat::bigint),
    coalesce(n.resolved, 0)::bigint, coalesce(n.resolved_by_ai, 0)::bigint,
    coalesce(n.resolved_by_member, 0)::bigint, coalesce(n.resolved_by_both, 0)::bigint,
    coalesce(n.resolved_by_nobody, 0)::bigint,
    coalesce(n.confirmed, 0)::bigint, coalesce(n.disputed, 0)::bigint, coalesce(n.reopened, 0)::bigint,
    (coalesce(n.resolved, 0) - n.known - n.pending)::bigint, n.pending::bigint
  from named as n
  cross join lateral (
    select (n.first_kept + n.next_kept + n.resolution_kept)::bigint as kept,
      (n.first_broken + n.next_broken + n.resolution_broken)::bigint as broken
  ) as s
  order by n.period, n.key;
end;
$$;

-- The numbers from one day to another, both included (UTC), in rows by what they are added up for, and per stretch of
-- time. `key`: of one team, agent, … alone.
create function public.metrics(
  organization_id uuid, since date, until date, by text default 'organization', key text default null,
  per text default 'total'
) returns setof public.metrics_row
language sql stable set search_path = '' as $$
  select * from private.metrics(
    metrics.organization_id, metrics.since, metrics.until, metrics.by, metrics.key, metrics.per
  );
$$;

create function private.backlog(organization_id uuid, by text, key text) returns setof public.backlog_row
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  wanted constant text := private.check_metrics(backlog.organization_id, backlog.by, backlog.key);
  today constant date := (now() at time zone 'utc')::date;
begin
  return query
  with days as (
    select
      d.key, d.day, today - d.day as age,
      sum(d.count)::bigint as tickets,
      coalesce(sum(d.count) filter (where d.measure = 'open'), 0)::bigint as open
    from private.daily_metrics as d
    where d.organization_id = backlog.organization_id and d.dimension = backlog.by
      and d.measure in ('open', 'waiting') and d.count > 0
      and (wanted is null or d.key = wanted)
    group by d.key, d.day
  ), ranked as (
    select
      d.*, sum(d.tickets) over (partition by d.key order by d.age) as younger,
      sum(d.tickets) over (partition by d.key) as total
    from days as d
  )
  select
    r.key, private.metrics_label(backlog.organization_id, backlog.by, r.key),
    sum(r.tickets)::bigint, sum(r.open)::bigint, sum(r.tickets - r.open)::bigint, min(r.day),
    min(r.age) filter (where r.younger >= r.total * 0.5), min(r.age) filter (where r.younger >= r.total * 0.9),
    coalesce(sum(r.tickets) filter (where r.age < 1), 0)::bigint,
    coalesce(sum(r.tickets) filter (where r.age between 1 and 3), 0)::bigint,
    coalesce(sum(r.tickets) filter (where r.age between 4 and 7), 0)::bigint,
    coalesce(sum(r.tickets) filter (where r.age between 8 and 30), 0)::bigint,
    coalesce(sum(r.tickets) filter (where r.age > 30), 0)::bigint
  from ranked as r
  group by r.key
  order by r.key;
end;
$$;

-- What is not resolved now, and how old it is in days.
create function public.backlog(organization_id uuid, by text default 'organization', key text default null)
returns setof public.backlog_row
language sql stable set search_path = '' as $$
  select * from private.backlog(backlog.organization_id, backlog.by, backlog.key);
$$;

create function private.ticket_metrics(ticket_id uuid) returns table (
  measure text, at timestamptz, seconds numeric, score bigint, agent_id uuid, team_id uuid, handled_by text
)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if not exists (
    select from public.tickets as t
    where t.id = ticket_metrics.ticket_id and t.organization_id in (select private.my_organizations())
  ) then
    raise exception 'there is no ticket %', ticket_metrics.ticket_id using errcode = 'PT404';
  end if;
  return query
  select
    m.measure, m.at, case when m.measure <> 'csat' then round(m.value / 1000.0, 3) end,
    case when m.measure = 'csat' then m.value end, m.agent_id, m.team_id, m.handled_by
  from private.measures_of(array[ticket_metrics.ticket_id]) as m
  order by m.at, m.measure;
end;
$$;

-- All that one ticket counts for, as of now.
create function public.ticket_metrics(ticket_id uuid) returns table (
  measure text, at timestamptz, seconds numeric, score bigint, agent_id uuid, team_id uuid, handled_by text
)
language sql stable set search_path = '' as $$
  select * from private.ticket_metrics(ticket_metrics.ticket_id);
$$;


-- sql/98_key_scopes.sql

-- What an API key may reach, area by area. After everything else: it speaks of every table and RPC.

-- What is not listed, or has no scope, no key may: settings, members and keys themselves are people's business.
-- Policies are made of the tables' rows (policies/98_key_scopes.sql): a change here is a migration.
create table private.key_scopes (
  -- As the API's paths name it: a table, or rpc/<function>.
  resource text primary key,
  -- The scope for GET and HEAD, and the one for everything else.
  reads text,
  writes text
);

insert into private.key_scopes (resource, reads, writes) values
  ('tickets', 'tickets:read', 'tickets:write'),
  ('messages', 'tickets:read', 'tickets:write'),
  ('attachments', 'tickets:read', null),
  ('ticket_statuses', 'tickets:read', null),
  ('ticket_categories', 'tickets:read', null),
  ('ticket_history', 'tickets:read', null),
  ('ticket_routings', 'tickets:read', null),
  ('rpc/explain_assignment', 'tickets:read', 'tickets:read'),
  ('ticket_reads', 'tickets:read', null),
  ('ticket_moves', 'tickets:read', null),
  ('rpc/merge_tickets', null, 'tickets:write'),
  ('rpc/split_ticket', null, 'tickets:write'),
  ('rpc/undo_move', null, 'tickets:write'),
  ('ticket_participants', 'tickets:read', null),
  ('rpc/add_participant', null, 'tickets:write'),
  ('rpc/remove_participant', null, 'tickets:write'),
  ('ticket_links', 'tickets:read', 'tickets:write'),
  ('rpc/similar_tickets', 'tickets:read', 'tickets:read'),
  ('rpc/snooze_ticket', null, 'tickets:write'),
  ('rpc/unread', 'tickets:read', null),
  ('sla_clocks', 'tickets:read', null),
  ('rpc/explain_sla', 'tickets:read', 'tickets:read'),
  ('rpc/metrics', 'tickets:read', 'tickets:read'),
  ('rpc/backlog', 'tickets:read', 'tickets:read'),
  ('rpc/ticket_metrics', 'tickets:read', 'tickets:read'),
  ('triage_results', 'tickets:read', null),
  ('drafts', 'tickets:read', null),
  ('draft_citations', 'tickets:read', null),
  ('draft_feedback', 'tickets:read', null),
  ('outgoing_mails', 'tickets:read', null),
  ('ticket_views', 'tickets:read', null),
  ('rpc/filter_tickets', 'tickets:read', 'tickets:read'),
  ('rpc/view_tickets', 'tickets:read', 'tickets:read'),
  ('rpc/view_counts', 'tickets:read', 'tickets:read'),
  ('rpc/search_tickets', 'tickets:read', 'tickets:read'),
  ('rpc/search_messages', 'tickets:read', 'tickets:read'),
  ('rpc/search_contacts', 'contacts:read', 'contacts:read'),
  ('rpc/open_ticket', null, 'tickets:write'),
  ('rpc/send_reply', null, 'tickets:write'),
  ('contacts', 'contacts:read', 'contacts:write'),
  ('visitors', 'contacts:read', null),
  ('channel_threads', 'tickets:read', null),
  ('captured_messages', 'tickets:read', null),
  ('rpc/chat_context', 'contacts:read', 'contacts:read'),
  ('rpc/capture_message', null, 'tickets:write'),
  ('chat_widgets', 'organization:read', null),
  ('rpc/say_in_chat', null, null),
  ('rooms', null, null),
  ('room_members', null, null),
  ('room_messages', null, null),
  ('rpc/open_room', null, null),
  ('rpc/join_room', null, null),
  ('rpc/leave_room', null, null),
  ('rpc/say_in_room', null, null),
  ('rpc/edit_room_message', null, null),
  ('rpc/read_room', null, null),
  ('rpc/unread_rooms', null, null),
  ('rpc/leave_address', null, null),
  ('sessions', 'contacts:read', 'contacts:write'),
  ('session_events', 'contacts:read', null),
  ('rpc/register_session', null, 'contacts:write'),
  ('rpc/record_session_event', null, 'contacts:write'),
  ('rpc/end_session', null, 'contacts:write'),
  ('rpc/journey', 'contacts:read', 'contacts:read'),
  ('tags', 'contacts:read', 'contacts:write'),
  ('contact_tags', 'contacts:read', 'contacts:write'),
  ('session_taggings', 'contacts:read', 'contacts:write'),
  ('session_tags', 'contacts:read', null),
  ('ticket_tags', 'tickets:read', null),
  ('tag_jobs', 'contacts:read', null),
  ('rpc/move_tag', null, 'contacts:write'),
  ('rpc/merge_tags', null, null),
  ('rpc/delete_tag', null, null),
  ('rpc/bulk_tag', null, 'contacts:write'),
  ('rpc/cancel_tag_job', null, 'contacts:write'),
  ('rpc/tag_with_descendants', 'contacts:read', 'contacts:read'),
  ('rpc/tickets_tagged', 'tickets:read', 'tickets:read'),
  ('companies', 'contacts:read', 'contacts:write'),
  ('company_domains', 'contacts:read', 'contacts:write'),
  ('custom_fields', 'contacts:read', null),
  ('contact_external_ids', 'contacts:read', 'contacts:write'),
  ('contact_notes', 'contacts:read', 'contacts:write'),
  ('contact_merges', 'contacts:read', null),
  ('dismissed_duplicates', 'contacts:read', 'contacts:write'),
  ('rpc/find_contact', 'contacts:read', 'contacts:read'),
  ('rpc/upsert_contact', null, 'contacts:write'),
  ('rpc/set_fields', null, 'contacts:write'),
  ('rpc/merge_contacts', null, 'contacts:write'),
  ('rpc/unmerge_contacts', null, 'contacts:write'),
  ('rpc/duplicate_contacts', 'contacts:read', 'contacts:read'),
  ('rpc/dismiss_duplicate', null, 'contacts:write'),
  ('article_categories', 'knowledge:read', 'knowledge:write'),
  ('articles', 'knowledge:read', 'knowledge:write'),
  ('article_versions', 'knowledge:read', 'knowledge:write'),
  ('article_feedback', 'knowledge:read', null),
  ('chunks', 'knowledge:read', null),
  ('rpc/create_article', null, 'knowledge:write'),
  ('rpc/save_article', null, 'knowledge:write'),
  ('rpc/publish_article', null, 'knowledge:write'),
  ('rpc/archive_article', null, 'knowledge:write'),
  ('rpc/set_article_status', null, 'knowledge:write'),
  ('rpc/search_articles', 'knowledge:read', 'knowledge:read'),
  ('organizations', 'organization:read', null),
  ('members', 'organization:read', null),
  ('authors', 'organization:read', null),
  ('teams', 'organization:read', null),
  ('team_members', 'organization:read', null),
  ('skills', 'organization:read', null),
  ('member_skills', 'organization:read', null),
  ('team_skills', 'organization:read', null),
  ('mail_addresses', 'organization:read', null),
  ('calendars', 'organization:read', null),
  ('canned_responses', 'organization:read', null),
  ('macros', 'organization:read', null),
  ('member_availability', 'organization:read', null),
  ('routing_rules', 'organization:read', null),
  ('calendar_hours', 'organization:read', null),
  ('calendar_holidays', 'organization:read', null),
  ('sla_policies', 'organization:read', null),
  ('sla_targets', 'organization:read', null),
  ('action_forms', 'tickets:read', null),
  ('action_templates', 'organization:read', null),
  ('rpc/send_form', null, 'tickets:write'),
  ('rpc/cancel_form', null, 'tickets:write'),
  ('rpc/submit_form', null, null),
  ('csat_surveys', 'tickets:read', null),
  ('csat_ratings', 'tickets:read', null),
  ('events', 'events:read', null),
  ('rpc/events_since', 'events:read', 'events:read'),
  ('rpc/event_types', 'events:read', 'events:read'),
  ('mail_events', 'tickets:read', null),
  ('webhook_endpoints', 'webhooks:manage', 'webhooks:manage'),
  ('webhook_health', 'webhooks:manage', null),
  ('webhook_deliveries', 'webhooks:manage', null),
  ('webhook_attempts', 'webhooks:manage', null),
  ('rpc/replay_webhook', null, 'webhooks:manage'),
  ('rpc/replay_webhooks', null, 'webhooks:manage'),
  ('rpc/replay_failed_webhooks', null, 'webhooks:manage'),
  ('rpc/send_test_webhook', null, 'webhooks:manage'),
  ('rpc/typed_id', 'events:read', 'events:read'),
  ('rpc/uuid_of', 'events:read', 'events:read'),
  ('ai_executions', null, null),
  ('api_keys', null, null),
  ('audit_log', null, null),
  ('audit_seals', null, null),
  ('inbound_mails', null, null),
  ('invitations', null, null),
  ('profiles', null, null),
  ('provider_mails', null, null),
  ('triage_examples', null, null),
  ('rpc/accept_draft', null, null),
  ('rpc/accept_invitation', null, null),
  ('rpc/become_contact', null, null),
  ('rpc/correct_triage', null, null),
  ('rpc/create_api_key', null, null),
  ('rpc/create_organization', null, null),
  ('rpc/dead_jobs', null, null),
  ('compositions', null, null),
  ('notification_preferences', null, null),
  ('notification_settings', null, null),
  ('notifications', null, null),
  ('rpc/notification_choices', null, null),
  ('rpc/notification_counts', null, null),
  ('rpc/set_digest', null, null),
  ('rpc/fill_text', null, null),
  ('rpc/leave_organization', null, null),
  ('rpc/log_export', null, null),
  ('rpc/mark_read', null, null),
  ('rpc/my_desks', null, null),
  ('rpc/attach_files', null, null),
  ('rpc/inspect_again', null, null),
  ('rpc/rate_ticket', null, null),
  ('privacy_requests', null, null),
  ('retention_rules', null, null),
  ('sensitive_fields', null, null),
  ('sensitive_field_reads', null, null),
  ('rpc/rotate_data_key', null, null),
  ('rpc/request_contact_erasure', null, null),
  ('rpc/request_contact_export', null, null),
  ('rpc/my_memberships', null, null),
  ('rpc/my_profiles', null, null),
  ('rpc/set_my_subscription', null, null),
  ('rpc/reject_draft', null, null),
  ('rpc/remove_member', null, null),
  ('rpc/resolve_outgoing_mail', null, null),
  ('rpc/retry_dead_jobs', null, null),
  ('rpc/retry_inbound_mail', null, null),
  ('rpc/retry_provider_mail', null, null),
  ('rpc/revoke_api_key', null, null),
  ('rpc/run_macro', null, null),
  ('rpc/set_availability', null, null),
  ('rpc/set_display_name', null, null),
  ('rpc/split_mail', null, null),
  ('rpc/take_next', null, null),
  ('rpc/transfer_ownership', null, null),
  ('rpc/unread_counts', null, null),
  ('rpc/unsuppress_contact', null, null),
  ('rpc/permissions', null, null),
  ('rpc/usage', null, null),
  ('rpc/verify_audit', null, null);


-- sql/99_permissions.sql

-- Who may do what, in one table: what the policies say of each table and verb, read from the policies themselves, and
-- what each RPC asks for. tests/access_rules/test_permissions.py tries every row of it: the role below is refused, the
-- role is not. After everything else: it speaks of every table and RPC.

create table private.rpc_permissions (
  rpc text primary key,
  permission text not null unique check (permission ~ '^[a-z_]+\.[a-z_]+$'),
  -- Null: no role is asked for; what the sentence says decides.
  least_role public.member_role,
  sentence text not null
);

insert into private.rpc_permissions (rpc, permission, least_role, sentence) values
  ('accept_draft', 'drafts.accept', 'agent', 'Send a draft of the AI, as it is or edited'),
  ('accept_invitation', 'invitations.accept', null, 'Join an organization that has invited your address'),
  ('add_participant', 'tickets.add_participant', 'agent', 'Add somebody to a ticket'),
  ('archive_article', 'articles.archive', 'agent', 'Take an article out of the help centre'),
  ('attach_files', 'files.attach', 'agent', 'Send files of your own with what you write'),
  ('backlog', 'metrics.backlog', 'viewer', 'See what is open, by age'),
  ('become_contact', 'contacts.become', null, 'Become a contact of a desk by its portal'),
  ('bulk_tag', 'tags.tag_in_bulk', 'agent', 'Tag everything that a filter finds'),
  ('cancel_form', 'forms.cancel', 'agent', 'Take back a form that was sent'),
  ('cancel_tag_job', 'tags.cancel_bulk', 'agent', 'Stop a tagging that is under way'),
  ('capture_message', 'messages.capture', 'agent', 'Bring in a message from elsewhere'),
  ('chat_context', 'sessions.resolve', 'agent', 'Find organization, session and contact of a chat'),
  ('correct_triage', 'tickets.correct_triage', 'agent', 'Say better than triage what a ticket is about'),
  ('create_api_key', 'api_keys.create', 'admin', 'Make an API key, up to your own role'),
  ('create_article', 'articles.create', 'agent', 'Begin an article'),
  ('create_organization', 'organizations.create', null, 'Found an organization'),
  ('dead_jobs', 'jobs.list_dead', 'admin', 'See work that gave up'),
  ('delete_tag', 'tags.delete', 'manager', 'Delete a tag, with or without what stands below'),
  ('dismiss_duplicate', 'contacts.dismiss_duplicate', 'agent', 'Say that two contacts are not the same'),
  ('duplicate_contacts', 'contacts.find_duplicates', 'viewer', 'See contacts that may be the same'),
  ('edit_room_message', 'rooms.edit_message', 'viewer', 'Change what you have said in a room'),
  ('end_session', 'sessions.end', 'agent', 'End a session'),
  ('event_types', 'events.list_types', null, 'See what kinds of events there are'),
  ('events_since', 'events.follow', 'viewer', 'Follow what happens'),
  ('explain_assignment', 'tickets.explain_assignment', 'viewer', 'See why a ticket went where it went'),
  ('explain_sla', 'tickets.explain_sla', 'viewer', 'See how a ticket''s clocks were counted'),
  ('fill_text', 'tickets.fill_text', 'viewer', 'Fill a text''s variables for a ticket'),
  ('filter_tickets', 'tickets.filter', 'viewer', 'List tickets by conditions'),
  ('find_contact', 'contacts.find', 'viewer', 'Find a contact by address or external id'),
  ('join_room', 'rooms.join', 'agent', 'Join a room, or bring a colleague in'),
  ('journey', 'contacts.journey', 'viewer', 'See a contact''s way through site and desk'),
  ('leave_address', 'chat.leave_address', null, 'Leave an address in a visitor chat'),
  ('leave_organization', 'members.leave', 'viewer', 'Leave an organization'),
  ('leave_room', 'rooms.leave', 'viewer', 'Leave a room'),
  ('log_export', 'audit_log.note_export', 'viewer', 'Note that rows were taken out'),
  ('mark_read', 'tickets.mark_read', 'viewer', 'Say how far you have read'),
  ('merge_contacts', 'contacts.merge', 'agent', 'Make one contact of several'),
  ('merge_tags', 'tags.merge', 'manager', 'Make one tag of two'),
  ('merge_tickets', 'tickets.merge', 'agent', 'Merge tickets'),
  ('metrics', 'metrics.read', 'viewer', 'See the desk''s figures'),
  ('move_tag', 'tags.move', 'agent', 'Hang a tag below another'),
  ('my_desks', 'contacts.my_desks', null, 'See the desks you write to'),
  ('my_memberships', 'organizations.list_mine', null, 'See the organizations you belong to'),
  ('my_profiles', 'contacts.my_profiles', null, 'See what the desks you write to know of you'),
  ('notification_choices', 'notifications.list_choices', 'viewer', 'See what you are told of, and how'),
  ('notification_counts', 'notifications.count', 'viewer', 'See how many notifications are new'),
  ('open_room', 'rooms.open', 'agent', 'Open a room'),
  ('open_ticket', 'tickets.open', 'agent', 'Open a ticket for a contact; contacts open their own'),
  ('permissions', 'permissions.list', null, 'See who may do what'),
  ('publish_article', 'articles.publish', 'agent', 'Publish an article'),
  ('rate_ticket', 'csat.rate', null, 'Rate an answer, as the contact'),
  ('read_room', 'rooms.mark_read', 'viewer', 'Say how far you have read in a room'),
  ('record_session_event', 'sessions.record', 'agent', 'Note what happened in a session'),
  ('register_session', 'sessions.register', 'agent', 'Begin a session and find its contact'),
  ('reject_draft', 'drafts.reject', 'agent', 'Put a draft of the AI aside'),
  ('remove_member', 'members.remove', 'admin', 'Remove a member, with their work handed over'),
  ('remove_participant', 'tickets.remove_participant', 'agent', 'Take somebody out of a ticket'),
  ('replay_failed_webhooks', 'webhooks.replay_failed', 'admin', 'Send failed webhooks again'),
  ('replay_webhooks', 'webhooks.replay_range', 'admin', 'Send the webhooks of a time again'),
  ('replay_webhook', 'webhooks.replay', 'admin', 'Send a webhook again'),
  ('request_contact_erasure', 'contacts.erase', 'admin', 'Have a contact erased'),
  ('request_contact_export', 'contacts.export', 'admin', 'Have all data of a contact given out'),
  ('resolve_outgoing_mail', 'mails.resolve', 'agent', 'Decide about a mail whose sending is in doubt'),
  ('retry_dead_jobs', 'jobs.retry', 'admin', 'Have work that gave up done again'),
  ('inspect_again', 'files.inspect_again', 'manager', 'Have a file looked at again'),
  ('rotate_data_key', 'organizations.rotate_key', 'admin', 'Have all secrets encrypted anew'),
  ('retry_inbound_mail', 'mails.retry_inbound', 'admin', 'Have a quarantined mail read again'),
  ('retry_provider_mail', 'mails.retry_provider', 'admin', 'Have a mail fetched again'),
  ('revoke_api_key', 'api_keys.revoke', 'admin', 'End an API key'),
  ('run_macro', 'tickets.run_macro', 'agent', 'Do a macro''s steps in a ticket'),
  ('save_article', 'articles.save', 'agent', 'Write a new version of an article'),
  ('say_in_chat', 'chat.say', null, 'Write in a visitor chat, as the visitor'),
  ('say_in_room', 'rooms.say', 'agent', 'Talk in a room of yours'),
  ('search_articles', 'articles.search', null, 'Search what is published; members search the rest too'),
  ('search_contacts', 'contacts.search', 'viewer', 'Search contacts'),
  ('search_messages', 'messages.search', 'viewer', 'Search messages'),
  ('search_tickets', 'tickets.search', 'viewer', 'Search tickets'),
  ('send_form', 'forms.send', 'agent', 'Send a contact a form to fill'),
  ('send_reply', 'tickets.reply', 'agent', 'Answer a contact, or leave a note'),
  ('send_test_webhook', 'webhooks.test', 'admin', 'Send a test to an endpoint'),
  ('set_article_status', 'articles.set_status', 'agent', 'Move an article on'),
  ('set_availability', 'members.set_availability', 'agent', 'Say whether you are at work'),
  ('set_digest', 'notifications.set_digest', 'viewer', 'Say when you want a digest'),
  ('set_display_name', 'members.set_display_name', 'viewer', 'Name yourself in an organization'),
  ('set_fields', 'fields.set', 'agent', 'Set custom fields'),
  ('set_my_subscription', 'contacts.set_my_subscription', null, 'Say whether you want news'),
  ('similar_tickets', 'tickets.find_similar', 'viewer', 'See tickets that may be duplicates'),
  ('snooze_ticket', 'tickets.snooze', 'agent', 'Put a ticket aside until a time'),
  ('split_mail', 'tickets.split_mail', 'agent', 'Undo how a mail was threaded'),
  ('split_ticket', 'tickets.split', 'agent', 'Make a ticket of some messages of another'),
  ('submit_form', 'forms.submit', null, 'Fill a form, as the contact'),
  ('tag_with_descendants', 'tags.list_below', 'viewer', 'See a tag and what stands below'),
  ('take_next', 'tickets.take_next', 'agent', 'Take the next ticket of your lines'),
  ('ticket_metrics', 'metrics.of_ticket', 'viewer', 'See a ticket''s figures'),
  ('tickets_tagged', 'tags.find_tickets', 'viewer', 'List tickets by tag'),
  ('transfer_ownership', 'organizations.transfer', 'owner', 'Pass the ownership on'),
  ('typed_id', 'ids.make', null, 'Write an id with its prefix'),
  ('undo_move', 'tickets.undo_move', 'agent', 'Undo a merge or a split'),
  ('unmerge_contacts', 'contacts.undo_merge', 'agent', 'Undo a merge of contacts'),
  ('unread_counts', 'tickets.count_unread', 'viewer', 'See how many tickets hold something new'),
  ('unread_rooms', 'rooms.count_unread', 'viewer', 'See how much is new in your rooms'),
  ('unread', 'tickets.unread', 'viewer', 'See how much of a ticket is new to you'),
  ('unsuppress_contact', 'contacts.unsuppress', 'agent', 'Let mail go to an address again'),
  ('upsert_contact', 'contacts.upsert', 'agent', 'Make a contact, or change the one there is'),
  ('usage', 'organizations.usage', 'viewer', 'See what is used of the plan'),
  ('uuid_of', 'ids.read', null, 'Read an id with a prefix'),
  ('verify_audit', 'audit_log.verify', 'admin', 'Verify the audit log'),
  ('view_counts', 'views.count', 'viewer', 'See how many tickets each view holds'),
  ('view_tickets', 'views.open', 'viewer', 'List a view''s tickets');

-- A policy's least role is the one it asks private.my_organizations for; null where it asks for none: one's own rows.
-- Its name is the sentence.
create view private.permissions as
select
  p.tablename || '.' || v.verb as permission, 'table' as kind, p.tablename::text as name, v.verb,
  (
    select min(coalesce(asked[1], 'viewer')::public.member_role)
    from regexp_matches(
      concat_ws(' ', p.qual, p.with_check), 'my_organizations\((?:''(\w+)''[^)]*)?\)', 'g'
    ) as asked
  ) as least_role,
  p.policyname::text as sentence
from pg_catalog.pg_policies as p
join (
  values ('SELECT', 'read'), ('INSERT', 'add'), ('UPDATE', 'change'), ('DELETE', 'remove')
) as v (command, verb) on v.command = p.cmd or p.cmd = 'ALL'
where p.schemaname = 'public' and p.permissive = 'PERMISSIVE' and 'authenticated' = any(p.roles)
union all
select r.permission, 'rpc', r.rpc, 'call', r.least_role, r.sentence
from private.rpc_permissions as r;

-- The table, and what the caller may of it in an organization (`allowed`; null where none was named): what a client
-- need not offer.
create function private.list_permissions(organization_id uuid) returns table (
  permission text, kind text, name text, verb text, least_role public.member_role, sentence text, allowed boolean
)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  mine constant public.member_role := private.my_role(list_permissions.organization_id);
begin
  return query
  select
    p.permission, p.kind, p.name, p.verb, p.least_role, p.sentence,
    case when list_permissions.organization_id is not null then coalesce(mine >= p.least_role, p.least_role is null) end
  from private.permissions as p
  order by p.permission;
end;
$$;

create function public.permissions(organization_id uuid default null) returns table (
  permission text, kind text, name text, verb text, least_role public.member_role, sentence text, allowed boolean
)
language sql stable set search_path = '' as $$
  select * from private.list_permissions(permissions.organization_id);
$$;


-- sql/99_visitors.sql

-- What a visitor's token may reach. After everything else: it speaks of every table and RPC.

-- Tables that visitors may read, as far as contacts may, and functions that they may call; nothing else. Policies are
-- made of the tables' rows (policies/99_visitors.sql): a change here is a migration.
create table private.visitor_rights (
  -- As the API's paths name it: a table, or rpc/<function>.
  resource text primary key
);

insert into private.visitor_rights (resource) values
  ('tickets'),
  ('messages'),
  ('attachments'),
  ('events'),
  ('ticket_statuses'),
  ('articles'),
  ('article_versions'),
  ('article_categories'),
  ('rpc/events_since'),
  ('rpc/search_articles'),
  ('rpc/my_desks'),
  ('rpc/my_profiles'),
  ('rpc/say_in_chat'),
  ('rpc/leave_address'),
  ('rpc/register_session'),
  ('rpc/record_session_event'),
  ('rpc/end_session'),
  ('rpc/rate_ticket'),
  ('csat_ratings');


-- policies/00_platform.sql

-- Nobody creates anything outside migrations; `private` may be reached into, function by function.

revoke create on schema public from public;
grant usage on schema public to anon, authenticated, service_role, pgdesk_functions;
grant usage on schema private to anon, authenticated, service_role, pgdesk_functions;
grant usage on schema extensions to pgdesk_functions;

grant execute on function private.uuid7(timestamptz) to anon, authenticated, service_role, pgdesk_functions;
grant execute on function private.uuid7_floor(timestamptz) to anon, authenticated, service_role, pgdesk_functions;
grant execute on function private.try_uuid(text) to anon, authenticated, service_role, pgdesk_functions;
grant execute on function private.normal_email(text) to anon, authenticated, service_role, pgdesk_functions;


-- policies/10_organizations.sql

grant execute on function private.my_role(uuid) to authenticated;
grant execute on function private.current_organization() to pgdesk_functions;
grant execute on function private.create_organization(text, text) to authenticated;
grant execute on function public.create_organization(text, text) to authenticated;
grant execute on function private.set_display_name(uuid, text) to authenticated;
grant execute on function public.set_display_name(uuid, text) to authenticated;
grant execute on function private.accept_invitation(uuid) to authenticated;
grant execute on function public.accept_invitation(uuid) to authenticated;

alter table private.strict_organizations enable row level security;
alter table public.organizations enable row level security;
grant select, update (name, ai_mode, ai_threshold, language, settings, require_mfa) on public.organizations
to authenticated;
grant select on public.organizations to pgdesk_functions;

-- Contacts get what they need by my_desks(): how the desk is set up is none of their business.
create policy "Members see their organizations" on public.organizations
for select to authenticated using (id = any(array(select private.my_organizations())));
create policy "Admins change their organization" on public.organizations
for update to authenticated using (id = any(array(select private.my_organizations('admin'))));
create policy "Functions see the organization they work for" on public.organizations
for select to pgdesk_functions using (id = (select private.current_organization()));

alter table public.members enable row level security;
grant select, delete, update (role, display_name) on public.members to authenticated;
grant select on public.members to pgdesk_functions;

create policy "Members see their colleagues" on public.members
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Admins change members" on public.members
for update to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins remove members, anyone may leave" on public.members
for delete to authenticated using (
  organization_id = any(array(select private.my_organizations('admin'))) or user_id = (select auth.uid())
);
create policy "Functions see the members they work for" on public.members
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.invitations enable row level security;
grant select, delete, insert (organization_id, email, role, invited_by) on public.invitations to authenticated;
grant select on public.invitations to pgdesk_functions;

create policy "Admins see invitations" on public.invitations
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins invite, up to their own role" on public.invitations
for insert to authenticated with check (
  organization_id = any(array(select private.my_organizations('admin')))
  and role <= (select private.my_role(organization_id))
  and invited_by = (select auth.uid())
);
create policy "Admins take invitations back" on public.invitations
for delete to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Functions see invitations they send" on public.invitations
for select to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/11_api_keys.sql

-- Secrets are reached through functions alone.
alter table private.api_key_secrets enable row level security;

grant execute on function private.my_organizations(public.member_role) to anon, authenticated;
grant execute on function private.my_key_id() to anon, authenticated, service_role, pgdesk_functions;
grant execute on function private.actor_id() to anon, authenticated, service_role, pgdesk_functions;
grant execute on function private.key_allows(text) to pgdesk_api_key;
grant execute on function private.create_api_key(uuid, text, text[], public.member_role, timestamptz) to authenticated;
grant execute on function public.create_api_key(uuid, text, text[], public.member_role, timestamptz) to authenticated;
grant execute on function private.revoke_api_key(uuid) to authenticated;
grant execute on function public.revoke_api_key(uuid) to authenticated;
grant execute on function private.open_api_key(bytea) to pgdesk_functions;

alter table public.api_keys enable row level security;
grant select on public.api_keys to authenticated;

create policy "Admins see API keys" on public.api_keys
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));


-- policies/12_teams.sql

alter table public.teams enable row level security;
grant select, delete, insert (organization_id, name), update (organization_id, name) on public.teams to authenticated;
grant select on public.teams to pgdesk_functions;

create policy "Members see teams" on public.teams
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add teams" on public.teams
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change teams" on public.teams
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove teams" on public.teams
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see teams they work for" on public.teams
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.team_members enable row level security;
grant select, delete, insert (organization_id, team_id, user_id), update (organization_id, team_id, user_id)
on public.team_members to authenticated;
grant select on public.team_members to pgdesk_functions;

create policy "Members see who is in a team" on public.team_members
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add who is in a team" on public.team_members
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change who is in a team" on public.team_members
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove who is in a team" on public.team_members
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see who is in a team they work for" on public.team_members
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.skills enable row level security;
grant select, delete, insert (organization_id, name), update (organization_id, name) on public.skills to authenticated;
grant select on public.skills to pgdesk_functions;

create policy "Members see skills" on public.skills
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add skills" on public.skills
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change skills" on public.skills
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove skills" on public.skills
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see skills they work for" on public.skills
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.member_skills enable row level security;
grant select, delete, insert (organization_id, user_id, skill_id), update (organization_id, user_id, skill_id)
on public.member_skills to authenticated;
grant select on public.member_skills to pgdesk_functions;

create policy "Members see what members know" on public.member_skills
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add what members know" on public.member_skills
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change what members know" on public.member_skills
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove what members know" on public.member_skills
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see what members know they work for" on public.member_skills
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.team_skills enable row level security;
grant select, delete, insert (organization_id, team_id, skill_id), update (organization_id, team_id, skill_id)
on public.team_skills to authenticated;
grant select on public.team_skills to pgdesk_functions;

create policy "Members see what teams know" on public.team_skills
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add what teams know" on public.team_skills
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change what teams know" on public.team_skills
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove what teams know" on public.team_skills
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see what teams know they work for" on public.team_skills
for select to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/13_event_types.sql

alter table private.event_types enable row level security;

grant execute on function private.list_event_types() to authenticated;
grant execute on function public.event_types() to authenticated;


-- policies/14_events.sql

grant execute on function public.events_since(uuid, text, integer) to authenticated;
grant execute on function private.events_epoch() to authenticated;

alter table private.event_epoch enable row level security;

alter table public.events enable row level security;
grant select on public.events to authenticated, pgdesk_functions;

create policy "Members see what happened, contacts what concerns their tickets" on public.events
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or (
    audience = 'contact'
    and ticket_id in (
      select t.id from public.tickets as t where t.contact_id = any(array(select private.my_contacts()))
    )
  )
);
create policy "Functions see the events they work for" on public.events
for select to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/16_jobs.sql

-- Jobs are reached through functions alone.
alter table private.consumers enable row level security;
alter table private.routes enable row level security;
alter table private.jobs enable row level security;
alter table private.claim_marks enable row level security;
alter table private.relay_address enable row level security;

grant execute on function private.claim_jobs(integer) to pgdesk_functions;
grant execute on function private.mark_published(uuid[]) to pgdesk_functions;
grant execute on function private.release_jobs(uuid[]) to pgdesk_functions;
grant execute on function private.begin_job(uuid) to pgdesk_functions;
grant execute on function private.enter_job(uuid, uuid) to pgdesk_functions;
grant execute on function private.finish_job(uuid, uuid) to pgdesk_functions;
grant execute on function private.fail_job(uuid, uuid, text, interval, boolean) to pgdesk_functions;
grant execute on function private.enqueue_own(text, jsonb, timestamptz, text, text) to pgdesk_functions;
grant execute on function private.enqueue_maintenance() to pgdesk_functions;
grant execute on function private.queue_status() to pgdesk_functions;
grant execute on function public.dead_jobs(uuid) to authenticated;
grant execute on function private.dead_jobs(uuid) to authenticated;
grant execute on function public.retry_dead_jobs(uuid, uuid[]) to authenticated;
grant execute on function private.retry_dead_jobs(uuid, uuid[]) to authenticated;


-- policies/17_clocks.sql

grant execute on function private.ring(jsonb) to pgdesk_functions;


-- policies/18_received_webhooks.sql

-- Reached through its function alone.
alter table private.received_webhooks enable row level security;

grant execute on function private.note_webhook(text, text) to pgdesk_functions;


-- policies/20_contacts.sql

grant execute on function private.my_desks() to authenticated;
grant execute on function public.my_desks() to authenticated;
grant execute on function private.become_contact(uuid) to authenticated;
grant execute on function public.become_contact(uuid) to authenticated;
grant execute on function private.my_contacts() to anon, authenticated;
grant execute on function private.my_contact_organizations() to authenticated;
grant execute on function private.my_contact_id(uuid) to authenticated;

alter table public.contacts enable row level security;
grant select, insert (
  organization_id, email, name, language, phone, company_id, source, fields, subscription_status, consent_source
), update (email, name, language, phone, company_id, fields, subscription_status, consent_source) on public.contacts
to authenticated;
grant select, insert (organization_id, email, name, language, source),
  update (name, language, suppressed_at, suppressed_because) on public.contacts to pgdesk_functions;

-- Contacts get what they may know of themselves by my_profiles(): what members keep of them is none of their business.
-- Who is merged into another is found by the other alone.
create policy "Members see contacts" on public.contacts
for select to authenticated using (
  organization_id = any(array(select private.my_organizations())) and merged_into is null
);
create policy "Agents add contacts" on public.contacts
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents change contacts" on public.contacts
for update to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Functions see the contacts they work for" on public.contacts
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions add contacts to the organization they work for" on public.contacts
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions change contacts they work for" on public.contacts
for update to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/21_companies.sql

alter table public.companies enable row level security;
grant select, delete, insert (organization_id, name, description, fields), update (name, description, fields)
on public.companies to authenticated;
grant select on public.companies to pgdesk_functions;

create policy "Members see companies" on public.companies
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents add companies" on public.companies
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents change companies" on public.companies
for update to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Managers remove companies" on public.companies
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see the companies they work for" on public.companies
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.company_domains enable row level security;
grant select, delete, insert (organization_id, domain, company_id) on public.company_domains to authenticated;

create policy "Members see where companies write from" on public.company_domains
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents add where companies write from" on public.company_domains
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents remove where companies write from" on public.company_domains
for delete to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));


-- policies/22_mail_addresses.sql

grant execute on function private.resolve_address(text) to pgdesk_functions;

alter table public.mail_addresses enable row level security;
grant select, delete, insert (organization_id, address, display_name, team_id, is_default),
  update (display_name, team_id, is_default) on public.mail_addresses to authenticated;
grant select on public.mail_addresses to pgdesk_functions;

create policy "Members see their mail addresses" on public.mail_addresses
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Admins add mail addresses" on public.mail_addresses
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins change mail addresses" on public.mail_addresses
for update to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins remove mail addresses" on public.mail_addresses
for delete to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Functions see the mail addresses they work for" on public.mail_addresses
for select to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/23_custom_fields.sql

-- Asked by a check of public.contacts.
grant execute on function private.is_phone(text) to anon, authenticated, service_role, pgdesk_functions;
grant execute on function public.set_fields(text, uuid, jsonb) to authenticated;

alter table public.custom_fields enable row level security;
grant select, insert (
  organization_id, target, key, label, type, options, is_required, is_sensitive, position
), update (label, type, options, is_required, position, archived_at) on public.custom_fields to authenticated;
grant select on public.custom_fields to pgdesk_functions;

create policy "Members see custom fields" on public.custom_fields
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers define custom fields" on public.custom_fields
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change custom fields" on public.custom_fields
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see the custom fields they work with" on public.custom_fields
for select to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/24_contact_profile.sql

grant execute on function private.my_profiles() to authenticated;
grant execute on function public.my_profiles() to authenticated;
grant execute on function private.set_my_subscription(uuid, boolean) to authenticated;
grant execute on function public.set_my_subscription(uuid, boolean) to authenticated;
grant execute on function private.find_contact(uuid, text, text, text) to authenticated;
grant execute on function public.find_contact(uuid, text, text, text) to authenticated;
grant execute on function public.upsert_contact(uuid, text, text, text, text, text, text, uuid, jsonb, text)
to authenticated;

alter table public.contact_external_ids enable row level security;
grant select, delete, insert (organization_id, system, external_id, contact_id) on public.contact_external_ids
to authenticated;

create policy "Members see what other systems call contacts" on public.contact_external_ids
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents add what other systems call contacts" on public.contact_external_ids
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents remove what other systems call contacts" on public.contact_external_ids
for delete to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));

alter table public.contact_notes enable row level security;
grant select, delete, insert (organization_id, contact_id, author_id, body, is_pinned), update (body, is_pinned)
on public.contact_notes to authenticated;

create policy "Members see notes on contacts" on public.contact_notes
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents write notes in their own name" on public.contact_notes
for insert to authenticated with check (
  author_id is not distinct from (select auth.uid())
  and organization_id = any(array(select private.my_organizations('agent')))
);
create policy "Authors and managers change notes" on public.contact_notes
for update to authenticated using (
  organization_id = any(array(select private.my_organizations('manager')))
  or (author_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations('agent'))))
);
create policy "Authors and managers remove notes" on public.contact_notes
for delete to authenticated using (
  organization_id = any(array(select private.my_organizations('manager')))
  or (author_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations('agent'))))
);


-- policies/25_contact_merge.sql

grant execute on function private.merge_contacts(uuid, uuid[], boolean) to authenticated;
grant execute on function public.merge_contacts(uuid, uuid[], boolean) to authenticated;
grant execute on function private.unmerge_contacts(uuid) to authenticated;
grant execute on function public.unmerge_contacts(uuid) to authenticated;

alter table private.contact_references enable row level security;
alter table private.contact_moves enable row level security;

alter table public.contact_merges enable row level security;
grant select on public.contact_merges to authenticated;

create policy "Members see which contacts were merged" on public.contact_merges
for select to authenticated using (organization_id = any(array(select private.my_organizations())));


-- policies/26_sessions.sql

-- Members see sessions, agents link them. Visitors write their own by functions alone, and read none: whom an address
-- belongs to is not theirs to know.

grant execute on function private.register_session(uuid, text, text, text, text, text, text, text, text, uuid)
to authenticated, pgdesk_functions;
grant execute on function public.register_session(uuid, text, text, text, text, text, text, text, text)
to authenticated;
grant execute on function private.record_session_event(uuid, text, text, text) to authenticated, pgdesk_functions;
grant execute on function public.record_session_event(uuid, text, text, text) to authenticated;
grant execute on function private.end_session(uuid) to authenticated, pgdesk_functions;
grant execute on function public.end_session(uuid) to authenticated;
grant execute on function public.journey(uuid, text, integer) to authenticated;

alter table public.sessions enable row level security;
grant select, update (contact_id, space_id, ended_at) on public.sessions to authenticated;
grant select on public.sessions to pgdesk_functions;

create policy "Members see sessions" on public.sessions
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents link sessions" on public.sessions
for update to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Functions see the sessions they work for" on public.sessions
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.session_events enable row level security;
grant select on public.session_events to authenticated, pgdesk_functions;

create policy "Members see what happened in sessions" on public.session_events
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Functions see what happened in the sessions they work for" on public.session_events
for select to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/27_tags.sql

-- Members see tags, agents make, name and move them. Merging and deleting is in 34_tag_changes.sql.

alter table private.tag_aliases enable row level security;

grant execute on function private.tag_name(text) to authenticated;
grant execute on function private.move_tag(uuid, uuid) to authenticated;
grant execute on function public.move_tag(uuid, uuid) to authenticated;
grant execute on function public.tag_with_descendants(uuid) to authenticated;

alter table public.tags enable row level security;
-- Where it stands is changed by move_tag alone, which puts movers in line.
grant select, insert (organization_id, name, color, parent_id), update (name, color) on public.tags to authenticated;

create policy "Members see tags" on public.tags
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents add tags" on public.tags
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents change tags" on public.tags
for update to authenticated using (
  organization_id = any(array(select private.my_organizations('agent'))) and removed_at is null
);


-- policies/28_tagging.sql

alter table public.contact_tags enable row level security;
grant select, delete, insert (organization_id, contact_id, tag_id) on public.contact_tags to authenticated;

create policy "Members see tags of contacts" on public.contact_tags
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents tag contacts" on public.contact_tags
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents untag contacts" on public.contact_tags
for delete to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));

alter table public.session_taggings enable row level security;
grant select, delete, insert (organization_id, session_id, tag_id) on public.session_taggings to authenticated;

create policy "Members see tags of sessions" on public.session_taggings
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents tag sessions" on public.session_taggings
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents untag sessions" on public.session_taggings
for delete to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));

-- Read with the caller's rights on what it is made of.
grant select on public.session_tags to authenticated;


-- policies/29_duplicate_contacts.sql

grant execute on function private.duplicate_contacts(uuid, uuid, integer) to authenticated;
grant execute on function public.duplicate_contacts(uuid, uuid, integer) to authenticated;
grant execute on function public.dismiss_duplicate(uuid, uuid) to authenticated;

alter table private.contact_keys enable row level security;

alter table public.dismissed_duplicates enable row level security;
grant select, delete, insert (organization_id, contact_id, other_id) on public.dismissed_duplicates to authenticated;

create policy "Members see which contacts are two" on public.dismissed_duplicates
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents say which contacts are two" on public.dismissed_duplicates
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents take that back" on public.dismissed_duplicates
for delete to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));


-- policies/30_tickets.sql

alter table private.ticket_counters enable row level security;

alter table public.ticket_statuses enable row level security;
grant select, delete, insert (organization_id, key, name, category, position), update (name, category, position)
on public.ticket_statuses to authenticated;
grant select on public.ticket_statuses to pgdesk_functions;

create policy "Members and contacts see statuses" on public.ticket_statuses
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or organization_id = any(array(select private.my_contact_organizations()))
);
create policy "Admins add statuses" on public.ticket_statuses
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins change statuses" on public.ticket_statuses
for update to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins remove statuses" on public.ticket_statuses
for delete to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Functions see the statuses they work with" on public.ticket_statuses
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.ticket_categories enable row level security;
grant select, delete, insert (organization_id, key, name, skill_id, sensitive), update (name, skill_id, sensitive)
on public.ticket_categories to authenticated;
grant select on public.ticket_categories to pgdesk_functions;

create policy "Members see categories" on public.ticket_categories
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add categories" on public.ticket_categories
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change categories" on public.ticket_categories
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove categories" on public.ticket_categories
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see the categories they work with" on public.ticket_categories
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.tickets enable row level security;
grant select on public.tickets to authenticated, pgdesk_functions;
grant insert (organization_id, subject, channel, contact_id, mail_address_id) on public.tickets
to authenticated, pgdesk_functions;
grant update (
  subject, status, priority, category_id, team_id, assignee_id, language, is_spam, tags, fields, ai_state
) on public.tickets to authenticated;
grant update (
  status, priority, category_id, team_id, language, sentiment, is_spam, tags, ai_state
) on public.tickets to pgdesk_functions;

create policy "Members see tickets, contacts their own" on public.tickets
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or contact_id = any(array(select private.my_contacts()))
);
create policy "Agents open tickets for anyone, contacts for themselves in the portal" on public.tickets
for insert to authenticated with check (
  organization_id = any(array(select private.my_organizations('agent')))
  or (contact_id = any(array(select private.my_contacts())) and channel in ('portal', 'chat'))
);
create policy "Agents change tickets" on public.tickets
for update to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Functions see the tickets they work for" on public.tickets
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions open tickets for the organization they work for" on public.tickets
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions change tickets they work for" on public.tickets
for update to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/32_condition_sql.sql

grant execute on function private.my_teams() to authenticated;


-- policies/32_ticket_tags.sql

grant execute on function private.tickets_tagged(uuid, boolean, uuid, integer) to authenticated;
grant execute on function public.tickets_tagged(uuid, boolean, uuid, integer) to authenticated;

alter table public.ticket_tags enable row level security;
-- Written by a change of tickets.tags alone.
grant select on public.ticket_tags to authenticated;

create policy "Members see tags of tickets" on public.ticket_tags
for select to authenticated using (organization_id = any(array(select private.my_organizations())));


-- policies/33_tag_jobs.sql

grant execute on function private.bulk_tag(uuid, text, jsonb, text[], text[]) to authenticated;
grant execute on function public.bulk_tag(uuid, text, jsonb, text[], text[]) to authenticated;
grant execute on function private.cancel_tag_job(uuid) to authenticated;
grant execute on function public.cancel_tag_job(uuid) to authenticated;

alter table public.tag_jobs enable row level security;
grant select on public.tag_jobs to authenticated;

create policy "Members see how far tagging is" on public.tag_jobs
for select to authenticated using (organization_id = any(array(select private.my_organizations())));


-- policies/34_contact_search.sql

-- Reached through functions alone.
alter table private.contact_words enable row level security;

grant execute on function private.search_contacts(uuid, text, integer) to authenticated;
grant execute on function public.search_contacts(uuid, text, integer) to authenticated;


-- policies/34_tag_changes.sql

grant execute on function private.merge_tags(uuid, uuid) to authenticated;
grant execute on function public.merge_tags(uuid, uuid) to authenticated;
grant execute on function private.delete_tag(uuid) to authenticated;
grant execute on function public.delete_tag(uuid) to authenticated;


-- policies/35_messages.sql

grant execute on function public.open_ticket(uuid, text, text, public.ticket_channel, uuid) to authenticated;
grant execute on function public.send_reply(uuid, text, integer, boolean, text[]) to authenticated;
grant execute on function private.tickets_by_message_id(uuid, text[]) to pgdesk_functions;
grant execute on function private.ensure_message_partitions(integer) to pgdesk_functions;

alter table public.messages enable row level security;
grant select on public.messages to authenticated, pgdesk_functions;
grant insert (organization_id, ticket_id, sender, contact_id, member_id, is_internal, body_text) on public.messages
to authenticated;
grant insert (
  id, organization_id, ticket_id, sender, contact_id, member_id, is_internal, is_machine, sender_status, is_verified,
  body_text, reply_text, body_html, message_id_header
), update (message_id_header, sender_status) on public.messages to pgdesk_functions;

-- Two ways in for a contact: public messages of tickets that are its own, and what it wrote itself, wherever that is.
create policy "Members see messages, contacts the public ones of their tickets" on public.messages
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or (
    not is_internal
    and sender_status = 'known'
    and (
      ticket_id in (
        select t.id from public.tickets as t where t.contact_id = any(array(select private.my_contacts()))
      )
      or (sender = 'contact' and contact_id = any(array(select private.my_contacts())))
    )
  )
);
create policy "Agents write as themselves, contacts as themselves on their tickets" on public.messages
for insert to authenticated with check (
  (
    sender = 'member'
    -- Who writes by an API key writes in no member's name.
    and member_id is not distinct from (select auth.uid())
    and organization_id = any(array(select private.my_organizations('agent')))
  )
  or (
    sender = 'contact'
    and not is_internal
    and member_id is null
    and (
      (
        contact_id = any(array(select private.my_contacts()))
        and private.may_write_in(ticket_id, contact_id)
      )
      or organization_id = any(array(select private.my_organizations('agent')))
    )
  )
);
create policy "Functions see the messages they work for" on public.messages
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions write messages for the organization they work for" on public.messages
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions complete messages they work for" on public.messages
for update to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/36_search.sql

-- Reached through functions alone.
alter table private.ticket_search enable row level security;

grant execute on function public.search_tickets(uuid, text, jsonb, bigint, integer) to authenticated;
grant execute on function private.search_tickets(uuid, text, jsonb, bigint, integer) to authenticated;
grant execute on function public.search_messages(uuid, text, uuid, jsonb, bigint, integer) to authenticated;
grant execute on function private.search_messages(uuid, text, uuid, jsonb, bigint, integer) to authenticated;


-- policies/37_ticket_history.sql

alter table public.ticket_history enable row level security;
grant select on public.ticket_history to authenticated;

create policy "Members see what became of tickets" on public.ticket_history
for select to authenticated using (organization_id = any(array(select private.my_organizations())));


-- policies/38_attachments.sql

alter table public.attachments enable row level security;
grant select on public.attachments to authenticated, pgdesk_functions;
grant insert (
  organization_id, ticket_id, message_id, file_name, content_type, bytes, sha256, content_id, is_inline, storage_path
) on public.attachments to pgdesk_functions;

create policy "Who sees the message sees its attachments" on public.attachments
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  -- The rules of messages hold in here: a contact sees the public ones of its tickets, whoever wrote them.
  or exists (select from public.messages as m where m.id = attachments.message_id)
);
create policy "Functions see the attachments they work for" on public.attachments
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions add attachments for the organization they work for" on public.attachments
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));

-- The bytes follow the rows; the first folder of a path is the organization.
create policy "Who sees an attachment may fetch its file" on storage.objects
for select to authenticated using (
  bucket_id = 'attachments'
  and exists (
    select from public.attachments as a
    where a.organization_id = private.try_uuid((storage.foldername(name))[1])
      and name in (a.storage_path, a.thumbnail_path)
      and a.verdict in ('clean', 'unscanned')
  )
);
create policy "Functions fetch files of the organization they work for" on storage.objects
for select to pgdesk_files using (
  bucket_id in ('attachments', 'inbound', 'exports')
  and (storage.foldername(name))[1] = (select auth.jwt() ->> 'organization_id')
);
create policy "Functions keep files for the organization they work for" on storage.objects
for insert to pgdesk_files with check (
  bucket_id in ('attachments', 'inbound', 'exports')
  and (storage.foldername(name))[1] = (select auth.jwt() ->> 'organization_id')
);
create policy "Functions keep files again after a failed attempt" on storage.objects
for update to pgdesk_files using (
  bucket_id in ('attachments', 'exports')
  and (storage.foldername(name))[1] = (select auth.jwt() ->> 'organization_id')
);
create policy "Functions see the buckets they use" on storage.buckets
for select to pgdesk_files using (id in ('attachments', 'inbound', 'exports'));


-- policies/39_business_hours.sql

alter table public.calendars enable row level security;
grant select, delete, insert (organization_id, name, time_zone, is_default), update (name, time_zone, is_default)
on public.calendars to authenticated;
grant update (calendar_id) on public.teams to authenticated;

create policy "Members see calendars" on public.calendars
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add calendars" on public.calendars
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change calendars" on public.calendars
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove calendars" on public.calendars
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));

alter table public.calendar_hours enable row level security;
grant select, delete, insert (organization_id, calendar_id, weekday, opens, closes), update (weekday, opens, closes)
on public.calendar_hours to authenticated;

create policy "Members see opening hours" on public.calendar_hours
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add opening hours" on public.calendar_hours
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change opening hours" on public.calendar_hours
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove opening hours" on public.calendar_hours
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));

alter table public.calendar_holidays enable row level security;
grant select, delete, insert (organization_id, calendar_id, day, name), update (day, name)
on public.calendar_holidays to authenticated;

create policy "Members see holidays" on public.calendar_holidays
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add holidays" on public.calendar_holidays
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change holidays" on public.calendar_holidays
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove holidays" on public.calendar_holidays
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));


-- policies/40_inbound_mail.sql

grant execute on function private.accept_mail(uuid, uuid, text, text, text, bytea, bytea, text) to pgdesk_functions;
grant execute on function private.member_by_email(text) to pgdesk_functions;
grant execute on function private.bare_subject(text) to pgdesk_functions;
grant execute on function private.is_participant(uuid, uuid, text) to pgdesk_functions;
grant execute on function private.find_thread(uuid, uuid, boolean, text[], text) to pgdesk_functions;
grant execute on function private.note_parsed(uuid, text, text, text, text, jsonb, text[]) to pgdesk_functions;
grant execute on function private.contact_for(uuid, text, text) to pgdesk_functions;
grant execute on function private.file_mail(uuid, jsonb) to pgdesk_functions;
grant execute on function private.quarantine_mail(uuid, text) to pgdesk_functions;
grant execute on function public.retry_inbound_mail(uuid) to authenticated;
grant execute on function private.retry_inbound_mail(uuid) to authenticated;
grant execute on function public.split_mail(uuid) to authenticated;
grant execute on function private.split_mail(uuid) to authenticated;

alter table public.inbound_mails enable row level security;
grant select on public.inbound_mails to authenticated, pgdesk_functions;
grant insert (
  organization_id, mail_address_id, recipients, envelope_from, bytes, content_sha256, message_id_header, id_reused
), update (
  recipients, deliveries, last_delivered_at, state, reason, sender, subject, verdict, dmarc, outcome, ticket_id,
  message_id, decision, done_at
) on public.inbound_mails to pgdesk_functions;

create policy "Admins see what became of every mail" on public.inbound_mails
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Functions see the ledger they work for" on public.inbound_mails
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions enter mail in the ledger they work for" on public.inbound_mails
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions keep the ledger they work for" on public.inbound_mails
for update to pgdesk_functions using (organization_id = (select private.current_organization()));

-- The mail itself is for the functions alone.
alter table private.inbound_raw enable row level security;
grant select, insert on private.inbound_raw to pgdesk_functions;

create policy "Functions read the raw mail they work for" on private.inbound_raw
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions keep raw mail for the organization they work for" on private.inbound_raw
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));


-- policies/41_sla.sql

alter table private.sla_rules enable row level security;

alter table public.sla_policies enable row level security;
grant select, delete,
  insert (
    organization_id, name, position, conditions, calendar_id, warn_after, pauses_while_waiting, ai_counts, is_active
  ),
  update (name, position, conditions, calendar_id, warn_after, pauses_while_waiting, ai_counts, is_active)
on public.sla_policies to authenticated;

create policy "Members see SLA policies" on public.sla_policies
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add SLA policies" on public.sla_policies
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change SLA policies" on public.sla_policies
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove SLA policies" on public.sla_policies
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));

alter table public.sla_targets enable row level security;
grant select, delete,
  insert (organization_id, policy_id, priority, first_response, next_response, resolution),
  update (priority, first_response, next_response, resolution)
on public.sla_targets to authenticated;

create policy "Members see SLA targets" on public.sla_targets
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add SLA targets" on public.sla_targets
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change SLA targets" on public.sla_targets
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove SLA targets" on public.sla_targets
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));

alter table public.sla_clocks enable row level security;
grant select on public.sla_clocks to authenticated;

create policy "Members see SLA clocks" on public.sla_clocks
for select to authenticated using (organization_id = any(array(select private.my_organizations())));


-- policies/42_provider_mails.sql

grant execute on function private.fetch_provider_mail(uuid, timestamptz, text) to pgdesk_functions;
grant execute on function private.record_provider_mail(
  uuid, text, text, public.provider_mail_state, text[], text, text, jsonb
) to pgdesk_functions;
grant execute on function private.known_provider_mails(text, text[]) to pgdesk_functions;
grant execute on function public.retry_provider_mail(uuid) to authenticated;
grant execute on function private.retry_provider_mail(uuid) to authenticated;

alter table public.provider_mails enable row level security;
grant select on public.provider_mails to authenticated;
grant select, delete, insert (
  organization_id, provider, provider_id, state, recipients, locator, envelope_from, verdicts
), update (
  state, reason, recipients, locator, envelope_from, verdicts, inbound_mail_id
) on public.provider_mails to pgdesk_functions;

create policy "Admins see what providers hold for them" on public.provider_mails
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
-- Outside of a tenant they see what is nobody's.
create policy "Functions see what providers hold for whom they work" on public.provider_mails
for select to pgdesk_functions using (organization_id is not distinct from (select private.current_organization()));
create policy "Functions enter what providers hold for whom they work" on public.provider_mails
for insert to pgdesk_functions with check (
  organization_id is not distinct from (select private.current_organization())
);
create policy "Functions note what became of it" on public.provider_mails
for update to pgdesk_functions using (organization_id is not distinct from (select private.current_organization()));
create policy "Functions forget what was announced and never came, or has found its owner" on public.provider_mails
for delete to pgdesk_functions using (
  organization_id is not distinct from (select private.current_organization())
  and (organization_id is null or state = 'announced')
);

-- Uploads lie under the organization's folder as attachments do, and are fetched and added by the same policies
-- (38_attachments.sql). No member reads them.


-- policies/43_routing.sql

alter table public.routing_rules enable row level security;
grant select, delete,
  insert (
    organization_id, name, position, conditions, team_id, assignee_id, priority, add_tags, is_final, is_active
  ),
  update (name, position, conditions, team_id, assignee_id, priority, add_tags, is_final, is_active)
on public.routing_rules to authenticated;

create policy "Members see routing rules" on public.routing_rules
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add routing rules" on public.routing_rules
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change routing rules" on public.routing_rules
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove routing rules" on public.routing_rules
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));

alter table public.ticket_routings enable row level security;
grant select on public.ticket_routings to authenticated;

create policy "Members see which rules were taken" on public.ticket_routings
for select to authenticated using (organization_id = any(array(select private.my_organizations())));

grant execute on function private.route_triaged(uuid) to pgdesk_functions;


-- policies/44_assignment.sql

alter table public.member_availability enable row level security;
grant select, insert (organization_id, user_id, status, capacity), update (status, capacity)
on public.member_availability to authenticated;
grant update (assignment) on public.teams to authenticated;

create policy "Members see who is at work" on public.member_availability
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers say how much a member takes" on public.member_availability
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change how much a member takes" on public.member_availability
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));

grant execute on function private.set_availability(uuid, text) to authenticated;
grant execute on function public.set_availability(uuid, text) to authenticated;
grant execute on function private.take_next(uuid) to authenticated;
grant execute on function public.take_next(uuid) to authenticated;
grant execute on function private.explain_assignment(uuid) to authenticated;
grant execute on function public.explain_assignment(uuid) to authenticated;


-- policies/45_waiting.sql

grant update (solve_after, close_after) on public.organizations to authenticated;
grant update (snoozed_until) on public.tickets to authenticated;
grant execute on function public.snooze_ticket(uuid, timestamptz) to authenticated;


-- policies/46_reading.sql

alter table public.ticket_reads enable row level security;
grant select on public.ticket_reads to authenticated;

create policy "Members see who has read what" on public.ticket_reads
for select to authenticated using (organization_id = any(array(select private.my_organizations())));

grant execute on function private.mark_read(uuid, integer, boolean) to authenticated;
grant execute on function public.mark_read(uuid, integer, boolean) to authenticated;
grant execute on function public.unread(public.tickets) to authenticated;
grant execute on function private.unread_counts(uuid) to authenticated;
grant execute on function public.unread_counts(uuid) to authenticated;


-- policies/47_canned_responses.sql

alter table public.canned_responses enable row level security;
grant select, delete, insert (organization_id, shortcut, title, body, team_id), update (shortcut, title, body, team_id)
on public.canned_responses to authenticated;

create policy "Members see canned responses" on public.canned_responses
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents add canned responses" on public.canned_responses
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents change canned responses" on public.canned_responses
for update to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents remove canned responses" on public.canned_responses
for delete to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));

alter table public.compositions enable row level security;
-- An upsert writes all of its columns.
grant select, delete, insert (organization_id, ticket_id, user_id, is_internal, body),
  update (organization_id, ticket_id, user_id, is_internal, body)
on public.compositions to authenticated;

create policy "Members see what they have begun to write" on public.compositions
for select to authenticated using (user_id = (select auth.uid()));
create policy "Agents begin to write" on public.compositions
for insert to authenticated with check (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations('agent')))
);
create policy "Agents go on writing" on public.compositions
for update to authenticated using (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations('agent')))
);
create policy "Members put away what they have begun" on public.compositions
for delete to authenticated using (user_id = (select auth.uid()));

grant execute on function public.fill_text(text, uuid) to authenticated;


-- policies/48_macros.sql

alter table public.macros enable row level security;
grant select, delete, insert (organization_id, name, actions), update (name, actions) on public.macros to authenticated;

create policy "Members see macros" on public.macros
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add macros" on public.macros
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change macros" on public.macros
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove macros" on public.macros
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));

grant execute on function public.run_macro(uuid, uuid, integer) to authenticated;


-- policies/49_sla_clocks.sql

grant execute on function private.explain_sla(uuid) to authenticated;
grant execute on function public.explain_sla(uuid) to authenticated;


-- policies/50_knowledge.sql

-- Published articles are for everyone; drafts, old versions and passages for members. Agents write.

grant execute on function public.create_article(uuid, text, text, text, uuid, text) to authenticated;
grant execute on function public.save_article(uuid, text, text) to authenticated;
grant execute on function public.set_article_status(uuid, public.article_status) to authenticated;
grant execute on function public.publish_article(uuid) to authenticated;
grant execute on function public.archive_article(uuid) to authenticated;
grant execute on function private.free_slug(uuid, text) to authenticated;

alter table public.article_categories enable row level security;
grant select on public.article_categories to anon, authenticated, pgdesk_functions;
grant delete, insert (organization_id, name, position), update (name, position) on public.article_categories
to authenticated;

create policy "Visitors see categories with something to read" on public.article_categories
for select to anon using (
  exists (
    select from public.articles as a where a.category_id = article_categories.id and a.status = 'published'
  )
);
create policy "Members see categories, others those with something to read" on public.article_categories
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or exists (
    select from public.articles as a where a.category_id = article_categories.id and a.status = 'published'
  )
);
create policy "Managers add categories" on public.article_categories
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change categories" on public.article_categories
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove categories" on public.article_categories
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see categories they work for" on public.article_categories
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.articles enable row level security;
grant select on public.articles to anon, authenticated, pgdesk_functions;
grant insert (organization_id, category_id, slug, language), update (category_id, slug, language, status)
on public.articles to authenticated;

create policy "Visitors see published articles" on public.articles for select to anon using (status = 'published');
create policy "Members see articles, others the published ones" on public.articles
for select to authenticated using (
  status = 'published' or organization_id = any(array(select private.my_organizations()))
);
create policy "Agents add articles" on public.articles
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents change articles" on public.articles
for update to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Functions see articles they work for" on public.articles
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.article_versions enable row level security;
grant select on public.article_versions to anon, authenticated, pgdesk_functions;
grant insert (organization_id, article_id, title, body) on public.article_versions to authenticated;

create policy "Visitors see what published articles say now" on public.article_versions
for select to anon using (
  exists (
    select from public.articles as a
    where a.organization_id = article_versions.organization_id
      and a.id = article_versions.article_id
      and a.current_version_id = article_versions.id
      and a.status = 'published'
  )
);
create policy "Members see every version, others what published articles say now" on public.article_versions
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or exists (
    select from public.articles as a
    where a.organization_id = article_versions.organization_id
      and a.id = article_versions.article_id
      and a.current_version_id = article_versions.id
      and a.status = 'published'
  )
);
create policy "Agents write versions" on public.article_versions
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Functions see versions they work for" on public.article_versions
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.chunks enable row level security;
grant select on public.chunks to authenticated, pgdesk_functions;

create policy "Members see passages" on public.chunks
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Functions see passages they work for" on public.chunks
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.article_feedback enable row level security;
grant select, insert (organization_id, article_id, version_id, contact_id, helpful, comment) on public.article_feedback
to authenticated;
grant select on public.article_feedback to pgdesk_functions;

create policy "Members see feedback, contacts their own" on public.article_feedback
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or contact_id = any(array(select private.my_contacts()))
);
create policy "Contacts say whether what they may read helped" on public.article_feedback
for insert to authenticated with check (
  contact_id = any(array(select private.my_contacts()))
  and version_id in (select v.id from public.article_versions as v where v.id = article_feedback.version_id)
);
create policy "Functions see feedback they work for" on public.article_feedback
for select to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/51_views.sql

alter table public.ticket_views enable row level security;
grant select, delete,
  insert (organization_id, name, user_id, team_id, position, conditions, sort, ascending, columns),
  update (name, user_id, team_id, position, conditions, sort, ascending, columns)
on public.ticket_views to authenticated;

create policy "Members see their own views and those shared with them" on public.ticket_views
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  and (
    user_id = (select auth.uid())
    or user_id is null and (
      team_id is null
      or team_id = any(array(select private.my_teams()))
      or organization_id = any(array(select private.my_organizations('manager')))
    )
  )
);
create policy "Members add views of their own, managers shared ones" on public.ticket_views
for insert to authenticated with check (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
  or user_id is null and organization_id = any(array(select private.my_organizations('manager')))
);
create policy "Members change views of their own, managers shared ones" on public.ticket_views
for update to authenticated using (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
  or user_id is null and organization_id = any(array(select private.my_organizations('manager')))
);
create policy "Members remove views of their own, managers shared ones" on public.ticket_views
for delete to authenticated using (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
  or user_id is null and organization_id = any(array(select private.my_organizations('manager')))
);

grant execute on function private.filter_tickets(uuid, jsonb, text, boolean, jsonb, integer) to authenticated;
grant execute on function private.count_tickets(uuid, jsonb) to authenticated;
grant execute on function public.filter_tickets(uuid, jsonb, text, boolean, jsonb, integer) to authenticated;
grant execute on function public.view_tickets(uuid, jsonb, integer) to authenticated;
grant execute on function public.view_counts(uuid) to authenticated;


-- policies/52_csat.sql

grant execute on function public.rate_ticket(uuid, integer, text) to authenticated;
grant execute on function private.rate_ticket(uuid, integer, text) to authenticated;
grant execute on function private.rate_by_link(uuid, integer, text) to pgdesk_functions;

grant update (ask_csat_after) on public.organizations to authenticated;

alter table public.csat_surveys enable row level security;
grant select on public.csat_surveys to authenticated, pgdesk_functions;

create policy "Members see surveys, contacts their own" on public.csat_surveys
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or contact_id = any(array(select private.my_contacts()))
);
create policy "Functions see the surveys they work for" on public.csat_surveys
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.csat_ratings enable row level security;
grant select on public.csat_ratings to authenticated, pgdesk_functions;

create policy "Members see ratings, contacts their own" on public.csat_ratings
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or contact_id = any(array(select private.my_contacts()))
);
create policy "Functions see the ratings they work for" on public.csat_ratings
for select to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/53_links.sql

alter table public.ticket_links enable row level security;
grant select, delete, insert (organization_id, ticket_id, other_ticket_id, kind) on public.ticket_links
to authenticated;

create policy "Members see links" on public.ticket_links
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents link tickets" on public.ticket_links
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents take links away" on public.ticket_links
for delete to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));

grant execute on function private.similar_tickets(uuid, integer) to authenticated;
grant execute on function public.similar_tickets(uuid, integer) to authenticated;

alter table private.ticket_vectors enable row level security;
grant select, insert, update (embedding, model) on private.ticket_vectors to pgdesk_functions;

create policy "Functions see the vectors of their organization" on private.ticket_vectors
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions keep vectors for their organization" on private.ticket_vectors
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions renew vectors of their organization" on private.ticket_vectors
for update to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/54_merge_split.sql

alter table public.ticket_moves enable row level security;
grant select on public.ticket_moves to authenticated;

create policy "Members see what was merged and split" on public.ticket_moves
for select to authenticated using (organization_id = any(array(select private.my_organizations())));

grant execute on function private.ticket_now(uuid) to pgdesk_functions;
grant execute on function private.merge_tickets(uuid, uuid[], boolean) to authenticated;
grant execute on function public.merge_tickets(uuid, uuid[], boolean) to authenticated;
grant execute on function private.split_ticket(uuid, uuid[], text) to authenticated;
grant execute on function public.split_ticket(uuid, uuid[], text) to authenticated;
grant execute on function private.undo_move(uuid) to authenticated;
grant execute on function public.undo_move(uuid) to authenticated;


-- policies/55_retrieval.sql

-- Search is reached through functions alone: they look at one organization's published articles.

alter table private.chunk_index enable row level security;
alter table private.postings enable row level security;

-- Which model an indexed passage is of: so that the same is not done twice.
grant select (chunk_id, organization_id, model) on private.chunk_index to pgdesk_functions;
create policy "Functions see what is indexed of the organization they work for" on private.chunk_index
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

grant execute on function
  public.search_articles(uuid, text, extensions.vector, text, integer),
  private.search_chunks(uuid, text, extensions.vector, text, integer, integer)
to anon, authenticated;
grant execute on function private.search_own_chunks(text, text, text, integer, integer) to pgdesk_functions;
grant execute on function private.replace_chunks(
  uuid, uuid, text, text[], text[], text[], integer[], text[], text[]
) to pgdesk_functions;
grant execute on function private.is_indexed(uuid, text) to pgdesk_functions;


-- policies/57_reopen.sql

grant update (reopen_within, reopen_closed, reopen_for, thanks_stay_solved) on public.organizations to authenticated;


-- policies/58_participants.sql

alter table public.ticket_participants enable row level security;
grant select on public.ticket_participants to authenticated, pgdesk_functions;
grant insert (organization_id, ticket_id, contact_id, source, brought_by) on public.ticket_participants
to pgdesk_functions;

create policy "Members see who takes part" on public.ticket_participants
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Functions see who takes part" on public.ticket_participants
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions add whom a mail names" on public.ticket_participants
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));

grant execute on function private.add_participant(uuid, uuid, text, text, text) to authenticated;
grant execute on function public.add_participant(uuid, uuid, text, text, text) to authenticated;
grant execute on function private.remove_participant(uuid, uuid) to authenticated;
grant execute on function public.remove_participant(uuid, uuid) to authenticated;
grant execute on function private.max_participants() to pgdesk_functions;
grant execute on function private.is_own_address(uuid, text) to pgdesk_functions;
grant execute on function private.bring_participants(uuid, uuid, jsonb) to pgdesk_functions;
grant execute on function private.may_write_in(uuid, uuid) to authenticated;


-- policies/59_notifications.sql

grant execute on function private.notification_choices(uuid) to authenticated;
grant execute on function public.notification_choices(uuid) to authenticated;
grant execute on function public.notification_counts(uuid) to authenticated;
grant execute on function private.set_digest(uuid, text, integer, text, boolean) to authenticated;
grant execute on function public.set_digest(uuid, text, integer, text, boolean) to authenticated;
grant execute on function private.notices_recipient(uuid) to pgdesk_functions;
grant execute on function private.stop_notices(uuid, text) to pgdesk_functions;

alter table private.notification_kinds enable row level security;

alter table public.notifications enable row level security;
grant select, update (seen_at, read_at) on public.notifications to authenticated;
grant select on public.notifications to pgdesk_functions;

create policy "Members see what they are told" on public.notifications
for select to authenticated using (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
);
create policy "Members read what they are told" on public.notifications
for update to authenticated using (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
);
create policy "Functions see the notifications they mail" on public.notifications
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.notification_preferences enable row level security;
-- An upsert writes all of its columns.
grant select, delete, insert (organization_id, user_id, kind, in_app, mail),
  update (organization_id, user_id, kind, in_app, mail)
on public.notification_preferences to authenticated;

create policy "Members see how they want to be told" on public.notification_preferences
for select to authenticated using (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
);
create policy "Members choose how to be told" on public.notification_preferences
for insert to authenticated with check (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
);
create policy "Members change how they are told" on public.notification_preferences
for update to authenticated using (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
);
create policy "Members go back to what is usual" on public.notification_preferences
for delete to authenticated using (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
);

alter table public.notification_settings enable row level security;
grant select on public.notification_settings to authenticated;

create policy "Members see when they get their digest" on public.notification_settings
for select to authenticated using (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
);


-- policies/60_triage.sql

grant execute on function private.predict_category(uuid, extensions.vector, extensions.sparsevec, integer)
to pgdesk_functions;
grant execute on function private.record_triage(uuid, jsonb) to pgdesk_functions;
grant execute on function private.replace_head(
  uuid, text, integer, timestamptz, jsonb, uuid[], text[], double precision[]
) to pgdesk_functions;
grant execute on function private.team_for_category(uuid, uuid) to pgdesk_functions;
grant execute on function private.confirm_category(uuid) to authenticated;
grant execute on function public.correct_triage(uuid, uuid, public.ticket_priority, uuid) to authenticated;

alter table public.triage_examples enable row level security;
grant select, delete, insert (organization_id, category_id, text), update (category_id, text)
on public.triage_examples to authenticated;
grant select, update (embedding, lexical, model) on public.triage_examples to pgdesk_functions;

create policy "Members see examples" on public.triage_examples
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add examples" on public.triage_examples
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change examples" on public.triage_examples
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove examples" on public.triage_examples
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see the examples they learn from" on public.triage_examples
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions embed the examples they learn from" on public.triage_examples
for update to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table private.triage_heads enable row level security;
grant select, insert, delete on private.triage_heads to pgdesk_functions;

create policy "Functions see the head they use" on private.triage_heads
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions add the head they fitted" on private.triage_heads
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions remove the head they replace" on private.triage_heads
for delete to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table private.triage_weights enable row level security;
grant select, insert on private.triage_weights to pgdesk_functions;

create policy "Functions see the weights they use" on private.triage_weights
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions add the weights they fitted" on private.triage_weights
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));

alter table public.triage_results enable row level security;
grant select on public.triage_results to authenticated;
grant select, insert (
  organization_id, ticket_id, message_id, text, embedding, lexical, model, category_id, confidence, abstained, ranking,
  evidence, language, priority, sentiment, is_spam, wants_human, sensitive, injection, signals, ms
), update (
  text, embedding, lexical, model, category_id, confidence, abstained, ranking, evidence, language, priority, sentiment,
  is_spam, wants_human, sensitive, injection, signals, ms
) on public.triage_results to pgdesk_functions;

create policy "Members see what triage saw" on public.triage_results
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Functions see what triage saw for their organization" on public.triage_results
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions keep what triage saw for their organization" on public.triage_results
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions renew what triage saw for their organization" on public.triage_results
for update to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/61_action_templates.sql

grant execute on function private.attach_form(uuid, uuid) to authenticated;
grant execute on function public.send_form(uuid, uuid, integer) to authenticated;
grant execute on function private.submit_form(uuid, jsonb) to authenticated;
grant execute on function public.submit_form(uuid, jsonb) to authenticated;
grant execute on function private.cancel_form(uuid) to authenticated;
grant execute on function public.cancel_form(uuid) to authenticated;
grant execute on function private.submit_form_by_link(uuid, jsonb) to pgdesk_functions;

alter table public.action_templates enable row level security;
grant select, delete, insert (organization_id, name, body, fields, expires_after, archived_at),
  update (name, body, fields, expires_after, archived_at)
on public.action_templates to authenticated;

create policy "Members see the forms they can send" on public.action_templates
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add forms" on public.action_templates
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change forms" on public.action_templates
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove forms" on public.action_templates
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));

alter table public.action_forms enable row level security;
grant select on public.action_forms to authenticated, pgdesk_functions;

create policy "Members see forms that were sent, contacts those of their tickets" on public.action_forms
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or ticket_id in (select t.id from public.tickets as t where t.contact_id = any(array(select private.my_contacts())))
);
create policy "Functions see the forms they work for" on public.action_forms
for select to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/62_chat.sql

grant execute on function private.are_hosts(text[]) to authenticated;
grant execute on function private.visitor_claim(text) to authenticated;
grant execute on function private.open_widget(uuid, text) to pgdesk_functions;
grant execute on function private.administered_widget(uuid) to pgdesk_functions;
grant execute on function private.set_widget_secret(uuid, uuid, bytea, integer) to pgdesk_functions;
grant execute on function private.greet_visitor(uuid, uuid, text) to pgdesk_functions;
grant execute on function private.tell_reply(uuid, text, jsonb) to pgdesk_functions;
grant execute on function private.say_in_chat(text, text) to authenticated;
grant execute on function public.say_in_chat(text, text) to authenticated;
grant execute on function private.leave_address(text, text) to authenticated;
grant execute on function public.leave_address(text, text) to authenticated;

alter table public.chat_widgets enable row level security;
grant select, delete, insert (organization_id, name, domains, needs_identity, is_active),
  update (name, domains, needs_identity, is_active) on public.chat_widgets to authenticated;
grant select on public.chat_widgets to pgdesk_functions;

create policy "Members see widgets" on public.chat_widgets
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Admins add widgets" on public.chat_widgets
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins change widgets" on public.chat_widgets
for update to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins remove widgets" on public.chat_widgets
for delete to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Functions see the widgets they work with" on public.chat_widgets
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table private.widget_secrets enable row level security;

alter table public.visitors enable row level security;
grant select on public.visitors to authenticated;
grant select, insert (id, organization_id, widget_id, contact_id, is_identified), update (seen_at)
on public.visitors to pgdesk_functions;

create policy "Members see visitors" on public.visitors
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Functions see the visitors they work for" on public.visitors
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions add visitors they work for" on public.visitors
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions note that a visitor is there" on public.visitors
for update to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/63_internal_chat.sql

grant execute on function private.my_rooms() to authenticated;
grant execute on function private.open_room(uuid, text, text, uuid[]) to authenticated;
grant execute on function public.open_room(uuid, text, text, uuid[]) to authenticated;
grant execute on function private.join_room(uuid, uuid) to authenticated;
grant execute on function public.join_room(uuid, uuid) to authenticated;
grant execute on function private.leave_room(uuid) to authenticated;
grant execute on function public.leave_room(uuid) to authenticated;
grant execute on function private.say_in_room(uuid, text) to authenticated;
grant execute on function public.say_in_room(uuid, text) to authenticated;
grant execute on function private.edit_room_message(uuid, text) to authenticated;
grant execute on function public.edit_room_message(uuid, text) to authenticated;
grant execute on function private.read_room(uuid, integer) to authenticated;
grant execute on function public.read_room(uuid, integer) to authenticated;
grant execute on function public.unread_rooms(uuid) to authenticated;

alter table public.rooms enable row level security;
grant select, update (name, archived_at) on public.rooms to authenticated;

create policy "Members see the rooms that are theirs" on public.rooms
for select to authenticated using (id = any(array(select private.my_rooms())));
create policy "Managers rename and archive rooms that are theirs" on public.rooms
for update to authenticated using (
  id = any(array(select private.my_rooms()))
  and organization_id = any(array(select private.my_organizations('manager')))
);

alter table public.room_members enable row level security;
grant select on public.room_members to authenticated;

create policy "Members see who is in their rooms" on public.room_members
for select to authenticated using (room_id = any(array(select private.my_rooms())));

alter table public.room_messages enable row level security;
grant select on public.room_messages to authenticated;

create policy "Members read what is said in their rooms" on public.room_messages
for select to authenticated using (room_id = any(array(select private.my_rooms())));


-- policies/64_capture.sql

grant execute on function private.chat_context(text, text, text) to authenticated;
grant execute on function public.chat_context(text, text, text) to authenticated;
grant execute on function private.capture_message(
  text, text, text, text, text, text, text, text, public.ticket_channel, boolean
) to authenticated;
grant execute on function public.capture_message(
  text, text, text, text, text, text, text, text, public.ticket_channel, boolean
) to authenticated;

alter table public.channel_threads enable row level security;
grant select on public.channel_threads to authenticated, pgdesk_functions;

create policy "Members see conversations" on public.channel_threads
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Functions see the conversations they work for" on public.channel_threads
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.captured_messages enable row level security;
grant select on public.captured_messages to authenticated, pgdesk_functions;

create policy "Members see what came from where" on public.captured_messages
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Functions see what came from where, as far as they work for it" on public.captured_messages
for select to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/65_replies.sql

grant execute on function public.accept_draft(uuid, integer, text) to authenticated;
grant execute on function public.reject_draft(uuid, text) to authenticated;
grant execute on function private.record_draft(uuid, uuid, integer, text, text, text[], real, text, jsonb)
to pgdesk_functions;
grant execute on function private.hold_passages(uuid[]) to pgdesk_functions;
grant execute on function private.model_cost_today() to pgdesk_functions;
grant execute on function private.reply_case(uuid) to pgdesk_functions;

alter table public.ai_executions enable row level security;
grant select on public.ai_executions to authenticated, pgdesk_functions;
grant insert (organization_id, ticket_id, purpose, model, status, tokens_in, tokens_out, cost_usd, ms, error)
on public.ai_executions to pgdesk_functions;

create policy "Managers see what the AI did and cost" on public.ai_executions
for select to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see the executions they work for" on public.ai_executions
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions record executions they work for" on public.ai_executions
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));

alter table public.drafts enable row level security;
grant select, update (status, sent_message_id) on public.drafts to authenticated;
grant select, insert (
  organization_id, ticket_id, message_id, seen_seq, decision, reasons, confidence, source, body_text
), update (status, sent_message_id) on public.drafts to pgdesk_functions;

create policy "Members see drafts" on public.drafts
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
-- A decision is final, and one that something was sent names what its maker has sent.
create policy "Agents decide on drafts" on public.drafts
for update to authenticated using (
  organization_id = any(array(select private.my_organizations('agent'))) and status in ('open', 'stale', 'superseded')
) with check (
  organization_id = any(array(select private.my_organizations('agent')))
  and (
    status in ('open', 'stale', 'superseded', 'rejected')
    or status in ('accepted', 'edited') and exists (
      select from public.messages as m
      where m.organization_id = drafts.organization_id and m.id = drafts.sent_message_id
        and m.ticket_id = drafts.ticket_id and m.member_id = (select auth.uid())
    )
  )
);
create policy "Functions see the drafts they work for" on public.drafts
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions write drafts they work for" on public.drafts
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions put aside drafts they work for" on public.drafts
for update to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.draft_citations enable row level security;
grant select on public.draft_citations to authenticated, pgdesk_functions;
grant insert (organization_id, draft_id, ordinal, sentence, chunk_id, version_id, article_id, support)
on public.draft_citations to pgdesk_functions;

create policy "Members see what a draft rests on" on public.draft_citations
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Functions see the citations they work for" on public.draft_citations
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions cite for the organization they work for" on public.draft_citations
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));

alter table public.draft_feedback enable row level security;
grant select, insert (organization_id, draft_id, member_id, verdict, final_text, comment) on public.draft_feedback
to authenticated;
grant select on public.draft_feedback to pgdesk_functions;

create policy "Members see feedback on drafts" on public.draft_feedback
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents give feedback as themselves" on public.draft_feedback
for insert to authenticated with check (
  organization_id = any(array(select private.my_organizations('agent'))) and member_id = (select auth.uid())
);
create policy "Functions learn from feedback they work for" on public.draft_feedback
for select to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/70_outgoing_mails.sql

grant execute on function private.mark_sent(uuid, text, text, text, timestamptz) to pgdesk_functions;
grant execute on function private.may_mail_automatically(uuid, uuid) to pgdesk_functions;
grant execute on function public.resolve_outgoing_mail(uuid, text) to authenticated;
grant execute on function private.resolve_outgoing_mail(uuid, text) to authenticated;

alter table public.outgoing_mails enable row level security;
-- Without reply_to: who knows its token is taken for the contact it was sent to.
grant select (
  id, organization_id, ticket_id, message_id, about_id, kind, is_automatic, contact_id, user_id, status, reason,
  to_address, cc, bcc, from_address, subject, body_text, body_html, headers, attempted_at, provider,
  provider_id, message_id_header, created_at, updated_at, sent_at, delivery, delivered_at, bounced_at, complained_at,
  opened_at, clicked_at
) on public.outgoing_mails to authenticated;
grant select on public.outgoing_mails to pgdesk_functions;
grant insert (
  organization_id, ticket_id, message_id, about_id, kind, is_automatic, contact_id, user_id, status, reason,
  to_address, cc, bcc, from_address, reply_to, subject, body_text, body_html, headers
), update (
  status, reason, attempted_at, attempt_token, idempotency_key, provider, provider_id, message_id_header, sent_at
) on public.outgoing_mails to pgdesk_functions;

-- Not the mails that ask contacts for a rating: who has their links can give it.
create policy "Members see what was mailed to contacts, and to themselves" on public.outgoing_mails
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  and (user_id is null or user_id = (select auth.uid()))
  and kind <> 'csat'
);
create policy "Functions see the mail they work for" on public.outgoing_mails
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions store mail for the organization they work for" on public.outgoing_mails
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions complete mail they work for" on public.outgoing_mails
for update to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/72_mail_events.sql

grant execute on function private.find_outgoing_mail(text, text, uuid, text) to pgdesk_functions;
grant execute on function private.note_mail_event(
  text, text, uuid, text, text, text, text, text, text, timestamptz, jsonb
) to pgdesk_functions;
grant execute on function public.unsuppress_contact(uuid) to authenticated;
grant execute on function private.unsuppress_contact(uuid) to authenticated;

alter table public.mail_events enable row level security;
grant select on public.mail_events to authenticated;
grant insert (organization_id, outgoing_mail_id, provider, provider_event_id, type, bounce, at, detail)
on public.mail_events to pgdesk_functions;

create policy "Members see what became of their mail" on public.mail_events
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Functions note events of the organization they work for" on public.mail_events
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));


-- policies/73_data_keys.sql

alter table private.data_keys enable row level security;
grant select, insert (organization_id, version, wrapped, wrapped_by) on private.data_keys to pgdesk_functions;

create policy "Functions see the wrapped keys they work with" on private.data_keys
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions keep the wrapped keys they made" on private.data_keys
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));


-- policies/74_typed_ids.sql

alter table private.id_prefixes enable row level security;

grant execute on function private.id_prefix(text) to authenticated;
grant execute on function public.typed_id(text, uuid) to authenticated;
grant execute on function public.uuid_of(text) to anon, authenticated;


-- policies/75_webhooks.sql

grant execute on function private.are_event_filters(text[]) to authenticated;
grant execute on function private.check_webhook_admin(uuid) to pgdesk_functions;
grant execute on function private.administered_webhook(uuid) to pgdesk_functions;
grant execute on function private.add_webhook_endpoint(
  uuid, text, text, text[], boolean, boolean, uuid, bytea, integer
) to pgdesk_functions;
grant execute on function private.rotate_webhook_secret(uuid, uuid, bytea, integer) to pgdesk_functions;

alter table public.webhook_endpoints enable row level security;
-- Added by the functions, which make the secret.
grant select, delete, update (url, description, event_types, is_ordered, has_data, disabled_at)
on public.webhook_endpoints to authenticated;

create policy "Admins see webhook endpoints" on public.webhook_endpoints
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins change webhook endpoints" on public.webhook_endpoints
for update to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins remove webhook endpoints" on public.webhook_endpoints
for delete to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));

alter table public.webhook_health enable row level security;
grant select (
  endpoint_id, organization_id, failures, failing_since, last_failure_at, last_success_at, paused_until, paused_because
) on public.webhook_health to authenticated;

create policy "Admins see how webhook endpoints are doing" on public.webhook_health
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));

alter table private.webhook_secrets enable row level security;
grant select on private.webhook_secrets to pgdesk_functions;

create policy "Functions see the encrypted secrets they sign with" on private.webhook_secrets
for select to pgdesk_functions using (organization_id = (select private.current_organization()));


-- policies/76_webhook_deliveries.sql

grant execute on function private.begin_webhooks(uuid, uuid) to pgdesk_functions;
grant execute on function private.claim_webhooks(uuid, uuid, uuid[], integer) to pgdesk_functions;
grant execute on function private.record_webhooks(uuid, uuid, jsonb, boolean, text) to pgdesk_functions;
grant execute on function private.replay_webhooks(uuid, uuid, timestamptz, timestamptz, boolean) to authenticated;
grant execute on function public.replay_webhook(uuid) to authenticated;
grant execute on function public.replay_webhooks(uuid, timestamptz, timestamptz) to authenticated;
grant execute on function public.replay_failed_webhooks(uuid) to authenticated;
grant execute on function private.send_test_webhook(uuid) to authenticated;
grant execute on function public.send_test_webhook(uuid) to authenticated;

alter table public.webhook_deliveries enable row level security;
grant select on public.webhook_deliveries to authenticated;

create policy "Admins see what webhooks told" on public.webhook_deliveries
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));

alter table public.webhook_attempts enable row level security;
grant select on public.webhook_attempts to authenticated;

create policy "Admins see each attempt at a webhook" on public.webhook_attempts
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));


-- policies/77_files.sql

grant execute on function public.attach_files(uuid, text[]) to authenticated;
grant execute on function private.attach_files(uuid, text[]) to authenticated;
grant execute on function public.inspect_again(uuid) to authenticated;
grant execute on function private.inspect_again(uuid) to authenticated;
grant execute on function private.may_upload(uuid) to authenticated;
grant execute on function private.file_to_inspect(uuid) to pgdesk_functions;
grant execute on function private.file_inspected(uuid, text, text, text, bigint, bytea, text) to pgdesk_functions;
grant update (file_types) on public.organizations to authenticated;

alter table private.file_usage enable row level security;

-- Each into a folder of their own, from where send_reply and attach_files take it.
create policy "Who writes to a desk may upload files for it" on storage.objects
for insert to authenticated with check (
  bucket_id = 'attachments'
  and (storage.foldername(name))[2] = 'uploads'
  and (storage.foldername(name))[3] = (select auth.uid())::text
  and private.may_upload(private.try_uuid((storage.foldername(name))[1]))
);


-- policies/78_privacy.sql

grant execute on function public.request_contact_export(uuid, text) to authenticated;
grant execute on function public.request_contact_erasure(uuid, text) to authenticated;
grant execute on function private.request_privacy(uuid, text, text) to authenticated;
grant execute on function private.export_contact(uuid) to pgdesk_functions;
grant execute on function private.files_of_contact(uuid) to pgdesk_functions;
grant execute on function private.keep_export(uuid, text[], jsonb) to pgdesk_functions;
grant execute on function private.erase_contact(uuid) to pgdesk_functions;

alter table private.personal_data enable row level security;

alter table public.privacy_requests enable row level security;
grant select on public.privacy_requests to authenticated;

create policy "Admins see what was given out and erased" on public.privacy_requests
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));

create policy "Admins fetch exports" on storage.objects
for select to authenticated using (
  bucket_id = 'exports'
  and private.try_uuid((storage.foldername(name))[1]) = any(array(select private.my_organizations('admin')))
);


-- policies/79_doomed_files.sql

grant execute on function private.doomed_files(integer) to pgdesk_functions;
grant execute on function private.files_removed(uuid[]) to pgdesk_functions;

alter table private.doomed_files enable row level security;

-- Large mail that was filed, attachments whose rows are gone, exports that have expired.
create policy "Functions clear away files of the organization they work for" on storage.objects
for delete to pgdesk_files using (
  bucket_id in ('attachments', 'inbound', 'exports')
  and (storage.foldername(name))[1] = (select auth.jwt() ->> 'organization_id')
);


-- policies/80_realtime.sql

grant execute on function private.may_join(text) to authenticated;

create policy "Members and contacts hear the topics that are theirs" on realtime.messages
for select to authenticated using ((select private.may_join(realtime.topic())));
-- Presence, and typing in a ticket. What the desk itself tells is a hint too: clients fetch the rows.
create policy "Members and contacts speak on the topics that are theirs" on realtime.messages
for insert to authenticated with check (
  (extension = 'presence' or (extension = 'broadcast' and realtime.topic() like 'ticket:%'))
  and (select private.may_join(realtime.topic()))
);


-- policies/81_members.sql

grant execute on function private.remove_member(uuid, uuid, uuid) to authenticated;
grant execute on function public.remove_member(uuid, uuid, uuid) to authenticated;
grant execute on function public.leave_organization(uuid, uuid) to authenticated;
grant execute on function private.transfer_ownership(uuid, uuid) to authenticated;
grant execute on function public.transfer_ownership(uuid, uuid) to authenticated;
grant execute on function private.my_memberships() to authenticated;
grant execute on function public.my_memberships() to authenticated;


-- policies/82_profiles.sql

grant execute on function private.my_colleagues() to authenticated;
grant execute on function private.my_answerers() to authenticated;

alter table public.profiles enable row level security;
grant select, insert (user_id, name, avatar_path, time_zone, locale),
  update (user_id, name, avatar_path, time_zone, locale)
on public.profiles to authenticated;

create policy "Everybody sees their own profile, and their colleagues'" on public.profiles
for select to authenticated using (
  user_id = (select auth.uid()) or user_id = any(array(select private.my_colleagues()))
);
create policy "Everybody makes their own profile" on public.profiles
for insert to authenticated with check (user_id = (select auth.uid()));
create policy "Everybody changes their own profile" on public.profiles
for update to authenticated using (user_id = (select auth.uid()));

alter table public.authors enable row level security;
grant select on public.authors to authenticated, pgdesk_functions;

create policy "Members see who writes here, contacts who answered them" on public.authors
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or (organization_id, user_id) in (select a.organization_id, a.user_id from private.my_answerers() as a)
);
create policy "Functions see who writes for the organization they work for" on public.authors
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

-- A picture is seen by whom its owner's name is shown to.
create policy "Who sees somebody's name sees their picture" on storage.objects
for select to authenticated using (
  bucket_id = 'avatars'
  and (
    (storage.foldername(name))[1] = (select auth.uid())::text
    or exists (
      select from public.authors as a where a.user_id = private.try_uuid((storage.foldername(objects.name))[1])
    )
  )
);
create policy "Everybody keeps pictures in their own folder" on storage.objects
for insert to authenticated with check (
  bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text
);
create policy "Everybody replaces their own pictures" on storage.objects
for update to authenticated using (
  bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text
);
create policy "Everybody removes their own pictures" on storage.objects
for delete to authenticated using (
  bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text
);


-- policies/83_plans.sql

alter table private.plans enable row level security;

grant execute on function private.usage(uuid) to authenticated;
grant execute on function public.usage(uuid) to authenticated;


-- policies/84_mfa.sql

grant execute on function private.closed_organizations() to authenticated;

-- The second lock: no row of such an organization by whatever other policy, on every table that belongs to one. It
-- holds for what is somebody's own, too, which is reached by user_id and not by a role.
do $$
declare
  area record;
begin
  for area in
    select c.relname as name, case c.relname when 'organizations' then 'id' else 'organization_id' end as tenant
    from pg_class as c
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p')
      and (
        c.relname = 'organizations'
        or exists (select from pg_attribute as a where a.attrelid = c.oid and a.attname = 'organization_id')
      )
  loop
    execute format(
      'create policy "A second factor where it is asked for" on public.%I as restrictive for all to authenticated'
        ' using (%I <> all(array(select private.closed_organizations())))',
      area.name, area.tenant
    );
  end loop;
end;
$$;


-- policies/85_sensitive_fields.sql

-- Called by functions in the name of a member (chalicelib/kit/caller.py).
grant execute on function private.sensitive_field(uuid, text) to pgdesk_functions;
grant execute on function private.keep_sensitive_field(uuid, text, uuid, bytea, integer, bytea) to pgdesk_functions;
grant execute on function private.forget_sensitive_field(uuid, text) to pgdesk_functions;
grant execute on function private.read_sensitive_field(uuid, text) to pgdesk_functions;
grant execute on function private.sensitive_field_to_look_up(uuid, text) to pgdesk_functions;
grant execute on function private.find_by_sensitive_field(uuid, bytea[]) to pgdesk_functions;
grant execute on function private.sealed_of_contact(uuid) to pgdesk_functions;

-- Members see which fields have a value; what it is, only through the function that opens it.
alter table public.sensitive_fields enable row level security;
grant select (id, organization_id, contact_id, field_id, created_at, updated_at) on public.sensitive_fields
to authenticated;

create policy "Members see which sensitive fields are filled" on public.sensitive_fields
for select to authenticated using (organization_id = any(array(select private.my_organizations())));

alter table public.sensitive_field_reads enable row level security;
grant select on public.sensitive_field_reads to authenticated;

create policy "Admins see who looked at sensitive fields" on public.sensitive_field_reads
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));


-- policies/86_rate_limits.sql

-- Reached through functions alone.
alter table private.rate_limits enable row level security;
alter table private.rate_counts enable row level security;

grant execute on function private.take_rate(text, integer) to pgdesk_functions;
grant execute on function private.take_for_user(uuid, boolean) to pgdesk_functions;
-- Every role that comes through PostgREST runs it.
grant execute on function private.before_request() to anon, authenticated, service_role;

do $$
begin
  execute format(
    'alter role authenticator in database %I set pgrst.db_pre_request = %L', current_database(), 'private.before_request'
  );
end;
$$;
notify pgrst, 'reload config';


-- policies/87_key_rotation.sql

grant execute on function public.rotate_data_key(uuid) to authenticated;
grant execute on function private.rotate_data_key(uuid) to authenticated;
grant execute on function private.sealed_by_old_keys(uuid, integer) to pgdesk_functions;
grant execute on function private.reseal(text, uuid, bytea, bytea, integer, bytea) to pgdesk_functions;
grant execute on function private.retire_data_keys() to pgdesk_functions;

alter table private.sealed_tables enable row level security;


-- policies/88_retention.sql

alter table public.retention_rules enable row level security;
grant select, delete, insert (organization_id, what, keep), update (keep) on public.retention_rules to authenticated;

create policy "Members see how long what is kept" on public.retention_rules
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Admins add retention rules" on public.retention_rules
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins change retention rules" on public.retention_rules
for update to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins remove retention rules" on public.retention_rules
for delete to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));


-- policies/90_audit.sql

alter table public.audit_log enable row level security;
grant select on public.audit_log to authenticated;

create policy "Admins read the audit log" on public.audit_log
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));

grant execute on function private.log_export(uuid, text, integer) to authenticated;
grant execute on function public.log_export(uuid, text, integer) to authenticated;
grant execute on function private.alarm_status() to pgdesk_functions;


-- policies/91_audit_seal.sql

alter table private.alarms enable row level security;
alter table private.audit_digests enable row level security;
alter table public.audit_seals enable row level security;
grant select on public.audit_seals to authenticated;

create policy "Admins see the seals on the audit log" on public.audit_seals
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));

grant execute on function private.verify_audit(uuid) to authenticated;
grant execute on function public.verify_audit(uuid) to authenticated;


-- policies/92_sign_ins.sql

-- Called by Auth and by nobody else.
grant usage on schema private to supabase_auth_admin;
grant execute on function private.custom_access_token(jsonb) to supabase_auth_admin;
grant execute on function private.password_checked(jsonb) to supabase_auth_admin;


-- policies/94_health.sql

-- The functions may ask; who asks them must show the relay's secret.
grant execute on function private.health() to pgdesk_functions;


-- policies/95_maintenance.sql

grant execute on function private.maintain() to pgdesk_functions;


-- policies/96_metric_rollups.sql

alter table private.unmeasured enable row level security;
alter table private.ticket_measures enable row level security;
alter table private.daily_metrics enable row level security;


-- policies/96_personal_data.sql

-- The manifest is read by definer functions alone (78_privacy.sql).


-- policies/97_metric_reports.sql

grant execute on function private.metrics(uuid, date, date, text, text, text) to authenticated;
grant execute on function public.metrics(uuid, date, date, text, text, text) to authenticated;
grant execute on function private.backlog(uuid, text, text) to authenticated;
grant execute on function public.backlog(uuid, text, text) to authenticated;
grant execute on function private.ticket_metrics(uuid) to authenticated;
grant execute on function public.ticket_metrics(uuid) to authenticated;


-- policies/98_key_scopes.sql

alter table private.key_scopes enable row level security;

-- Beside what members may: one restrictive policy per table and verb that a client has, for keys alone. So a scope
-- holds for what is embedded in an answer and for what an RPC touches, not only for the path that was asked for.
do $$
declare
  area record;
begin
  for area in
    select
      c.relname as name,
      verb.name as verb,
      coalesce(
        '(select private.key_allows('
          || quote_literal(case when verb.name = 'select' then s.reads else s.writes end) || '))',
        'false'
      ) as condition
    from pg_class as c
    cross join (values ('select'), ('insert'), ('update'), ('delete')) as verb (name)
    left join private.key_scopes as s on s.resource = c.relname
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p')
      and (
        has_table_privilege('authenticated', c.oid, verb.name)
        or (verb.name <> 'delete' and has_any_column_privilege('authenticated', c.oid, verb.name))
      )
  loop
    execute format(
      'create policy %I on public.%I as restrictive for %s to pgdesk_api_key %s (%s)',
      'Keys need a scope to ' || area.verb, area.name, area.verb,
      case area.verb when 'insert' then 'with check' else 'using' end, area.condition
    );
  end loop;
end;
$$;

create policy "Keys need a scope to answer contacts" on public.messages as restrictive
for insert to pgdesk_api_key with check (is_internal or sender <> 'member' or (select private.key_allows('mail:send')));

-- Files are read like the messages they hang on. Live topics are for people: programs have webhooks and events_since.
create policy "Keys need a scope to fetch files" on storage.objects as restrictive
for select to pgdesk_api_key using ((select private.key_allows('tickets:read')));
create policy "Keys hear no topics" on realtime.messages as restrictive
for select to pgdesk_api_key using (false);
create policy "Keys speak on no topics" on realtime.messages as restrictive
for insert to pgdesk_api_key with check (false);


-- policies/99_permissions.sql

alter table private.rpc_permissions enable row level security;

grant execute on function private.list_permissions(uuid) to authenticated;
grant execute on function public.permissions(uuid) to authenticated;


-- policies/99_visitors.sql

alter table private.visitor_rights enable row level security;

-- A visitor reads what contacts read, of the tables that are named for them, and writes by functions alone: one
-- restrictive policy per table and verb that a client has.
do $$
declare
  area record;
begin
  for area in
    select c.relname as name, verb.name as verb, verb.name = 'select' and r.resource is not null as is_open
    from pg_class as c
    cross join (values ('select'), ('insert'), ('update'), ('delete')) as verb (name)
    left join private.visitor_rights as r on r.resource = c.relname
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p')
      and (
        has_table_privilege('authenticated', c.oid, verb.name)
        or (verb.name <> 'delete' and has_any_column_privilege('authenticated', c.oid, verb.name))
      )
  loop
    if not area.is_open then
      execute format(
        'create policy %I on public.%I as restrictive for %s to pgdesk_visitor %s (false)',
        'Visitors may not ' || area.verb, area.name, area.verb,
        case area.verb when 'insert' then 'with check' else 'using' end
      );
    end if;
  end loop;
end;
$$;
