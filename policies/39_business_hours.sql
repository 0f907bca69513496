alter table public.calendars enable row level security;
grant select, delete, insert (organization_id, name, time_zone, is_default), update (name, time_zone, is_default)
on public.calendars to authenticated;
grant update (calendar_id) on public.teams to authenticated;

create policy "Members see calendars" on public.calendars
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add calendars" on public.calendars
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change calendars" on public.calendars
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove calendars" on public.calendars
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));

alter table public.calendar_hours enable row level security;
grant select, delete, insert (organization_id, calendar_id, weekday, opens, closes), update (weekday, opens, closes)
on public.calendar_hours to authenticated;

create policy "Members see opening hours" on public.calendar_hours
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add opening hours" on public.calendar_hours
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change opening hours" on public.calendar_hours
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove opening hours" on public.calendar_hours
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));

alter table public.calendar_holidays enable row level security;
grant select, delete, insert (organization_id, calendar_id, day, name), update (day, name)
on public.calendar_holidays to authenticated;

create policy "Members see holidays" on public.calendar_holidays
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add holidays" on public.calendar_holidays
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change holidays" on public.calendar_holidays
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove holidays" on public.calendar_holidays
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
