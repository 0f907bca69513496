-- Tickets brought together, and taken apart again. What moves are messages, with all that hangs on them.
--
-- Moved messages get the next numbers of the ticket that they come to, whatever their age: so to everybody who has that
-- ticket open they are something new that they have not seen, for send_reply and the AI as for the mark of what was
-- read. Shown, messages are in the order of their ids, which is that of time.

-- Each merge or split, with what is needed to take it back.
create table public.ticket_moves (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  kind text not null check (kind in ('merge', 'split')),
  from_ticket_id uuid not null,
  to_ticket_id uuid not null,
  message_ids uuid[] not null,
  -- Of a merge: the status of the ticket that was merged, and what the other one got from it.
  status_before text,
  tags text[] not null default '{}',
  contact_ids uuid[] not null default '{}',
  links jsonb not null default '[]',
  moved_by uuid,
  created_at timestamptz not null default clock_timestamp(),
  undone_at timestamptz,
  undone_by uuid,
  unique (organization_id, id),
  foreign key (organization_id, from_ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, to_ticket_id) references public.tickets (organization_id, id) on delete cascade
);
create index ticket_moves_from_idx on public.ticket_moves (organization_id, from_ticket_id);
create index ticket_moves_to_idx on public.ticket_moves (organization_id, to_ticket_id);

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'ticket.merged', 'ticket', 'contact',
  'A ticket was merged into another: its messages are there now, with new numbers. Told to both tickets'' topics.',
  '{
    "into_ticket_id": {"$ref": "#/$defs/ticket_id"},
    "messages": {"type": "integer", "minimum": 0, "description": "how many messages moved"}
  }',
  false,
  '{"into_ticket_id": "01993f2b-0100-7e21-9d22-7a8b9c0d1e2f", "messages": 3}'
),
(
  'ticket.unmerged', 'ticket', 'contact',
  'A merge was undone: the ticket has its messages back. Told to both tickets'' topics.',
  '{
    "from_ticket_id": {"$ref": "#/$defs/ticket_id"},
    "messages": {"type": "integer", "minimum": 0, "description": "how many messages came back"}
  }',
  false,
  '{"from_ticket_id": "01993f2b-0100-7e21-9d22-7a8b9c0d1e2f", "messages": 3}'
);

-- Where a ticket's messages are now: itself, or what it was merged into, and that one, and so on.
create function private.ticket_now(ticket_id uuid) returns uuid
language plpgsql stable set search_path = '' as $$
declare
  here uuid := ticket_now.ticket_id;
  further uuid;
begin
  loop
    select t.merged_into into further from public.tickets as t where t.id = here;
    exit when further is null;
    here := further;
  end loop;
  return here;
end;
$$;

-- Who merges or moves has all tickets concerned to themselves, and waits for none while it holds another: who writes to
-- a ticket that was merged under its hands holds that one, and waits for the other.
create function private.lock_tickets(ticket_ids uuid[]) returns void
language plpgsql security definer set search_path = '' as $$
begin
  for round in 1..200 loop
    begin
      perform from public.tickets as t where t.id = any (lock_tickets.ticket_ids) order by t.id
      for no key update nowait;
      return;
    exception when lock_not_available then
      perform pg_sleep(0.02); -- what was locked is free again
    end;
  end loop;
  raise exception 'somebody else has been at work on these tickets for seconds: try again' using errcode = 'PT409';
end;
$$;

-- Moves messages, and what hangs on them. Both tickets are locked by the caller. What was drafted for them rested on
-- another thread.
create function private.move_messages(from_ticket_id uuid, to_ticket_id uuid, message_ids uuid[]) returns void
language plpgsql security definer set search_path = '' as $$
declare
  organization constant uuid := (select t.organization_id from public.tickets as t where t.id = to_ticket_id);
