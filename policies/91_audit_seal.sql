alter table private.alarms enable row level security;
alter table private.audit_digests enable row level security;
alter table public.audit_seals enable row level security;
grant select on public.audit_seals to authenticated;

create policy "Admins see the seals on the audit log" on public.audit_seals
for select to authenticated using (organization_id = any(array(select private.my_organizations('admin'))));

grant execute on function private.verify_audit(uuid) to authenticated;
grant execute on function public.verify_audit(uuid) to authenticated;
