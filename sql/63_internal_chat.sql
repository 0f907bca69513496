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
