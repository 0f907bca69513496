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
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
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

-- The role that the caller has in an organization, null for none.
create function private.my_role(organization uuid) returns public.member_role
language sql stable security definer set search_path = '' as $$
  select role from public.members where organization_id = my_role.organization and user_id = (select auth.uid());
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

-- The organizations in which the caller is a member of at least the given role, or for which its key acts. Policies
-- wrap it in array(select …), so that it runs once per statement.
create function private.my_organizations(at_least public.member_role default 'viewer') returns setof uuid
language sql stable security definer set search_path = '' rows 3 as $$
  select organization_id from public.members where user_id = (select auth.uid()) and role >= at_least
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
  'Columns of the ticket changed: each that did, with its new value. Of the subject, which is content, only that it '
  || 'changed. Comes beside `ticket.status.changed` and `ticket.assigned`.',
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
    "sender_status": {"$ref": "#/$defs/sender_status"}
  }',
  false,
  '{"seq": 1, "sender": "contact", "is_machine": false, "sender_status": "known"}'
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
  'A member took a mail out of its ticket and opened another with it.',
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
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, email)
);
create index contacts_email_idx on public.contacts (email);

create trigger contacts_touch before update on public.contacts
for each row execute function private.touch();

-- The contacts that the caller is. A contact is bound to a user only by an address which that user has confirmed, so
-- who merely claims an address sees nothing, and who gives an address up loses sight of its tickets.
create function private.my_contacts() returns setof uuid
language sql stable security definer set search_path = '' rows 2 as $$
  select c.id
  from auth.users as u
  join public.contacts as c on c.email = lower(u.email::text)
  where u.id = (select auth.uid())
    and u.email_confirmed_at is not null
    and not coalesce(u.is_anonymous, false);
$$;

-- The organizations of those contacts.
create function private.my_contact_organizations() returns setof uuid
language sql stable security definer set search_path = '' rows 2 as $$
  select c.organization_id from public.contacts as c where c.id in (select private.my_contacts());
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
  insert into public.contacts as c (organization_id, email, name)
  select o.id, lower(u.email::text), left(coalesce(u.raw_user_meta_data ->> 'name', ''), 200)
  from auth.users as u
  join public.organizations as o on o.id = become_contact.organization_id
  where u.id = (select auth.uid())
    and u.email_confirmed_at is not null
    and not coalesce(u.is_anonymous, false)
    and coalesce(o.settings ->> 'portal', 'true') <> 'false'
  on conflict do nothing;
  select c.id into contact_id from public.contacts as c
  where c.organization_id = become_contact.organization_id and c.id in (select private.my_contacts());
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
  -- on: the AI may answer; off: a human has taken over, and no bot posts any more.
  ai_state text not null default 'on' check (ai_state in ('on', 'off')),
  last_seq integer not null default 0,
  last_message_at timestamptz,
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
  foreign key (organization_id, assignee_id)
    references public.members (organization_id, user_id) on delete set null (assignee_id)
);
create index tickets_contact_idx on public.tickets (contact_id, created_at desc);
create index tickets_organization_contact_idx on public.tickets (organization_id, contact_id);
create index tickets_queue_idx on public.tickets (organization_id, status_category, last_message_at desc, id desc);
create index tickets_status_idx on public.tickets (organization_id, status);
create index tickets_assignee_idx on public.tickets (organization_id, assignee_id, status_category);
create index tickets_team_idx on public.tickets (organization_id, team_id, status_category);
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

