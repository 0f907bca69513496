-- Nobody creates anything outside migrations; `private` may be reached into, function by function.

revoke create on schema public from public;
grant usage on schema public to anon, authenticated, service_role, pgdesk_functions;
grant usage on schema private to anon, authenticated, service_role, pgdesk_functions;
grant usage on schema extensions to pgdesk_functions;

grant execute on function private.uuid7(timestamptz) to anon, authenticated, service_role, pgdesk_functions;
grant execute on function private.uuid7_floor(timestamptz) to anon, authenticated, service_role, pgdesk_functions;
grant execute on function private.try_uuid(text) to anon, authenticated, service_role, pgdesk_functions;
grant execute on function private.normal_email(text) to anon, authenticated, service_role, pgdesk_functions;
