-- Who takes a ticket. One that a person has to look at waits in its team's line, and is given to somebody as soon as
-- somebody has room for it: by a job that the change itself asks for.

alter table public.teams add column assignment text not null default 'manual' check (
  -- manual: people take what they want; round_robin: in turns; least_loaded: to who has the fewest open tickets.
  assignment in ('manual', 'round_robin', 'least_loaded')
);

create table public.member_availability (
  organization_id uuid not null,
  user_id uuid not null,
  -- away: keeps what they have and is given nothing; away_reassign: hands it over too.
  status text not null default 'away' check (status in ('online', 'away', 'away_reassign')),
  -- Open tickets at once. Those that wait for the customer do not count.
  capacity integer not null default 10 check (capacity between 0 and 1000),
  last_assigned_at timestamptz,
  updated_at timestamptz not null default now(),
  primary key (organization_id, user_id),
  foreign key (organization_id, user_id) references public.members (organization_id, user_id) on delete cascade
);

create index tickets_line_idx on public.tickets (organization_id, team_id, created_at)
where status_category = 'open' and assignee_id is null and not is_spam;

create trigger member_availability_touch before update of status, capacity on public.member_availability
for each row execute function private.touch();

-- How long a ticket has to wait for the AI before a person is asked all the same.
create function private.ai_patience() returns interval
language sql immutable parallel safe set search_path = '' as $$
  select interval '10 minutes';
$$;

-- Whether a person has to look at an open ticket: the AI is off, has had its say, or has kept it for too long.
create function private.needs_person(ticket public.tickets) returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return ticket.ai_state = 'off'
    or ticket.created_at < now() - private.ai_patience()
    or exists (
      select from public.drafts as d where d.organization_id = ticket.organization_id and d.ticket_id = ticket.id
    )
    or exists (select from public.organizations as o where o.id = ticket.organization_id and o.ai_mode = 'off');
end;
$$;

-- A ticket's place in line: urgent ones stand as if they had come earlier, so that none waits for ever.
create function private.line_since(created_at timestamptz, priority public.ticket_priority) returns timestamptz
language sql immutable parallel safe set search_path = '' as $$
  select created_at - case priority
    when 'urgent' then interval '24 hours' when 'high' then interval '4 hours' when 'normal' then interval '0'
    else interval '-4 hours'
  end;
$$;

-- Every agent of an organization as seen from a ticket: whether they could take it, or why not, and their turn.
create function private.takers(ticket public.tickets)
returns table (user_id uuid, fits boolean, reason text, load integer, capacity integer, turn bigint)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  with asked as (
    select c.skill_id, s.name
    from public.ticket_categories as c
    join public.skills as s on s.id = c.skill_id
    where c.organization_id = ticket.organization_id and c.id = ticket.category_id
  ), agents as (
    select
      m.user_id, coalesce(a.status, 'away') as status, coalesce(a.capacity, 0) as capacity, a.last_assigned_at,
      open.tickets as load,
      exists (
        select from public.team_members as tm where tm.team_id = ticket.team_id and tm.user_id = m.user_id
      ) as in_team,
      not exists (select from asked)
        or exists (
          select from public.member_skills as ms join asked using (skill_id)
          where ms.organization_id = ticket.organization_id and ms.user_id = m.user_id
        ) as knows
    from public.members as m
    left join public.member_availability as a on a.organization_id = m.organization_id and a.user_id = m.user_id
    cross join lateral (
      select count(*)::integer as tickets from public.tickets as t
      where t.organization_id = m.organization_id and t.assignee_id = m.user_id and t.status_category = 'open'
        and t.id <> ticket.id
    ) as open
    where m.organization_id = ticket.organization_id and m.role >= 'agent'
  ), judged as (
    select
      a.*,
      case
        when ticket.team_id is not null and not a.in_team then 'is not in the team'
        -- Where nobody of the team has the skill, anybody may try.
        when not a.knows and exists (select from agents as other where other.knows and other.in_team)
          then 'does not know ' || (select name from asked)
        when a.status <> 'online' then 'is away'
        when a.load >= a.capacity then format('has %s of %s tickets', a.load, a.capacity)
      end as reason
    from agents as a
  )
  select
    j.user_id, j.reason is null, coalesce(j.reason, 'can take it'), j.load, j.capacity,
    case when j.reason is null then row_number() over (
      partition by j.reason is null
      order by
        case when t.assignment = 'round_robin' then 0 else j.load end, j.last_assigned_at nulls first, j.user_id
    ) end
  from judged as j
  left join public.teams as t on t.id = ticket.team_id;
