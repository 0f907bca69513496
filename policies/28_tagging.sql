alter table public.contact_tags enable row level security;
grant select, delete, insert (organization_id, contact_id, tag_id) on public.contact_tags to authenticated;

create policy "Members see tags of contacts" on public.contact_tags
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents tag contacts" on public.contact_tags
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents untag contacts" on public.contact_tags
for delete to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));

alter table public.session_taggings enable row level security;
grant select, delete, insert (organization_id, session_id, tag_id) on public.session_taggings to authenticated;

create policy "Members see tags of sessions" on public.session_taggings
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents tag sessions" on public.session_taggings
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents untag sessions" on public.session_taggings
for delete to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));

-- Read with the caller's rights on what it is made of.
grant select on public.session_tags to authenticated;
