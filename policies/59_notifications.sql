grant execute on function private.notification_choices(uuid) to authenticated;
grant execute on function public.notification_choices(uuid) to authenticated;
grant execute on function public.notification_counts(uuid) to authenticated;
grant execute on function private.set_digest(uuid, text, integer, text, boolean) to authenticated;
grant execute on function public.set_digest(uuid, text, integer, text, boolean) to authenticated;
grant execute on function private.notices_recipient(uuid) to pgdesk_functions;
grant execute on function private.stop_notices(uuid, text) to pgdesk_functions;

alter table private.notification_kinds enable row level security;

alter table public.notifications enable row level security;
grant select, update (seen_at, read_at) on public.notifications to authenticated;
grant select on public.notifications to pgdesk_functions;

create policy "Members see what they are told" on public.notifications
for select to authenticated using (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
);
create policy "Members read what they are told" on public.notifications
for update to authenticated using (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
);
create policy "Functions see the notifications they mail" on public.notifications
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.notification_preferences enable row level security;
-- An upsert writes all of its columns.
grant select, delete, insert (organization_id, user_id, kind, in_app, mail),
  update (organization_id, user_id, kind, in_app, mail)
on public.notification_preferences to authenticated;

create policy "Members see how they want to be told" on public.notification_preferences
for select to authenticated using (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
);
create policy "Members choose how to be told" on public.notification_preferences
for insert to authenticated with check (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
);
create policy "Members change how they are told" on public.notification_preferences
for update to authenticated using (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
);
create policy "Members go back to what is usual" on public.notification_preferences
for delete to authenticated using (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
);

alter table public.notification_settings enable row level security;
grant select on public.notification_settings to authenticated;

create policy "Members see when they get their digest" on public.notification_settings
for select to authenticated using (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations()))
);
