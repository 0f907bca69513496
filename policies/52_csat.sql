grant execute on function public.rate_ticket(uuid, integer, text) to authenticated;
grant execute on function private.rate_ticket(uuid, integer, text) to authenticated;
grant execute on function private.rate_by_link(uuid, integer, text) to pgdesk_functions;

grant update (ask_csat_after) on public.organizations to authenticated;

alter table public.csat_surveys enable row level security;
grant select on public.csat_surveys to authenticated, pgdesk_functions;

create policy "Members see surveys, contacts their own" on public.csat_surveys
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or contact_id = any(array(select private.my_contacts()))
);
create policy "Functions see the surveys they work for" on public.csat_surveys
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.csat_ratings enable row level security;
grant select on public.csat_ratings to authenticated, pgdesk_functions;

create policy "Members see ratings, contacts their own" on public.csat_ratings
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or contact_id = any(array(select private.my_contacts()))
);
create policy "Functions see the ratings they work for" on public.csat_ratings
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
