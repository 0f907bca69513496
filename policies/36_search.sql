-- Reached through functions alone.
alter table private.ticket_search enable row level security;

grant execute on function public.search_tickets(uuid, text, text, uuid, uuid, bigint, integer) to authenticated;
grant execute on function private.search_tickets(uuid, text, text, uuid, uuid, bigint, integer) to authenticated;