create trigger tickets_keep before insert or update on public.tickets
for each row execute function private.keep_ticket();

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
  -- The subject is content: that it changed is told, not to what.
  select coalesce(jsonb_object_agg(field.key, case when field.key <> 'subject' then field.value end), '{}') into changed
  from jsonb_each(to_jsonb(new)) as field
  where field.value is distinct from before -> field.key
    and field.key not in (
      'updated_at', 'last_seq', 'last_message_at', 'last_contact_at', 'last_answer_at', 'last_answer_by',
      'set_by_member', 'status_category', 'snoozed_until', 'snoozed_by'
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
    ('contact.email', 'text'), ('contact.name', 'text'), ('contact.language', 'text');
$$;

-- What is wrong with a condition that asks a field.
create function private.question_error(question jsonb) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  kind text;
  op constant text := question ->> 'op';
  value constant jsonb := question -> 'value';
begin
  select f.kind into kind from private.condition_fields() as f where f.field = question ->> 'field';
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
      and (jsonb_typeof(value) is distinct from 'string' or not pg_input_is_valid(value #>> '{}', 'timestamptz'))
      then op || ' takes a time, as 2026-01-31T09:00:00Z'
  end;
end;
$$;

-- What is wrong with a condition, for whoever writes it; null where it is sound.
create function private.condition_error(condition jsonb, depth integer default 0) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
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

-- What conditions are asked of.
create function private.ticket_facts(ticket public.tickets) returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(ticket) || coalesce(
    (
      select jsonb_object_agg('contact.' || field.key, field.value)
      from public.contacts as c
      cross join lateral jsonb_each(to_jsonb(c)) as field
      where c.organization_id = (ticket).organization_id and c.id = (ticket).contact_id
    ),
    '{}'
  );
$$;

-- Whether a question (a sound condition that asks a field) is answered with yes. Texts are compared without regard to
-- case; what is not set is equal to nothing.
create function private.question_holds(question jsonb, facts jsonb) returns boolean
language plpgsql immutable parallel safe set search_path = '' as $$
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
      when op = 'above' then fact::timestamptz > asked::timestamptz
      when op = 'below' then fact::timestamptz < asked::timestamptz
    end,
    false
  );
end;
$$;

-- Whether a sound condition holds.
create function private.condition_holds(condition jsonb, facts jsonb) returns boolean
language plpgsql immutable parallel safe set search_path = '' as $$
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
    references public.members (organization_id, user_id) on delete set null (member_id)
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
begin
  if new.sender = 'member' and new.member_id is null then
    new.member_id := by_caller;
  end if;
  -- Who is signed in is who they say; not so a contact in whose name a member writes down a call.
  new.is_verified := new.is_verified or (
    by_caller is not null and (new.sender = 'member' or new.contact_id in (select private.my_contacts()))
  );
  update public.tickets as t
  set last_seq = t.last_seq + 1,
    last_message_at = greatest(t.last_message_at, now()),
    last_contact_at = case when counts and new.sender = 'contact' then clock_timestamp() else t.last_contact_at end,
    last_answer_at = case
      when counts and new.sender in ('member', 'ai') then clock_timestamp()
      else t.last_answer_at
    end,
    last_answer_by = case when counts and new.sender in ('member', 'ai') then new.sender::text else t.last_answer_by end,
    first_responded_at = case
      when new.sender in ('member', 'ai') and not new.is_internal then coalesce(t.first_responded_at, now())
      else t.first_responded_at
    end,
    -- A contact who writes opens the ticket again; a member who answers waits for the contact.
    status = case
      when new.is_machine or new.is_internal or new.sender_status = 'pending' then t.status
      when new.sender = 'contact' and t.status_category <> 'open' then 'open'
      when new.sender in ('member', 'ai') and t.status_category = 'open' then 'pending'
      else t.status
    end,
    -- From the first word of a human on, no bot posts.
    ai_state = case when new.sender = 'member' and not new.is_internal then 'off' else t.ai_state end
  where t.organization_id = new.organization_id and t.id = new.ticket_id
  returning t.last_seq into new.seq;
  if not found then
    raise exception 'there is no ticket %', new.ticket_id using errcode = '23503';
  end if;
  return new;
end;
$$;

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
    ),
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
  author uuid := coalesce(open_ticket.contact_id, (
    select c.id from public.contacts as c
    where c.organization_id = open_ticket.organization_id and c.id in (select private.my_contacts())
  ));
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
-- message than `expected_seq`.
create function public.send_reply(ticket_id uuid, body text, expected_seq integer, internal boolean default false)
returns public.messages
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
  return sent;
end;
$$;


-- sql/36_search.sql

-- Finding tickets by words: of the subject, the contact, the messages. For members only: notes are among the words.
--
-- One row per ticket, kept by triggers. Each word is indexed together with its organization and a bucket of ticket
-- numbers, once with a small bucket and once with a large one: 'b1946a:1e/refund', 'b1946a+0/refund'. So one GIN index
-- answers for one tenant, a search begins with the newest tickets and widens only while it has found too little, and a
-- common word costs no more than a rare one.

create table private.ticket_search (
  ticket_id uuid primary key,
  organization_id uuid not null,
  number bigint not null,
  -- Words of subject and contact, to put those tickets first.
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

-- In plpgsql, which keeps the plans of a session: SQL functions are read and planned anew in each statement.

-- Words as they are compared: lower case, without accents, in no language. An address is found by its parts too.
create function private.search_words(value text) returns tsvector
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return to_tsvector(
    'pg_catalog.simple',
    regexp_replace(
      normalize(lower(search_words.value || ' ' || translate(search_words.value, '@_/', '   ')), nfkd),
      '[\u0300-\u036f]', '', 'g'
    )
  );
end;
$$;

-- Tickets in a small bucket (a page is found in the newest few, if a word is common at all) and in a large one.
create function private.search_bucket_size(is_large boolean) returns integer
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return case when is_large then 65536 else 512 end;
end;
$$;

-- What stands before each word. Few characters of the organization are enough: rows are compared with it too.
create function private.search_bucket(organization_id uuid, is_large boolean, bucket bigint) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return left(md5(search_bucket.organization_id::text), 6) || case when is_large then '+' else ':' end || to_hex(bucket)
    || '/';
end;
$$;

-- The words as they are indexed. What is longer than any name is no word that somebody types.
create function private.search_document(organization_id uuid, number bigint, words tsvector) returns tsvector
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  prefixes constant text[] := array[
    private.search_bucket(organization_id, true, number / private.search_bucket_size(true)),
    private.search_bucket(organization_id, false, number / private.search_bucket_size(false))
  ];
begin
  return coalesce((
    select array_to_tsvector(array_agg(b.prefix || w.lexeme))
    from unnest(search_document.words) as w, unnest(prefixes) as b (prefix)
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
    private.search_document(t.organization_id, t.number, h.words || coalesce(private.search_words(b.words), ''))
  from public.tickets as t
  join public.contacts as c on c.organization_id = t.organization_id and c.id = t.contact_id
  cross join lateral (
    select private.search_words(concat_ws(' ', t.number, t.subject, c.name, c.email)) as words
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
  where t.id = index_ticket.ticket_id
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

-- A new message adds its words; one that is moved, changed or removed has its tickets indexed anew.
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
  if tg_op = 'UPDATE' and new.ticket_id <> old.ticket_id then
    perform private.index_ticket(new.ticket_id);
  end if;
  return null;
end;
$$;

create trigger messages_search_new after insert or delete on public.messages
for each row execute function private.search_message_changed();
create trigger messages_search after update of ticket_id, body_text, reply_text on public.messages
for each row execute function private.search_message_changed();

-- A query for tickets that have all words, in the buckets from `oldest` to `newest`. In small ones the last word may be
-- unfinished: in large ones too much begins like it.
create function private.search_query(
  organization_id uuid, is_large boolean, oldest bigint, newest bigint, words text[]
) returns tsquery
language sql immutable set search_path = '' as $$
  select string_agg(in_any_bucket, ' & ')::tsquery
  from (
    select '(' || string_agg(
      quote_literal(private.search_bucket(search_query.organization_id, is_large, b.bucket) || w.word)
        || case when w.place = cardinality(search_query.words) and not is_large then ':*' else '' end,
      ' | '
    ) || ')' as in_any_bucket
    from unnest(search_query.words) with ordinality as w (word, place),
      generate_series(search_query.oldest, search_query.newest) as b (bucket)
    group by w.place
  ) as each_word;
$$;

-- The newest tickets that have all words of a query; for members. Among the newest 5,000 or so the last word may be
-- unfinished. A page is made of tickets before a number; `in_head`: subject and contact have all the words.
create function private.search_tickets(
  organization_id uuid, query text, status_category text, assignee_id uuid, team_id uuid, before_number bigint,
  max_tickets integer
) returns table (ticket_id uuid, in_head boolean)
language plpgsql stable security definer set search_path = '' rows 50 as $$
#variable_conflict use_column
declare
  page_size constant integer := least(greatest(coalesce(max_tickets, 50), 1), 200);
  is_filtered constant boolean := num_nonnulls(
    search_tickets.status_category, search_tickets.assignee_id, search_tickets.team_id
  ) > 0;
  words text[];
  head_query tsquery;
  newest bigint; -- ticket numbers: what is looked at next lies between these two
  oldest bigint;
  step integer := 0;
  is_large boolean;
  size bigint;
  query_here tsquery;
  found integer := 0;
  fetched integer;
begin
  if not search_tickets.organization_id in (select private.my_organizations()) then
    return;
  end if;
  -- In the order in which they were typed; eight words leave nothing to choose.
  words := array(
    select w.lexeme
    from unnest(private.search_words(translate(left(search_tickets.query, 200), '@_/', '   '))) as w
    where length(w.lexeme) <= 60
    order by w.positions[cardinality(w.positions)]
    limit 8
  );
  if cardinality(words) = 0 then
    return;
  end if;
  head_query := (
    select string_agg(quote_literal(w.word) || case when w.place = cardinality(words) then ':*' else '' end, ' & ')
    from unnest(words) with ordinality as w (word, place)
  )::tsquery;
  select least(c.last_number, search_tickets.before_number - 1) into newest
  from private.ticket_counters as c
  where c.organization_id = search_tickets.organization_id;
  while newest >= 0 and found < page_size loop
    -- 2, then 8 small buckets (the newest has just begun, perhaps), then 1, 4, 16 … large ones.
    is_large := step >= 2;
    size := private.search_bucket_size(is_large);
    oldest := greatest(newest / size + 1 - case when is_large then 4 ^ (step - 2) else 2 * 4 ^ step end, 0) * size;
    query_here := private.search_query(
      search_tickets.organization_id, is_large, oldest / size, newest / size, words
    );
    return query
    select page.ticket_id, page.head @@ head_query
    from (
      select s.ticket_id, s.head, s.number
      from private.ticket_search as s
      where s.document @@ query_here
        and s.organization_id = search_tickets.organization_id
        and s.number <= newest
        and (not is_filtered or exists (
          select from public.tickets as t
          where t.id = s.ticket_id
            and (search_tickets.status_category is null or t.status_category = search_tickets.status_category)
            and (search_tickets.assignee_id is null or t.assignee_id = search_tickets.assignee_id)
            and (search_tickets.team_id is null or t.team_id = search_tickets.team_id)
        ))
      order by s.number desc
      limit page_size - found
    ) as page;
    get diagnostics fetched = row_count;
    found := found + fetched;
    newest := oldest - 1;
    step := step + 1;
  end loop;
end;
$$;

-- Tickets of an organization by words, those first that have them in subject or contact, then the newest. The last
-- word may be unfinished. The next page: `before_number`, the smallest number of this one. Only members find anything.
create function public.search_tickets(
  organization_id uuid, query text, status_category text default null, assignee_id uuid default null,
  team_id uuid default null, before_number bigint default null, max_tickets integer default 50
) returns setof public.tickets
language sql stable set search_path = '' as $$
  select t.*
  from private.search_tickets(
    search_tickets.organization_id, search_tickets.query, search_tickets.status_category, search_tickets.assignee_id,
    search_tickets.team_id, search_tickets.before_number, search_tickets.max_tickets
  ) as found
  join public.tickets as t on t.id = found.ticket_id
  order by found.in_head desc, t.number desc;
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

-- Files that came with a message. The bytes lie in Storage, bucket `attachments`, under <organization>/….

create table public.attachments (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid not null,
  message_id uuid not null,
  file_name text not null check (length(file_name) between 1 and 255),
  content_type text not null check (length(content_type) <= 255),
  bytes bigint not null check (bytes >= 0),
  sha256 bytea not null check (length(sha256) = 32),
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
      'intake', jsonb_build_object('inbound_mail_id', mail_id), order_key => 'intake:' || accept_mail.order_key
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

-- Is `email` known to a ticket: its requester, a writer whose message was not pending, or somebody mailed from it?
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
          select from public.tickets as t where t.id = is_participant.ticket_id and t.contact_id = c.id
        )
        or exists (
          select from public.messages as m
          where m.ticket_id = is_participant.ticket_id and m.contact_id = c.id and m.sender_status = 'known'
        )
        or exists (
          select from public.outgoing_mails as o
          where o.organization_id = is_participant.organization_id
            and o.ticket_id = is_participant.ticket_id and o.contact_id = c.id
        )
      )
  );
end;
$$;

-- To which ticket a mail belongs: by the signed token in its recipient, else by the Message-IDs it answers. Never by
-- subject. No row: to none. `is_known`: the sender belongs to that thread; else its message is kept as pending.
-- Among several candidates one that knows the sender wins, then the id that stands first in `message_ids`.
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
    from (select distinct * from candidates) as c
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

-- The contact with an address, made where it is missing. Without an address a mail gets a contact of its own.
create function private.contact_for(organization_id uuid, email text, name text) returns uuid
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  contact_id uuid;
begin
  insert into public.contacts as c (organization_id, email, name)
  values (contact_for.organization_id, nullif(contact_for.email, ''), contact_for.name)
  on conflict (organization_id, email) do nothing
  returning c.id into contact_id;
  if contact_id is null then
    select c.id into contact_id from public.contacts as c
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

  insert into public.messages (
    id, organization_id, ticket_id, sender, contact_id, member_id, is_internal, is_machine, sender_status, is_verified,
    body_text, reply_text, body_html, message_id_header
  ) values (
    filed_message, ledger.organization_id, filed_ticket,
    case when member_id is not null then 'member' when is_note then 'system' else 'contact' end::public.message_sender,
    contact_id, member_id, is_note, ledger.verdict <> 'human', case when is_pending then 'pending' else 'known' end,
    coalesce((mail ->> 'is_verified')::boolean, false) and not is_pending and ledger.verdict <> 'bounce',
    coalesce(mail ->> 'body_text', ''), mail ->> 'reply_text', mail ->> 'body_html', ledger.message_id_header
  );
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
  set state = 'done', message_id = filed_message, done_at = now(),
    outcome = case when is_note then 'note' when thread_id is null then 'new_ticket' else 'threaded' end
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

-- Undoes a threading decision: the mail's message, with its attachments, moves to a ticket of its own. Agents of its
-- organization. Returns the new ticket.
create function private.split_mail(message_id uuid) returns public.tickets
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  mail public.inbound_mails;
  opened public.tickets;
begin
  select m.* into mail
  from public.inbound_mails as m
  join public.messages as kept on kept.organization_id = m.organization_id and kept.id = m.message_id
  where m.message_id = split_mail.message_id
    and m.outcome = 'threaded'
    and m.organization_id = any(array(select private.my_organizations('agent')))
  for update of m;
  if mail.id is null then
    raise exception 'no mail was threaded as message %', split_mail.message_id using errcode = 'PT404';
  end if;
  -- Nothing is answered in the old ticket meanwhile, nor what was drafted for this message afterwards.
  perform from public.tickets as t where t.id = mail.ticket_id for update;
  update public.drafts as d set status = 'superseded'
  where d.organization_id = mail.organization_id and d.message_id = split_mail.message_id
    and d.status in ('open', 'stale');
  insert into public.tickets (organization_id, subject, channel, contact_id, mail_address_id)
  select mail.organization_id, coalesce(mail.subject, ''), 'email', m.contact_id, mail.mail_address_id
  from public.messages as m
  where m.id = split_mail.message_id
  returning * into opened;
  -- In a ticket of its own the sender is the requester.
  update public.messages as m
  set ticket_id = opened.id, seq = 1,
    sender_status = case when mail.dmarc = 'fail' then m.sender_status else 'known' end
  where m.id = split_mail.message_id;
  update public.attachments as a set ticket_id = opened.id where a.message_id = split_mail.message_id;
  update public.tickets as t set last_seq = 1, last_message_at = now() where t.id = opened.id returning * into opened;
  update public.inbound_mails as m
  set ticket_id = opened.id, outcome = 'new_ticket', decision = m.decision || jsonb_build_object(
    'undone', jsonb_build_object('by', (select auth.uid()), 'at', now(), 'was_in', mail.ticket_id)
  )
  where m.id = mail.id;
  perform private.emit(
    mail.organization_id, 'message.moved', split_mail.message_id,
    jsonb_build_object('from_ticket_id', mail.ticket_id, 'to_ticket_id', opened.id), 'agents', opened.id
  );
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
    from public.ticket_history as h
    where h.ticket_id = sla_clock_spans.ticket_id
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
  rule public.routing_rules;
begin
  select * into ticket from public.tickets as t where t.id = route_ticket.ticket_id for update;
  for rule in
    select r.* from public.routing_rules as r
    where r.organization_id = ticket.organization_id and r.is_active
      and not exists (select from public.ticket_routings as d where d.ticket_id = ticket.id and d.rule_id = r.id)
    order by r.position, r.id
  loop
    continue when not private.condition_holds(rule.conditions, private.ticket_facts(ticket));
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
    and t.organization_id in (select m.organization_id from public.members as m where m.user_id = (select auth.uid()));
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
      select m.display_name from public.members as m
      where m.organization_id = ticket.organization_id and m.user_id = (select auth.uid())
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
    references public.members (organization_id, user_id) on delete set null (author_id)
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
  ('message.received', 'triage', '{"sender": "contact", "is_machine": false, "sender_status": "known"}');

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
    references public.members (organization_id, user_id) on delete set null (member_id)
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
  ticket_id uuid, subject text, ai_state text, is_spam boolean, last_seq integer,
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
  select t.subject, t.ai_state, t.is_spam, t.last_seq, t.language, t.sentiment, t.category_id into ticket
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
    message.ticket_id, ticket.subject, ticket.ai_state, ticket.is_spam, ticket.last_seq,
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
  ticket_id uuid not null,
  -- The message it carries; null for a mail about the ticket itself.
  message_id uuid,
  kind text not null check (kind in ('reply', 'receipt')),
  -- Nobody pressed a button: it says so in Auto-Submitted and counts against the limits.
  is_automatic boolean not null,
  contact_id uuid not null,
  -- stored: to be sent; sent: the provider has taken it; failed: it never will; suppressed: not to be sent;
  -- unknown: the provider may or may not have it, a person looks; given_up: a person looked, it is not to be sent.
  status text not null default 'stored' check (
    status in ('stored', 'sent', 'failed', 'suppressed', 'unknown', 'given_up')
  ),
  reason text,
  to_address text not null,
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
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, message_id) references public.messages (organization_id, id) on delete cascade,
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id)
);
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
  ('ticket.triaged', 'send_mail', '{"is_spam": false}');

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
        'type', case mail.kind when 'reply' then 'message.sent' else 'ticket.triaged' end,
        'subject_id', coalesce(mail.message_id, mail.ticket_id), 'ticket_id', mail.ticket_id
      ),
      order_key => 'send_mail:' || mail.ticket_id
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
    where c.organization_id = mail.organization_id and c.id = mail.contact_id
      and c.email = private.normal_email(mail.to_address);
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
  prefix text not null check (prefix ~ '^[a-z]{3}$')
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
  ('webhook_endpoint', 'whe'),
  ('endpoint', 'whe'),
  ('webhook_delivery', 'whd'),
  ('delivery', 'whd');

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
  if typed_id !~ '^[a-z]{3}_[0-9a-f]{32}$' then
    raise exception 'not a typed id: %', left(typed_id, 60)
      using errcode = '22023', hint = 'Three letters that say what it names, an underscore, 32 hex digits.';
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
    when kind = 'org' and side = '' then id in (select private.my_organizations())
    when kind = 'team' and side = '' then exists (
      select from public.teams as t where t.id = asked.id and t.organization_id in (select private.my_organizations())
    )
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
  key_reads integer not null default 1000 check (key_reads > 0)
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

