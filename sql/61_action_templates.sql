-- Forms: an agent sends one in a ticket, the contact fills it in, once: in the portal or by the signed link of a mail.

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'form.sent', 'action_form', 'contact',
  'An agent sent the contact a form to fill in; the message that carries it has its own `message.sent`.',
  '{"message_id": {"$ref": "#/$defs/message_id"}}',
  false,
  '{"message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33"}'
),
(
  'form.answered', 'action_form', 'contact',
  'The contact filled in a form; what they said stands in a message of theirs too.',
  '{"message_id": {"$ref": "#/$defs/message_id"}}',
  false,
  '{"message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33"}'
),
(
  'form.cancelled', 'action_form', 'contact',
  'An agent took a form back before it was filled in.',
  '{"message_id": {"$ref": "#/$defs/message_id"}}',
  false,
  '{"message_id": "01993f2a-6100-7a02-b0c4-6d1f5e8a2b33"}'
);

create table public.action_templates (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 100),
  -- What the contact reads with it; may hold variables as canned responses do.
  body text not null check (length(body) between 1 and 20000),
  -- [{"key", "label", "type", "required", "options", "help", "maps_to"}, …] in the order they are asked.
  fields jsonb not null,
  expires_after interval not null default '14 days' check (expires_after between '1 hour' and '90 days'),
  -- No longer sent; what was sent stays.
  archived_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, name)
);

-- One form of a ticket, with its questions as they were when it was sent.
create table public.action_forms (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid not null,
  contact_id uuid not null,
  template_id uuid,
  -- The message that carries it.
  message_id uuid not null,
  title text not null,
  fields jsonb not null,
  status text not null default 'sent' check (status in ('sent', 'answered', 'cancelled')),
  answers jsonb,
  -- The message that says the same.
  answer_id uuid,
  expires_at timestamptz not null,
  answered_at timestamptz,
  created_at timestamptz not null default now(),
  check ((status = 'answered') = (answers is not null)),
  unique (organization_id, id),
  unique (organization_id, message_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id),
  foreign key (organization_id, template_id)
    references public.action_templates (organization_id, id) on delete set null (template_id),
  foreign key (organization_id, message_id) references public.messages (organization_id, id) on delete cascade
);
create index action_forms_ticket_idx on public.action_forms (organization_id, ticket_id);
create index action_forms_contact_idx on public.action_forms (organization_id, contact_id);
create index action_forms_template_idx on public.action_forms (organization_id, template_id);

insert into private.contact_references (table_name, column_name, on_merge, because) values
('public.action_forms', 'contact_id', 'move', 'the winner fills it in');

-- What an answer of type text may set; any may set a custom field of the contact (contact.fields.<key>) that has its
-- type. Nothing else.
create function private.form_targets() returns text[]
language sql immutable parallel safe set search_path = '' as $$
  select array['contact.name', 'ticket.subject'];
$$;

-- What is wrong with one field of a form's definition; null where it is sound.
create function private.form_field_error(field jsonb) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  types constant text[] := array[
    'text', 'number', 'boolean', 'date', 'select', 'multiselect', 'url', 'email', 'phone'
  ];
  properties constant text[] := array['key', 'label', 'type', 'required', 'options', 'help', 'maps_to'];
  options constant jsonb := coalesce(field -> 'options', '[]');
begin
  if jsonb_typeof(field) <> 'object' then
    return 'a field is an object';
  end if;
  return case
    when exists (select from jsonb_object_keys(field) as k where k <> all (properties))
      then 'a field has only ' || array_to_string(properties, ', ')
    when coalesce(field ->> 'key' !~ '^[a-z][a-z0-9_]{0,39}$', true) then 'a key is of a-z, 0-9 and _'
    when coalesce(length(btrim(field ->> 'label')) not between 1 and 200, true) then 'a label has 1 to 200 letters'
    when length(field ->> 'help') > 1000 then 'help has 1000 letters at most'
    when coalesce(field ->> 'type' <> all (types), true) then 'a type is one of ' || array_to_string(types, ', ')
    when jsonb_typeof(coalesce(field -> 'required', 'false')) <> 'boolean' then 'required is true or false'
    when jsonb_typeof(options) <> 'array' then 'options are a list'
    when (field ->> 'type' in ('select', 'multiselect')) <> (jsonb_array_length(options) between 1 and 200)
      then 'a select has 1 to 200 options, other fields have none'
    when jsonb_path_exists(options, '$[*] ? (@.type() != "string" || @ == "")') then 'an option is a text'
    when field ? 'maps_to' and coalesce(field ->> 'maps_to', '') !~ '^contact[.]fields[.][a-z][a-z0-9_]*$' and (
      coalesce(field ->> 'maps_to', '') <> all (private.form_targets()) or field ->> 'type' <> 'text'
    ) then 'a field may set contact.fields.<key>, one of type text ' || array_to_string(private.form_targets(), ' or ')
  end;
