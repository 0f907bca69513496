alter table public.companies enable row level security;
grant select, delete, insert (organization_id, name, description, fields), update (name, description, fields)
on public.companies to authenticated;
grant select on public.companies to pgdesk_functions;

create policy "Members see companies" on public.companies
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents add companies" on public.companies
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents change companies" on public.companies
for update to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Managers remove companies" on public.companies
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see the companies they work for" on public.companies
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.company_domains enable row level security;
grant select, delete, insert (organization_id, domain, company_id) on public.company_domains to authenticated;

create policy "Members see where companies write from" on public.company_domains
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents add where companies write from" on public.company_domains
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Agents remove where companies write from" on public.company_domains
for delete to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));
