-- Who else takes part in a ticket: the people in copy. What a member answers goes to them too, and what they mail is
-- known to belong there.

create table public.ticket_participants (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid not null,
  contact_id uuid not null,
  role text not null default 'cc' check (role in ('cc', 'bcc')),
  source text not null check (source in ('agent', 'mail', 'merge')),
  -- Whose mail named them.
  brought_by uuid,
  added_by uuid,
  created_at timestamptz not null default now(),
  -- Kept, so that the next mail that names them does not bring back who was taken out.
  removed_at timestamptz,
  primary key (ticket_id, contact_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id) on delete cascade,
  foreign key (organization_id, brought_by)
    references public.contacts (organization_id, id) on delete set null (brought_by)
);
create index ticket_participants_ticket_idx on public.ticket_participants (organization_id, ticket_id);
create index ticket_participants_contact_idx on public.ticket_participants (organization_id, contact_id);
create index ticket_participants_brought_idx on public.ticket_participants (organization_id, brought_by, created_at);

insert into private.contact_references (table_name, column_name, on_merge, because) values
('public.ticket_participants', 'contact_id', 'move', 'the winner takes part; where both do, as it does itself'),
('public.ticket_participants', 'brought_by', 'move', 'the winner named them');

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'ticket.participant.changed', 'ticket', 'agents',
  'Somebody takes part in a ticket, in another role, or no more: then the role is null.',
  '{"contact_id": {"$ref": "#/$defs/contact_id"}, "role": {"enum": ["cc", "bcc", null]}}',
  false,
  '{"contact_id": "01993f2a-5c00-7b1e-9c41-4f2f0a6d7e10", "role": "cc"}'
);

create function private.announce_participant() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  part public.ticket_participants := coalesce(new, old);
begin
  if tg_op <> 'DELETE' or exists (select from public.tickets as t where t.id = part.ticket_id) then
    perform private.emit(
      part.organization_id, 'ticket.participant.changed', part.ticket_id,
      jsonb_build_object(
        'contact_id', part.contact_id,
        'role', case when tg_op <> 'DELETE' and part.removed_at is null then part.role end
      ),
      'agents', part.ticket_id
    );
  end if;
  return null;
end;
$$;

create trigger ticket_participants_announce after insert or delete on public.ticket_participants
for each row execute function private.announce_participant();
create trigger ticket_participants_announce_change after update on public.ticket_participants
for each row when ((old.role, old.removed_at) is distinct from (new.role, new.removed_at))
execute function private.announce_participant();

create function private.max_participants() returns integer
language sql immutable parallel safe set search_path = '' as $$
  select 20;
$$;

-- Is it an address that mail to this organization comes in by? With whatever stands behind a `+`.
create function private.is_own_address(organization_id uuid, email text) returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return exists (
    select from public.mail_addresses as m
    where m.organization_id = is_own_address.organization_id
      and m.address = regexp_replace(is_own_address.email, '\+[^@]*@', '@')
  );
end;
$$;

-- Adds somebody to a ticket: a contact, or an address, which becomes one. Agents.
create function private.add_participant(ticket_id uuid, contact_id uuid, email text, name text, role text)
returns public.ticket_participants
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  ticket public.tickets;
  address constant text := private.normal_email(add_participant.email);
  joining uuid;
  part public.ticket_participants;
begin
  select * into ticket from public.tickets as t
  where t.id = private.ticket_now(add_participant.ticket_id)
    and t.organization_id = any (array(select private.my_organizations('agent')))
  for no key update;
  if ticket.id is null then
    raise exception 'there is no ticket %', add_participant.ticket_id using errcode = 'PT404';
  end if;
  if add_participant.contact_id is not null then
    select c.id into joining from public.contacts as c
    where c.organization_id = ticket.organization_id and c.id = add_participant.contact_id;
  elsif coalesce(address !~ '^[^@\s<>,;"]+@[^@\s<>,;"]+$', true) then
    raise exception 'a participant is a contact_id, or an email' using errcode = '22023';
  elsif private.is_own_address(ticket.organization_id, address) then
    raise exception '% is an address of your own: mail to it comes in here', address using errcode = '23514';
  else
    joining := private.contact_for(ticket.organization_id, address, coalesce(left(add_participant.name, 500), ''));
  end if;
  if joining is null then
    raise exception 'there is no contact %', add_participant.contact_id using errcode = 'PT404';
  end if;
  if joining = ticket.contact_id then
    raise exception 'the ticket is theirs: they are answered in any case' using errcode = '23514';
  end if;
  if (
    select count(*) from public.ticket_participants as p
    where p.ticket_id = ticket.id and p.removed_at is null and p.contact_id <> joining
  ) >= private.max_participants() then
    raise exception 'a ticket has at most % participants', private.max_participants() using errcode = '23514';
  end if;
  insert into public.ticket_participants as p (organization_id, ticket_id, contact_id, role, source, added_by)
  values (
    ticket.organization_id, ticket.id, joining, coalesce(add_participant.role, 'cc'), 'agent',
    (select private.actor_id())
  )
  on conflict (ticket_id, contact_id) do update
  set role = excluded.role, source = 'agent', added_by = excluded.added_by, removed_at = null
  returning p.* into part;
  return part;