-- What PostgREST calls before each request (pgrst.db_pre_request), in the request's transaction: is a key's token still
-- good and its scope enough, and is the caller within its limits? The service role, and the functions' own roles, are
-- not asked.
create function private.before_request() returns void
language plpgsql security definer set search_path = '' as $$
declare
  role constant text := current_setting('role', true);
  is_read constant boolean := current_setting('transaction_read_only')::boolean;
  organization uuid;
  headers jsonb;
  address text;
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
    when 'authenticated' then
      wait := private.take_for_user((select auth.uid()), is_read);
    when 'anon' then
      -- As the platform's front door names it. A client may forge it: this spares the desk clumsy ones, not attackers.
      headers := current_setting('request.headers', true)::jsonb;
      address := coalesce(headers ->> 'cf-connecting-ip', split_part(headers ->> 'x-forwarded-for', ',', 1));
      if address <> '' then
        wait := private.take('address ' || address, is_read, null, null);
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


-- sql/90_audit.sql

-- Who changed what that is sensitive. Written plainly and never in the way of the change.

create table public.audit_log (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  actor_id uuid,
  actor_role text not null,
  action text not null check (action in ('insert', 'update', 'delete')),
  table_name text not null,
  row_id text not null,
  -- {column: [before, after]}; what is secret reads "[redacted]".
  changes jsonb not null,
  ip inet,
  user_agent text,
  created_at timestamptz not null default now()
);
create index audit_log_organization_idx on public.audit_log (organization_id, created_at desc);

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

