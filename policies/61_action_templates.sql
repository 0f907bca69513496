grant execute on function private.attach_form(uuid, uuid) to authenticated;
grant execute on function public.send_form(uuid, uuid, integer) to authenticated;
grant execute on function private.submit_form(uuid, jsonb) to authenticated;
grant execute on function public.submit_form(uuid, jsonb) to authenticated;
grant execute on function private.cancel_form(uuid) to authenticated;
grant execute on function public.cancel_form(uuid) to authenticated;
grant execute on function private.submit_form_by_link(uuid, jsonb) to pgdesk_functions;

alter table public.action_templates enable row level security;
grant select, delete, insert (organization_id, name, body, fields, expires_after, archived_at),
  update (name, body, fields, expires_after, archived_at)
on public.action_templates to authenticated;

create policy "Members see the forms they can send" on public.action_templates
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add forms" on public.action_templates
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change forms" on public.action_templates
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove forms" on public.action_templates
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));

alter table public.action_forms enable row level security;
grant select on public.action_forms to authenticated, pgdesk_functions;

create policy "Members see forms that were sent, contacts those of their tickets" on public.action_forms
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or ticket_id in (select t.id from public.tickets as t where t.contact_id = any(array(select private.my_contacts())))
);
create policy "Functions see the forms they work for" on public.action_forms
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
