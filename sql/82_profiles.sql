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
