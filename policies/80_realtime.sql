grant execute on function private.may_join(text) to authenticated;

create policy "Members and contacts hear the topics that are theirs" on realtime.messages
for select to authenticated using ((select private.may_join(realtime.topic())));
-- Typing and presence.
create policy "Members and contacts speak on the topics that are theirs" on realtime.messages
for insert to authenticated with check (
  extension in ('broadcast', 'presence') and (select private.may_join(realtime.topic()))
);
