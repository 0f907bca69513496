alter table public.canned_responses enable row level security;
grant select, delete, insert (organization_id, shortcut, title, body, team_id), update (shortcut, title, body, team_id)
on public.canned_responses to authenticated;

create policy "Members see canned responses" on public.canned_responses
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents add canned responses" on public.canned_responses
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents change canned responses" on public.canned_responses
for update to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents remove canned responses" on public.canned_responses
for delete to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));

alter table public.compositions enable row level security;
-- An upsert writes all of its columns.
grant select, delete, insert (organization_id, ticket_id, user_id, is_internal, body),
  update (organization_id, ticket_id, user_id, is_internal, body)
on public.compositions to authenticated;

create policy "Members see what they have begun to write" on public.compositions
for select to authenticated using (user_id = (select auth.uid()));
create policy "Agents begin to write" on public.compositions
for insert to authenticated with check (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations('agent')))
);
create policy "Agents go on writing" on public.compositions
for update to authenticated using (
  user_id = (select auth.uid()) and organization_id = any(array(select private.my_organizations('agent')))
);
create policy "Members put away what they have begun" on public.compositions
for delete to authenticated using (user_id = (select auth.uid()));

grant execute on function public.fill_text(text, uuid) to authenticated;
