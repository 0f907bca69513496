grant execute on function public.open_ticket(uuid, text, text, public.ticket_channel, uuid) to authenticated;
grant execute on function public.send_reply(uuid, text, integer, boolean, text[]) to authenticated;
grant execute on function private.tickets_by_message_id(uuid, text[]) to pgdesk_functions;
grant execute on function private.ensure_message_partitions(integer) to pgdesk_functions;

alter table public.messages enable row level security;
grant select on public.messages to authenticated, pgdesk_functions;
grant insert (organization_id, ticket_id, sender, contact_id, member_id, is_internal, body_text) on public.messages
to authenticated;
grant insert (
  id, organization_id, ticket_id, sender, contact_id, member_id, is_internal, is_machine, sender_status, is_verified,
  body_text, reply_text, body_html, message_id_header
), update (message_id_header, sender_status) on public.messages to pgdesk_functions;

-- Two ways in for a contact: public messages of tickets that are its own, and what it wrote itself, wherever that is.
create policy "Members see messages, contacts the public ones of their tickets" on public.messages
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or (
    not is_internal
    and sender_status = 'known'
    and (
      ticket_id in (
        select t.id from public.tickets as t where t.contact_id = any(array(select private.my_contacts()))
      )
      or (sender = 'contact' and contact_id = any(array(select private.my_contacts())))
    )
  )
);
create policy "Agents write as themselves, contacts as themselves on their tickets" on public.messages
for insert to authenticated with check (
  (
    sender = 'member'
    -- Who writes by an API key writes in no member's name.
    and member_id is not distinct from (select auth.uid())
    and organization_id = any(array(select private.my_organizations('agent')))
  )
  or (
    sender = 'contact'
    and not is_internal
    and member_id is null
    and (
      (
        contact_id = any(array(select private.my_contacts()))
        and private.may_write_in(ticket_id, contact_id)
      )
      or organization_id = any(array(select private.my_organizations('agent')))
    )
  )
);
create policy "Functions see the messages they work for" on public.messages
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions write messages for the organization they work for" on public.messages
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions complete messages they work for" on public.messages
for update to pgdesk_functions using (organization_id = (select private.current_organization()));
