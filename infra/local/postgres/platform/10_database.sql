-- What every database of the platform has, whichever product runs on it.
create schema if not exists extensions;
alter schema extensions owner to postgres;
grant usage on schema extensions to postgres, anon, authenticated, service_role;
grant all on schema extensions to postgres;
create extension if not exists vector with schema extensions;

-- Of uuid-ossp, which every project of the platform has installed and the wheel lacks, what tables' defaults use.
create or replace function extensions.uuid_generate_v4() returns uuid language sql volatile parallel safe
set search_path = '' as $$
  select pg_catalog.gen_random_uuid();
$$;

alter schema public owner to postgres;
grant usage on schema public to anon, authenticated, service_role;

-- Since 30 October 2026 nothing that postgres creates in `public` is granted to the API roles by default.
alter default privileges for role postgres in schema public revoke all on tables from anon, authenticated, service_role;
alter default privileges for role postgres in schema public revoke all on sequences from anon, authenticated, service_role;
alter default privileges for role postgres in schema public revoke all on functions from anon, authenticated, service_role, public;

-- The change stream's list of tables belongs to postgres.
do $$
begin
  if not exists (select from pg_publication where pubname = 'supabase_realtime') then
    create publication supabase_realtime;
    alter publication supabase_realtime owner to postgres;
  end if;
  execute format('alter database %I set search_path to "$user", public, extensions', current_database());
  execute format('grant create, temporary, connect on database %I to postgres', current_database());
end;
$$;

-- PostgREST reloads its picture of the schema when it changes.
create or replace function extensions.pgrst_ddl_watch() returns event_trigger
language plpgsql set search_path = '' as $$
begin
  notify pgrst, 'reload schema';
end;
$$;

drop event trigger if exists pgrst_ddl_watch;
create event trigger pgrst_ddl_watch on ddl_command_end execute function extensions.pgrst_ddl_watch();
drop event trigger if exists pgrst_drop_watch;
create event trigger pgrst_drop_watch on sql_drop execute function extensions.pgrst_ddl_watch();

create schema if not exists supabase_migrations authorization postgres;
create table if not exists supabase_migrations.schema_migrations (version text primary key, statements text[], name text);
alter table supabase_migrations.schema_migrations owner to postgres;

-- postgres may configure PostgREST in the database (`alter role authenticator set pgrst.…`).
do $$
declare
  parameter text;
begin
  foreach parameter in array array[
    'client_error_verbosity', 'db_aggregates_enabled', 'db_anon_role', 'db_extra_search_path',
    'db_hoisted_tx_settings', 'db_max_rows', 'db_plan_enabled', 'db_pre_config', 'db_pre_request',
    'db_prepared_statements', 'db_root_spec', 'db_schemas', 'db_timezone_enabled', 'db_tx_end', 'jwt_aud',
    'jwt_cache_max_entries', 'jwt_role_claim_key', 'jwt_secret', 'jwt_secret_is_base64', 'openapi_mode',
    'openapi_security_active', 'openapi_server_proxy_uri', 'server_cors_allowed_origins', 'server_timing_enabled',
    'server_trace_header', 'url_use_legacy_target_names'
  ]
  loop
    execute format('grant set on parameter %I.%I to postgres', 'pgrst', parameter);
  end loop;
end;
$$;