end;
$$;

-- The clock of assignment: goes once along the line and gives each ticket to whose turn it is. One at a time for an
-- organization, so that nobody is given more than they have room for. Room does not grow meanwhile: who has none for a
-- team and category at first has none later, and what makes room asks for another round.
create function private.ring_assign(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  organization constant uuid := private.current_organization();
  ticket public.tickets;
  taker uuid;
  kind text;
  exhausted text[] := '{}';
begin
  perform pg_advisory_xact_lock(hashtextextended('pgdesk.assign:' || organization, 0));
  for ticket in
    select t.*
    from public.tickets as t
    join public.teams as team on team.id = t.team_id and team.assignment <> 'manual'
    where t.organization_id = organization
      and t.status_category = 'open' and t.assignee_id is null and not t.is_spam
      and private.needs_person(t)
    order by private.line_since(t.created_at, t.priority), t.id
    limit 1000
  loop
    kind := concat_ws(' ', ticket.team_id, ticket.category_id);
    continue when kind = any (exhausted);
    select k.user_id into taker from private.takers(ticket) as k where k.fits order by k.turn limit 1;
    if taker is null then
      exhausted := exhausted || kind;
      continue;
    end if;
    update public.tickets as t set assignee_id = taker
    where t.id = ticket.id and t.assignee_id is null and t.status_category = 'open';
    if found then
      update public.member_availability as a set last_assigned_at = clock_timestamp()
      where a.organization_id = organization and a.user_id = taker;
    end if;
  end loop;
end;
$$;

create function private.request_assignment(
  organization_id uuid, at timestamptz default now(), key text default 'assign'
) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if exists (
    select from public.teams as t
    where t.organization_id = request_assignment.organization_id and t.assignment <> 'manual'
  ) then
    perform private.enqueue(
      request_assignment.organization_id, 'clock', '{"ring": "assign"}', request_assignment.at,
      dedupe_key => request_assignment.key
    );
  end if;
end;
$$;

-- What makes work or room for it.
create function private.follow_assignment() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if new.status_category = 'open' and new.assignee_id is null then
    if tg_op = 'INSERT' then
      -- When the AI has kept it for too long.
      perform private.request_assignment(new.organization_id, now() + private.ai_patience(), 'assign:' || new.id);
    end if;
    perform private.request_assignment(new.organization_id);
  elsif tg_op = 'UPDATE' and old.status_category = 'open' and old.assignee_id is not null then
    perform private.request_assignment(new.organization_id);
  end if;
  return null;
end;
$$;

create trigger tickets_assign_begins after insert on public.tickets
for each row execute function private.follow_assignment();
create trigger tickets_assign after update on public.tickets
for each row when (
  (old.status_category, old.assignee_id, old.team_id, old.category_id, old.ai_state)
  is distinct from (new.status_category, new.assignee_id, new.team_id, new.category_id, new.ai_state)
)
execute function private.follow_assignment();

create function private.follow_room() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  organization uuid := coalesce(new.organization_id, old.organization_id);
begin
  if exists (select from public.organizations where id = organization) then
    perform private.request_assignment(organization);
  end if;
  return null;
end;
$$;

create trigger member_availability_assign after insert or update of status, capacity on public.member_availability
for each row execute function private.follow_room();
create trigger team_members_assign after insert on public.team_members
for each row execute function private.follow_room();
create trigger member_skills_assign after insert on public.member_skills
for each row execute function private.follow_room();
create trigger teams_assign after update of assignment on public.teams
for each row execute function private.follow_room();

create function private.follow_draft() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.request_assignment(new.organization_id);
  return null;
end;
$$;

-- Whether the caller is at work. `away_reassign` gives what they have open back to its teams.
create function private.set_availability(organization_id uuid, status text) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if coalesce(private.my_role(set_availability.organization_id) < 'agent', true) then
    raise exception 'only agents take tickets' using errcode = '42501';
  end if;
  insert into public.member_availability as a (organization_id, user_id, status)
  values (set_availability.organization_id, (select auth.uid()), set_availability.status)
  on conflict (organization_id, user_id) do update set status = excluded.status;
  if set_availability.status = 'away_reassign' then
    update public.tickets as t set assignee_id = null
    where t.organization_id = set_availability.organization_id and t.assignee_id = (select auth.uid())
      and t.status_category = 'open';
  end if;
end;
$$;

create function public.set_availability(organization_id uuid, status text) returns void
language sql set search_path = '' as $$
  select private.set_availability(set_availability.organization_id, set_availability.status);
$$;

-- The caller takes the next ticket that waits in a line of theirs, however teams assign. No row: none waits for them.
create function private.take_next(organization_id uuid) returns setof public.tickets
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  if coalesce(private.my_role(take_next.organization_id) < 'agent', true) then
    raise exception 'only agents take tickets' using errcode = '42501';
  end if;
  return query
  with next as (
    select t.id
    from public.tickets as t
    left join public.ticket_categories as c on c.organization_id = t.organization_id and c.id = t.category_id
    where t.organization_id = take_next.organization_id
      and t.status_category = 'open' and t.assignee_id is null and not t.is_spam
      and (
        t.team_id is null
        or exists (select from public.team_members as m where m.team_id = t.team_id and m.user_id = (select auth.uid()))
      )
      and private.needs_person(t)
    order by
      c.skill_id is not null and not exists (
        select from public.member_skills as s
        where s.organization_id = t.organization_id and s.user_id = (select auth.uid()) and s.skill_id = c.skill_id
      ),
      private.line_since(t.created_at, t.priority), t.id
    limit 1
    for update of t skip locked
  )
  update public.tickets as t set assignee_id = (select auth.uid())
  from next
  where t.id = next.id
  returning t.*;
  update public.member_availability as a set last_assigned_at = clock_timestamp()
  where a.organization_id = take_next.organization_id and a.user_id = (select auth.uid());
end;
$$;

create function public.take_next(organization_id uuid) returns setof public.tickets
language sql set search_path = '' as $$
  select * from private.take_next(take_next.organization_id);
$$;

-- Why a ticket went where it went, and who could take it now: the rules that were taken, then every agent.
create function private.explain_assignment(ticket_id uuid) returns jsonb
language plpgsql stable security definer set search_path = '' as $$
declare
  ticket public.tickets;
begin
  select * into ticket from public.tickets as t
  where t.id = explain_assignment.ticket_id and t.organization_id in (select private.my_organizations());
  if ticket.id is null then
    raise exception 'there is no ticket %', explain_assignment.ticket_id using errcode = 'PT404';
  end if;
  return jsonb_build_object(
    'team_id', ticket.team_id,
    'assignee_id', ticket.assignee_id,
    'assignment', (select t.assignment from public.teams as t where t.id = ticket.team_id),
    'waits_for', case
      when ticket.assignee_id is not null or ticket.status_category <> 'open' then 'nobody'
      when ticket.team_id is null then 'a team'
      when not private.needs_person(ticket) then 'the AI'
      else 'a member'
    end,
    'rules', (
      select coalesce(jsonb_agg(to_jsonb(r) - 'organization_id' - 'ticket_id' order by r.at, r.rule), '[]')
      from public.ticket_routings as r where r.ticket_id = ticket.id
    ),
    'members', (
      select coalesce(jsonb_agg(to_jsonb(k) order by k.turn nulls last, k.user_id), '[]')
      from private.takers(ticket) as k
    )
  );
end;
$$;

create function public.explain_assignment(ticket_id uuid) returns jsonb
language sql stable set search_path = '' as $$
  select private.explain_assignment(explain_assignment.ticket_id);
$$;
