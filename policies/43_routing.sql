alter table public.routing_rules enable row level security;
grant select, delete,
  insert (
    organization_id, name, position, conditions, team_id, assignee_id, priority, add_tags, is_final, is_active
  ),
  update (name, position, conditions, team_id, assignee_id, priority, add_tags, is_final, is_active)
on public.routing_rules to authenticated;

create policy "Members see routing rules" on public.routing_rules
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add routing rules" on public.routing_rules
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change routing rules" on public.routing_rules
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove routing rules" on public.routing_rules
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));

alter table public.ticket_routings enable row level security;
grant select on public.ticket_routings to authenticated;

create policy "Members see which rules were taken" on public.ticket_routings
for select to authenticated using (organization_id = any(array(select private.my_organizations())));

grant execute on function private.route_triaged(uuid) to pgdesk_functions;