begin
  -- Mails before messages, as private.mark_sent takes them.
  update public.outgoing_mails as o set ticket_id = to_ticket_id
  where o.organization_id = organization and o.message_id = any (message_ids);
  update public.inbound_mails as i set ticket_id = to_ticket_id
  where i.organization_id = organization and i.message_id = any (message_ids);
  update public.attachments as a set ticket_id = to_ticket_id
  where a.organization_id = organization and a.message_id = any (message_ids);
  update public.triage_results as r set ticket_id = to_ticket_id
  where r.organization_id = organization and r.message_id = any (message_ids);
  update public.drafts as d
  set ticket_id = to_ticket_id, status = case when d.status in ('open', 'stale') then 'superseded' else d.status end
  where d.organization_id = organization and d.message_id = any (message_ids);
  with placed as (
    select m.id, row_number() over (order by m.id) + t.last_seq as seq
    from public.tickets as t
    join public.messages as m on m.organization_id = t.organization_id and m.id = any (message_ids)
    where t.id = to_ticket_id
  ), moved as (
    update public.messages as m set ticket_id = to_ticket_id, seq = placed.seq
    from placed
    where m.id = placed.id
    returning m.seq, m.created_at
  )
  update public.tickets as t
  set last_seq = greatest(t.last_seq, (select max(moved.seq) from moved)),
    last_message_at = greatest(t.last_message_at, (select max(moved.created_at) from moved))
  where t.id = to_ticket_id;
  perform private.index_ticket(from_ticket_id);
  perform private.index_ticket(to_ticket_id);
end;
$$;

-- The status of a ticket that is over for good.
create function private.closed_status(organization_id uuid) returns text
language plpgsql stable security definer set search_path = '' as $$
begin
  return (
    select s.key from public.ticket_statuses as s
    where s.organization_id = closed_status.organization_id and s.category = 'resolved'
    order by s.key = 'closed' desc, s.position desc
    limit 1
  );
end;
$$;