-- Trigger argument: the column that names the row.
create function private.audit() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) else '{}' end;
  after jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) else '{}' end;
  whose uuid;
  headers jsonb;
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
    headers := private.try_jsonb(current_setting('request.headers', true));
    insert into public.audit_log (
      organization_id, actor_id, actor_role, action, table_name, row_id, changes, ip, user_agent
    )
    select
      whose, (select private.actor_id()), coalesce(nullif(current_setting('role', true), 'none'), session_user),
      lower(tg_op), tg_table_name, coalesce(after ->> tg_argv[0], before ->> tg_argv[0], ''),
      coalesce(jsonb_object_agg(
        key, case
          when key ~ '(secret|password|token|key_hash)' then '["[redacted]", "[redacted]"]'::jsonb
          else jsonb_build_array(before -> key, after -> key)
        end
      ) filter (where key is not null), '{}'),
      private.try_inet(btrim(split_part(coalesce(headers ->> 'x-forwarded-for', ''), ',', 1))),
      left(headers ->> 'user-agent', 400)
    from (
      select key from jsonb_object_keys(before || after) as key
      where before -> key is distinct from after -> key and key <> 'updated_at'
    ) as changed;
  exception when others then
    raise warning 'audit of % on % failed: %', tg_op, tg_table_name, sqlerrm;
  end;
  return null;
