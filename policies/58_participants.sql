alter table public.ticket_participants enable row level security;
grant select on public.ticket_participants to authenticated, pgdesk_functions;
grant insert (organization_id, ticket_id, contact_id, source, brought_by) on public.ticket_participants
to pgdesk_functions;

create policy "Members see who takes part" on public.ticket_participants
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Functions see who takes part" on public.ticket_participants
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions add whom a mail names" on public.ticket_participants
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));

grant execute on function private.add_participant(uuid, uuid, text, text, text) to authenticated;
grant execute on function public.add_participant(uuid, uuid, text, text, text) to authenticated;
grant execute on function private.remove_participant(uuid, uuid) to authenticated;
grant execute on function public.remove_participant(uuid, uuid) to authenticated;
grant execute on function private.max_participants() to pgdesk_functions;
grant execute on function private.is_own_address(uuid, text) to pgdesk_functions;
grant execute on function private.bring_participants(uuid, uuid, jsonb) to pgdesk_functions;
grant execute on function private.may_write_in(uuid, uuid) to authenticated;
