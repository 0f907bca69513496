alter table private.rpc_permissions enable row level security;

grant execute on function private.list_permissions(uuid) to authenticated;
grant execute on function public.permissions(uuid) to authenticated;
