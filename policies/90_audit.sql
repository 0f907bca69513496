alter table public.audit_log enable row level security;
grant select on public.audit_log to authenticated;

create policy "Admins read the audit log" on public.audit_log
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));

grant execute on function private.log_export(uuid, text, integer) to authenticated;
grant execute on function public.log_export(uuid, text, integer) to authenticated;
grant execute on function private.alarm_status() to pgdesk_functions;
