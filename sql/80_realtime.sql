-- Every event is told at once on private topics, with ids only: clients fetch the rows under row-level security.

create function private.tell_event() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  told jsonb := jsonb_build_object(
    'event_id', new.id, 'type', new.type, 'subject_id', new.subject_id, 'ticket_id', new.ticket_id, 'data', new.data
  );
begin
  perform realtime.send(told, new.type, 'org:' || new.organization_id, true);
  if new.ticket_id is not null then
    perform realtime.send(told, new.type, 'ticket:' || new.ticket_id || ':agents', true);
    if new.audience = 'contact' then
      perform realtime.send(told, new.type, 'ticket:' || new.ticket_id || ':contact', true);
    end if;
    -- What moves between two tickets concerns who looks at the other one too.
    if new.type in ('ticket.merged', 'ticket.unmerged', 'message.moved') then
      perform realtime.send(told, new.type, 'ticket:' || other.id || ':agents', true)
      from unnest(array[
        new.data ->> 'into_ticket_id', new.data ->> 'from_ticket_id', new.data ->> 'to_ticket_id'
      ]) as other (id)
      where other.id <> new.ticket_id::text;
    end if;
    if new.type in ('ticket.assigned', 'ticket.created') then
      perform realtime.send(told, new.type, 'team:' || t.team_id, true)
      from public.tickets as t
      where t.id = new.ticket_id and t.team_id is not null;
    end if;
  end if;
  return null;
end;
$$;

create trigger events_tell after insert on public.events
for each row execute function private.tell_event();

-- May the caller join a topic? Never raises: one policy that does would silence every subscriber.
create function private.may_join(topic text) returns boolean
language sql stable security definer set search_path = '' as $$
  with asked as (
    select split_part(topic, ':', 1) as kind, private.try_uuid(split_part(topic, ':', 2)) as id,
      split_part(topic, ':', 3) as side
  )
  select coalesce(case
    when kind = 'member' and side = '' then id = (select auth.uid())
    when kind = 'org' and side = '' then id in (select private.my_organizations())
    when kind = 'team' and side = '' then exists (
      select from public.teams as t where t.id = asked.id and t.organization_id in (select private.my_organizations())
    )
    when kind = 'room' and side = '' then id in (select private.my_rooms())
    when kind = 'ticket' and side = 'agents' then exists (
      select from public.tickets as t where t.id = asked.id and t.organization_id in (select private.my_organizations())
    )
    when kind = 'ticket' and side = 'contact' then exists (
      select from public.tickets as t
      where t.id = asked.id
        and (t.contact_id in (select private.my_contacts()) or t.organization_id in (select private.my_organizations()))
    )
  end, false)
  from asked;
$$;

-- The portal follows its own tickets as rows.
alter publication supabase_realtime add table public.tickets;
