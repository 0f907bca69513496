-- Reached through functions alone.
alter table private.contact_words enable row level security;

grant execute on function private.search_contacts(uuid, text, integer) to authenticated;
grant execute on function public.search_contacts(uuid, text, integer) to authenticated;
