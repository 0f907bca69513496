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
    raise exception 'bucket name "%" has % characters, at most 100 are allowed', new.name, length(new.name);
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
