grant execute on function private.tickets_tagged(uuid, boolean, uuid, integer) to authenticated;
grant execute on function public.tickets_tagged(uuid, boolean, uuid, integer) to authenticated;

alter table public.ticket_tags enable row level security;
-- Written by a change of tickets.tags alone.
grant select on public.ticket_tags to authenticated;

create policy "Members see tags of tickets" on public.ticket_tags
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
