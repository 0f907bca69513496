-- What an organization wants to know beyond what every desk knows: fields with a type, defined by it, whose values
-- stand in the jsonb column `fields` of contacts, companies and tickets and are checked as they are written.

create table public.custom_fields (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  target text not null check (target in ('contact', 'company', 'ticket')),
  -- What it is called in `fields`.
  key text not null check (key ~ '^[a-z][a-z0-9_]{0,39}$'),
  -- What people read.
  label text not null check (length(btrim(label)) between 1 and 100),
  type text not null
  check (type in ('text', 'number', 'boolean', 'date', 'datetime', 'select', 'multiselect', 'url', 'email', 'phone')),
  -- What may be chosen; of a select and a multiselect alone.
  options text[] not null default '{}'
  check (cardinality(options) <= 200 and array_position(options, null) is null and array_position(options, '') is null),
  -- Forms ask for it. What comes by mail or from a program may lack it.
  is_required boolean not null default false,
  -- A text of a contact, kept encrypted and apart (85_sensitive_fields.sql): never among `fields`.
  is_sensitive boolean not null default false,
  position smallint not null default 0,
  -- No longer in use: its values stay, no new ones are taken.
  archived_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, target, key),
  check (not is_sensitive or (target = 'contact' and type = 'text')),
  check ((type in ('select', 'multiselect')) = (cardinality(options) > 0))
);

alter table public.contacts
add column fields jsonb not null default '{}' check (jsonb_typeof(fields) = 'object');
alter table public.companies
add column fields jsonb not null default '{}' check (jsonb_typeof(fields) = 'object');

-- A number as people write it, by its digits and a plus.
create function private.is_phone(value text) returns boolean
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return value ~ '^\+?[0-9 ()./-]{5,30}$' and length(regexp_replace(value, '[^0-9]', '', 'g')) between 5 and 15;
end;
$$;

-- What is wrong with a value of a field, as in "score takes a number"; null where it fits.
create function private.field_value_error(field public.custom_fields, value jsonb) returns text
language plpgsql stable set search_path = '' as $$
declare
  max_length constant integer := case field.type when 'text' then 4000 when 'url' then 2000 else 320 end;
  said constant text := value #>> '{}';
  kind constant text := jsonb_typeof(value);
  wanted constant text := case field.type
    when 'number' then 'number' when 'boolean' then 'boolean' when 'multiselect' then 'array' else 'string'
  end;