end;
$$;

create function public.add_participant(
  ticket_id uuid, contact_id uuid default null, email text default null, name text default null, role text default 'cc'
) returns public.ticket_participants
language sql set search_path = '' as $$
  select * from private.add_participant(
    add_participant.ticket_id, add_participant.contact_id, add_participant.email, add_participant.name,
    add_participant.role
  );
$$;

-- Takes somebody out: they get no more copies, and no mail brings them back. Agents. Returns whether they took part.
create function private.remove_participant(ticket_id uuid, contact_id uuid) returns boolean
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if not exists (
    select from public.tickets as t
    where t.id = remove_participant.ticket_id
      and t.organization_id = any (array(select private.my_organizations('agent')))
  ) then
    raise exception 'there is no ticket %', remove_participant.ticket_id using errcode = 'PT404';
  end if;
  update public.ticket_participants as p set removed_at = now()
  where p.ticket_id = private.ticket_now(remove_participant.ticket_id)
    and p.contact_id = remove_participant.contact_id and p.removed_at is null;
  return found;
end;
$$;

create function public.remove_participant(ticket_id uuid, contact_id uuid) returns boolean
language sql set search_path = '' as $$
  select private.remove_participant(remove_participant.ticket_id, remove_participant.contact_id);
$$;

-- Whom a mail names besides us, its sender and members, joins its ticket. Nobody does by a mail that names more than
-- twelve (it was sent to a crowd), when the ticket is full, or when the sender's mails have brought fifty people in a
-- day: a stranger must not make us write to whom they choose. For the tenant that the function works for; it refuses
-- nothing, for mail is never lost over it.
create function private.bring_participants(ticket_id uuid, sender_id uuid, named jsonb) returns void
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  organization constant uuid := (select private.current_organization());
  person record;
begin
  if jsonb_array_length(named) not between 1 and 12 or (
    select count(*) from public.ticket_participants as p
    where p.organization_id = organization and p.brought_by = sender_id and p.created_at > now() - interval '1 day'
  ) >= 50 then
    return;
  end if;
  for person in
    select n.email, max(n.name) as name
    from (
      select private.normal_email(n.email) as email, left(coalesce(n.name, ''), 500) as name
      from jsonb_to_recordset(named) as n (email text, name text)
    ) as n
    where n.email ~ '^[^@\s<>,;"]+@[^@\s<>,;"]+$' and length(n.email) <= 320
      and not private.is_own_address(organization, n.email)
      and private.member_by_email(n.email) is null
      and not exists (
        select from public.contacts as c
        join public.tickets as t on t.id = bring_participants.ticket_id
        where c.organization_id = organization and c.email = n.email and c.id in (t.contact_id, sender_id)
      )
    group by n.email
    limit greatest(private.max_participants() - (
      select count(*) from public.ticket_participants as p where p.ticket_id = bring_participants.ticket_id
    ), 0)
  loop
    insert into public.ticket_participants (organization_id, ticket_id, contact_id, source, brought_by)
    values (
      organization, bring_participants.ticket_id, private.contact_for(organization, person.email, person.name), 'mail',
      sender_id
    )
    on conflict do nothing;
  end loop;
end;
$$;

-- May a contact write in a ticket: it is theirs, or they take part? Volatile, so that it sees a ticket which was opened
-- for the very message that is being written (57_reopen.sql).
create function private.may_write_in(ticket_id uuid, contact_id uuid) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
begin
  return exists (
    select from public.tickets as t
    where t.id = may_write_in.ticket_id and t.contact_id = may_write_in.contact_id
    union all
    select from public.ticket_participants as p
    where p.ticket_id = may_write_in.ticket_id and p.contact_id = may_write_in.contact_id and p.removed_at is null
  );
end;
$$;
