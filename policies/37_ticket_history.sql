alter table public.ticket_history enable row level security;
grant select on public.ticket_history to authenticated;

create policy "Members see what became of tickets" on public.ticket_history
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
