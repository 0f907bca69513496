-- An organization of the size that `bench.tickets` names: contacts, tickets with a message and an event each, a hundred of
-- them with a hundred; words as in language, a few of them everywhere and most of them rare. However many there are, about
-- three hundred are open, a quarter of them in a line that waits for somebody: a desk that keeps up. Run by a superuser;
-- triggers and foreign keys are off, so the rows are made to fit, and what triggers would have derived is derived here.
-- Rows first, then the indexes over them: several times faster.

set session_replication_role = replica;

create temporary table put_aside as
select indexrelid::regclass::text as name, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') as definition
from pg_index
where indrelid in (
    'public.contacts'::regclass, 'public.tickets'::regclass, 'public.messages'::regclass, 'public.events'::regclass,
    'private.ticket_search'::regclass, 'private.contact_words'::regclass, 'public.ticket_history'::regclass,
    'public.sla_clocks'::regclass
  )
  and not exists (select from pg_constraint where conindid = indexrelid);
do $$
declare
  index_name text;
begin
  for index_name in select name from put_aside loop
    execute 'drop index ' || index_name;
  end loop;
end
$$;

insert into auth.users (id, email, email_confirmed_at, aud, role)
select
  ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid, 'member' || n || '@desk.example', now(), 'authenticated',
  'authenticated'
from generate_series(1, 20) as n;

insert into public.organizations (id, name, slug) values ('00000000-0000-7000-8000-000000000000', 'Desk', 'desk');
insert into public.ticket_statuses (organization_id, key, name, category)
select '00000000-0000-7000-8000-000000000000', s.key, s.key, s.category::public.status_category
from (values ('open', 'open'), ('pending', 'waiting'), ('solved', 'resolved')) as s (key, category);
insert into private.ticket_counters (organization_id, last_number)
values ('00000000-0000-7000-8000-000000000000', current_setting('bench.tickets')::bigint);
insert into public.members (organization_id, user_id, role, display_name)
select '00000000-0000-7000-8000-000000000000', id, 'manager', 'Member' from auth.users;
insert into public.authors (organization_id, user_id, name)
select '00000000-0000-7000-8000-000000000000', id, 'Member' from auth.users;
insert into public.member_availability (organization_id, user_id, status, capacity)
select '00000000-0000-7000-8000-000000000000', id, 'online', 100 from auth.users;

-- Four teams of five.
insert into public.teams (id, organization_id, name, assignment)
select
  ('00000000-0000-7000-a000-' || lpad(n::text, 12, '0'))::uuid, '00000000-0000-7000-8000-000000000000', 'Team ' || n,
  'least_loaded'
from generate_series(0, 3) as n;
insert into public.team_members (organization_id, team_id, user_id)
select
  '00000000-0000-7000-8000-000000000000', ('00000000-0000-7000-a000-' || lpad((n % 4)::text, 12, '0'))::uuid,
  ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid
from generate_series(1, 20) as n;

-- Promises, with office hours.
insert into public.calendars (id, organization_id, name, time_zone, is_default)
values ('00000000-0000-7000-b000-000000000000', '00000000-0000-7000-8000-000000000000', 'Office', 'Europe/Berlin', true);
insert into public.calendar_hours (organization_id, calendar_id, weekday, opens, closes)
select '00000000-0000-7000-8000-000000000000', '00000000-0000-7000-b000-000000000000', day, '08:00', '18:00'
from generate_series(1, 5) as day;
insert into public.sla_policies (id, organization_id, name)
values ('00000000-0000-7000-c000-000000000000', '00000000-0000-7000-8000-000000000000', 'Everybody');
insert into public.sla_targets (organization_id, policy_id, priority, first_response, next_response, resolution)
select
  '00000000-0000-7000-8000-000000000000', '00000000-0000-7000-c000-000000000000', priority, '4 hours', '8 hours', '40 hours'
from unnest(enum_range(null::public.ticket_priority)) as priority;

-- Lists of the trade, as every organization has them.
insert into public.ticket_views (organization_id, name, sort, ascending, conditions)
select '00000000-0000-7000-8000-000000000000', v.name, v.sort, v.ascending, v.conditions::jsonb
from (values
  ('Mine', 'last_message_at', false, '{"all": [{"field": "assignee_id", "op": "is", "value": "me"},
    {"field": "status_category", "op": "is", "value": "open"}]}'),
  ('Unassigned', 'last_message_at', true, '{"all": [{"field": "assignee_id", "op": "is_not_set"},
    {"field": "status_category", "op": "is", "value": "open"}, {"field": "is_spam", "op": "is", "value": false}]}'),
  ('My teams', 'last_message_at', true, '{"all": [{"field": "team_id", "op": "is", "value": "my_teams"},
    {"field": "status_category", "op": "is", "value": "open"}, {"field": "is_spam", "op": "is", "value": false}]}'),
  ('Late', 'due_at', true, '{"all": [{"field": "status_category", "op": "is", "value": "open"},
    {"any": [{"field": "first_response_due_at", "op": "below", "value": "now"},
      {"field": "resolution_due_at", "op": "below", "value": "now"}]}]}')
) as v (name, sort, ascending, conditions);

