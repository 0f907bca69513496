-- Conditions on a ticket, as SLA policies, routing rules and the like keep them, and whether they hold.
--
-- A condition is one of
--   {"field": "priority", "op": "in", "value": ["high", "urgent"]}
--   {"all": [condition, …]}   {"any": [condition, …]}   {"not": condition}
-- `{"all": []}` holds for every ticket.

-- What may be asked: columns of the ticket and, after `contact.`, of its contact, each with its kind.
create function private.condition_fields() returns table (field text, kind text)
language sql immutable parallel safe set search_path = '' as $$
  values
    ('number', 'number'), ('subject', 'text'), ('channel', 'text'), ('status', 'text'), ('status_category', 'text'),
    ('priority', 'text'), ('category_id', 'text'), ('contact_id', 'text'), ('mail_address_id', 'text'),
    ('team_id', 'text'), ('assignee_id', 'text'), ('language', 'text'), ('sentiment', 'text'), ('is_spam', 'boolean'),
    ('tags', 'list'), ('ai_state', 'text'), ('created_at', 'instant'), ('last_message_at', 'instant'),
    ('last_contact_at', 'instant'), ('last_answer_at', 'instant'), ('resolved_at', 'instant'),
    ('snoozed_until', 'instant'), ('first_response_due_at', 'instant'), ('next_response_due_at', 'instant'),
    ('resolution_due_at', 'instant'),
    ('contact.email', 'text'), ('contact.name', 'text'), ('contact.language', 'text'), ('contact.tags', 'list'),
    ('contact.company', 'text');
$$;

-- Of which kind a field is; null where there is none. A custom field, as `fields.plan` or `contact.fields.plan`, is
-- asked as a text, whatever its type: which ones there are is each organization's.
create function private.condition_kind(field text) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  if field ~ '^(contact\.)?fields\.[a-z][a-z0-9_]{0,39}$' then
    return 'text';
  end if;
  return (select f.kind from private.condition_fields() as f where f.field = condition_kind.field);
end;
$$;

-- A time as conditions say it: "2026-01-31T09:00:00Z", "today", or from now on: "2 days ago", "4 hours".
create function private.is_instant(value text) returns boolean
language plpgsql stable parallel safe set search_path = '' as $$
begin
  if pg_input_is_valid(value, 'timestamptz') then
    return true;
  end if;
  return pg_input_is_valid(value, 'interval')
    and value::interval between interval '-100 years' and interval '100 years';
end;
$$;

create function private.instant(value text) returns timestamptz
language plpgsql stable parallel safe set search_path = '' as $$
begin
  if pg_input_is_valid(value, 'timestamptz') then
    return value::timestamptz;
  end if;
  return now() + value::interval;
end;
$$;

-- What is wrong with a condition that asks a field.
create function private.question_error(question jsonb) returns text
language plpgsql stable parallel safe set search_path = '' as $$
declare
  kind constant text := private.condition_kind(question ->> 'field');
  op constant text := question ->> 'op';
  value constant jsonb := question -> 'value';
