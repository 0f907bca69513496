grant execute on function private.mark_seen(uuid, integer) to authenticated;
grant execute on function public.mark_seen(uuid, integer) to authenticated;
grant execute on function private.unseen_answers(uuid) to pgdesk_functions;
grant update (mail_chat_after) on public.organizations to authenticated;

alter table public.contact_reads enable row level security;
grant select on public.contact_reads to authenticated, pgdesk_functions;

create policy "Members see how far contacts have read, contacts their own" on public.contact_reads
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or ticket_id in (
    select t.id from public.tickets as t where t.contact_id = any(array(select private.my_contacts()))
  )
);
create policy "Functions see how far the contacts they write to have read" on public.contact_reads
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
