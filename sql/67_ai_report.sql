-- What became of the AI's answers in some days, and what they cost.

-- As row-level security has it: members see what became of drafts, managers the cost too. `until` is included; days are
-- UTC.
--   drafts: how many by what became of them;
--   cost: of the language model, by day;
--   curve: for each threshold, how much of what was drafted would have been answered (coverage), and how much of what
--   people judged among it was wrong (risk): a draft that was rejected or had to be changed.
create function public.ai_report(organization_id uuid, since date, until date) returns jsonb
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
declare
  begins constant timestamptz := since::timestamp at time zone 'UTC';
  ends constant timestamptz := (until + 1)::timestamp at time zone 'UTC';
begin
  if ai_report.organization_id is null or ai_report.organization_id not in (select private.my_organizations()) then
    raise exception 'only members read the numbers of an organization' using errcode = '42501';
  end if;
  if until < since or until - since > 3660 then
    raise exception 'until comes after since, within ten years' using errcode = '22023';
  end if;
  return jsonb_build_object(
    'drafts', (
      select jsonb_build_object(
        'sent', count(*) filter (where d.status = 'sent'),
        'accepted', count(*) filter (where d.status = 'accepted'),
        'edited', count(*) filter (where d.status = 'edited'),
        'rejected', count(*) filter (where d.status = 'rejected'),
        'escalated', count(*) filter (where d.decision = 'escalate' and d.status in ('open', 'stale', 'superseded')),
        'waiting', count(*) filter (where d.decision <> 'escalate' and d.status in ('open', 'stale', 'superseded'))
      )
      from public.drafts as d
      where d.organization_id = ai_report.organization_id and d.created_at >= begins and d.created_at < ends
    ),
    'cost', (
      select coalesce(jsonb_agg(to_jsonb(by_day) order by by_day.day), '[]')
      from (
        select
          (e.created_at at time zone 'UTC')::date as day, sum(e.cost_usd) as usd, count(*) as calls,
          count(*) filter (where e.status <> 'ok') as failures, sum(e.tokens_in + e.tokens_out) as tokens
        from public.ai_executions as e
        where e.organization_id = ai_report.organization_id and e.created_at >= begins and e.created_at < ends
        group by 1
      ) as by_day
    ),
    'curve', (
      select jsonb_agg(
        jsonb_build_object(
          'threshold', c.step / 20.0,
          'coverage', round(100.0 * c.covered / nullif(c.drafted, 0), 1),
          'risk', round(100.0 * c.wrong / nullif(c.judged, 0), 1),
          'judged', c.judged
        )
        order by c.step
      )
      from (
        select
          t.step, sum(sum(b.drafts)) over () as drafted,
          coalesce(sum(sum(b.drafts)) over above, 0) as covered,
          coalesce(sum(sum(b.judged)) over above, 0) as judged, sum(sum(b.wrong)) over above as wrong
        from generate_series(0, 20) as t (step)
        left join (
          select
            floor((d.confidence * 20)::numeric(8, 4))::integer as step, count(*) as drafts,
            count(*) filter (where d.status in ('accepted', 'edited', 'rejected')) as judged,
            count(*) filter (where d.status in ('edited', 'rejected')) as wrong
          from public.drafts as d
          where d.organization_id = ai_report.organization_id and d.created_at >= begins and d.created_at < ends
          group by 1
        ) as b on b.step = t.step
        group by t.step
        window above as (order by t.step desc)
      ) as c
    )
  );
end;
$$;
