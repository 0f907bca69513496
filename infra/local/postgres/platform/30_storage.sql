-- Storage's schema. The rows are the truth about files; the bytes lie elsewhere, so rows leave by the API only.
create schema if not exists storage authorization supabase_storage_admin;
grant usage on schema storage to anon, authenticated, service_role;
grant all on schema storage to postgres;

-- On the platform an extension lets postgres put policies on these tables; here it is a member of their owner.
grant supabase_storage_admin to postgres;
-- A custom role that is granted to authenticator may be acted for.
grant authenticator to supabase_storage_admin;

set role supabase_storage_admin;

do $$
begin
  if to_regtype('storage.buckettype') is null then
    create type storage.buckettype as enum ('STANDARD', 'ANALYTICS', 'VECTOR');
  end if;
end;
$$;

create table if not exists storage.buckets (
  id text primary key,
  name text not null,
  owner uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  public boolean default false,
  avif_autodetection boolean default false,
  file_size_limit bigint,
  allowed_mime_types text[],
  owner_id text,
  type storage.buckettype not null default 'STANDARD'
);
-- Versions of objects are prepared on the platform and may not be switched on yet; policies may ask for the columns.
alter table storage.buckets add column if not exists versioning_status text not null default 'DISABLED'
  constraint buckets_versioning_dark_check check (versioning_status = 'DISABLED');
comment on column storage.buckets.owner is 'Deprecated: use owner_id';
create unique index if not exists bname on storage.buckets (name);

create table if not exists storage.objects (
  id uuid primary key default gen_random_uuid(),
  bucket_id text references storage.buckets (id),
  name text,
  owner uuid,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  last_accessed_at timestamptz default now(),
  metadata jsonb,
  path_tokens text[] generated always as (string_to_array(name, '/')) stored,
  version text,
  owner_id text,
  user_metadata jsonb
);
alter table storage.objects
  add column if not exists archived_at timestamptz,
  add column if not exists is_delete_marker boolean not null default false,
  add column if not exists is_versioned boolean not null default false;
comment on column storage.objects.owner is 'Deprecated: use owner_id';
create unique index if not exists bucketid_objname on storage.objects (bucket_id, name);
create index if not exists name_prefix_search on storage.objects (name text_pattern_ops);
create index if not exists idx_objects_bucket_id_name on storage.objects (bucket_id, name collate "C");
create index if not exists idx_objects_bucket_id_name_lower on storage.objects (bucket_id, lower(name) collate "C");

alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;
grant all on storage.buckets, storage.objects to anon, authenticated, service_role;
grant all on storage.buckets, storage.objects to postgres with grant option;

-- a/b/c.tar.gz -> c.tar.gz
create or replace function storage.filename(name text) returns text
language sql immutable as $$
  select split_part(name, '/', -1)
$$;

-- a/b/c.tar.gz -> {a,b}
create or replace function storage.foldername(name text) returns text[]
language sql immutable as $$
  select parts[1 : cardinality(parts) - 1] from string_to_array(name, '/') as parts
$$;

-- a/b/c.tar.gz -> gz; a name without a dot is its own extension, as on the platform
create or replace function storage.extension(name text) returns text
language sql immutable as $$
  select split_part(split_part(name, '/', -1), '.', -1)
$$;

-- Which call of the API a policy is asked for, such as storage.object.upload.
create or replace function storage.operation() returns text
language sql stable as $$
  select current_setting('storage.operation', true)
$$;

-- Operations may be named with and without the leading `storage.`.
create or replace function storage.allow_any_operation(expected_operations text[]) returns boolean
language sql stable as $$
  select coalesce(
    bool_or(regexp_replace(expected, '^storage\.', '') = regexp_replace(storage.operation(), '^storage\.', '')), false
  )
  from unnest(expected_operations) as expected
  where expected <> ''
$$;

create or replace function storage.allow_only_operation(expected_operation text) returns boolean
language sql stable as $$
  select storage.allow_any_operation(array[expected_operation])
$$;

-- Inserts as whoever asks and takes it back: an error says that a policy forbids it, PT200 that it may be.
create or replace function storage.can_insert_object(bucketid text, name text, owner uuid, metadata jsonb)
returns void
language plpgsql as $$
begin
  insert into storage.objects (bucket_id, name, owner, metadata) values (bucketid, name, owner, metadata);
  raise sqlstate 'PT200' using message = 'ROLLBACK', detail = 'rollback successful insert';
end;
$$;

create or replace function storage.get_size_by_bucket() returns table (size bigint, bucket_id text)
language sql stable as $$
  select sum((o.metadata ->> 'size')::bigint)::bigint, o.bucket_id from storage.objects o group by o.bucket_id
