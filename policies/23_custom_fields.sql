-- Asked by a check of public.contacts.
grant execute on function private.is_phone(text) to anon, authenticated, service_role, pgdesk_functions;
grant execute on function public.set_fields(text, uuid, jsonb) to authenticated;

alter table public.custom_fields enable row level security;
grant select, insert (
  organization_id, target, key, label, type, options, is_required, is_sensitive, position
), update (label, type, options, is_required, position, archived_at) on public.custom_fields to authenticated;
grant select on public.custom_fields to pgdesk_functions;

create policy "Members see custom fields" on public.custom_fields
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers define custom fields" on public.custom_fields
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change custom fields" on public.custom_fields
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see the custom fields they work with" on public.custom_fields
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
