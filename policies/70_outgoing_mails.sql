grant execute on function private.mark_sent(uuid, text, text, text, timestamptz) to pgdesk_functions;
grant execute on function private.may_mail_automatically(uuid, uuid) to pgdesk_functions;
grant execute on function public.resolve_outgoing_mail(uuid, text) to authenticated;
grant execute on function private.resolve_outgoing_mail(uuid, text) to authenticated;

alter table public.outgoing_mails enable row level security;
-- Without reply_to: who knows its token is taken for the contact it was sent to.
grant select (
  id, organization_id, ticket_id, message_id, about_id, kind, is_automatic, contact_id, user_id, status, reason,
  to_address, cc, bcc, from_address, subject, body_text, body_html, headers, attempted_at, provider,
  provider_id, message_id_header, created_at, updated_at, sent_at, delivery, delivered_at, bounced_at, complained_at,
  opened_at, clicked_at
) on public.outgoing_mails to authenticated;
grant select on public.outgoing_mails to pgdesk_functions;
grant insert (
  organization_id, ticket_id, message_id, about_id, kind, is_automatic, contact_id, user_id, status, reason,
  to_address, cc, bcc, from_address, reply_to, subject, body_text, body_html, headers
), update (
  status, reason, attempted_at, attempt_token, idempotency_key, provider, provider_id, message_id_header, sent_at
) on public.outgoing_mails to pgdesk_functions;

-- Not the mails that ask contacts for a rating: who has their links can give it. Invitations are the admins'.
create policy "Members see what was mailed to contacts, and to themselves" on public.outgoing_mails
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  and (user_id is null or user_id = (select auth.uid()))
  and kind <> 'csat'
  and (kind <> 'invitation' or organization_id = any(array(select private.my_organizations('admin'))))
);
create policy "Functions see the mail they work for" on public.outgoing_mails
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions store mail for the organization they work for" on public.outgoing_mails
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions complete mail they work for" on public.outgoing_mails
for update to pgdesk_functions using (organization_id = (select private.current_organization()));