-- What one ticket brings into another besides its messages, as it is kept for taking it back: tags, people, links. The
-- requester of the one becomes a participant of the other.
create function private.hand_over(loser public.tickets, winner public.tickets, move_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  with joined as (
    insert into public.ticket_participants (organization_id, ticket_id, contact_id, role, source)
    select loser.organization_id, winner.id, p.contact_id, p.role, 'merge'
    from (
      select p.contact_id, p.role from public.ticket_participants as p
      where p.ticket_id = loser.id and p.removed_at is null
      union
      select loser.contact_id, 'cc'
    ) as p
    where p.contact_id <> winner.contact_id
    on conflict do nothing
    returning contact_id
  ), linked as (
    insert into public.ticket_links (organization_id, ticket_id, other_ticket_id, kind)
    select
      l.organization_id, case l.ticket_id when loser.id then winner.id else l.ticket_id end,
      case l.other_ticket_id when loser.id then winner.id else l.other_ticket_id end, l.kind
    from public.ticket_links as l
    where loser.id in (l.ticket_id, l.other_ticket_id) and winner.id not in (l.ticket_id, l.other_ticket_id)
      and l.organization_id = loser.organization_id
      and not (l.kind = 'child_of' and private.is_above(
        case l.ticket_id when loser.id then winner.id else l.ticket_id end,
        case l.other_ticket_id when loser.id then winner.id else l.other_ticket_id end
      ))
    on conflict do nothing
    returning ticket_id, other_ticket_id, kind
  )
  update public.ticket_moves as m
  set tags = array(select unnest(loser.tags) except select unnest(winner.tags)),
    contact_ids = array(select j.contact_id from joined as j),
    links = coalesce((select jsonb_agg(to_jsonb(l)) from linked as l), '[]')
  where m.id = move_id;
end;
$$;

-- Merges tickets into one, in one transaction. Agents. Where they are of different contacts, the one who reads the
-- portal would be shown the other's words: refused, unless `share` says that this is wanted.
create function private.merge_tickets(into_ticket_id uuid, ticket_ids uuid[], share boolean)
returns setof public.ticket_moves
language plpgsql security definer set search_path = '' as $$
declare
  winner public.tickets;
  loser public.tickets;
  move public.ticket_moves;
  most_open text;
begin
  if cardinality(ticket_ids) not between 1 and 20 or into_ticket_id = any (ticket_ids) then
    raise exception '1 to 20 other tickets can be merged into one' using errcode = '22023';
  end if;
  perform private.lock_tickets(ticket_ids || into_ticket_id);
  select * into winner from public.tickets as t
  where t.id = into_ticket_id and t.organization_id = any (array(select private.my_organizations('agent')));
  if winner.id is null then
    raise exception 'there is no ticket %', into_ticket_id using errcode = 'PT404';
  end if;
  if winner.merged_into is not null then
    raise exception 'ticket % was itself merged into another', winner.number
      using errcode = 'PT409', detail = winner.merged_into::text;
  end if;
  if (
    select count(*) from public.tickets as t
    where t.id = any (ticket_ids) and t.organization_id = winner.organization_id
  ) <> (select count(distinct t) from unnest(ticket_ids) as t) then
    raise exception 'one of the tickets is not there' using errcode = 'PT404';
  end if;
  for loser in select t.* from public.tickets as t where t.id = any (ticket_ids) order by t.id loop
    if loser.merged_into is not null then
      raise exception 'ticket % was merged before', loser.number
        using errcode = 'PT409', detail = loser.merged_into::text;
    end if;
    if loser.contact_id <> winner.contact_id and not coalesce(share, false) then
      raise exception 'ticket % is of another contact, whose words would be shown', loser.number
        using errcode = '23514', hint = 'If that is wanted, say so: share.';
    end if;
    if loser.channel = 'email' and winner.channel <> 'email' then
      raise exception 'ticket % came by mail, and what is answered in ticket % is not mailed', loser.number, winner.number
        using errcode = '23514', hint = 'Merge the other way round.';
    end if;
    insert into public.ticket_moves (
      organization_id, kind, from_ticket_id, to_ticket_id, message_ids, status_before, moved_by
    )
    values (
      winner.organization_id, 'merge', loser.id, winner.id,
      array(select m.id from public.messages as m where m.ticket_id = loser.id order by m.id), loser.status,
      (select private.actor_id())
    )
    returning * into move;
    update public.tickets as t
    set merged_into = winner.id, status = coalesce(private.closed_status(t.organization_id), t.status)
    where t.id = loser.id;
    delete from private.ticket_search as s where s.ticket_id = loser.id;
    perform private.move_messages(loser.id, winner.id, move.message_ids);
    perform private.hand_over(loser, winner, move.id);
    -- What nobody has answered yet is open here too. From the first word of a human on, no bot posts.
    most_open := case
      when loser.status_category = 'open' and winner.status_category <> 'open' then 'open'
      when loser.status_category = 'waiting' and winner.status_category = 'resolved' then 'pending'
      else winner.status
    end;
    update public.tickets as t
    set status = most_open,
      ai_state = case when loser.ai_state = 'off' then 'off' else t.ai_state end,
      tags = array(select distinct tag from unnest(t.tags || loser.tags) as tag order by tag limit 100)
    where t.id = winner.id
    returning * into winner;
    perform private.emit(
      winner.organization_id, 'ticket.merged', loser.id,
      jsonb_build_object('into_ticket_id', winner.id, 'messages', cardinality(move.message_ids)),
      case when loser.contact_id = winner.contact_id then 'contact' else 'agents' end, loser.id
    );
    return query select m.* from public.ticket_moves as m where m.id = move.id;
  end loop;
end;
$$;

create function public.merge_tickets(into_ticket_id uuid, ticket_ids uuid[], share boolean default false)
returns setof public.ticket_moves
language sql set search_path = '' as $$
  select * from private.merge_tickets(merge_tickets.into_ticket_id, merge_tickets.ticket_ids, merge_tickets.share);
$$;

-- A merged ticket stays as it is: what is to be done is done where its messages are.
create function private.guard_signpost() returns trigger
language plpgsql set search_path = '' as $$
begin
  raise exception 'ticket % was merged into another', old.number
    using errcode = 'PT409', detail = old.merged_into::text;
end;
$$;

create trigger tickets_signpost before update of status on public.tickets
for each row when (old.merged_into is not null and new.merged_into is not null and new.status <> old.status)
execute function private.guard_signpost();

-- Opens a ticket with messages of another one, which the caller has locked. It is the sender's where all that a contact
-- could see of them is one contact's own, else the old requester's. Triage reads its first message again.
create function private.split_off(ticket public.tickets, message_ids uuid[], subject text) returns public.tickets
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  opened public.tickets;
  writers uuid[];
  first_words uuid;
begin
  select array_agg(distinct m.contact_id) into writers
  from public.messages as m
  where m.id = any (split_off.message_ids) and not m.is_internal;
  insert into public.tickets (organization_id, subject, channel, contact_id, mail_address_id, team_id, language, ai_state)
  values (
    ticket.organization_id, split_off.subject, ticket.channel,
    case when cardinality(writers) = 1 then coalesce(writers[1], ticket.contact_id) else ticket.contact_id end,
    ticket.mail_address_id, ticket.team_id, ticket.language, ticket.ai_state
  )
  returning * into opened;
  insert into public.ticket_moves (organization_id, kind, from_ticket_id, to_ticket_id, message_ids, moved_by)
  values (ticket.organization_id, 'split', ticket.id, opened.id, split_off.message_ids, (select private.actor_id()));
  perform private.move_messages(ticket.id, opened.id, split_off.message_ids);
  -- In a ticket of its own the sender is the requester.
  update public.messages as m set sender_status = 'known'
  where m.id = any (split_off.message_ids) and m.sender_status = 'pending' and m.contact_id = opened.contact_id
    and not exists (
      select from public.inbound_mails as i
      where i.organization_id = m.organization_id and i.message_id = m.id and i.dmarc = 'fail'
    );
  insert into public.ticket_links (organization_id, ticket_id, other_ticket_id, kind)
  values (ticket.organization_id, opened.id, ticket.id, 'follows');
  perform private.emit(
    ticket.organization_id, 'message.moved', moved.id,
    jsonb_build_object('from_ticket_id', ticket.id, 'to_ticket_id', opened.id), 'agents', opened.id
  )
  from unnest(split_off.message_ids) as moved (id);
  select m.id into first_words
  from public.messages as m
  where m.ticket_id = opened.id and m.sender = 'contact' and m.sender_status = 'known' and not m.is_machine
  order by m.seq
  limit 1;
  if first_words is not null then
    -- From now on somebody waits for an answer here.
    update public.tickets as t set last_contact_at = clock_timestamp() where t.id = opened.id;
    perform private.enqueue(ticket.organization_id, 'triage', jsonb_build_object('message_id', first_words));
  end if;
  select * into opened from public.tickets as t where t.id = opened.id;
  return opened;
end;
$$;

-- Takes messages out of a ticket and opens another with them. Agents.
create function private.split_ticket(ticket_id uuid, message_ids uuid[], subject text) returns public.tickets
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  ticket public.tickets;
  moved uuid[];
begin
  select * into ticket from public.tickets as t
  where t.id = split_ticket.ticket_id and t.organization_id = any (array(select private.my_organizations('agent')))
  for no key update;
  if ticket.id is null then
    raise exception 'there is no ticket %', split_ticket.ticket_id using errcode = 'PT404';
  end if;
  moved := array(
    select m.id from public.messages as m
    where m.ticket_id = ticket.id and m.id = any (split_ticket.message_ids) order by m.id
  );
  if cardinality(moved) = 0 or moved <> array(select distinct m from unnest(split_ticket.message_ids) as m order by m) then
    raise exception 'not all of these messages are in ticket %', ticket.number using errcode = 'PT404';
  end if;
  if not exists (select from public.messages as m where m.ticket_id = ticket.id and m.id <> all (moved)) then
    raise exception 'these are all messages of ticket %: one must stay', ticket.number using errcode = '23514';
  end if;
  return private.split_off(ticket, moved, coalesce(nullif(btrim(split_ticket.subject), ''), ticket.subject));
end;
$$;

create function public.split_ticket(ticket_id uuid, message_ids uuid[], subject text default null)
returns public.tickets
language sql set search_path = '' as $$
  select * from private.split_ticket(split_ticket.ticket_id, split_ticket.message_ids, split_ticket.subject);
$$;

-- Takes a merge or a split back. Every message returns that is still where it was brought, or where that ticket has
-- been merged into since. What has come since stays. Agents.
create function private.undo_move(move_id uuid) returns public.ticket_moves
language plpgsql security definer set search_path = '' as $$
declare
  move public.ticket_moves;
  here uuid;
  home uuid;
  returning_ids uuid[];
begin
  select * into move from public.ticket_moves as m
  where m.id = move_id and m.organization_id = any (array(select private.my_organizations('agent')));
  if move.id is null then
    raise exception 'nothing was moved as %', move_id using errcode = 'PT404';
  end if;
  -- Where both are now can change until they are locked.
  loop
    here := private.ticket_now(move.to_ticket_id);
    home := case move.kind when 'merge' then move.from_ticket_id else private.ticket_now(move.from_ticket_id) end;
    perform private.lock_tickets(array[here, home, move.from_ticket_id, move.to_ticket_id]);
    exit when here = private.ticket_now(move.to_ticket_id)
      and (move.kind = 'merge' or home = private.ticket_now(move.from_ticket_id));
  end loop;
  update public.ticket_moves as m set undone_at = clock_timestamp(), undone_by = (select private.actor_id())
  where m.id = move.id and m.undone_at is null
  returning * into move;
  if not found then
    raise exception 'it was taken back before' using errcode = 'PT409';
  end if;
  returning_ids := array(
    select m.id from public.messages as m where m.id = any (move.message_ids) and m.ticket_id = here order by m.id
  );
  if move.kind = 'merge' then
    update public.tickets as t
    set merged_into = null,
      status = coalesce(
        (select s.key from public.ticket_statuses as s
        where s.organization_id = t.organization_id and s.key = move.status_before),
        'open'
      )
    where t.id = home;
    delete from public.ticket_participants as p
    where p.ticket_id = move.to_ticket_id and p.contact_id = any (move.contact_ids) and p.source = 'merge';
    delete from public.ticket_links as l
    using jsonb_to_recordset(move.links) as k (ticket_id uuid, other_ticket_id uuid, kind text)
    where (l.ticket_id, l.other_ticket_id, l.kind) = (k.ticket_id, k.other_ticket_id, k.kind);
    update public.tickets as t
    set tags = array(select tag from unnest(t.tags) as tag where tag <> all (move.tags) order by tag)
    where t.id = move.to_ticket_id;
  end if;
  perform private.move_messages(here, home, returning_ids);
  if move.kind = 'merge' then
    perform private.emit(
      move.organization_id, 'ticket.unmerged', home,
      jsonb_build_object('from_ticket_id', here, 'messages', cardinality(returning_ids)),
      case
        when (select count(distinct t.contact_id) from public.tickets as t where t.id in (home, here)) = 1 then 'contact'
        else 'agents'
      end,
      home
    );
  else
    perform private.emit(
      move.organization_id, 'message.moved', moved.id,
      jsonb_build_object('from_ticket_id', here, 'to_ticket_id', home), 'agents', home
    )
    from unnest(returning_ids) as moved (id);
    -- A ticket with nothing left in it is none: who looks for it is led back.
    if here = move.to_ticket_id and not exists (select from public.messages as m where m.ticket_id = here) then
      update public.tickets as t
      set merged_into = home, status = coalesce(private.closed_status(t.organization_id), t.status)
      where t.id = here;
      delete from private.ticket_search as s where s.ticket_id = here;
    end if;
  end if;
  -- The clocks of who has kept the rest go by its own steps again.
  update public.tickets as t set updated_at = now() where t.id = here;
  return move;
end;
$$;

create function public.undo_move(move_id uuid) returns public.ticket_moves
language sql set search_path = '' as $$
  select * from private.undo_move(undo_move.move_id);
$$;

-- The steps that a ticket's clocks go by. Where others were merged into it, they are those of one ticket that had all
-- their steps: it began with the first of them, was open while any of them was, and was answered with any.
create function private.ticket_steps(ticket_id uuid)
returns table (step integer, at timestamptz, status_category text, wrote text)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
begin
  if not exists (
    select from public.tickets as t
    join public.tickets as merged on merged.organization_id = t.organization_id and merged.merged_into = t.id
    where t.id = ticket_steps.ticket_id
  ) then
    return query
    select h.step, h.at, h.status_category, h.wrote from public.ticket_history as h
    where h.ticket_id = ticket_steps.ticket_id;
    return;
  end if;
  return query
  with recursive family (id, organization_id, until) as (
    select t.id, t.organization_id, 'infinity'::timestamptz from public.tickets as t where t.id = ticket_steps.ticket_id
    union all
    -- Up to the merge a ticket went its own way.
    select t.id, t.organization_id, m.created_at
    from family as f
    join public.tickets as t on t.organization_id = f.organization_id and t.merged_into = f.id
    cross join lateral (
      select max(m.created_at) as created_at from public.ticket_moves as m
      where m.organization_id = t.organization_id and m.from_ticket_id = t.id and m.kind = 'merge'
        and m.undone_at is null
    ) as m
  ), steps as (
    select h.* from family as f join public.ticket_history as h on h.ticket_id = f.id and h.at < f.until
  )
  select
    (row_number() over (order by s.at, s.ticket_id, s.step))::integer, s.at,
    (
      select (array_agg(
        stood.status_category order by array_position('{open,waiting,resolved}', stood.status_category)
      ))[1]
      from family as f
      cross join lateral (
        select h.status_category from steps as h
        where h.ticket_id = f.id and (h.at, h.ticket_id, h.step) <= (s.at, s.ticket_id, s.step) and s.at < f.until
        order by h.step desc
        limit 1
      ) as stood
    ),
    s.wrote
  from steps as s;
end;
$$;
