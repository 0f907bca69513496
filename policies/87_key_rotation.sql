grant execute on function public.rotate_data_key(uuid) to authenticated;
grant execute on function private.rotate_data_key(uuid) to authenticated;
grant execute on function private.sealed_by_old_keys(uuid, integer) to pgdesk_functions;
grant execute on function private.reseal(text, uuid, bytea, bytea, integer, bytea) to pgdesk_functions;
grant execute on function private.retire_data_keys() to pgdesk_functions;

alter table private.sealed_tables enable row level security;
