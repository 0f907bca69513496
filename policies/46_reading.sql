alter table public.ticket_reads enable row level security;
grant select on public.ticket_reads to authenticated;

create policy "Members see who has read what" on public.ticket_reads
for select to authenticated using (organization_id = any(array(select private.my_organizations())));

grant execute on function private.mark_read(uuid, integer, boolean) to authenticated;
grant execute on function public.mark_read(uuid, integer, boolean) to authenticated;
grant execute on function public.unread(public.tickets) to authenticated;
grant execute on function public.preview(public.tickets) to authenticated;
grant execute on function private.unread_counts(uuid) to authenticated;
grant execute on function public.unread_counts(uuid) to authenticated;
