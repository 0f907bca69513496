grant execute on function private.my_desks() to authenticated;
grant execute on function public.my_desks() to authenticated;
grant execute on function private.become_contact(uuid) to authenticated;
grant execute on function public.become_contact(uuid) to authenticated;
grant execute on function private.my_contacts() to anon, authenticated;
grant execute on function private.my_contact_organizations() to authenticated;
grant execute on function private.my_contact_id(uuid) to authenticated;

alter table public.contacts enable row level security;
grant select, insert (
  organization_id, email, name, language, phone, company_id, source, fields, subscription_status, consent_source
), update (email, name, language, phone, company_id, fields, subscription_status, consent_source) on public.contacts
to authenticated;
grant select, insert (organization_id, email, name, language, source),
  update (name, language, suppressed_at, suppressed_because) on public.contacts to pgdesk_functions;

-- Contacts get what they may know of themselves by my_profiles(): what members keep of them is none of their business.
-- Who is merged into another is found by the other alone.
create policy "Members see contacts" on public.contacts
for select to authenticated using (
  organization_id = any(array(select private.my_organizations())) and merged_into is null
);
create policy "Agents add contacts" on public.contacts
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents change contacts" on public.contacts
for update to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Functions see the contacts they work for" on public.contacts
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions add contacts to the organization they work for" on public.contacts
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions change contacts they work for" on public.contacts
for update to pgdesk_functions using (organization_id = (select private.current_organization()));
