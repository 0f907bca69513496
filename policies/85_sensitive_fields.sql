-- Called by functions in the name of a member (chalicelib/kit/caller.py).
grant execute on function private.sensitive_field(uuid, text) to pgdesk_functions;
grant execute on function private.keep_sensitive_field(uuid, text, uuid, bytea, integer, bytea) to pgdesk_functions;
grant execute on function private.forget_sensitive_field(uuid, text) to pgdesk_functions;
grant execute on function private.read_sensitive_field(uuid, text) to pgdesk_functions;
grant execute on function private.sensitive_field_to_look_up(uuid, text) to pgdesk_functions;
grant execute on function private.find_by_sensitive_field(uuid, bytea[]) to pgdesk_functions;
grant execute on function private.sealed_of_contact(uuid) to pgdesk_functions;

-- Members see which fields have a value; what it is, only through the function that opens it.
alter table public.sensitive_fields enable row level security;
grant select (id, organization_id, contact_id, field_id, created_at, updated_at) on public.sensitive_fields
to authenticated;

create policy "Members see which sensitive fields are filled" on public.sensitive_fields
for select to authenticated using (organization_id = any(array(select private.my_organizations())));

alter table public.sensitive_field_reads enable row level security;
grant select on public.sensitive_field_reads to authenticated;

create policy "Admins see who looked at sensitive fields" on public.sensitive_field_reads
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