-- Over the last 25 days; keys say when.
create temporary table spread as
select
  n, at, state, state = 'open' and row_number() over (partition by state order by n) % 4 = 0 as is_in_line,
  -- Messages have partitions for as long as two months; what is measured is of ninety days.
  now() - interval '90 days' * (1 - n / m.tickets::float8) as happened_at,
  (lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') || '7000b000' || lpad(to_hex(n), 12, '0'))::uuid as id,
  ('00000000-0000-7000-9000-' || lpad((1 + n % 20)::text, 12, '0'))::uuid as member_id,
  ('00000000-0000-7000-a000-' || lpad(((1 + n % 20) % 4)::text, 12, '0'))::uuid as team_id
from (select current_setting('bench.tickets')::integer as tickets) as m
cross join generate_series(1, m.tickets) as n
cross join lateral (
  select
    now() - interval '25 days' * (1 - n / m.tickets::float8) as at,
    case
      when n > m.tickets - 100 or n % (m.tickets / 200) = 0 then 'open'
      when n % (m.tickets / 100) = 1 then 'waiting'
      else 'resolved'
    end as state
) as spread;

insert into public.contacts (id, organization_id, email, name, created_at)
select s.id, '00000000-0000-7000-8000-000000000000', 'contact' || s.n || '@people.example', 'Contact ' || s.n, s.at
from spread as s;

insert into private.contact_words (organization_id, contact_id, word)
select '00000000-0000-7000-8000-000000000000', s.id, w.word
from spread as s
cross join lateral unnest(array[
  'contact', s.n::text, 'contact' || s.n, 'people', 'example', 'people.example', 'contact' || s.n || '@people.example'
]) as w (word);

insert into public.tickets (
  id, organization_id, number, subject, channel, status, status_category, contact_id, team_id, assignee_id, ai_state,
  tags, last_seq, last_message_at, first_response_due_at, resolved_at, created_at
)
select
  s.id, '00000000-0000-7000-8000-000000000000', s.n, 'Ticket ' || s.n,
  (array['email', 'portal', 'chat'])[1 + s.n % 3]::public.ticket_channel,
  case s.state when 'open' then 'open' when 'waiting' then 'pending' else 'solved' end, s.state, s.id, s.team_id,
  case when not s.is_in_line then s.member_id end, 'off', array['tag' || s.n % 10], 1, s.at,
  case when s.state = 'open' then s.at + interval '4 hours' end,
  case when s.state = 'resolved' then s.at end, s.at
from spread as s;

-- Thirty words out of 20,000, the nth as often as 1/n: the first is in nine of ten texts.
create temporary table texts as
select n, array_agg(distinct 'word' || floor(exp(random() * ln(20000)))::integer) as words
from generate_series(1, 2000) as n, generate_series(1, 30)
group by n;

insert into public.messages (
  id, organization_id, ticket_id, seq, sender, contact_id, body_text, message_id_header, created_at
)
select
  s.id, '00000000-0000-7000-8000-000000000000', s.id, 1, 'contact', s.id, array_to_string(t.words, ' '),
  '<' || s.n || '@people.example>', s.at
from spread as s
join texts as t on t.n = 1 + s.n % 2000;

insert into public.events (id, organization_id, txid, type, subject_id, ticket_id, audience, data, created_at)
select s.id, '00000000-0000-7000-8000-000000000000', '3', 'message.received', s.id, s.id, 'contact', '{"seq": 1}', s.at
from spread as s;

-- A hundred long conversations, spread over all.
insert into public.messages (id, organization_id, ticket_id, seq, sender, contact_id, body_text, created_at)
select private.uuid7(), '00000000-0000-7000-8000-000000000000', s.id, seq, 'contact', s.id, 'And another thing.', now()
from spread as s, generate_series(2, 100) as seq
where s.n % (current_setting('bench.tickets')::integer / 100) = 0;
insert into public.events (organization_id, txid, type, subject_id, ticket_id, audience, data)
select '00000000-0000-7000-8000-000000000000', '3', 'message.received', s.id, s.id, 'contact', '{}'
from spread as s, generate_series(2, 100) as seq
where s.n % (current_setting('bench.tickets')::integer / 100) = 0;

-- What tickets went through: asked, answered within hours by a member or the AI, resolved within days.
insert into public.ticket_history (
  organization_id, ticket_id, step, at, wrote, status, status_category, priority, team_id, assignee_id, actor_id
)
select
  '00000000-0000-7000-8000-000000000000', s.id, h.step, s.happened_at + h.after, h.wrote, h.status, h.category, 'normal',
  s.team_id, case when not s.is_in_line then s.member_id end, case h.wrote when 'member' then s.member_id end
from spread as s
cross join lateral (values
  (1, interval '0', null, 'new', 'open'),
  (2, interval '1 second', 'contact', 'new', 'open'),
  (3, interval '1 minute' * (1 + s.n % 600), case when s.n % 3 = 0 then 'ai' else 'member' end, 'pending', 'waiting'),
  (4, interval '1 hour' * (11 + s.n % 70), null, 'solved', 'resolved')
) as h (step, after, wrote, status, category)
where h.step <= case s.state when 'open' then 2 when 'waiting' then 3 else 4 end;

insert into private.sla_rules (id, organization_id, rules)
values ('00000000-0000-7000-d000-000000000000', '00000000-0000-7000-8000-000000000000', '{}');
insert into public.sla_clocks (
  organization_id, ticket_id, metric, rules_id, target, started_at, stopped_at, spent, breached_at
)
select
  '00000000-0000-7000-8000-000000000000', s.id, 'first_response', '00000000-0000-7000-d000-000000000000', '4 hours',
  s.happened_at, s.happened_at + interval '1 minute' * (1 + s.n % 600), interval '1 minute' * (1 + s.n % 600),
  case when s.n % 600 > 240 then s.happened_at + interval '4 hours' end
from spread as s
where s.state = 'resolved';
insert into public.csat_ratings (organization_id, survey_id, ticket_id, contact_id, member_id, team_id, score, via, at)
select
  '00000000-0000-7000-8000-000000000000', s.id, s.id, s.id, s.member_id, s.team_id, 1 + s.n / 10 % 5, 'link',
  s.happened_at + interval '4 days'
from spread as s
where s.n % 10 = 0 and s.state = 'resolved';

create temporary table buckets as
select
  small,
  array[
    private.search_bucket('00000000-0000-7000-8000-000000000000', false, small),
    private.search_bucket(
      '00000000-0000-7000-8000-000000000000', true,
      small * private.search_bucket_size(false) / private.search_bucket_size(true)
    )
  ] as prefixes,
  array[
    private.search_bucket('00000000-0000-7000-8000-000000000000', false, small, true),
    private.search_bucket(
      '00000000-0000-7000-8000-000000000000', true,
      small * private.search_bucket_size(false) / private.search_bucket_size(true), true
    )
  ] as head_prefixes
from generate_series(0, current_setting('bench.tickets')::bigint / private.search_bucket_size(false)) as small;

insert into private.ticket_search (ticket_id, organization_id, number, head, document)
select
  s.id, '00000000-0000-7000-8000-000000000000', s.n, h.words,
  array_to_tsvector(array(
    select p.prefix || w.word
    from unnest(tsvector_to_array(h.words) || t.words) as w (word), unnest(b.prefixes) as p (prefix)
    union all
    select p.prefix || w.word
    from unnest(tsvector_to_array(h.words)) as w (word), unnest(b.head_prefixes) as p (prefix)
  ))
from spread as s
join texts as t on t.n = 1 + s.n % 2000
cross join lateral (
  select array_to_tsvector(array[
    'ticket', 'contact', s.n::text, 'contact' || s.n, 'people.example', 'contact' || s.n || '@people.example'
  ]) as words
) as h
join buckets as b on b.small = s.n / private.search_bucket_size(false);

do $$
declare
  index_definition text;
begin
  perform set_config('maintenance_work_mem', '256MB', true);
  for index_definition in select definition from put_aside loop
    execute index_definition;
  end loop;
end
$$;
analyze public.tickets, public.ticket_history, public.sla_clocks, public.csat_ratings;

-- As the clock of the numbers does, in larger slices.
do $$
declare
  slice uuid[];
begin
  for slice in select array_agg(id) from spread group by n / 5000 order by n / 5000 loop
    perform private.measure_tickets('00000000-0000-7000-8000-000000000000', slice);
  end loop;
end
$$;

drop table spread, texts, buckets, put_aside;
set session_replication_role = origin;

vacuum analyze;