end;
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
-- What a person decided about a mail; whom mail is kept from, and since when no more.
create trigger outgoing_mails_audit after update of status on public.outgoing_mails
for each row when (old.status in ('failed', 'unknown') and new.status <> old.status)
execute function private.audit('id');
create trigger contacts_audit after update of suppressed_at on public.contacts
for each row when (old.suppressed_at is distinct from new.suppressed_at) execute function private.audit('id');


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
  -- Mostly spam to addresses that nobody has; long enough to notice an address that was forgotten.
  keep_unaddressed_mails constant interval := '30 days';
  partitions integer := private.ensure_message_partitions();
  jobs integer;
  events integer;
  webhook_ids integer;
  webhook_deliveries integer;
  unaddressed_mails integer;
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
  delete from public.provider_mails as p
  where p.id in (
    select d.id from public.provider_mails as d
    where d.state = 'unaddressed' and d.created_at < now() - keep_unaddressed_mails
    limit slice
  );
  get diagnostics unaddressed_mails = row_count;
  delete from private.rate_counts as c
  where c.minute not between now() - interval '1 hour' and now() + interval '1 hour';
  if slice in (jobs, events, webhook_ids, webhook_deliveries, unaddressed_mails) then
    perform private.enqueue_maintenance();
  end if;
  return jsonb_build_object(
    'partitions', partitions, 'jobs', jobs, 'events', events, 'webhook_ids', webhook_ids,
    'webhook_deliveries', webhook_deliveries, 'unaddressed_mails', unaddressed_mails
  );
