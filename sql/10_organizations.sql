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
create index invitations_email_idx on public.invitations (email) where accepted_at is null;

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
