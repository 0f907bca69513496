grant execute on function public.events_since(uuid, text, integer) to authenticated;
grant execute on function private.events_epoch() to authenticated;

alter table private.event_epoch enable row level security;

alter table public.events enable row level security;
grant select on public.events to authenticated, pgdesk_functions;

create policy "Members see what happened, contacts what concerns their tickets" on public.events
for select to authenticated using (
  organization_id = any(array(select private.my_organizations()))
  or (
    audience = 'contact'
    and ticket_id in (
      select t.id from public.tickets as t where t.contact_id = any(array(select private.my_contacts()))
    )
  )
);
create policy "Functions see the events they work for" on public.events
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