$$;

-- Files and folders one level below `prefix || search`, compared without regard to case; names relative to `prefix`.
-- Sorted by name they are mixed; by a time folders, which have none, come first. `levels` is kept for its callers.
create or replace function storage.search(
  prefix text,
  bucketname text,
  limits integer default 100,
  levels integer default 1,
  offsets integer default 0,
  search text default '',
  sortcolumn text default 'name',
  sortorder text default 'asc'
) returns table (
  name text,
  id uuid,
  updated_at timestamptz,
  created_at timestamptz,
  last_accessed_at timestamptz,
  metadata jsonb
)
language sql stable as $$
  with found as (
    select
      o.*,
      length(coalesce(prefix, '') || coalesce(search, '')) as matched,
      position('/' in substr(o.name, length(coalesce(prefix, '') || coalesce(search, '')) + 1)) as slash
    from storage.objects o
    where o.bucket_id = bucketname
      and starts_with(lower(o.name), lower(coalesce(prefix, '') || coalesce(search, '')))
  ),
  entries as (
    select substr(f.name, length(coalesce(prefix, '')) + 1) as name,
      f.id, f.updated_at, f.created_at, f.last_accessed_at, f.metadata
    from found f
    where f.slash = 0
    union all
    select distinct substr(left(f.name, f.matched + f.slash - 1), length(coalesce(prefix, '')) + 1),
      null::uuid, null::timestamptz, null::timestamptz, null::timestamptz, null::jsonb
    from found f
    where f.slash > 0
  ),
  ranked as (
    select e.*, row_number() over (
      order by
        (e.id is not null and sortcolumn in ('updated_at', 'created_at', 'last_accessed_at')),
        case sortcolumn
          when 'updated_at' then e.updated_at when 'created_at' then e.created_at
          when 'last_accessed_at' then e.last_accessed_at
        end,
        lower(e.name) collate "C", e.name collate "C"
    ) as upward, row_number() over (
      order by
        (e.id is not null and sortcolumn in ('updated_at', 'created_at', 'last_accessed_at')),
        case sortcolumn
          when 'updated_at' then e.updated_at when 'created_at' then e.created_at
          when 'last_accessed_at' then e.last_accessed_at
        end desc,
        lower(e.name) collate "C" desc, e.name collate "C" desc
    ) as downward
    from entries e
  )
  select r.name, r.id, r.updated_at, r.created_at, r.last_accessed_at, r.metadata
  from ranked r
  order by case when lower(sortorder) = 'desc' then r.downward else r.upward end
  limit least(coalesce(limits, 100), 1500) offset greatest(coalesce(offsets, 0), 0)
$$;

-- docs/a/b.txt below `docs/` is in docs/a/; null for what lies in no folder there.
create or replace function storage.get_common_prefix(p_key text, p_prefix text, p_delimiter text) returns text
language sql immutable as $$
  select case
    when position(p_delimiter in substr(p_key, length(p_prefix) + 1)) > 0
      then left(p_key, length(p_prefix) + position(p_delimiter in substr(p_key, length(p_prefix) + 1)))
  end
$$;

-- Files and folders whose key begins with `prefix_param`, in the order of their bytes; folders without their delimiter.
create or replace function storage.list_objects_with_delimiter(
  _bucket_id text,
  prefix_param text,
  delimiter_param text,
  max_keys integer default 100,
  start_after text default '',
  next_token text default '',
  sort_order text default 'asc'
) returns table (
  name text,
  id uuid,
  metadata jsonb,
  updated_at timestamptz,
  created_at timestamptz,
  last_accessed_at timestamptz
)
language sql stable as $$
  with found as (
    select o.*, storage.get_common_prefix(o.name, coalesce(prefix_param, ''), delimiter_param) as folder
    from storage.objects o
    where o.bucket_id = _bucket_id and starts_with(o.name, coalesce(prefix_param, ''))
  ),
  entries as (
    select f.name as place, f.name, f.id, f.metadata, f.updated_at, f.created_at, f.last_accessed_at
    from found f
    where f.folder is null
    union all
    select distinct f.folder, rtrim(f.folder, delimiter_param), null::uuid, null::jsonb, null::timestamptz,
      null::timestamptz, null::timestamptz
    from found f
    where f.folder is not null
  ),
  began as (
    select coalesce(nullif(next_token, ''), start_after, '') as place, lower(coalesce(sort_order, 'asc')) = 'asc' as up
  )
  select e.name, e.id, e.metadata, e.updated_at, e.created_at, e.last_accessed_at
  from entries e cross join began b
  where b.place = ''
    or (b.up and e.name collate "C" > b.place collate "C")
    or (not b.up and e.name collate "C" < b.place collate "C")
  order by
    case when b.up then e.place end collate "C",
    case when not b.up then e.place end collate "C" desc
  limit greatest(max_keys, 0)
