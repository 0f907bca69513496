-- How the desk is doing, in one answer: for the health route, `pgdesk status` and whoever is called at night.

-- What it counts across all tenants, found without reading all their rows.
create index inbound_mails_quarantined_idx on public.inbound_mails (organization_id) where state = 'quarantined';
create index outgoing_mails_trouble_idx on public.outgoing_mails (status, updated_at)
where status in ('unknown', 'failed');
create index ai_executions_created_at_idx on public.ai_executions (created_at);

-- Per consumer: what waits, since when, what died, and how long attempts took in the last hour (milliseconds of work;
-- milliseconds from due to done). Mail and language model beside it. Figures of the installation, no tenant's rows.
create function private.health() returns jsonb
language sql stable security definer set search_path = '' as $$
  select jsonb_build_object(
    'at', now(),
    'queue', (
      select jsonb_agg(
        to_jsonb(q) || jsonb_build_object(
          'done_in_hour', coalesce(l.done_in_hour, 0), 'work_ms_p50', l.work_ms_p50, 'work_ms_p95', l.work_ms_p95,
          'due_to_done_ms_p95', l.due_to_done_ms_p95
        )
        order by q.consumer
      )
      from private.queue_status() as q
      left join (
        select
          j.consumer, count(*) as done_in_hour,
          round(percentile_cont(0.5) within group (order by extract(epoch from j.finished_at - j.started_at) * 1000))
            as work_ms_p50,
          round(percentile_cont(0.95) within group (order by extract(epoch from j.finished_at - j.started_at) * 1000))
            as work_ms_p95,
          round(percentile_cont(0.95) within group (
            order by extract(epoch from j.finished_at - greatest(j.run_at, j.created_at)) * 1000
          )) as due_to_done_ms_p95
        from private.jobs as j
        where j.state = 'done' and j.finished_at > now() - interval '1 hour'
        group by j.consumer
      ) as l using (consumer)
    ),
    'mail', jsonb_build_object(
      'quarantined', (select count(*) from public.inbound_mails as m where m.state = 'quarantined'),
      'unknown', (select count(*) from public.outgoing_mails as o where o.status = 'unknown'),
      'failed_today', (
        select count(*) from public.outgoing_mails as o
        where o.status = 'failed' and o.updated_at >= date_trunc('day', now() at time zone 'utc') at time zone 'utc'
      )
    ),
    'alarms', (
      select jsonb_agg(
        jsonb_build_object('kind', a.kind, 'raised_today', a.raised_today, 'last', a.last) order by a.kind
      )
      from private.alarm_status() as a
    ),
    'model', (
      select jsonb_build_object(
        'calls_today', count(*),
        'failed_today', count(*) filter (where e.status <> 'ok'),
        'tokens_today', coalesce(sum(e.tokens_in + e.tokens_out), 0),
        'cost_usd_today', coalesce(sum(e.cost_usd), 0)
      )
      from public.ai_executions as e
      -- An extract of the knowledge base is nobody's call.
      where e.model <> 'extract' and e.created_at >= date_trunc('day', now() at time zone 'utc') at time zone 'utc'
    )
  );
$$;
