grant execute on function public.request_contact_export(uuid, text) to authenticated;
grant execute on function public.request_contact_erasure(uuid, text) to authenticated;
grant execute on function private.request_privacy(uuid, text, text) to authenticated;
grant execute on function private.export_contact(uuid) to pgdesk_functions;
grant execute on function private.files_of_contact(uuid) to pgdesk_functions;
grant execute on function private.keep_export(uuid, text[], jsonb) to pgdesk_functions;
grant execute on function private.erase_contact(uuid) to pgdesk_functions;

alter table private.personal_data enable row level security;

alter table public.privacy_requests enable row level security;
grant select on public.privacy_requests to authenticated;

create policy "Admins see what was given out and erased" on public.privacy_requests
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));

create policy "Admins fetch exports" on storage.objects
for select to authenticated using (
  bucket_id = 'exports'
  and private.try_uuid((storage.foldername(name))[1]) = any(array(select private.my_organizations('admin')))
);
