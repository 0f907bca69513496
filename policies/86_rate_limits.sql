-- Reached through functions alone.
alter table private.rate_limits enable row level security;
alter table private.rate_counts enable row level security;

grant execute on function private.take_rate(text, integer) to pgdesk_functions;
grant execute on function private.take_for_user(uuid, boolean) to pgdesk_functions;
-- Every role that comes through PostgREST runs it.
grant execute on function private.before_request() to anon, authenticated, service_role;

do $$
begin
  execute format(
    'alter role authenticator in database %I set pgrst.db_pre_request = %L', current_database(), 'private.before_request'
  );
end;
$$;
notify pgrst, 'reload config';
