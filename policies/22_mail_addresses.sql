grant execute on function private.resolve_address(text) to pgdesk_functions;

alter table public.mail_addresses enable row level security;
grant select, delete, insert (organization_id, address, display_name, team_id, is_default),
  update (display_name, team_id, is_default) on public.mail_addresses to authenticated;
grant select on public.mail_addresses to pgdesk_functions;

create policy "Members see their mail addresses" on public.mail_addresses
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Admins add mail addresses" on public.mail_addresses
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins change mail addresses" on public.mail_addresses
for update to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins remove mail addresses" on public.mail_addresses
for delete to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Functions see the mail addresses they work for" on public.mail_addresses
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
