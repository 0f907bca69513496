grant execute on function private.my_colleagues() to authenticated;
grant execute on function private.my_answerers() to authenticated;

alter table public.profiles enable row level security;
grant select, insert (user_id, name, avatar_path, time_zone, locale),
  update (user_id, name, avatar_path, time_zone, locale)
on public.profiles to authenticated;

create policy "Everybody sees their own profile, and their colleagues'" on public.profiles
for select to authenticated using (
  user_id = (select auth.uid()) or user_id = any(array(select private.my_colleagues()))
);
create policy "Everybody makes their own profile" on public.profiles
for insert to authenticated with check (user_id = (select auth.uid()));
create policy "Everybody changes their own profile" on public.profiles
for update to authenticated using (user_id = (select auth.uid()));

alter table public.authors enable row level security;
grant select on public.authors to authenticated, pgdesk_functions;

create policy "Members see who writes here, contacts who answered them" on public.authors
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or (organization_id, user_id) in (select a.organization_id, a.user_id from private.my_answerers() as a)
);
create policy "Functions see who writes for the organization they work for" on public.authors
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

-- A picture is seen by whom its owner's name is shown to.
create policy "Who sees somebody's name sees their picture" on storage.objects
for select to authenticated using (
  bucket_id = 'avatars'
  and (
    (storage.foldername(name))[1] = (select auth.uid())::text
    or exists (
      select from public.authors as a where a.user_id = private.try_uuid((storage.foldername(objects.name))[1])
    )
  )
);
create policy "Everybody keeps pictures in their own folder" on storage.objects
for insert to authenticated with check (
  bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text
);
create policy "Everybody replaces their own pictures" on storage.objects
for update to authenticated using (
  bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text
);
create policy "Everybody removes their own pictures" on storage.objects
for delete to authenticated using (
  bucket_id = 'avatars' and (storage.foldername(name))[1] = (select auth.uid())::text
);
