grant execute on function private.chat_context(text, text, text) to authenticated;
grant execute on function public.chat_context(text, text, text) to authenticated;
grant execute on function private.capture_message(
  text, text, text, text, text, text, text, text, public.ticket_channel, boolean
) to authenticated;
grant execute on function public.capture_message(
  text, text, text, text, text, text, text, text, public.ticket_channel, boolean
) to authenticated;

alter table public.channel_threads enable row level security;
grant select on public.channel_threads to authenticated, pgdesk_functions;

create policy "Members see conversations" on public.channel_threads
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Functions see the conversations they work for" on public.channel_threads
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.captured_messages enable row level security;
grant select on public.captured_messages to authenticated, pgdesk_functions;

create policy "Members see what came from where" on public.captured_messages
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Functions see what came from where, as far as they work for it" on public.captured_messages
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