end;
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
  ('rpc/snooze_ticket', null, 'tickets:write'),
  ('rpc/unread', 'tickets:read', null),
  ('sla_clocks', 'tickets:read', null),
  ('rpc/explain_sla', 'tickets:read', 'tickets:read'),
  ('triage_results', 'tickets:read', null),
  ('drafts', 'tickets:read', null),
  ('draft_citations', 'tickets:read', null),
  ('draft_feedback', 'tickets:read', null),
  ('outgoing_mails', 'tickets:read', null),
  ('rpc/search_tickets', 'tickets:read', 'tickets:read'),
  ('rpc/open_ticket', null, 'tickets:write'),
  ('rpc/send_reply', null, 'tickets:write'),
  ('contacts', 'contacts:read', 'contacts:write'),
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
  ('inbound_mails', null, null),
  ('invitations', null, null),
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
  ('rpc/fill_text', null, null),
  ('rpc/mark_read', null, null),
  ('rpc/my_desks', null, null),
  ('rpc/reject_draft', null, null),
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
  ('rpc/unread_counts', null, null),
  ('rpc/unsuppress_contact', null, null);


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

alter table public.organizations enable row level security;
grant select, update (name, ai_mode, ai_threshold, language, settings) on public.organizations to authenticated;
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

alter table public.contacts enable row level security;
grant select, insert (organization_id, email, name, language), update (email, name, language) on public.contacts
to authenticated;
grant select, insert (organization_id, email, name, language),
  update (name, language, suppressed_at, suppressed_because) on public.contacts to pgdesk_functions;

