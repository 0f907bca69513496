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
