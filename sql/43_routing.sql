-- Where a ticket goes, as rules that an organization writes down in order.

create table public.routing_rules (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  name text not null check (length(btrim(name)) between 1 and 100),
  position integer not null default 0,
  conditions jsonb not null default '{"all": []}',
  -- What follows where they hold. Null leaves as it is; nothing overrides what a member has set.
  team_id uuid,
  assignee_id uuid,
  priority public.ticket_priority,
  add_tags text[] not null default '{}' check (cardinality(add_tags) <= 20),
  -- Whether the rules after it are still asked.
  is_final boolean not null default true,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, name),
  foreign key (organization_id, team_id) references public.teams (organization_id, id) on delete set null (team_id),
  foreign key (organization_id, assignee_id)
    references public.members (organization_id, user_id) on delete set null (assignee_id)
);
create index routing_rules_order_idx on public.routing_rules (organization_id, position, id);
create index routing_rules_team_idx on public.routing_rules (organization_id, team_id);
create index routing_rules_assignee_idx on public.routing_rules (organization_id, assignee_id);

-- Which rules were taken for a ticket, and why: a rule is taken once.
create table public.ticket_routings (
  organization_id uuid not null,
  ticket_id uuid not null,
  rule_id uuid not null,
  at timestamptz not null default now(),
  -- opened: with its first message; triaged: once triage had looked at it.
  moment text not null check (moment in ('opened', 'triaged')),
  -- The rule as it was, and what was asked.
  rule text not null,
  conditions jsonb not null,
  primary key (ticket_id, rule_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, rule_id) references public.routing_rules (organization_id, id) on delete cascade
);
create index ticket_routings_ticket_idx on public.ticket_routings (organization_id, ticket_id);
create index ticket_routings_rule_idx on public.ticket_routings (organization_id, rule_id);

create trigger routing_rules_touch before update on public.routing_rules
for each row execute function private.touch();
create trigger routing_rules_conditions before insert or update of conditions on public.routing_rules
for each row execute function private.check_conditions();

-- Asks the rules in their order. Each sees what those before it have changed.
create function private.route_ticket(ticket_id uuid, moment text) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  ticket public.tickets;
  facts jsonb;
  rule public.routing_rules;
begin
  select * into ticket from public.tickets as t where t.id = route_ticket.ticket_id for update;
  for rule in
    select r.* from public.routing_rules as r
    where r.organization_id = ticket.organization_id and r.is_active
      and not exists (select from public.ticket_routings as d where d.ticket_id = ticket.id and d.rule_id = r.id)
    order by r.position, r.id
  loop
    facts := coalesce(facts, private.ticket_facts(ticket));
    continue when not private.condition_holds(rule.conditions, facts);
    update public.tickets as t
    set team_id = case when 'team_id' = any (t.set_by_member) then t.team_id else coalesce(rule.team_id, t.team_id) end,
      priority = case
        when 'priority' = any (t.set_by_member) then t.priority
        else coalesce(rule.priority, t.priority)
      end,
      assignee_id = coalesce(t.assignee_id, rule.assignee_id),
      tags = array(select distinct unnest(t.tags || rule.add_tags) order by 1 limit 100)
    where t.id = ticket.id
    returning * into ticket;
    facts := null;
    insert into public.ticket_routings (organization_id, ticket_id, rule_id, moment, rule, conditions)
    values (ticket.organization_id, ticket.id, rule.id, route_ticket.moment, rule.name, rule.conditions);
    exit when rule.is_final;
  end loop;
end;
$$;

create function private.route_opened() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.route_ticket(new.ticket_id, 'opened');
  return null;
end;
$$;

create trigger messages_route after insert on public.messages
for each row when (new.seq = 1) execute function private.route_opened();

-- Called by triage, for a ticket of the tenant that it works for.
create function private.route_triaged(ticket_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  perform private.route_ticket(t.id, 'triaged') from public.tickets as t
  where t.id = route_triaged.ticket_id and t.organization_id = private.current_organization();
end;
$$;