end;
$$;

create function private.check_action_template() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  problem text := private.text_error(new.body);
begin
  if problem is null and (jsonb_typeof(new.fields) <> 'array' or jsonb_array_length(new.fields) not between 1 and 50) then
    problem := 'a form has 1 to 50 fields';
  end if;
  if problem is null then
    select format('field %s: %s', f.nth, private.form_field_error(f.field)) into problem
    from jsonb_array_elements(new.fields) with ordinality as f (field, nth)
    where private.form_field_error(f.field) is not null
    order by f.nth
    limit 1;
  end if;
  if problem is null then
    select format('there are two fields "%s"', f.field ->> 'key') into problem
    from jsonb_array_elements(new.fields) as f (field)
    group by f.field ->> 'key'
    having count(*) > 1
    limit 1;
  end if;
  if problem is null then
    select format('field "%s": no custom field of contacts with this key takes its answers', f.field ->> 'key')
    into problem
    from jsonb_array_elements(new.fields) as f (field)
    where f.field ->> 'maps_to' like 'contact.fields.%'
      and not exists (
        select from public.custom_fields as c
        where c.organization_id = new.organization_id and c.target = 'contact'
          and c.key = substr(f.field ->> 'maps_to', length('contact.fields.') + 1) and c.type = f.field ->> 'type'
          and not c.is_sensitive and c.archived_at is null
          and to_jsonb(c.options) @> coalesce(f.field -> 'options', '[]')
      )
    limit 1;
  end if;
  if problem is not null then
    raise exception '%', problem using errcode = '23514';
  end if;
  return new;
end;
$$;

create trigger action_templates_check before insert or update of body, fields on public.action_templates
for each row execute function private.check_action_template();
create trigger action_templates_touch before update on public.action_templates
for each row execute function private.touch();

-- What is wrong with an answer to one field, as a word that clients put in theirs: required, or what it should be
-- (text, number, boolean, date, option, url, email, phone), or too_long. Null where it fits.
create function private.form_answer_error(field jsonb, answer jsonb) returns text
language plpgsql stable set search_path = '' as $$
declare
  kind constant text := field ->> 'type';
  said constant text := answer #>> '{}';
  given constant text := coalesce(jsonb_typeof(answer), 'null');
begin
  if given = 'null' or given = 'string' and said !~ '\S' or answer = '[]' or kind = 'boolean' and answer = 'false' then
    -- A box that must be ticked is required as any other.
    return case when (field ->> 'required')::boolean then 'required' end;
  elsif length(said) > 10000 then
    return 'too_long';
  end if;
  return case kind
    when 'number' then case when given <> 'number' then 'number' end
    when 'boolean' then case when given <> 'boolean' then 'boolean' end
    when 'multiselect' then case
      when given <> 'array' then 'option'
      when not field -> 'options' @> answer then 'option'
    end
    when 'select' then case when given <> 'string' or not (field -> 'options') ? said then 'option' end
    else case
      when given <> 'string' then 'text'
      when kind = 'date' and (said !~ '^\d{4}-\d\d-\d\d$' or not pg_input_is_valid(said, 'date')) then 'date'
      when kind = 'url' and said !~* '^https?://[^\s/?#]+\.[^\s]+$' then 'url'
      when kind = 'email' and said !~ '^[^@\s]+@[^@\s]+\.[^@\s]+$' then 'email'
      when kind = 'phone' and said !~ '^\+?[0-9 ()./-]{5,30}$' then 'phone'
    end
  end;
end;
$$;

