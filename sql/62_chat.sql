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
  -- What who opens it reads first; without one the widget has words of its own.
  greeting text not null default '' check (length(greeting) <= 300),
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
  -- What they say their address is, for members to read, and for what they answer (66_chat_mails.sql). Nobody has
  -- checked it, so it makes them no contact with that address, and nothing is sent there by itself.
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
  organization_id uuid, is_home boolean, needs_identity boolean, secret_id uuid, sealed bytea, key_version integer,
  greeting text, is_open boolean, opens_at timestamptz
)
language plpgsql stable security definer set search_path = '' rows 1 as $$
#variable_conflict use_column
begin
  return query
  select w.organization_id, private.is_home(w.domains, origin), w.needs_identity, s.id, s.sealed, s.key_version,
    w.greeting, h.is_open, h.opens_at
  from public.chat_widgets as w
  left join private.widget_secrets as s on s.organization_id = w.organization_id and s.widget_id = w.id
  left join public.calendars as c on c.organization_id = w.organization_id and c.is_default
  cross join lateral private.opening(private.calendar_value(c.id), now()) as h
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
  address constant text := private.normal_email(private.visitor_claim('email'));
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
  if address is not null then
    insert into public.contacts (organization_id, email, name, source)
    values (organization, address, left(coalesce(private.visitor_claim('name'), ''), 200), 'chat')
    on conflict do nothing;
    select coalesce(c.merged_into, c.id) into contact
    from public.contacts as c
    where c.organization_id = organization and c.email = address;
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
-- external_id, made by the client, a message that is sent again is the one that is there. Who wants a person is
-- answered by one, whatever the words are.
create function private.say_in_chat(body text, external_id text, wants_person boolean)
returns public.messages
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
    'visitor:' || visitor.id || ':' || say_in_chat.external_id, true, say_in_chat.wants_person
  ) as c;
  select * into said from public.messages as m where m.id = message;
  return said;
end;
$$;

create function public.say_in_chat(
  body text, external_id text default null, wants_person boolean default false
) returns public.messages
language sql set search_path = '' as $$
  select * from private.say_in_chat(
    say_in_chat.body, say_in_chat.external_id, coalesce(say_in_chat.wants_person, false)
  );
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
