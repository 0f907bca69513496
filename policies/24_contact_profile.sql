grant execute on function private.my_profiles() to authenticated;
grant execute on function public.my_profiles() to authenticated;
grant execute on function private.set_my_subscription(uuid, boolean) to authenticated;
grant execute on function public.set_my_subscription(uuid, boolean) to authenticated;
grant execute on function private.find_contact(uuid, text, text, text) to authenticated;
grant execute on function public.find_contact(uuid, text, text, text) to authenticated;
grant execute on function public.upsert_contact(uuid, text, text, text, text, text, text, uuid, jsonb, text)
to authenticated;

alter table public.contact_external_ids enable row level security;
grant select, delete, insert (organization_id, system, external_id, contact_id) on public.contact_external_ids
to authenticated;

create policy "Members see what other systems call contacts" on public.contact_external_ids
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents add what other systems call contacts" on public.contact_external_ids
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents remove what other systems call contacts" on public.contact_external_ids
for delete to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));

alter table public.contact_notes enable row level security;
grant select, delete, insert (organization_id, contact_id, author_id, body, is_pinned), update (body, is_pinned)
on public.contact_notes to authenticated;

create policy "Members see notes on contacts" on public.contact_notes
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents write notes in their own name" on public.contact_notes
for insert to authenticated with check (
  author_id is not distinct from (select auth.uid())
  and organization_id = any(array(select private.my_organizations('agent')))
);
create policy "Authors and managers change notes" on public.contact_notes
for update to authenticated using (
  organization_id = any(array(select private.my_organizations('manager')))
  or (author_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations('agent'))))
);
create policy "Authors and managers remove notes" on public.contact_notes
for delete to authenticated using (
  organization_id = any(array(select private.my_organizations('manager')))
  or (author_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations('agent'))))
);
