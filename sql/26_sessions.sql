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
