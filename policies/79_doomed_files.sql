grant execute on function private.doomed_files(integer) to pgdesk_functions;
grant execute on function private.files_removed(uuid[]) to pgdesk_functions;

alter table private.doomed_files enable row level security;

-- Large mail that was filed, attachments whose rows are gone, exports that have expired.
create policy "Functions clear away files of the organization they work for" on storage.objects
for delete to pgdesk_files using (
  bucket_id in ('attachments', 'inbound', 'exports')
  and (storage.foldername(name))[1] = (select auth.jwt() ->> 'organization_id')
);
