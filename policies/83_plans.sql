alter table private.plans enable row level security;

grant execute on function private.usage(uuid) to authenticated;
grant execute on function public.usage(uuid) to authenticated;