create policy "Members see contacts, contacts see themselves" on public.contacts
for select to authenticated using (
  organization_id = any(array(select private.my_organizations())) or id = any(array(select private.my_contacts()))
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
  subject, status, priority, category_id, team_id, assignee_id, language, is_spam, tags, ai_state
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


-- policies/35_messages.sql

grant execute on function public.open_ticket(uuid, text, text, public.ticket_channel, uuid) to authenticated;
grant execute on function public.send_reply(uuid, text, integer, boolean) to authenticated;
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

-- One way in for a contact: public messages of tickets that are its own.
create policy "Members see messages, contacts the public ones of their tickets" on public.messages
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or (
    not is_internal
    and sender_status = 'known'
    and ticket_id in (
      select t.id from public.tickets as t where t.contact_id = any(array(select private.my_contacts()))
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
        and ticket_id in (select t.id from public.tickets as t where t.contact_id = messages.contact_id)
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

grant execute on function public.search_tickets(uuid, text, text, uuid, uuid, bigint, integer) to authenticated;
grant execute on function private.search_tickets(uuid, text, text, uuid, uuid, bigint, integer) to authenticated;


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
    where a.organization_id = private.try_uuid((storage.foldername(name))[1]) and a.storage_path = name
  )
);
create policy "Functions fetch files of the organization they work for" on storage.objects
for select to pgdesk_files using (
  bucket_id in ('attachments', 'inbound') and (storage.foldername(name))[1] = (select auth.jwt() ->> 'organization_id')
);
create policy "Functions keep files for the organization they work for" on storage.objects
for insert to pgdesk_files with check (
  bucket_id in ('attachments', 'inbound') and (storage.foldername(name))[1] = (select auth.jwt() ->> 'organization_id')
);
create policy "Functions keep files again after a failed attempt" on storage.objects
for update to pgdesk_files using (
  bucket_id = 'attachments' and (storage.foldername(name))[1] = (select auth.jwt() ->> 'organization_id')
);
create policy "Functions see the buckets they use" on storage.buckets
for select to pgdesk_files using (id in ('attachments', 'inbound'));


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
create policy "Functions clear away large mail of the organization they work for" on storage.objects
for delete to pgdesk_files using (
  bucket_id = 'inbound' and (storage.foldername(name))[1] = (select auth.jwt() ->> 'organization_id')
);


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
  id, organization_id, ticket_id, message_id, kind, is_automatic, contact_id, status, reason, to_address, from_address,
  subject, body_text, body_html, headers, attempted_at, provider, provider_id, message_id_header, created_at,
  updated_at, sent_at, delivery, delivered_at, bounced_at, complained_at, opened_at, clicked_at
) on public.outgoing_mails to authenticated;
grant select on public.outgoing_mails to pgdesk_functions;
grant insert (
  organization_id, ticket_id, message_id, kind, is_automatic, contact_id, status, reason, to_address, from_address,
  reply_to, subject, body_text, body_html, headers
), update (
  status, reason, attempted_at, attempt_token, idempotency_key, provider, provider_id, message_id_header, sent_at
) on public.outgoing_mails to pgdesk_functions;

create policy "Members see what was mailed" on public.outgoing_mails
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
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


-- policies/90_audit.sql

alter table public.audit_log enable row level security;
grant select on public.audit_log to authenticated;

create policy "Admins read the audit log" on public.audit_log
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));


-- policies/94_health.sql

-- The functions may ask; who asks them must show the relay's secret.
grant execute on function private.health() to pgdesk_functions;


-- policies/95_maintenance.sql

grant execute on function private.maintain() to pgdesk_functions;


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
