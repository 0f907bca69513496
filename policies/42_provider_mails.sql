grant execute on function private.fetch_provider_mail(uuid, timestamptz, text) to pgdesk_functions;
grant execute on function private.record_provider_mail(
  uuid, text, text, public.provider_mail_state, text[], text, text, jsonb
) to pgdesk_functions;
grant execute on function private.known_provider_mails(text, text[]) to pgdesk_functions;
grant execute on function public.retry_provider_mail(uuid) to authenticated;
grant execute on function private.retry_provider_mail(uuid) to authenticated;

alter table public.provider_mails enable row level security;
grant select on public.provider_mails to authenticated;
grant select, delete, insert (
  organization_id, provider, provider_id, state, recipients, locator, envelope_from, verdicts
), update (
  state, reason, recipients, locator, envelope_from, verdicts, inbound_mail_id
) on public.provider_mails to pgdesk_functions;

create policy "Admins see what providers hold for them" on public.provider_mails
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
-- Outside of a tenant they see what is nobody's.
create policy "Functions see what providers hold for whom they work" on public.provider_mails
for select to pgdesk_functions using (organization_id is not distinct from (select private.current_organization()));
create policy "Functions enter what providers hold for whom they work" on public.provider_mails
for insert to pgdesk_functions with check (
  organization_id is not distinct from (select private.current_organization())
);
create policy "Functions note what became of it" on public.provider_mails
for update to pgdesk_functions using (organization_id is not distinct from (select private.current_organization()));
create policy "Functions forget what was announced and never came, or has found its owner" on public.provider_mails
for delete to pgdesk_functions using (
  organization_id is not distinct from (select private.current_organization())
  and (organization_id is null or state = 'announced')
);

-- Uploads lie under the organization's folder as attachments do, and are fetched and added by the same policies
-- (38_attachments.sql). No member reads them.
