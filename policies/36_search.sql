-- Reached through functions alone.
alter table private.ticket_search enable row level security;

grant execute on function public.search_tickets(uuid, text, jsonb, bigint, integer) to authenticated;
grant execute on function private.search_tickets(uuid, text, jsonb, bigint, integer) to authenticated;
grant execute on function public.search_messages(uuid, text, uuid, jsonb, bigint, integer) to authenticated;
grant execute on function private.search_messages(uuid, text, uuid, jsonb, bigint, integer) to authenticated;
