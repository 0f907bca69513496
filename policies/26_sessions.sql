-- Members see sessions, agents link them. Visitors write their own by functions alone, and read none: whom an address
-- belongs to is not theirs to know.

grant execute on function private.register_session(uuid, text, text, text, text, text, text, text, text, uuid)
to authenticated, pgdesk_functions;
grant execute on function public.register_session(uuid, text, text, text, text, text, text, text, text)
to authenticated;
grant execute on function private.record_session_event(uuid, text, text, text) to authenticated, pgdesk_functions;
grant execute on function public.record_session_event(uuid, text, text, text) to authenticated;
grant execute on function private.end_session(uuid) to authenticated, pgdesk_functions;
grant execute on function public.end_session(uuid) to authenticated;
grant execute on function public.journey(uuid, text, integer) to authenticated;

alter table public.sessions enable row level security;
grant select, update (contact_id, space_id, ended_at) on public.sessions to authenticated;
grant select on public.sessions to pgdesk_functions;

create policy "Members see sessions" on public.sessions
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents link sessions" on public.sessions
for update to authenticated using (organization_id = any(array(select private.my_organizations('agent'))));
create policy "Functions see the sessions they work for" on public.sessions
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.session_events enable row level security;
grant select on public.session_events to authenticated, pgdesk_functions;

create policy "Members see what happened in sessions" on public.session_events
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Functions see what happened in the sessions they work for" on public.session_events
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
