alter table public.retention_rules enable row level security;
grant select, delete, insert (organization_id, what, keep), update (keep) on public.retention_rules to authenticated;

create policy "Members see how long what is kept" on public.retention_rules
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Admins add retention rules" on public.retention_rules
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins change retention rules" on public.retention_rules
for update to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins remove retention rules" on public.retention_rules
for delete to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
