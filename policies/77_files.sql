grant execute on function public.attach_files(uuid, text[]) to authenticated;
grant execute on function private.attach_files(uuid, text[]) to authenticated;
grant execute on function public.inspect_again(uuid) to authenticated;
grant execute on function private.inspect_again(uuid) to authenticated;
grant execute on function private.uploader() to authenticated;
grant execute on function private.may_upload(uuid) to authenticated;
grant execute on function private.file_to_inspect(uuid) to pgdesk_functions;
grant execute on function private.file_inspected(uuid, text, text, text, bigint, bytea, text) to pgdesk_functions;
grant update (file_types) on public.organizations to authenticated;

alter table private.file_usage enable row level security;

-- Each into a folder of their own, from where send_reply and attach_files take it.
create policy "Who writes to a desk may upload files for it" on storage.objects
for insert to authenticated with check (
  bucket_id = 'attachments'
  and (storage.foldername(name))[2] = 'uploads'
  and (storage.foldername(name))[3] = (select private.uploader())::text
  and private.may_upload(private.try_uuid((storage.foldername(name))[1]))
);
