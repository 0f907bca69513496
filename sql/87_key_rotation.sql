-- An organization's data key is replaced every 90 days: what older keys sealed is sealed anew, then they are thrown
-- away.

-- Where ciphertexts lie. Such a table has id, organization_id, sealed and key_version; its name is part of what a
-- ciphertext is bound to. Where it can be looked up by a column blind_index too, `indexed_by` is the column that says
-- what of, and part of that index.
create table private.sealed_tables (
  table_name text primary key,
  indexed_by text
);

insert into private.sealed_tables (table_name, indexed_by) values
  ('private.webhook_secrets', null),
  ('private.widget_secrets', null),
  ('public.sensitive_fields', 'field_id');

-- A key stays as long as anything is sealed with it. Looked at when a transaction ends: an organization that goes takes
-- both along, in whatever order.
alter table private.webhook_secrets add foreign key (organization_id, key_version)
references private.data_keys (organization_id, version) deferrable initially deferred;
create index webhook_secrets_key_idx on private.webhook_secrets (organization_id, key_version);
alter table private.widget_secrets add foreign key (organization_id, key_version)
references private.data_keys (organization_id, version) deferrable initially deferred;
create index widget_secrets_key_idx on private.widget_secrets (organization_id, key_version);

-- What is not sealed by the newest key, for the function that seals it anew. In the order of ids, after `last_id`.
create function private.sealed_by_old_keys(last_id uuid, most integer default 100)
returns table (table_name text, id uuid, sealed bytea, key_version integer, indexed_by text)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  organization uuid := private.current_organization();
  newest integer := (select max(k.version) from private.data_keys as k where k.organization_id = organization);
begin
  return query execute (
    select string_agg(
      format(
        'select %L as table_name, s.id, s.sealed, s.key_version, %s::text from %s as s'
        ' where s.organization_id = $1 and s.key_version < $2 and s.id > $3',
        t.table_name, coalesce('s.' || t.indexed_by, 'null'), t.table_name
      ), ' union all '
    ) from private.sealed_tables as t
  ) || ' order by id limit $4' using organization, newest, last_id, most;
end;
$$;

-- Puts what was sealed anew in the place of what it was, unless that has changed meanwhile.
create function private.reseal(
  table_name text, id uuid, old_sealed bytea, sealed bytea, key_version integer, blind_index bytea
) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  place private.sealed_tables;
begin
  select * into strict place from private.sealed_tables as t where t.table_name = reseal.table_name;
  execute format(
    'update %s as s set sealed = $4, key_version = $5 %s where s.organization_id = $1 and s.id = $2 and s.sealed = $3',
    place.table_name, case when place.indexed_by is not null then ', blind_index = $6' else '' end
  ) using private.current_organization(), reseal.id, reseal.old_sealed, reseal.sealed, reseal.key_version,
    reseal.blind_index;
end;
$$;

-- Throws away older keys that seal nothing any more. Returns how many.
create function private.retire_data_keys() returns integer
language plpgsql security definer set search_path = '' as $$
declare
  organization uuid := private.current_organization();
  old_key integer;
  retired integer := 0;
begin
  set constraints all immediate;
  for old_key in
    select k.version from private.data_keys as k
    where k.organization_id = organization
      and k.version < (select max(n.version) from private.data_keys as n where n.organization_id = organization)
  loop
    begin
      delete from private.data_keys as k where k.organization_id = organization and k.version = old_key;
      retired := retired + 1;
    exception when foreign_key_violation then
      null; -- Something is sealed with it still: the next rotation comes.
    end;
  end loop;
  return retired;
end;
$$;

-- Whose newest key is due. Called once an hour with the rest of the housekeeping.
create function private.enqueue_key_rotations() returns integer
language plpgsql security definer set search_path = '' as $$
declare
  rotate_after constant interval := '90 days';
  asked integer;
begin
  perform private.enqueue(k.organization_id, 'privacy', '{"task": "rotate"}', dedupe_key => 'rotate')
  from private.data_keys as k
  group by k.organization_id
  having max(k.created_at) < now() - rotate_after;
  get diagnostics asked = row_count;
  return asked;
end;
$$;

-- At once, because a key may have become known. For admins.
create function private.rotate_data_key(organization_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if rotate_data_key.organization_id not in (select private.my_organizations('admin')) then
    raise exception 'keys are for admins of the organization' using errcode = '42501';
  end if;
  perform private.enqueue(
    rotate_data_key.organization_id, 'privacy', '{"task": "rotate"}', dedupe_key => 'rotate'
  );
end;
$$;

create function public.rotate_data_key(organization_id uuid) returns void
language sql set search_path = '' as $$
  select private.rotate_data_key(rotate_data_key.organization_id);
$$;
