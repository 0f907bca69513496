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
  elsif new.data ->> 'kind' in ('reply', 'chat') then
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
