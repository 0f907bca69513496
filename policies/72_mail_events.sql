grant execute on function private.find_outgoing_mail(text, text, uuid, text) to pgdesk_functions;
grant execute on function private.note_mail_event(
  text, text, uuid, text, text, text, text, text, text, timestamptz, jsonb
) to pgdesk_functions;
grant execute on function public.unsuppress_contact(uuid) to authenticated;
grant execute on function private.unsuppress_contact(uuid) to authenticated;

alter table public.mail_events enable row level security;
grant select on public.mail_events to authenticated;
grant insert (organization_id, outgoing_mail_id, provider, provider_event_id, type, bounce, at, detail)
on public.mail_events to pgdesk_functions;

create policy "Members see what became of their mail" on public.mail_events
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Functions note events of the organization they work for" on public.mail_events
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
