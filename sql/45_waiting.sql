-- What happens to tickets when nobody does anything: snoozed ones come back, quiet ones are solved and closed.

alter table public.tickets add column snoozed_until timestamptz;
alter table public.tickets add column snoozed_by uuid;
alter table public.organizations
-- Null: never. Of a ticket that waits for the customer, since its last message.
add column solve_after interval check (solve_after >= interval '1 hour'),
-- Null: never. Of a solved ticket, since it was solved.
add column close_after interval check (close_after >= interval '0');

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'ticket.snoozed', 'ticket', 'agents',
  'A member put the ticket aside until a time. It comes back then, or when the contact writes.',
  '{"until": {"$ref": "#/$defs/instant_or_null"}}',
  false,
  '{"until": "2026-02-02T08:00:00+00:00"}'
),
(
  'ticket.woke', 'ticket', 'agents',
  'A snoozed ticket came back: its time had come, somebody opened it, or the contact wrote.',
  '{"snoozed_by": {"$ref": "#/$defs/user_id_or_null"}}',
  false,
  '{"snoozed_by": null}'
);

-- Puts a ticket aside until a time to come. It rests as `on_hold`, so its clocks do too.
create function public.snooze_ticket(ticket_id uuid, until timestamptz) returns public.tickets
language plpgsql set search_path = '' as $$
declare
  snoozed public.tickets;
begin
  if not coalesce(until > now(), false) then
    raise exception 'a ticket is snoozed until a time to come, not until %', coalesce(until::text, 'none')
      using errcode = '22023';
  end if;
  update public.tickets as t
  set status = 'on_hold', snoozed_until = snooze_ticket.until
  where t.id = snooze_ticket.ticket_id and t.status_category <> 'resolved'
  returning * into snoozed;
  if snoozed.id is null then
    raise exception 'there is no ticket % to snooze', snooze_ticket.ticket_id
      using errcode = 'PT404', hint = 'It may be resolved: open it first.';
  end if;
  return snoozed;
end;
$$;

-- Opened again, by whatever hand, a ticket does not sleep.
create function private.keep_snooze() returns trigger
language plpgsql set search_path = '' as $$
begin
  if new.status <> 'on_hold' then
    new.snoozed_until := null;
  end if;
  if new.snoozed_until is distinct from old.snoozed_until then
    new.snoozed_by := case when new.snoozed_until is not null then (select auth.uid()) end;
  end if;
  return new;
end;
$$;

-- By name after tickets_keep, which sets the category.
create trigger tickets_snooze before update on public.tickets
for each row when (new.snoozed_until is not null or old.snoozed_until is not null)
execute function private.keep_snooze();

-- Asks to be woken when a ticket's waiting has an end.
create function private.await_end(ticket public.tickets) returns void
language plpgsql security definer set search_path = '' as $$
declare
  organization public.organizations;
  ends_at timestamptz;
begin
  if ticket.snoozed_until is null and ticket.status in ('pending', 'solved') then
    select * into organization from public.organizations as o where o.id = ticket.organization_id;
    ends_at := private.waiting_ends_at(ticket, organization);
  end if;
  if ends_at is not null then
    perform private.enqueue(
      ticket.organization_id, 'clock', jsonb_build_object('ring', 'waited', 'ticket_id', ticket.id), ends_at,
      dedupe_key => 'waited:' || ticket.id
    );
  end if;
end;
$$;

create function private.follow_waiting() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if new.snoozed_until is distinct from old.snoozed_until then
    if new.snoozed_until is not null then
      perform private.emit(
        new.organization_id, 'ticket.snoozed', new.id, jsonb_build_object('until', new.snoozed_until), 'agents', new.id
      );
      perform private.enqueue(
        new.organization_id, 'clock', jsonb_build_object('ring', 'wake', 'ticket_id', new.id), new.snoozed_until,
        dedupe_key => 'wake:' || new.id
      );
    else
      perform private.emit(
        new.organization_id, 'ticket.woke', new.id, jsonb_build_object('snoozed_by', old.snoozed_by), 'agents', new.id
      );
    end if;
  end if;
  perform private.await_end(new);
  return null;
end;
$$;

-- When a ticket is solved (if it waits for the customer) or closed (if it is solved) by itself. Null: never.
create function private.waiting_ends_at(ticket public.tickets, organization public.organizations) returns timestamptz
language sql immutable parallel safe set search_path = '' as $$
  select case
    when ticket.status = 'pending' then coalesce(ticket.last_message_at, ticket.created_at) + organization.solve_after
    when ticket.status = 'solved' then ticket.resolved_at + organization.close_after
  end;
$$;

create trigger tickets_wait after update on public.tickets
for each row when (
  (old.status, old.snoozed_until, old.last_message_at)
  is distinct from (new.status, new.snoozed_until, new.last_message_at)
)
execute function private.follow_waiting();

-- The end of a snooze.
create function private.ring_wake(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
begin
  update public.tickets as t set status = 'open'
  where t.organization_id = private.current_organization() and t.id = (payload ->> 'ticket_id')::uuid
    and t.snoozed_until <= now();
end;
$$;

-- The end of a wait. What was written or changed meanwhile has moved it, and asked for a clock of its own.
create function private.ring_waited(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
begin
  update public.tickets as t
  set status = case t.status when 'pending' then 'solved' else 'closed' end
  from public.organizations as o
  where t.organization_id = private.current_organization() and t.id = (payload ->> 'ticket_id')::uuid
    and o.id = t.organization_id
    and t.snoozed_until is null
    and private.waiting_ends_at(t, o) <= now();
end;
$$;

-- An organization has changed how long it waits: for the tickets that wait already too, some at a time.
create function private.ring_waiting_all(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  slice constant integer := 500;
  ticket public.tickets;
  seen integer := 0;
begin
  for ticket in
    select t.* from public.tickets as t
    where t.organization_id = private.current_organization() and t.status in ('pending', 'solved')
      and t.id > coalesce((payload ->> 'after')::uuid, '00000000-0000-0000-0000-000000000000')
    order by t.id
    limit slice
  loop
    perform private.await_end(ticket);
    seen := seen + 1;
  end loop;
  if seen = slice then
    perform private.enqueue_own('clock', jsonb_build_object('ring', 'waiting_all', 'after', ticket.id));
  end if;
end;
$$;

create function private.follow_patience() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.enqueue(new.id, 'clock', '{"ring": "waiting_all"}', dedupe_key => 'waiting');
  return null;
end;
$$;

create trigger organizations_patience after update on public.organizations
for each row when ((old.solve_after, old.close_after) is distinct from (new.solve_after, new.close_after))
execute function private.follow_patience();
