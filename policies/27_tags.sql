-- Members see tags, agents make, name and move them. Merging and deleting is in 34_tag_changes.sql.

alter table private.tag_aliases enable row level security;

grant execute on function private.tag_name(text) to authenticated;
grant execute on function private.move_tag(uuid, uuid) to authenticated;
grant execute on function public.move_tag(uuid, uuid) to authenticated;
grant execute on function public.tag_with_descendants(uuid) to authenticated;

alter table public.tags enable row level security;
-- Where it stands is changed by move_tag alone, which puts movers in line.
grant select, insert (organization_id, name, color, parent_id), update (name, color) on public.tags to authenticated;

create policy "Members see tags" on public.tags
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents add tags" on public.tags
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents change tags" on public.tags
for update to authenticated using (
  organization_id = any(array(select private.my_organizations('agent'))) and removed_at is null
);
