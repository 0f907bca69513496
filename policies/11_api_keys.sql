-- Secrets are reached through functions alone.
alter table private.api_key_secrets enable row level security;

grant execute on function private.my_organizations(public.member_role) to anon, authenticated;
grant execute on function private.my_key_id() to anon, authenticated, service_role, pgdesk_functions;
grant execute on function private.actor_id() to anon, authenticated, service_role, pgdesk_functions;
grant execute on function private.key_allows(text) to pgdesk_api_key;
grant execute on function private.create_api_key(uuid, text, text[], public.member_role, timestamptz) to authenticated;
grant execute on function public.create_api_key(uuid, text, text[], public.member_role, timestamptz) to authenticated;
grant execute on function private.revoke_api_key(uuid) to authenticated;
grant execute on function public.revoke_api_key(uuid) to authenticated;
grant execute on function private.open_api_key(bytea) to pgdesk_functions;

alter table public.api_keys enable row level security;
grant select on public.api_keys to authenticated;

create policy "Admins see API keys" on public.api_keys
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
