grant execute on function private.are_event_filters(text[]) to authenticated;
grant execute on function private.check_webhook_admin(uuid) to pgdesk_functions;
grant execute on function private.administered_webhook(uuid) to pgdesk_functions;
grant execute on function private.add_webhook_endpoint(
  uuid, text, text, text[], boolean, boolean, uuid, bytea, integer
) to pgdesk_functions;
grant execute on function private.rotate_webhook_secret(uuid, uuid, bytea, integer) to pgdesk_functions;

alter table public.webhook_endpoints enable row level security;
-- Added by the functions, which make the secret.
grant select, delete, update (url, description, event_types, is_ordered, has_data, disabled_at)
on public.webhook_endpoints to authenticated;

create policy "Admins see webhook endpoints" on public.webhook_endpoints
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins change webhook endpoints" on public.webhook_endpoints
for update to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
create policy "Admins remove webhook endpoints" on public.webhook_endpoints
for delete to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));

alter table public.webhook_health enable row level security;
grant select (
  endpoint_id, organization_id, failures, failing_since, last_failure_at, last_success_at, paused_until, paused_because
) on public.webhook_health to authenticated;

create policy "Admins see how webhook endpoints are doing" on public.webhook_health
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));

alter table private.webhook_secrets enable row level security;
grant select on private.webhook_secrets to pgdesk_functions;

create policy "Functions see the encrypted secrets they sign with" on private.webhook_secrets
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
