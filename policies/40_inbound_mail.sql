grant execute on function private.accept_mail(uuid, uuid, text, text, text, bytea, bytea, text) to pgdesk_functions;
grant execute on function private.member_by_email(text) to pgdesk_functions;
grant execute on function private.bare_subject(text) to pgdesk_functions;
grant execute on function private.is_participant(uuid, uuid, text) to pgdesk_functions;
grant execute on function private.find_thread(uuid, uuid, boolean, text[], text) to pgdesk_functions;
grant execute on function private.note_parsed(uuid, text, text, text, text, jsonb, text[]) to pgdesk_functions;
grant execute on function private.contact_for(uuid, text, text) to pgdesk_functions;
grant execute on function private.file_mail(uuid, jsonb) to pgdesk_functions;
grant execute on function private.quarantine_mail(uuid, text) to pgdesk_functions;
grant execute on function public.retry_inbound_mail(uuid) to authenticated;
grant execute on function private.retry_inbound_mail(uuid) to authenticated;
grant execute on function public.split_mail(uuid) to authenticated;
grant execute on function private.split_mail(uuid) to authenticated;

alter table public.inbound_mails enable row level security;
grant select on public.inbound_mails to authenticated, pgdesk_functions;
grant insert (
  organization_id, mail_address_id, recipients, envelope_from, bytes, content_sha256, message_id_header, id_reused
), update (
  recipients, deliveries, last_delivered_at, state, reason, sender, subject, verdict, dmarc, outcome, ticket_id,
  message_id, decision, done_at
) on public.inbound_mails to pgdesk_functions;

create policy "Admins see what became of every mail" on public.inbound_mails
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Functions see the ledger they work for" on public.inbound_mails
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions enter mail in the ledger they work for" on public.inbound_mails
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions keep the ledger they work for" on public.inbound_mails
for update to pgdesk_functions using (organization_id = (select private.current_organization()));

-- The mail itself is for the functions alone.
alter table private.inbound_raw enable row level security;
grant select, insert on private.inbound_raw to pgdesk_functions;

create policy "Functions read the raw mail they work for" on private.inbound_raw
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions keep raw mail for the organization they work for" on private.inbound_raw
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
