-- Values of custom fields that are marked sensitive: encrypted by the functions, opened for agents one at a time, found
-- by a blind index. Postgres never sees one.

create table public.sensitive_fields (
  -- A ciphertext is bound to it, so whoever seals makes it.
  id uuid primary key,
  organization_id uuid not null references public.organizations (id) on delete cascade,
  contact_id uuid not null,
  field_id uuid not null,
  sealed bytea not null,
  key_version integer not null,
  -- Keyed digest of the value: equal values of one field have equal ones, under one version of the key.
  blind_index bytea not null check (length(blind_index) = 16),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, contact_id, field_id),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade,
  foreign key (organization_id, field_id) references public.custom_fields (organization_id, id) on delete cascade,
  foreign key (organization_id, key_version) references private.data_keys (organization_id, version)
    deferrable initially deferred
);
create index sensitive_fields_field_idx on public.sensitive_fields (organization_id, field_id, blind_index);
create index sensitive_fields_key_idx on public.sensitive_fields (organization_id, key_version);

create trigger sensitive_fields_touch before update on public.sensitive_fields
for each row execute function private.touch();

-- Who looked at which value. The value itself is nowhere.
create table public.sensitive_field_reads (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  contact_id uuid not null,
  field_id uuid not null,
  member_id uuid not null,
  created_at timestamptz not null default now(),
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade,
  foreign key (organization_id, field_id) references public.custom_fields (organization_id, id) on delete cascade
);
create index sensitive_field_reads_contact_idx on public.sensitive_field_reads (organization_id, contact_id);
create index sensitive_field_reads_field_idx on public.sensitive_field_reads (organization_id, field_id);

insert into private.contact_references (table_name, column_name, on_merge, because) values
  ('public.sensitive_fields', 'contact_id', 'move', 'the same person; where both have one, the winner''s'),
  ('public.sensitive_field_reads', 'contact_id', 'move', 'who looked at what is known of the same person');

-- The sensitive field of a contact whose organization the caller serves as an agent at least.
create function private.sensitive_field(contact_id uuid, key text)
returns table (organization_id uuid, field_id uuid)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  select c.organization_id, f.id
  from public.contacts as c
  join public.custom_fields as f on f.organization_id = c.organization_id and f.target = 'contact'
  where c.id = sensitive_field.contact_id and f.key = sensitive_field.key
    and f.is_sensitive and f.archived_at is null and c.erased_at is null
    and c.organization_id in (select private.my_organizations('agent'));
  if not found then
    raise exception 'there is no such contact with a sensitive field "%"', left(sensitive_field.key, 60)
      using errcode = 'PT404';
  end if;
end;
$$;

-- Keeps a sealed value in the place of the one before.
create function private.keep_sensitive_field(
  contact_id uuid, key text, value_id uuid, sealed bytea, key_version integer, blind_index bytea
) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  place record;
begin
  select * into place from private.sensitive_field(keep_sensitive_field.contact_id, keep_sensitive_field.key);
  insert into public.sensitive_fields as s (
    id, organization_id, contact_id, field_id, sealed, key_version, blind_index
  )
  values (
    keep_sensitive_field.value_id, place.organization_id, keep_sensitive_field.contact_id, place.field_id,
    keep_sensitive_field.sealed, keep_sensitive_field.key_version, keep_sensitive_field.blind_index
  )
  on conflict (organization_id, contact_id, field_id) do update
  set id = excluded.id, sealed = excluded.sealed, key_version = excluded.key_version, blind_index = excluded.blind_index;
end;
$$;

create function private.forget_sensitive_field(contact_id uuid, key text) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  delete from public.sensitive_fields as s
  using private.sensitive_field(forget_sensitive_field.contact_id, forget_sensitive_field.key) as place
  where s.organization_id = place.organization_id and s.contact_id = forget_sensitive_field.contact_id
    and s.field_id = place.field_id;
end;
$$;

-- A sealed value, for the function that opens it for the caller, who is written down.
create function private.read_sensitive_field(contact_id uuid, key text)
returns table (id uuid, organization_id uuid, sealed bytea, key_version integer)
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  place record;
begin
  select * into place from private.sensitive_field(read_sensitive_field.contact_id, read_sensitive_field.key);
  insert into public.sensitive_field_reads (organization_id, contact_id, field_id, member_id)
  values (place.organization_id, read_sensitive_field.contact_id, place.field_id, (select auth.uid()));
  return query
  select s.id, s.organization_id, s.sealed, s.key_version
  from public.sensitive_fields as s
  where s.organization_id = place.organization_id and s.contact_id = read_sensitive_field.contact_id
    and s.field_id = place.field_id;
end;
$$;

-- The sensitive field of an organization that the caller serves as an agent at least, for looking up.
create function private.sensitive_field_to_look_up(organization_id uuid, key text) returns uuid
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  field_id uuid;
begin
  select f.id into field_id
  from public.custom_fields as f
  where f.organization_id = sensitive_field_to_look_up.organization_id and f.target = 'contact' and f.is_sensitive
    and f.key = sensitive_field_to_look_up.key
    and f.organization_id in (select private.my_organizations('agent'));
  if field_id is null then
    raise exception 'there is no sensitive field "%"', left(sensitive_field_to_look_up.key, 60) using errcode = 'PT404';
  end if;
  return field_id;
end;
$$;

-- Contacts with a value: its blind indexes are those under each key that there is.
create function private.find_by_sensitive_field(field_id uuid, blind_indexes bytea[]) returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return array(
    select s.contact_id
    from public.sensitive_fields as s
    where s.organization_id in (select private.my_organizations('agent'))
      and s.field_id = find_by_sensitive_field.field_id
      and s.blind_index = any (find_by_sensitive_field.blind_indexes)
    order by s.contact_id
    limit 100
  );
end;
$$;

-- Those of the contact of an export, for the function that opens them.
create function private.sealed_of_contact(request_id uuid)
returns table (id uuid, key text, sealed bytea, key_version integer)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  select s.id, f.key, s.sealed, s.key_version
  from public.privacy_requests as p
  join public.sensitive_fields as s
    on s.organization_id = p.organization_id
    and s.contact_id = any (private.contact_family(p.organization_id, p.contact_id))
  join public.custom_fields as f on f.organization_id = s.organization_id and f.id = s.field_id
  where p.organization_id = private.current_organization() and p.id = sealed_of_contact.request_id
    and p.kind = 'export';
end;
$$;