$$;

-- The same by a time; a folder has the time at which the oldest in it was made. `p_level` is kept for its callers.
create or replace function storage.search_by_timestamp(
  p_prefix text,
  p_bucket_id text,
  p_limit integer,
  p_level integer,
  p_start_after text,
  p_sort_order text,
  p_sort_column text,
  p_sort_column_after text
) returns table (
  key text,
  name text,
  id uuid,
  updated_at timestamptz,
  created_at timestamptz,
  last_accessed_at timestamptz,
  metadata jsonb
)
language sql stable as $$
  with found as (
    select o.*, storage.get_common_prefix(o.name, coalesce(p_prefix, ''), '/') as folder
    from storage.objects o
    where o.bucket_id = p_bucket_id and starts_with(o.name, coalesce(p_prefix, ''))
  ),
  entries as (
    select f.name, f.id, f.updated_at, f.created_at, f.last_accessed_at, f.metadata
    from found f
    where f.folder is null
    union all
    select rtrim(f.folder, '/'), null::uuid, min(f.created_at), min(f.created_at), null::timestamptz, null::jsonb
    from found f
    where f.folder is not null
    group by f.folder
  ),
  placed as (
    select e.*,
      date_trunc('milliseconds', case p_sort_column when 'created_at' then e.created_at else e.updated_at end) as at,
      lower(coalesce(p_sort_order, 'asc')) = 'asc' as up
    from entries e
  )
  select split_part(p.name, '/', p_level), p.name, p.id, p.updated_at, p.created_at, p.last_accessed_at, p.metadata
  from placed p
  where coalesce(p_sort_column_after, '') = ''
    or (p.up and (p.at, p.name collate "C") > (p_sort_column_after::timestamptz, p_start_after))
    or (not p.up and (p.at, p.name collate "C") < (p_sort_column_after::timestamptz, p_start_after))
  order by
    case when p.up then p.at end, case when p.up then p.name end collate "C",
    case when not p.up then p.at end desc, case when not p.up then p.name end collate "C" desc
  limit greatest(p_limit, 0)
$$;

create or replace function storage.search_v2(
  prefix text,
  bucket_name text,
  limits integer default 100,
  levels integer default 1,
  start_after text default '',
  sort_order text default 'asc',
  sort_column text default 'name',
  sort_column_after text default ''
) returns table (
  key text,
  name text,
  id uuid,
  updated_at timestamptz,
  created_at timestamptz,
  last_accessed_at timestamptz,
  metadata jsonb
)
language plpgsql stable as $$
begin
  if lower(coalesce(sort_column, 'name')) in ('created_at', 'updated_at') then
    return query select * from storage.search_by_timestamp(
      prefix, bucket_name, least(coalesce(limits, 100), 1500), levels, start_after, sort_order, lower(sort_column),
      sort_column_after
    );
  else
    return query
      select split_part(l.name, '/', levels), l.name, l.id, l.updated_at, l.created_at, l.last_accessed_at, l.metadata
      from storage.list_objects_with_delimiter(
        bucket_name, prefix, '/', least(coalesce(limits, 100), 1500), start_after, '', sort_order
      ) l;
  end if;
end;
$$;

create or replace function storage.update_updated_at_column() returns trigger
language plpgsql as $$
begin
  new.updated_at = now();
  return new;
end;
$$;

create or replace trigger update_objects_updated_at before update on storage.objects
for each row execute function storage.update_updated_at_column();

create or replace function storage.enforce_bucket_name_length() returns trigger
language plpgsql as $$
begin
  if length(new.name) > 100 then
    raise exception 'bucket name "%" is too long (% characters). Max is 100.', new.name, length(new.name);
  end if;
  return new;
end;
$$;

create or replace trigger enforce_bucket_name_length_trigger before insert or update of name on storage.buckets
for each row execute function storage.enforce_bucket_name_length();

-- A row deleted by hand would leave bytes that nobody can find.
create or replace function storage.protect_delete() returns trigger
language plpgsql as $$
begin
  if coalesce(current_setting('storage.allow_delete_query', true), 'false') <> 'true' then
    raise exception 'Direct deletion from storage tables is not allowed. Use the Storage API instead.'
      using errcode = '42501', hint = 'This prevents files that no row points to.';
  end if;
  return null;
end;
$$;

create or replace trigger protect_buckets_delete before delete on storage.buckets
for each statement execute function storage.protect_delete();
create or replace trigger protect_objects_delete before delete on storage.objects
for each statement execute function storage.protect_delete();

reset role;
