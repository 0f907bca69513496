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
