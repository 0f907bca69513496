alter table public.member_availability enable row level security;
grant select, insert (organization_id, user_id, status, capacity), update (status, capacity)
on public.member_availability to authenticated;
grant update (assignment) on public.teams to authenticated;

create policy "Members see who is at work" on public.member_availability
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers say how much a member takes" on public.member_availability
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change how much a member takes" on public.member_availability
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));

grant execute on function private.set_availability(uuid, text) to authenticated;
grant execute on function public.set_availability(uuid, text) to authenticated;
grant execute on function private.take_next(uuid) to authenticated;
grant execute on function public.take_next(uuid) to authenticated;
grant execute on function private.explain_assignment(uuid) to authenticated;
grant execute on function public.explain_assignment(uuid) to authenticated;
