grant execute on function private.my_role(uuid) to authenticated;
grant execute on function private.current_organization() to pgdesk_functions;
grant execute on function private.create_organization(text, text) to authenticated;
grant execute on function public.create_organization(text, text) to authenticated;
grant execute on function private.set_display_name(uuid, text) to authenticated;
grant execute on function public.set_display_name(uuid, text) to authenticated;
grant execute on function private.accept_invitation(uuid) to authenticated;
grant execute on function public.accept_invitation(uuid) to authenticated;

alter table private.strict_organizations enable row level security;
alter table public.organizations enable row level security;
grant select, update (name, ai_mode, ai_threshold, language, settings, require_mfa) on public.organizations
to authenticated;
grant select on public.organizations to pgdesk_functions;

-- Contacts get what they need by my_desks(): how the desk is set up is none of their business.
create policy "Members see their organizations" on public.organizations
for select to authenticated using (id = any(array(select private.my_organizations())));
create policy "Admins change their organization" on public.organizations
for update to authenticated using (id = any(array(select private.my_organizations('admin'))));
create policy "Functions see the organization they work for" on public.organizations
for select to pgdesk_functions using (id = (select private.current_organization()));

alter table public.members enable row level security;
grant select, delete, update (role, display_name) on public.members to authenticated;
grant select on public.members to pgdesk_functions;

create policy "Members see their colleagues" on public.members
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Admins change members" on public.members
for update to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins remove members, anyone may leave" on public.members
for delete to authenticated using (
  organization_id = any(array(select private.my_organizations('admin'))) or user_id = (select auth.uid())
);
create policy "Functions see the members they work for" on public.members
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.invitations enable row level security;
grant select, delete, insert (organization_id, email, role, invited_by) on public.invitations to authenticated;
grant select on public.invitations to pgdesk_functions;

create policy "Admins see invitations" on public.invitations
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins invite, up to their own role" on public.invitations
for insert to authenticated with check (
  organization_id = any(array(select private.my_organizations('admin')))
  and role <= (select private.my_role(organization_id))
  and invited_by = (select auth.uid())
);
create policy "Admins take invitations back" on public.invitations
for delete to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Functions see invitations they send" on public.invitations
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
