grant execute on function private.merge_contacts(uuid, uuid[], boolean) to authenticated;
grant execute on function public.merge_contacts(uuid, uuid[], boolean) to authenticated;
grant execute on function private.unmerge_contacts(uuid) to authenticated;
grant execute on function public.unmerge_contacts(uuid) to authenticated;

alter table private.contact_references enable row level security;
alter table private.contact_moves enable row level security;

alter table public.contact_merges enable row level security;
grant select on public.contact_merges to authenticated;

create policy "Members see which contacts were merged" on public.contact_merges
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
