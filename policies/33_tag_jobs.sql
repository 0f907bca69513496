grant execute on function private.bulk_tag(uuid, text, jsonb, text[], text[]) to authenticated;
grant execute on function public.bulk_tag(uuid, text, jsonb, text[], text[]) to authenticated;
grant execute on function private.cancel_tag_job(uuid) to authenticated;
grant execute on function public.cancel_tag_job(uuid) to authenticated;

alter table public.tag_jobs enable row level security;
grant select on public.tag_jobs to authenticated;

create policy "Members see how far tagging is" on public.tag_jobs
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