-- What is wrong with the answers to a form, by the fields' keys; {} where all fit.
create function private.form_problems(fields jsonb, answers jsonb) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  problems jsonb;
begin
  if coalesce(jsonb_typeof(answers), 'null') <> 'object' then
    raise exception 'answers are an object: field by field' using errcode = '22023';
  end if;
  select coalesce(jsonb_object_agg(found.key, found.problem), '{}') into problems
  from (
    select f.field ->> 'key' as key, private.form_answer_error(f.field, answers -> (f.field ->> 'key')) as problem
    from jsonb_array_elements(fields) as f (field)
    union all
    select left(k, 60), 'unknown'
    from jsonb_object_keys(answers) as k
    where not jsonb_path_exists(fields, '$[*] ? (@.key == $key)', jsonb_build_object('key', k))
  ) as found
  where found.problem is not null;
  return problems;
end;
$$;

-- Makes the message of the caller's that was just sent carry a form.
create function private.attach_form(message_id uuid, template_id uuid) returns public.action_forms
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  attached public.action_forms;
begin
  insert into public.action_forms as f (
    organization_id, ticket_id, contact_id, template_id, message_id, title, fields, expires_at
  )
  select
    m.organization_id, t.id, t.contact_id, a.id, m.id, a.name, a.fields, now() + a.expires_after
  from public.messages as m
  join public.tickets as t on t.id = m.ticket_id
  join public.action_templates as a on a.organization_id = m.organization_id
  where m.id = attach_form.message_id and a.id = attach_form.template_id
    and m.sender = 'member' and not m.is_internal and m.member_id is not distinct from (select auth.uid())
    and m.organization_id in (select private.my_organizations('agent'))
  returning f.* into attached;
  if attached.id is null then
    raise exception 'a form is carried by a message of yours' using errcode = '42501';
  end if;
  perform private.emit(
    attached.organization_id, 'form.sent', attached.id, jsonb_build_object('message_id', attached.message_id),
    'contact', attached.ticket_id
  );
  return attached;
end;
$$;

-- Sends the contact of a ticket a form, as a reply that carries it: refused over a newer message, as any reply.
create function public.send_form(ticket_id uuid, template_id uuid, expected_seq integer) returns public.action_forms
language plpgsql set search_path = '' as $$
declare
  template public.action_templates;
  sent public.messages;
begin
  select * into template from public.action_templates as a
  where a.id = send_form.template_id and a.archived_at is null
    and a.organization_id = (select t.organization_id from public.tickets as t where t.id = send_form.ticket_id);
  if template.id is null then
    raise exception 'there is no such ticket and form' using errcode = 'PT404';
  end if;
  sent := public.send_reply(
    send_form.ticket_id, public.fill_text(template.body, send_form.ticket_id), send_form.expected_seq
  );
  return private.attach_form(sent.id, template.id);
end;
$$;