begin
  if kind <> wanted then
    return case field.type
      when 'number' then 'takes a number' when 'boolean' then 'takes true or false'
      when 'multiselect' then 'takes a list' else 'takes a text'
    end;
  elsif length(said) > max_length and field.type <> 'multiselect' then
    return format('takes %s characters at most, not %s', max_length, length(said));
  elsif field.type = 'select' and said <> all (field.options) then
    return format('has no option "%s"', left(said, 60));
  elsif field.type = 'multiselect' then
    return (
      select case
        when jsonb_typeof(each.item) <> 'string' then 'takes a list of texts'
        when each.item #>> '{}' <> all (field.options) then format('has no option "%s"', left(each.item #>> '{}', 60))
        else format('has "%s" twice', each.item #>> '{}')
      end
      from (select item, row_number() over (partition by item) as nth from jsonb_array_elements(value) as item) as each
      where jsonb_typeof(each.item) <> 'string' or each.item #>> '{}' <> all (field.options) or each.nth > 1
      limit 1
    );
  end if;
  return case
    when field.type = 'date' and (said !~ '^\d{4}-\d\d-\d\d$' or not pg_input_is_valid(said, 'date'))
      then 'takes a date, as 2026-01-31'
    when field.type = 'datetime' and (
      said !~ '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)$'
      or not pg_input_is_valid(said, 'timestamptz')
    ) then 'takes a time with its zone, as 2026-01-31T09:00:00Z'
    when field.type = 'url' and said !~* '^https?://[^\s/$.?#][^\s]*$' then 'takes a web address, as https://example.com'
    when field.type = 'email' and said !~ '^[^@\s]+@[^@\s]+\.[^@\s]+$' then 'takes an e-mail address'
    when field.type = 'phone' and not private.is_phone(said) then 'takes a phone number, as +49 30 123456'
  end;
end;
$$;

-- Trigger of tables with `fields`; its argument is the target. Looks at what changed, so that a row can be changed
-- whose older values would no longer be taken. What is null is not set.
create function private.check_fields() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  before constant jsonb := case when tg_op = 'UPDATE' then old.fields else '{}' end;
  given record;
  field public.custom_fields;
  problem text;
begin
  if jsonb_typeof(new.fields) <> 'object' then
    raise exception 'fields is an object, not %', jsonb_typeof(new.fields) using errcode = '23514';
  end if;
  new.fields := jsonb_strip_nulls(new.fields);
  for given in
    select v.key, v.value from jsonb_each(new.fields) as v where v.value is distinct from before -> v.key
  loop
    -- Its type does not change while a value of it is being written.
    select f.* into field
    from public.custom_fields as f
    where f.organization_id = new.organization_id and f.target = tg_argv[0] and f.key = given.key
    for share;
    problem := case
      when field.id is null then 'is not there: define it first'
      when field.archived_at is not null then 'is archived'
      when field.is_sensitive then 'is sensitive: its values are kept encrypted, not here'
      else private.field_value_error(field, given.value)
    end;
    if problem is not null then
      raise exception 'field "%" of a % %', left(given.key, 60), tg_argv[0], problem using errcode = '23514';
    end if;
  end loop;
  return new;
end;
$$;

create trigger contacts_fields_new before insert on public.contacts
for each row when (new.fields <> '{}') execute function private.check_fields('contact');
create trigger contacts_fields before update of fields on public.contacts
for each row when (new.fields is distinct from old.fields) execute function private.check_fields('contact');
create trigger companies_fields_new before insert on public.companies
for each row when (new.fields <> '{}') execute function private.check_fields('company');
create trigger companies_fields before update of fields on public.companies
for each row when (new.fields is distinct from old.fields) execute function private.check_fields('company');

-- A definition changes only if all values that there are fit the new one. Waits for whoever is writing one.
create function private.guard_custom_field() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  max_fields constant integer := 200;
  misfits bigint;
  example uuid;
  problem text;
begin
  if tg_op = 'INSERT' then
    perform from public.organizations as o where o.id = new.organization_id for no key update;
    if max_fields <= (
      select count(*) from public.custom_fields as f
      where f.organization_id = new.organization_id and f.target = new.target
    ) then
      raise exception 'a % has % fields at most', new.target, max_fields using errcode = '23514';
    end if;
    return new;
  end if;
  execute format(
    'select count(*), min(r.id::text)::uuid, min(private.field_value_error($1, r.fields -> $1.key))'
    ' from public.%I as r where r.organization_id = $1.organization_id and r.fields ? $1.key'
    ' and private.field_value_error($1, r.fields -> $1.key) is not null',
    case new.target when 'company' then 'companies' else new.target || 's' end
  ) into misfits, example, problem using new;
  if misfits > 0 then
    raise exception 'field "%" %: % stored values would not fit, the first of % %', new.key, problem, misfits, new.target,
      example using errcode = '23514';
  end if;
  return new;
end;
$$;

create trigger custom_fields_room before insert on public.custom_fields
for each row execute function private.guard_custom_field();
create trigger custom_fields_guard before update of type, options on public.custom_fields
for each row when ((new.type, new.options) is distinct from (old.type, old.options))
execute function private.guard_custom_field();
create trigger custom_fields_touch before update on public.custom_fields
for each row execute function private.touch();

-- Changes some fields of a contact, company or ticket and leaves the others alone; null takes a value away. Returns
-- all of them.
create function public.set_fields(target text, id uuid, fields jsonb) returns jsonb
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  changed jsonb;
begin
  if set_fields.target is null or set_fields.target not in ('contact', 'company', 'ticket') then
    raise exception 'not something with fields: %', left(set_fields.target, 60)
      using errcode = '22023', hint = 'It is contact, company or ticket.';
  end if;
  if jsonb_typeof(set_fields.fields) is distinct from 'object' then
    raise exception 'fields is an object' using errcode = '22023';
  end if;
  execute format(
    'update public.%I as r set fields = r.fields || $1 where r.id = $2 returning r.fields',
    case set_fields.target when 'company' then 'companies' else set_fields.target || 's' end
  ) into changed using set_fields.fields, set_fields.id;
  if changed is null then
    raise exception 'there is no % % that you may change', set_fields.target, set_fields.id using errcode = 'PT404';
  end if;
  return changed;
end;
$$;
