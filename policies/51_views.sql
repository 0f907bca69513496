alter table public.ticket_views enable row level security;
grant select, delete,
  insert (organization_id, name, user_id, team_id, position, conditions, sort, ascending, columns),
  update (name, user_id, team_id, position, conditions, sort, ascending, columns)
on public.ticket_views to authenticated;

create policy "Members see their own views and those shared with them" on public.ticket_views
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  and (
    user_id = (select auth.uid())
    or user_id is null and (
      team_id is null
      or team_id = any(array(select private.my_teams()))
      or organization_id = any(array(select private.my_organizations('manager')))
    )
  )
);
create policy "Members add views of their own, managers shared ones" on public.ticket_views
for insert to authenticated with check (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
  or user_id is null and organization_id = any(array(select private.my_organizations('manager')))
);
create policy "Members change views of their own, managers shared ones" on public.ticket_views
for update to authenticated using (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
  or user_id is null and organization_id = any(array(select private.my_organizations('manager')))
);
create policy "Members remove views of their own, managers shared ones" on public.ticket_views
for delete to authenticated using (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
  or user_id is null and organization_id = any(array(select private.my_organizations('manager')))
);

grant execute on function private.filter_tickets(uuid, jsonb, text, boolean, jsonb, integer) to authenticated;
grant execute on function private.count_tickets(uuid, jsonb) to authenticated;
grant execute on function public.filter_tickets(uuid, jsonb, text, boolean, jsonb, integer) to authenticated;
grant execute on function public.view_tickets(uuid, jsonb, integer) to authenticated;
grant execute on function public.view_counts(uuid) to authenticated;
