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
  -- The ticket it goes on in; once that is resolved, the rules of 57_reopen.sql say where.
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

-- A message of a conversation. It goes on with the conversation's ticket, or opens one. Where that ticket is resolved,
-- the message opens it again or a ticket that follows, as on any channel (57_reopen.sql). Not to be processed: it is
-- kept and told, and the AI leaves it alone. The conversation's row puts its writers in line.
create function private.capture(
  organization_id uuid, channel public.ticket_channel, thread text, contact_id uuid, sender public.message_sender,
  body text, external_id text, process boolean, wants_person boolean default false
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
    and t.contact_id = conversation.contact_id;
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
    organization_id, ticket_id, sender, contact_id, body_text, process, wants_person,
    -- Its channel says who it is, and answers go back by the same one.
    is_verified
  )
  values (
    capture.organization_id, ticket_id, capture.sender,
    case when capture.sender = 'contact' then conversation.contact_id end, capture.body, capture.process,
    capture.wants_person,
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
