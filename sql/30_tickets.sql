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
