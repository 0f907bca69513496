-- Two organizations, `bare` and `ruled`, with ten agents each in one team, and a hundred contacts. The second has all that
-- an organization can write down: opening hours, SLA policies, twenty routing rules, assignment to who has the least,
-- waiting, surveys. What the functions would do with a mail (triage, replies) is measured elsewhere: no event is routed.

delete from private.routes;

insert into auth.users (id, email, email_confirmed_at, aud, role)
select
  ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid, 'member' || n || '@desk.example', now(), 'authenticated',
  'authenticated'
from generate_series(1, 10) as n;

insert into public.organizations (id, name, slug, ai_mode) values
  ('00000000-0000-7000-8000-000000000000', 'Bare', 'bare', 'off'),
  ('00000000-0000-7000-8000-000000000001', 'Ruled', 'ruled', 'off');
insert into public.members (organization_id, user_id, role)
select o.id, u.id, 'owner' from public.organizations as o cross join auth.users as u;
insert into public.contacts (organization_id, email)
select o.id, 'contact' || n || '@people.example' from public.organizations as o cross join generate_series(1, 100) as n;
insert into public.teams (organization_id, name)
select o.id, 'Support' from public.organizations as o;
insert into public.team_members (organization_id, team_id, user_id)
select t.organization_id, t.id, u.id from public.teams as t cross join auth.users as u;

update public.organizations set solve_after = '7 days', close_after = '14 days', ask_csat_after = '1 hour'
where slug = 'ruled';
with calendar as (
  insert into public.calendars (organization_id, name, time_zone, is_default)
  select o.id, 'Office', 'Europe/Berlin', true from public.organizations as o where o.slug = 'ruled'
  returning organization_id, id
), holidays as (
  insert into public.calendar_holidays (organization_id, calendar_id, day)
  select c.organization_id, c.id, current_date + 30 * n from calendar as c cross join generate_series(1, 10) as n
)
insert into public.calendar_hours (organization_id, calendar_id, weekday, opens, closes)
select c.organization_id, c.id, day, '08:00', '18:00' from calendar as c cross join generate_series(1, 5) as day;
with policy as (
  insert into public.sla_policies (organization_id, name, position, conditions)
  select
    o.id, 'Policy ' || n, n,
    case when n < 3 then '{"field": "contact.email", "op": "ends_with", "value": "@big.example"}' else '{"all": []}' end::jsonb
  from public.organizations as o cross join generate_series(1, 3) as n
  where o.slug = 'ruled'
  returning organization_id, id
)
insert into public.sla_targets (organization_id, policy_id, priority, first_response, next_response, resolution)
select p.organization_id, p.id, priority, '4 hours', '8 hours', '40 hours'
from policy as p cross join unnest(enum_range(null::public.ticket_priority)) as priority;
-- Nineteen that ask two things each and do not hold, and one for the rest.
insert into public.routing_rules (organization_id, name, position, conditions, team_id, add_tags)
select
  t.organization_id, 'Rule ' || n, n,
  case
    when n < 20 then format(
      '{"all": [{"field": "channel", "op": "is", "value": "portal"}, {"field": "subject", "op": "contains", "value": "topic %s"}]}', n
    )
    else '{"all": []}'
  end::jsonb,
  t.id, array['routed']
from public.teams as t
join public.organizations as o on o.id = t.organization_id and o.slug = 'ruled'
cross join generate_series(1, 20) as n;
update public.teams as t set assignment = 'least_loaded'
from public.organizations as o where o.id = t.organization_id and o.slug = 'ruled';
insert into public.member_availability (organization_id, user_id, status, capacity)
select m.organization_id, m.user_id, 'online', 1000 from public.members as m;
