-- A desk of some size, for plans: 100,000 contacts, tickets, messages and events, nine in ten of one organization, and as
-- many jobs that wait as are done. Run by a superuser; triggers and foreign keys are off, so the rows are made to fit.
-- Everything is spread over the last 25 days; keys say when.

set session_replication_role = replica;
alter table public.contacts drop constraint contacts_email_check; -- costs as much as all the rest of a row

-- Rows first, then the indexes over them: that is several times faster.
create temporary table put_aside as
select indexrelid::regclass::text as name, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') as definition
from pg_index
where indrelid in (
    'public.contacts'::regclass, 'public.tickets'::regclass, 'public.messages'::regclass, 'public.events'::regclass,
    'private.jobs'::regclass
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

insert into public.organizations (id, name, slug)
select ('00000000-0000-7000-8000-0000000000' || lpad(n::text, 2, '0'))::uuid, 'Organization ' || n, 'organization-' || n
from generate_series(0, 9) as n;

insert into public.ticket_statuses (organization_id, key, name, category)
select o.id, s.key, s.key, s.category::public.status_category
from public.organizations as o, (values ('open', 'open'), ('pending', 'waiting'), ('solved', 'resolved')) as s (key, category);

insert into auth.users (id, email, email_confirmed_at, aud, role)
select ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid, 'member' || n || '@desk.example', now(), 'authenticated', 'authenticated'
from generate_series(1, 2000) as n;

insert into public.members (organization_id, user_id, role)
select ('00000000-0000-7000-8000-0000000000' || lpad((n % 10)::text, 2, '0'))::uuid,
  ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid, 'agent'
from generate_series(1, 2000) as n;

-- Nine in ten belong to organization 0.
create temporary table spread as
select
  n,
  ('00000000-0000-7000-8000-0000000000' || lpad((case when n % 10 = 9 then 1 + n / 10 % 9 else 0 end)::text, 2, '0'))::uuid
    as organization_id,
  at,
  (lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') || '7000b000' || lpad(to_hex(n), 12, '0'))::uuid as id,
  (lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') || '7001b000' || lpad(to_hex(n), 12, '0'))::uuid
    as other_id
from generate_series(1, 100000) as n, lateral (select now() - interval '25 days' * (1 - n / 100000.0) as at) as spread;

insert into public.contacts (id, organization_id, email, created_at)
select id, organization_id, 'contact' || n || '@people.example', at from spread;

-- One in fifty is open, one in ten waits. One contact in a thousand wrote nothing, contact 1 wrote most often.
insert into public.tickets (
  id, organization_id, number, subject, channel, status, status_category, contact_id, last_seq, last_message_at, created_at
)
select
  s.id, s.organization_id, s.n, 'Ticket ' || s.n, 'email',
  case when s.n % 50 = 0 then 'open' when s.n % 10 = 0 then 'pending' else 'solved' end,
  case when s.n % 50 = 0 then 'open' when s.n % 10 = 0 then 'waiting' else 'resolved' end,
  s.id, 1, s.at, s.at
from spread as s;

insert into public.messages (
  id, organization_id, ticket_id, seq, sender, contact_id, body_text, message_id_header, created_at
)
select s.id, s.organization_id, s.id, 1, 'contact', s.id, 'Hello', '<' || s.n || '@people.example>', s.at
from spread as s;

insert into public.events (id, organization_id, txid, type, subject_id, ticket_id, audience, data, created_at)
select s.id, s.organization_id, (s.n / 200 + 3)::text::xid8, 'message.received', s.id, s.id, 'contact', '{"seq": 1}', s.at
from spread as s;

insert into private.jobs (id, organization_id, consumer, state, run_at, order_key, attempt, created_at, finished_at)
select
  s.other_id, s.organization_id, (array['intake', 'triage', 'reply', 'send_mail'])[1 + s.n % 4],
  case when s.n % 1000 = 0 then 'dead' else 'done' end::private.job_state,
  s.at, 'ticket:' || s.n / 3, 1, s.at, s.at
from spread as s;

insert into private.jobs (id, organization_id, consumer, state, run_at, order_key, attempt, created_at, finished_at)
select
  s.id, s.organization_id, (array['intake', 'triage', 'reply', 'send_mail'])[1 + s.n % 4], 'waiting',
  s.at, 'ticket:' || s.n / 3, 0, s.at, null
from spread as s;

do $$
declare
  index_definition text;
begin
  for index_definition in select definition from put_aside loop
    execute index_definition;
  end loop;
end
$$;
drop table spread, put_aside;
set session_replication_role = origin;
set default_statistics_target = 30;
analyze;
