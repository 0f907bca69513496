alter table public.ticket_links enable row level security;
grant select, delete, insert (organization_id, ticket_id, other_ticket_id, kind) on public.ticket_links
to authenticated;

create policy "Members see links" on public.ticket_links
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents link tickets" on public.ticket_links
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents take links away" on public.ticket_links
for delete to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));

grant execute on function private.similar_tickets(uuid, integer) to authenticated;
grant execute on function public.similar_tickets(uuid, integer) to authenticated;

alter table private.ticket_vectors enable row level security;
grant select, insert, update (embedding, model) on private.ticket_vectors to pgdesk_functions;

create policy "Functions see the vectors of their organization" on private.ticket_vectors
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions keep vectors for their organization" on private.ticket_vectors
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions renew vectors of their organization" on private.ticket_vectors
for update to pgdesk_functions using (organization_id = (select private.current_organization()));
