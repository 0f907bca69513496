alter table public.ticket_moves enable row level security;
grant select on public.ticket_moves to authenticated;

create policy "Members see what was merged and split" on public.ticket_moves
for select to authenticated using (organization_id = any(array(select private.my_organizations())));

grant execute on function private.ticket_now(uuid) to pgdesk_functions;
grant execute on function private.merge_tickets(uuid, uuid[], boolean) to authenticated;
grant execute on function public.merge_tickets(uuid, uuid[], boolean) to authenticated;
grant execute on function private.split_ticket(uuid, uuid[], text) to authenticated;
grant execute on function public.split_ticket(uuid, uuid[], text) to authenticated;
grant execute on function private.undo_move(uuid) to authenticated;
grant execute on function public.undo_move(uuid) to authenticated;
