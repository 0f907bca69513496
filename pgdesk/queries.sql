-- outcomes --
-- One row per ledger entry, with what triage and the reply made of its message.
select
  i.id, i.state, i.outcome, i.verdict, i.reason, i.deliveries, i.ticket_id, i.message_id,
  t.number as ticket, c.key as category, coalesce(r.priority::text, t.priority::text) as priority, r.sentiment,
  r.language,  r.confidence, r.abstained, r.is_spam, m.name as team, d.decision, d.reasons, d.confidence as answer_confidence,
  d.status as draft_status, g.sender_status,
  (
    select array_agg(distinct a.slug)
    from public.draft_citations as q
    join public.articles as a on a.id = q.article_id
    where q.draft_id = d.id
  ) as articles,
  (
    select o.status from public.outgoing_mails as o where o.message_id = d.sent_message_id and o.kind = 'reply'
  ) as mailed
from public.inbound_mails as i
left join public.tickets as t on t.id = i.ticket_id
left join public.messages as g on g.id = i.message_id
left join public.triage_results as r on r.message_id = i.message_id
left join public.ticket_categories as c on c.id = t.category_id
left join public.teams as m on m.id = t.team_id
left join public.drafts as d on d.message_id = i.message_id
where i.id = any(%(ids)s::uuid[]);

-- totals --
select
  (select count(*) from public.inbound_mails) as received,
  (select count(*) from public.inbound_mails where state = 'done') as done,
  (select count(*) from public.inbound_mails where state = 'quarantined') as quarantined,
  (select count(*) from private.inbound_raw) as raw,
  (select count(*) from private.jobs where state = 'dead') as dead,
  (select count(*) from private.jobs where state in ('waiting', 'published', 'running')
    and run_at < now() + interval '5 minutes' and consumer <> 'maintain'
    and coalesce(dedupe_key, '') not in ('metrics', 'seal_audit')) as waiting,
  (select count(*) from public.outgoing_mails where status = 'sent') as mailed,
  (select count(*) from public.outgoing_mails where delivery = 'delivered') as delivered,
  (select count(*) from public.outgoing_mails where status not in ('sent', 'suppressed')) as unsent,
  (
    select count(*) from (
      select message_id from public.inbound_mails where message_id is not null group by message_id having count(*) > 1
    ) as twice
  ) as doubled;

-- unfinished --
-- What the desk still has to do, leaving out what is meant for later, and what comes behind: numbers, and the seal of the
-- audit log.
select
  (select count(*) from private.jobs where state in ('waiting', 'published', 'running')
    and (run_at < now() + interval '5 minutes') and consumer <> 'maintain'
    and coalesce(dedupe_key, '') not in ('metrics', 'seal_audit')) as jobs,
  (select count(*) from private.jobs where state = 'done') as done,
  (select count(*) from public.inbound_mails where state not in ('done', 'quarantined')) as mails;

-- health --
select private.health() as health;

-- dead_jobs --
select j.id, o.slug as organization, j.consumer, j.attempt, j.error, j.finished_at
from private.jobs as j
left join public.organizations as o on o.id = j.organization_id
where j.state = 'dead'
order by j.finished_at desc
limit 500;

-- retry_dead_jobs --
update private.jobs
set state = 'waiting', run_at = now(), attempt = 0, finished_at = null
where state = 'dead' and (%(all)s or id = any(%(ids)s::uuid[]));

-- wake_relay --
select private.wake_relay();

-- consumers --
select to_jsonb(c) from private.consumers as c;

-- event_types --
select to_jsonb(e) from private.event_types as e;

-- routes --
select to_jsonb(r) from private.routes as r;

-- buckets --
select jsonb_build_object('id', b.id, 'public', b.public, 'limit', b.file_size_limit) from storage.buckets as b;

-- role_settings --
select jsonb_build_object('role', r.rolname, 'set', s.setconfig)
from pg_db_role_setting as s
left join pg_roles as r on r.oid = s.setrole
join pg_database as d on d.oid = s.setdatabase
where d.datname = current_database();

-- publication --
select to_jsonb(p) from pg_publication_tables as p where p.pubname = 'supabase_realtime';

-- catalogue --
select
  e.type, e.subject, e.audience, e.happens, e.properties, e.is_partial, e.example,
  coalesce(
    (select jsonb_object_agg(r.consumer, r.only_if) from private.routes as r where r.event_type = e.type), '{}'
  ) as jobs
from private.event_types as e
order by e.type;

-- enums --
select t.typname as name, array_agg(e.enumlabel::text order by e.enumsortorder) as labels
from pg_type as t
join pg_enum as e on e.enumtypid = t.oid
join pg_namespace as n on n.oid = t.typnamespace
where n.nspname = 'public'
group by t.typname;

-- prefixes --
select p.noun, p.prefix from private.id_prefixes as p;

-- rpcs --
-- Functions of schema public that clients may call, with the roles that may.
select
  p.proname as name,
  pg_get_function_arguments(p.oid) as arguments,
  pg_get_function_result(p.oid) as result,
  array_remove(array[
    case when has_function_privilege('anon', p.oid, 'execute') then 'anyone' end,
    case when has_function_privilege('authenticated', p.oid, 'execute') then 'signed in' end
  ], null) as callers
from pg_proc as p
where p.pronamespace = 'public'::regnamespace and p.prorettype <> 'trigger'::regtype
  and (has_function_privilege('anon', p.oid, 'execute') or has_function_privilege('authenticated', p.oid, 'execute'))
order by p.proname;

-- drafted_ticket --
-- One that a person has to look at, with the draft that rests on most.
select t.number
from public.tickets as t
join public.drafts as d on d.ticket_id = t.id
where t.organization_id = %(organization)s and d.status = 'open' and d.decision = 'draft' and t.team_id is not null
order by (select count(*) from public.draft_citations as c where c.draft_id = d.id) desc, d.confidence desc, t.number
limit 1;
