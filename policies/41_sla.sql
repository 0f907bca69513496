alter table private.sla_rules enable row level security;

alter table public.sla_policies enable row level security;
grant select, delete,
  insert (
    organization_id, name, position, conditions, calendar_id, warn_after, pauses_while_waiting, ai_counts, is_active
  ),
  update (name, position, conditions, calendar_id, warn_after, pauses_while_waiting, ai_counts, is_active)
on public.sla_policies to authenticated;

create policy "Members see SLA policies" on public.sla_policies
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add SLA policies" on public.sla_policies
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change SLA policies" on public.sla_policies
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove SLA policies" on public.sla_policies
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));

alter table public.sla_targets enable row level security;
grant select, delete,
  insert (organization_id, policy_id, priority, first_response, next_response, resolution),
  update (priority, first_response, next_response, resolution)
on public.sla_targets to authenticated;

create policy "Members see SLA targets" on public.sla_targets
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add SLA targets" on public.sla_targets
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change SLA targets" on public.sla_targets
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove SLA targets" on public.sla_targets
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));

alter table public.sla_clocks enable row level security;
grant select on public.sla_clocks to authenticated;

create policy "Members see SLA clocks" on public.sla_clocks
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
