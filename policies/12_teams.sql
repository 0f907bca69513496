alter table public.teams enable row level security;
grant select, delete, insert (organization_id, name), update (organization_id, name) on public.teams to authenticated;
grant select on public.teams to pgdesk_functions;

create policy "Members see teams" on public.teams
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add teams" on public.teams
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change teams" on public.teams
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove teams" on public.teams
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see teams they work for" on public.teams
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.team_members enable row level security;
grant select, delete, insert (organization_id, team_id, user_id), update (organization_id, team_id, user_id)
on public.team_members to authenticated;
grant select on public.team_members to pgdesk_functions;

create policy "Members see who is in a team" on public.team_members
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add who is in a team" on public.team_members
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change who is in a team" on public.team_members
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove who is in a team" on public.team_members
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see who is in a team they work for" on public.team_members
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.skills enable row level security;
grant select, delete, insert (organization_id, name), update (organization_id, name) on public.skills to authenticated;
grant select on public.skills to pgdesk_functions;

create policy "Members see skills" on public.skills
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add skills" on public.skills
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change skills" on public.skills
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove skills" on public.skills
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see skills they work for" on public.skills
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.member_skills enable row level security;
grant select, delete, insert (organization_id, user_id, skill_id), update (organization_id, user_id, skill_id)
on public.member_skills to authenticated;
grant select on public.member_skills to pgdesk_functions;

create policy "Members see what members know" on public.member_skills
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add what members know" on public.member_skills
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change what members know" on public.member_skills
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove what members know" on public.member_skills
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see what members know they work for" on public.member_skills
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.team_skills enable row level security;
grant select, delete, insert (organization_id, team_id, skill_id), update (organization_id, team_id, skill_id)
on public.team_skills to authenticated;
grant select on public.team_skills to pgdesk_functions;

create policy "Members see what teams know" on public.team_skills
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add what teams know" on public.team_skills
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change what teams know" on public.team_skills
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove what teams know" on public.team_skills
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see what teams know they work for" on public.team_skills
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
