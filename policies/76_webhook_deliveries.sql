grant execute on function private.begin_webhooks(uuid, uuid) to pgdesk_functions;
grant execute on function private.claim_webhooks(uuid, uuid, uuid[], integer) to pgdesk_functions;
grant execute on function private.record_webhooks(uuid, uuid, jsonb, boolean, text) to pgdesk_functions;
grant execute on function private.replay_webhooks(uuid, uuid, timestamptz, timestamptz, boolean) to authenticated;
grant execute on function public.replay_webhook(uuid) to authenticated;
grant execute on function public.replay_webhooks(uuid, timestamptz, timestamptz) to authenticated;
grant execute on function public.replay_failed_webhooks(uuid) to authenticated;
grant execute on function private.send_test_webhook(uuid) to authenticated;
grant execute on function public.send_test_webhook(uuid) to authenticated;

alter table public.webhook_deliveries enable row level security;
grant select on public.webhook_deliveries to authenticated;

create policy "Admins see what webhooks told" on public.webhook_deliveries
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));

alter table public.webhook_attempts enable row level security;
grant select on public.webhook_attempts to authenticated;

create policy "Admins see each attempt at a webhook" on public.webhook_attempts
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));
