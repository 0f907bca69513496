alter table public.macros enable row level security;
grant select, delete, insert (organization_id, name, actions), update (name, actions) on public.macros to authenticated;

create policy "Members see macros" on public.macros
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add macros" on public.macros
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change macros" on public.macros
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove macros" on public.macros
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));

grant execute on function public.run_macro(uuid, uuid, integer) to authenticated;
