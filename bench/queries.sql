-- steps --
-- From the acceptance of each mail to the draft of its answer, by the database's clock.
select
  i.id, i.message_id,
  extract(epoch from d.created_at - i.created_at) * 1000 as drafted_ms, t.is_spam
from public.inbound_mails as i
join public.tickets as t on t.id = i.ticket_id
left join public.drafts as d on d.message_id = i.message_id
where i.outcome = 'new_ticket' and i.sender like '%@bench.example';

-- fill --
-- Jobs of a consumer that does nothing, and nothing else.
with cleared as (
  delete from private.jobs
), consumer as (
  insert into private.consumers (name, in_flight, lease) values ('noop', %(window)s, '1 minute')
  on conflict (name) do update set in_flight = excluded.in_flight
)
insert into private.jobs (consumer) select 'noop' from generate_series(1, %(jobs)s);

-- rate_of_pgdesk --
select extract(epoch from max(finished_at) - min(started_at)) as seconds, count(*) filter (where state = 'done') as done
from private.jobs;

-- rate_of_procrastinate --
select
  extract(epoch from max(at) filter (where type = 'succeeded') - min(at) filter (where type = 'started')) as seconds,
  count(*) filter (where type = 'succeeded') as done
from procrastinate_events;

-- rate_of_pgqueuer --
select
  extract(epoch from max(created) filter (where status = 'successful') - min(created) filter (where status = 'picked'))
    as seconds,
  count(*) filter (where status = 'successful') as done
from pgqueuer_log;

-- churn --
-- Every job through all its states, each step committed; how long each claim took.
do $$
declare
  began timestamptz;
  ids uuid[];
  job uuid;
begin
  drop table if exists claims;
  create temporary table claims (ms float8);
  loop
    began := clock_timestamp();
    ids := array(select c.id from private.claim_jobs() as c);
    insert into claims values (extract(epoch from clock_timestamp() - began) * 1000);
    commit;
    exit when cardinality(ids) = 0;
    foreach job in array ids loop
      perform private.finish_job(b.id, b.token) from private.begin_job(job) as b;
    end loop;
    commit;
  end loop;
end;
$$;

-- webhook_endpoint --
with made as (
  insert into public.organizations (name, slug) values (%(slug)s, %(slug)s) returning id
)
insert into public.webhook_endpoints (organization_id, url)
select id, %(url)s from made
returning organization_id, id as endpoint_id;

-- webhook_secret --
insert into private.webhook_secrets (id, organization_id, endpoint_id, sealed, key_version)
values (%(id)s, %(organization_id)s, %(endpoint_id)s, %(sealed)s, %(version)s);

-- webhook_burst --
select private.emit(
  (%(organizations)s::uuid[])[1 + number %% cardinality(%(organizations)s::uuid[])], 'contact.created', gen_random_uuid()
) as id
from generate_series(1, %(count)s) as number;

-- webhook_event --
select private.emit(%(organization_id)s, 'contact.created', gen_random_uuid()) as id;

-- last_job --
select max(finished_at) as finished_at from private.jobs where state = 'done';

-- hasten_metrics --
-- The numbers, which come two minutes behind, come now. How many organizations still wait for theirs.
with hastened as (
  update private.jobs set run_at = now() where state = 'waiting' and dedupe_key = 'metrics' and run_at > now()
  returning private.wake_relay()
)
select (select count(*) from private.unmeasured) + (select count(*) from hastened) as waiting;

-- all_rows --
-- Added and not removed again, in every table of the desk and of the platform; but jobs of the housekeeping.
select
  (select sum(n_tup_ins - n_tup_del) from pg_stat_user_tables where relid <> 'private.jobs'::regclass)
  + (select count(*) from private.jobs where consumer <> 'maintain') as rows;

-- act_as_agent --
select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %(claims)s, true);

-- inbox --
-- As PostgREST embeds: /tickets?organization_id=eq.…&status_category=eq.open&select=*,contact:contacts(…),assignee:members(…)
select t.*, to_jsonb(c) as contact, to_jsonb(a) as assignee
from public.tickets as t
left join lateral (
  select c.id, c.name, c.email from public.contacts as c
  where c.organization_id = t.organization_id and c.id = t.contact_id
) as c on true
left join lateral (
  select m.user_id, m.display_name from public.members as m
  where m.organization_id = t.organization_id and m.user_id = t.assignee_id
) as a on true
where t.organization_id = %(organization)s and t.status_category = 'open'
order by t.last_message_at desc, t.id desc
limit 50;

-- ticket --
select t.*, to_jsonb(c) as contact
from public.tickets as t
left join lateral (
  select c.* from public.contacts as c where c.organization_id = t.organization_id and c.id = t.contact_id
) as c on true
where t.organization_id = %(organization)s and t.number = %(number)s;

-- messages --
select m.* from public.messages as m where m.ticket_id = %(ticket)s order by m.seq desc limit 50;

-- events --
select e.* from public.events as e where e.ticket_id = %(ticket)s order by e.txid desc, e.seq desc limit 50;

-- search --
select id, number, subject from public.search_tickets(%(organization)s, %(query)s);

-- search_messages --
select id, ticket_id, snippet from public.search_messages(%(organization)s, %(query)s);

-- search_contacts --
select id, name, email from public.search_contacts(%(organization)s, %(query)s);

-- act_as_clock --
select set_config('app.organization_id', %(organization)s, true);

-- view --
select t.* from public.ticket_views as v cross join lateral public.view_tickets(v.id) as t
where v.organization_id = %(organization)s and v.name = %(view)s;

-- view_counts --
select * from public.view_counts(%(organization)s);

-- take_next --
select * from public.take_next(%(organization)s);

-- assign --
select private.ring('{"ring": "assign"}');

-- run_sla --
select private.run_sla(t) from public.tickets as t where t.id = %(ticket)s;

-- ticket_metrics --
select * from public.ticket_metrics(%(ticket)s);

-- report --
select * from public.metrics(%(organization)s, current_date - 89, current_date, %(by)s, null, %(per)s);

-- backlog --
select * from public.backlog(%(organization)s, 'team');

-- measure --
select private.measure_tickets(%(organization)s, array(
  select t.id from public.tickets as t
  where t.organization_id = %(organization)s and t.number between %(number)s - 9 and %(number)s
));

-- open_ticket --
select id from public.open_ticket(
  %(organization)s, 'A question', 'Where is my parcel?', 'portal',
  (
    select c.id from public.contacts as c
    where c.organization_id = %(organization)s and c.email = 'contact' || 1 + %(number)s %% 100 || '@people.example'
  )
);

-- due_clocks --
select id from private.jobs
where organization_id = %(organization)s and consumer = 'clock' and state = 'waiting' and run_at <= now()
order by run_at, id;

-- ring --
select private.ring(j.payload) from private.jobs as j where j.id = %(id)s;

-- clock_done --
update private.jobs set state = 'done', finished_at = now() where id = %(id)s;

-- solve_all --
update public.tickets set status = 'solved' where organization_id = %(organization)s and status_category = 'open';

-- kept_rules --
-- How many tickets every rule has been kept for.
select
  count(t.assignee_id) as assigned,
  count(*) filter (where t.tags = '{routed}') as routed,
  (select count(*) from public.sla_clocks as c where c.organization_id = %(organization)s and c.metric = 'resolution')
    as promised,
  (select count(*) from private.ticket_measures as k where k.organization_id = %(organization)s) as measured
from public.tickets as t
where t.organization_id = %(organization)s;
