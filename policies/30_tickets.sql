alter table private.ticket_counters enable row level security;

alter table public.ticket_statuses enable row level security;
grant select, delete, insert (organization_id, key, name, category, position), update (name, category, position)
on public.ticket_statuses to authenticated;
grant select on public.ticket_statuses to pgdesk_functions;

create policy "Members and contacts see statuses" on public.ticket_statuses
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or organization_id = any(array(select private.my_contact_organizations()))
);
create policy "Admins add statuses" on public.ticket_statuses
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins change statuses" on public.ticket_statuses
for update to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins remove statuses" on public.ticket_statuses
for delete to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Functions see the statuses they work with" on public.ticket_statuses
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.ticket_categories enable row level security;
grant select, delete, insert (organization_id, key, name, skill_id, sensitive), update (name, skill_id, sensitive)
on public.ticket_categories to authenticated;
grant select on public.ticket_categories to pgdesk_functions;

create policy "Members see categories" on public.ticket_categories
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add categories" on public.ticket_categories
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change categories" on public.ticket_categories
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove categories" on public.ticket_categories
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see the categories they work with" on public.ticket_categories
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.tickets enable row level security;
grant select on public.tickets to authenticated, pgdesk_functions;
grant insert (organization_id, subject, channel, contact_id, mail_address_id) on public.tickets
to authenticated, pgdesk_functions;
grant update (
  subject, status, priority, category_id, team_id, assignee_id, language, is_spam, tags, fields, ai_state
) on public.tickets to authenticated;
grant update (
  status, priority, category_id, team_id, language, sentiment, is_spam, tags, ai_state
) on public.tickets to pgdesk_functions;

create policy "Members see tickets, contacts their own" on public.tickets
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or contact_id = any(array(select private.my_contacts()))
);
create policy "Agents open tickets for anyone, contacts for themselves in the portal" on public.tickets
for insert to authenticated with check (
  organization_id = any(array(select private.my_organizations('agent')))
  or (contact_id = any(array(select private.my_contacts())) and channel in ('portal', 'chat'))
);
create policy "Agents change tickets" on public.tickets
for update to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Functions see the tickets they work for" on public.tickets
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions open tickets for the organization they work for" on public.tickets
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions change tickets they work for" on public.tickets
for update to pgdesk_functions using (organization_id = (select private.current_organization()));
