alter table private.event_types enable row level security;

grant execute on function private.list_event_types() to authenticated;
grant execute on function public.event_types() to authenticated;