begin
  if kind is null then
    return format('there is no field "%s"', left(question ->> 'field', 60));
  end if;
  if op in ('is_set', 'is_not_set') then
    return case when value is not null then format('"%s" takes no value', op) end;
  end if;
  if op is null or op <> all (case kind
    when 'text' then array['is', 'is_not', 'in', 'not_in', 'contains', 'not_contains', 'starts_with', 'ends_with']
    when 'list' then array['contains', 'not_contains']
    when 'boolean' then array['is']
    when 'number' then array['is', 'above', 'below']
    else array['above', 'below']
  end) then
    return format('"%s" cannot be asked of "%s"', left(coalesce(op, ''), 60), question ->> 'field');
  end if;
  if op in ('in', 'not_in') then
    return case
      when jsonb_typeof(value) is distinct from 'array' or jsonb_path_exists(value, '$[*] ? (@.type() != "string")')
        then format('"%s" takes a list of texts', op)
    end;
  end if;
  return case
    when kind in ('text', 'list') and jsonb_typeof(value) is distinct from 'string' then op || ' takes a text'
    when kind = 'boolean' and jsonb_typeof(value) is distinct from 'boolean' then op || ' takes true or false'
    when kind = 'number' and jsonb_typeof(value) is distinct from 'number' then op || ' takes a number'
    when kind = 'instant'
      and (jsonb_typeof(value) is distinct from 'string' or not private.is_instant(value #>> '{}'))
      then op || ' takes a time, as 2026-01-31T09:00:00Z or 2 days ago'
  end;
end;
$$;

-- What is wrong with a condition, for whoever writes it; null where it is sound.
create function private.condition_error(condition jsonb, depth integer default 0) returns text
language plpgsql stable parallel safe set search_path = '' as $$
declare
  max_depth constant integer := 5;
  max_parts constant integer := 50;
  branch text;
  problem text;
  part jsonb;
begin
  if jsonb_typeof(condition) is distinct from 'object' then
    return 'a condition is an object, not ' || coalesce(jsonb_typeof(condition), 'nothing');
  elsif depth > max_depth then
    return format('conditions nest %s deep at most', max_depth);
  elsif condition ? 'field' then
    return private.question_error(condition);
  end if;
  select string_agg(key, ' ') into branch from jsonb_object_keys(condition) as key;
  if branch = 'not' then
    return private.condition_error(condition -> 'not', depth + 1);
  elsif branch is null or branch not in ('all', 'any') then
    return 'a condition has "field", "op" and "value", or one of "all", "any" and "not"';
  elsif jsonb_typeof(condition -> branch) <> 'array' or jsonb_array_length(condition -> branch) > max_parts then
    return format('"%s" is a list of %s conditions at most', branch, max_parts);
  end if;
  for part in select * from jsonb_array_elements(condition -> branch) loop
    problem := private.condition_error(part, depth + 1);
    exit when problem is not null;
  end loop;
  return problem;
end;
$$;

-- Trigger of tables that keep conditions in a column of this name.
create function private.check_conditions() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  problem constant text := private.condition_error(new.conditions);
begin
  if problem is not null then
    raise exception 'conditions: %', problem using errcode = '23514';
  end if;
  return new;
end;
$$;

-- Custom fields as texts, each by its name with what stands before it.
create function private.field_facts(prefix text, fields jsonb) returns jsonb
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  if fields = '{}' then
    return fields;
  end if;
  return (select jsonb_object_agg(prefix || key, value #>> '{}') from jsonb_each(fields));
end;
$$;

-- What conditions are asked of: a contact alone, and a ticket with its contact.
create function private.contact_facts(contact public.contacts) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_object_agg('contact.' || field.key, field.value)
    || private.field_facts('contact.fields.', (contact).fields)
    || jsonb_build_object(
      'contact.tags', array(
        select t.name
        from public.contact_tags as l
        join public.tags as t on t.organization_id = l.organization_id and t.id = l.tag_id
        where l.organization_id = (contact).organization_id and l.contact_id = (contact).id
        order by t.name
      ),
      'contact.company', (
        select k.name from public.companies as k
        where k.organization_id = (contact).organization_id and k.id = (contact).company_id
      )
    )
  from jsonb_each(to_jsonb(contact)) as field;
$$;

create function private.ticket_facts(ticket public.tickets) returns jsonb
language sql stable set search_path = '' as $$
  select to_jsonb(ticket) || private.field_facts('fields.', (ticket).fields) || coalesce(
    (
      select private.contact_facts(c)
      from public.contacts as c
      where c.organization_id = (ticket).organization_id and c.id = (ticket).contact_id
    ),
    '{}'
  );
$$;

-- Whether a question (a sound condition that asks a field) is answered with yes. Texts are compared without regard to
-- case; what is not set is equal to nothing.
create function private.question_holds(question jsonb, facts jsonb) returns boolean
language plpgsql stable parallel safe set search_path = '' as $$
declare
  op constant text := question ->> 'op';
  asked constant text := lower(question ->> 'value');
  found constant jsonb := facts -> (question ->> 'field');
  fact constant text := lower(found #>> '{}');
begin
  return coalesce(
    case
      when op = 'is_set' then found not in ('null', '""', '[]')
      when op = 'is_not_set' then coalesce(found, 'null') in ('null', '""', '[]')
      when jsonb_typeof(found) = 'array' then
        exists (select from jsonb_array_elements_text(found) as item where lower(item) = asked) = (op = 'contains')
      when op = 'is' then case when jsonb_typeof(found) = 'string' then fact = asked else found = question -> 'value' end
      when op = 'is_not' then fact is distinct from asked
      when op in ('in', 'not_in') then (
        exists (select from jsonb_array_elements_text(question -> 'value') as item where lower(item) = fact)
      ) = (op = 'in')
      when op = 'contains' then position(asked in fact) > 0
      when op = 'not_contains' then position(asked in coalesce(fact, '')) = 0
      when op = 'starts_with' then starts_with(fact, asked)
      when op = 'ends_with' then right(fact, length(asked)) = asked
      when jsonb_typeof(found) = 'number' then sign(fact::numeric - asked::numeric) = case op when 'above' then 1 else -1 end
      when op = 'above' then fact::timestamptz > private.instant(asked)
      when op = 'below' then fact::timestamptz < private.instant(asked)
    end,
    false
  );
end;
$$;

-- Whether a sound condition holds.
create function private.condition_holds(condition jsonb, facts jsonb) returns boolean
language plpgsql stable parallel safe set search_path = '' as $$
declare
  part jsonb;
begin
  if condition ? 'field' then
    return private.question_holds(condition, facts);
  elsif condition ? 'not' then
    return not private.condition_holds(condition -> 'not', facts);
  end if;
  for part in select * from jsonb_array_elements(coalesce(condition -> 'all', condition -> 'any')) loop
    if private.condition_holds(part, facts) = (condition ? 'any') then
      return condition ? 'any';
    end if;
  end loop;
  return condition ? 'all';
end;
$$;