-- Sets what the template says that answers set.
create function private.map_answers(form public.action_forms, answers jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  field jsonb;
  said text;
begin
  for field in
    select f.field from jsonb_array_elements(form.fields) as f (field) where answers ? (f.field ->> 'key')
  loop
    said := left(btrim(regexp_replace(answers ->> (field ->> 'key'), '\s+', ' ', 'g')), 200);
    if field ->> 'maps_to' = 'contact.name' then
      update public.contacts as c set name = said
      where c.organization_id = form.organization_id
        and c.id = (select t.contact_id from public.tickets as t where t.id = form.ticket_id);
    elsif field ->> 'maps_to' = 'ticket.subject' then
      update public.tickets as t set subject = said
      where t.organization_id = form.organization_id and t.id = form.ticket_id;
    elsif field ->> 'maps_to' like 'contact.fields.%' then
      -- Where the custom field has changed since the form was made, the answer is in the form alone.
      update public.contacts as c
      set fields = c.fields || jsonb_build_object(f.key, answers -> (field ->> 'key'))
      from public.custom_fields as f
      where f.organization_id = form.organization_id and f.target = 'contact'
        and f.key = substr(field ->> 'maps_to', length('contact.fields.') + 1)
        and not f.is_sensitive and f.archived_at is null
        and private.field_value_error(f, answers -> (field ->> 'key')) is null
        and c.organization_id = form.organization_id
        and c.id = (select t.contact_id from public.tickets as t where t.id = form.ticket_id);
    end if;
  end loop;
end;
$$;

-- Records the answers to a form whose row is locked: as a message of its contact, and in what the template says they
-- set. Returns what is wrong with them; then nothing is recorded.
create function private.answer_form(form public.action_forms, answers jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  problems constant jsonb := private.form_problems(form.fields, answer_form.answers);
  given jsonb;
  words text;
  answer uuid;
begin
  if problems <> '{}' then
    return problems;
  end if;
  select coalesce(jsonb_object_agg(a.key, a.value), '{}') into given
  from jsonb_each(jsonb_strip_nulls(answer_form.answers)) as a
  where a.value not in ('""', '[]');
  select string_agg(
    format('%s: %s', f.field ->> 'label', case jsonb_typeof(said.value)
      when 'array' then (select string_agg(item, ', ') from jsonb_array_elements_text(said.value) as item)
      when 'boolean' then case when said.value = 'true' then '✓' else '–' end
      else said.value #>> '{}'
    end), E'\n' order by f.nth
  ) into words
  from jsonb_array_elements(form.fields) with ordinality as f (field, nth)
  join jsonb_each(given) as said on said.key = f.field ->> 'key';
  insert into public.messages (organization_id, ticket_id, sender, contact_id, body_text)
  select t.organization_id, t.id, 'contact', t.contact_id, concat_ws(E'\n\n', form.title, words)
  from public.tickets as t
  where t.organization_id = form.organization_id and t.id = form.ticket_id
  returning id into answer;
  update public.action_forms as f
  set status = 'answered', answers = given, answer_id = answer, answered_at = now()
  where f.id = form.id;
  perform private.map_answers(form, given);
  perform private.emit(
    form.organization_id, 'form.answered', form.id, jsonb_build_object('message_id', answer), 'contact', form.ticket_id
  );
  return '{}';
end;
$$;

-- The signed-in contact fills in a form of a ticket of theirs.
create function private.submit_form(form_id uuid, answers jsonb) returns public.action_forms
language plpgsql security definer set search_path = '' as $$
declare
  form public.action_forms;
  problems jsonb;
begin
  select f.* into form
  from public.action_forms as f
  join public.tickets as t on t.organization_id = f.organization_id and t.id = f.ticket_id
  where f.id = submit_form.form_id and t.contact_id in (select private.my_contacts())
  for no key update of f;
  if form.id is null then
    raise exception 'there is no form %', submit_form.form_id using errcode = 'PT404';
  elsif form.status <> 'sent' or form.expires_at <= now() then
    raise exception 'the form %', case form.status
      when 'answered' then 'was filled in already' when 'cancelled' then 'was taken back' else 'has expired'
    end using errcode = 'PT409';
  end if;
  problems := private.answer_form(form, submit_form.answers);
  if problems <> '{}' then
    raise exception 'the form is not filled in as it asks' using errcode = '23514', detail = problems::text;
  end if;
  select f.* into form from public.action_forms as f where f.id = form.id;
  return form;
end;
$$;

create function public.submit_form(form_id uuid, answers jsonb) returns public.action_forms
language sql set search_path = '' as $$
  select * from private.submit_form(submit_form.form_id, submit_form.answers);
$$;

-- The same for whoever holds the form's signed link; the function that calls has checked the signature. What is wrong,
-- {} where nothing is; null: there is no form to fill in (any more).
create function private.submit_form_by_link(form_id uuid, answers jsonb) returns jsonb
language plpgsql security definer set search_path = '' as $$
declare
  form public.action_forms;
begin
  select f.* into form
  from public.action_forms as f
  where f.organization_id = private.current_organization() and f.id = submit_form_by_link.form_id
    and f.status = 'sent' and f.expires_at > now()
  for no key update;
  return case when form.id is not null then private.answer_form(form, submit_form_by_link.answers) end;
end;
$$;

-- Takes back a form that is not filled in. Agents.
create function private.cancel_form(form_id uuid) returns public.action_forms
language plpgsql security definer set search_path = '' as $$
declare
  form public.action_forms;
begin
  update public.action_forms as f set status = 'cancelled'
  where f.id = cancel_form.form_id and f.status = 'sent'
    and f.organization_id in (select private.my_organizations('agent'))
  returning f.* into form;
  if form.id is null then
    raise exception 'there is no form % to take back', cancel_form.form_id
      using errcode = 'PT404', hint = 'It may have been filled in.';
  end if;
  perform private.emit(
    form.organization_id, 'form.cancelled', form.id, jsonb_build_object('message_id', form.message_id), 'contact',
    form.ticket_id
  );
  return form;
end;
$$;

create function public.cancel_form(form_id uuid) returns public.action_forms
language sql set search_path = '' as $$
  select * from private.cancel_form(cancel_form.form_id);
$$;
