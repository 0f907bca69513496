grant execute on function private.may_join(text) to authenticated;

create policy "Members and contacts hear the topics that are theirs" on realtime.messages
for select to authenticated using ((select private.may_join(realtime.topic())));
-- Presence, and typing in a ticket. What the desk itself tells is a hint too: clients fetch the rows.
create policy "Members and contacts speak on the topics that are theirs" on realtime.messages
for insert to authenticated with check (
  (extension = 'presence' or (extension = 'broadcast' and realtime.topic() like 'ticket:%'))
  and (select private.may_join(realtime.topic()))
);
