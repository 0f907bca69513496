alter table public.attachments enable row level security;
grant select on public.attachments to authenticated, pgdesk_functions;
grant insert (
  organization_id, ticket_id, message_id, file_name, content_type, bytes, sha256, content_id, is_inline, storage_path
) on public.attachments to pgdesk_functions;

create policy "Who sees the message sees its attachments" on public.attachments
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  -- The rules of messages hold in here: a contact sees the public ones of its tickets, whoever wrote them.
  or exists (select from public.messages as m where m.id = attachments.message_id)
);
create policy "Functions see the attachments they work for" on public.attachments
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions add attachments for the organization they work for" on public.attachments
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));

-- The bytes follow the rows; the first folder of a path is the organization.
create policy "Who sees an attachment may fetch its file" on storage.objects
for select to authenticated using (
  bucket_id = 'attachments'
  and exists (
    select from public.attachments as a
    where a.organization_id = private.try_uuid((storage.foldername(name))[1])
      and name in (a.storage_path, a.thumbnail_path)
      and a.verdict in ('clean', 'unscanned')
  )
);
create policy "Functions fetch files of the organization they work for" on storage.objects
for select to pgdesk_files using (
  bucket_id in ('attachments', 'inbound', 'exports')
  and (storage.foldername(name))[1] = (select auth.jwt() ->> 'organization_id')
);
create policy "Functions keep files for the organization they work for" on storage.objects
for insert to pgdesk_files with check (
  bucket_id in ('attachments', 'inbound', 'exports')
  and (storage.foldername(name))[1] = (select auth.jwt() ->> 'organization_id')
);
create policy "Functions keep files again after a failed attempt" on storage.objects
for update to pgdesk_files using (
  bucket_id in ('attachments', 'exports')
  and (storage.foldername(name))[1] = (select auth.jwt() ->> 'organization_id')
);
create policy "Functions see the buckets they use" on storage.buckets
for select to pgdesk_files using (id in ('attachments', 'inbound', 'exports'));
