grant execute on function private.are_hosts(text[]) to authenticated;
grant execute on function private.visitor_claim(text) to authenticated;
grant execute on function private.open_widget(uuid, text) to pgdesk_functions;
grant execute on function private.administered_widget(uuid) to pgdesk_functions;
grant execute on function private.set_widget_secret(uuid, uuid, bytea, integer) to pgdesk_functions;
grant execute on function private.greet_visitor(uuid, uuid, text) to pgdesk_functions;
grant execute on function private.tell_reply(uuid, text, jsonb) to pgdesk_functions;
grant execute on function private.say_in_chat(text, text, boolean) to authenticated;
grant execute on function public.say_in_chat(text, text, boolean) to authenticated;
grant execute on function private.leave_address(text, text) to authenticated;
grant execute on function public.leave_address(text, text) to authenticated;

alter table public.chat_widgets enable row level security;
grant select, delete, insert (organization_id, name, domains, greeting, needs_identity, is_active),
  update (name, domains, greeting, needs_identity, is_active) on public.chat_widgets to authenticated;
grant select on public.chat_widgets to pgdesk_functions;

create policy "Members see widgets" on public.chat_widgets
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Admins add widgets" on public.chat_widgets
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins change widgets" on public.chat_widgets
for update to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins remove widgets" on public.chat_widgets
for delete to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Functions see the widgets they work with" on public.chat_widgets
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table private.widget_secrets enable row level security;

alter table public.visitors enable row level security;
grant select on public.visitors to authenticated;
grant select, insert (id, organization_id, widget_id, contact_id, is_identified), update (seen_at)
on public.visitors to pgdesk_functions;

create policy "Members see visitors" on public.visitors
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Functions see the visitors they work for" on public.visitors
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions add visitors they work for" on public.visitors
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions note that a visitor is there" on public.visitors
for update to pgdesk_functions using (organization_id = (select private.current_organization()));
