-- Published articles are for everyone; drafts, old versions and passages for members. Agents write.

grant execute on function public.create_article(uuid, text, text, text, uuid, text) to authenticated;
grant execute on function public.save_article(uuid, text, text) to authenticated;
grant execute on function public.set_article_status(uuid, public.article_status) to authenticated;
grant execute on function public.publish_article(uuid) to authenticated;
grant execute on function public.archive_article(uuid) to authenticated;
grant execute on function private.free_slug(uuid, text) to authenticated;

alter table public.article_categories enable row level security;
grant select on public.article_categories to anon, authenticated, pgdesk_functions;
grant delete, insert (organization_id, name, position), update (name, position) on public.article_categories
to authenticated;

create policy "Visitors see categories with something to read" on public.article_categories
for select to anon using (
  exists (
    select from public.articles as a where a.category_id = article_categories.id and a.status = 'published'
  )
);
create policy "Members see categories, others those with something to read" on public.article_categories
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or exists (
    select from public.articles as a where a.category_id = article_categories.id and a.status = 'published'
  )
);
create policy "Managers add categories" on public.article_categories
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change categories" on public.article_categories
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove categories" on public.article_categories
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see categories they work for" on public.article_categories
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.articles enable row level security;
grant select on public.articles to anon, authenticated, pgdesk_functions;
grant insert (organization_id, category_id, slug, language), update (category_id, slug, language, status)
on public.articles to authenticated;

create policy "Visitors see published articles" on public.articles for select to anon using (status = 'published');
create policy "Members see articles, others the published ones" on public.articles
for select to authenticated using (
  status = 'published' or organization_id = any(array(select private.my_organizations()))
);
create policy "Agents add articles" on public.articles
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents change articles" on public.articles
for update to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Functions see articles they work for" on public.articles
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.article_versions enable row level security;
grant select on public.article_versions to anon, authenticated, pgdesk_functions;
grant insert (organization_id, article_id, title, body) on public.article_versions to authenticated;

create policy "Visitors see what published articles say now" on public.article_versions
for select to anon using (
  exists (
    select from public.articles as a
    where a.organization_id = article_versions.organization_id
      and a.id = article_versions.article_id
      and a.current_version_id = article_versions.id
      and a.status = 'published'
  )
);
create policy "Members see every version, others what published articles say now" on public.article_versions
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or exists (
    select from public.articles as a
    where a.organization_id = article_versions.organization_id
      and a.id = article_versions.article_id
      and a.current_version_id = article_versions.id
      and a.status = 'published'
  )
);
create policy "Agents write versions" on public.article_versions
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Functions see versions they work for" on public.article_versions
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.chunks enable row level security;
grant select on public.chunks to authenticated, pgdesk_functions;

create policy "Members see passages" on public.chunks
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Functions see passages they work for" on public.chunks
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.article_feedback enable row level security;
grant select, insert (organization_id, article_id, version_id, contact_id, helpful, comment) on public.article_feedback
to authenticated;
grant select on public.article_feedback to pgdesk_functions;

create policy "Members see feedback, contacts their own" on public.article_feedback
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or contact_id = any(array(select private.my_contacts()))
);
create policy "Contacts say whether what they may read helped" on public.article_feedback
for insert to authenticated with check (
  contact_id = any(array(select private.my_contacts()))
  and version_id in (select v.id from public.article_versions as v where v.id = article_feedback.version_id)
);
create policy "Functions see feedback they work for" on public.article_feedback
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
