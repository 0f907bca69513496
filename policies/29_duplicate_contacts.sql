grant execute on function private.duplicate_contacts(uuid, uuid, integer) to authenticated;
grant execute on function public.duplicate_contacts(uuid, uuid, integer) to authenticated;
grant execute on function public.dismiss_duplicate(uuid, uuid) to authenticated;

alter table private.contact_keys enable row level security;

alter table public.dismissed_duplicates enable row level security;
grant select, delete, insert (organization_id, contact_id, other_id) on public.dismissed_duplicates to authenticated;

create policy "Members see which contacts are two" on public.dismissed_duplicates
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents say which contacts are two" on public.dismissed_duplicates
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents take that back" on public.dismissed_duplicates
for delete to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));
