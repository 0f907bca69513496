alter table private.id_prefixes enable row level security;

grant execute on function private.id_prefix(text) to authenticated;
grant execute on function public.typed_id(text, uuid) to authenticated;
grant execute on function public.uuid_of(text) to anon, authenticated;
