alter table private.data_keys enable row level security;
grant select, insert (organization_id, version, wrapped, wrapped_by) on private.data_keys to pgdesk_functions;

create policy "Functions see the wrapped keys they work with" on private.data_keys
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions keep the wrapped keys they made" on private.data_keys
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
