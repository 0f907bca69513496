-- What is measured of a ticket: each number by one branch of private.measures_of, from what the ticket went through.
--
-- Nothing here depends on the time it is asked at, so what is stored (96_metric_rollups.sql) stays true until something
-- happens to the ticket; what does (a resolution is assumed to hold after seven days) is reckoned when a report is read
-- (97_metric_reports.sql). Where team and agent are told they are those of that moment, so that work is counted for who
-- did it; volumes and the backlog are for who has the ticket now. docs/metrics.md says the same in words.

-- One thing that was measured: when it was, how much (milliseconds; of `csat` the score), and whose it was.
create type private.measure as (
  measure text, at timestamptz, value bigint, agent_id uuid, team_id uuid, handled_by text
);

create function private.milliseconds(starts timestamptz, ends timestamptz) returns bigint
language sql immutable parallel safe set search_path = '' as $$
  select floor((extract(epoch from ends) - extract(epoch from starts)) * 1000)::bigint;
$$;

-- All that is measured of these tickets. Spam counts for nothing, nor what was merged into another ticket.
create function private.measures_of(ticket_ids uuid[]) returns table (
  ticket_id uuid, measure text, at timestamptz, value bigint, agent_id uuid, team_id uuid, handled_by text
)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  with steps as materialized (
    select
      h.organization_id, h.ticket_id, h.step, h.at, h.wrote, h.status_category as category, h.team_id, h.assignee_id,
      -- Whose step it was: who answered; else who had the ticket, or resolved what nobody had.
      case
        when h.wrote = 'member' then coalesce(h.actor_id, h.assignee_id)
        when h.wrote = 'ai' then null
        else coalesce(h.assignee_id, case when h.status_category = 'resolved' then h.actor_id end)
      end as agent_id,
      h.wrote in ('member', 'ai') as answers,
      h.status_category = 'resolved' and lag(h.status_category) over life is distinct from 'resolved' as resolves,
      h.status_category <> 'resolved' and lag(h.status_category) over life = 'resolved' as reopens,
      lead(h.step) over life is null as is_last
    from public.ticket_history as h
    join public.tickets as t on t.id = h.ticket_id
    where h.ticket_id = any (ticket_ids) and not t.is_spam and t.merged_into is null
    window life as (partition by h.ticket_id order by h.step)
  ), turns as materialized (
    select
      s.*,
      first_value(s.at) over life as born,
      min(s.at) filter (where s.wrote = 'contact') over life as first_asked_at,
      coalesce(count(*) filter (where s.answers) over before, 0) as answers_before,
      coalesce(count(*) filter (where s.answers or s.resolves) over before, 0) as turn,
      case
        when bool_or(s.wrote = 'ai') over life and bool_or(s.wrote = 'member') over life then 'both'
        when bool_or(s.wrote = 'ai') over life then 'ai'
        when bool_or(s.wrote = 'member') over life then 'member'
        else 'nobody'
      end as handled_by,
      min(s.at) filter (where s.reopens) over later as reopened_at
    from steps as s
    window
      life as (partition by s.ticket_id order by s.step),
      before as (partition by s.ticket_id order by s.step rows between unbounded preceding and 1 preceding),
      later as (partition by s.ticket_id order by s.step rows between 1 following and unbounded following)
  ), questions as materialized (
    -- Since when the contact had waited, turn by turn: a turn ends with an answer, or with a resolution.
    select t.*, min(t.at) filter (where t.wrote = 'contact') over (partition by t.ticket_id, t.turn order by t.step)
      as asked_at
    from turns as t
  ), resolutions as materialized (
    -- Each with what the contact said of it before it was opened again, if ever.
    select t.*, coalesce(t.reopened_at <= t.at + interval '7 days', false) as came_back, said.score
    from turns as t
    left join lateral (
      select r.score from public.csat_ratings as r
      where r.organization_id = t.organization_id and r.ticket_id = t.ticket_id
        and r.at >= t.at and r.at < coalesce(t.reopened_at, 'infinity')
      order by r.at desc
      limit 1
    ) as said on true
    where t.resolves
  ), promises as (
    -- SLA clocks that have come to an end: kept or broken. As stored: a broken one has been told.
    select
      c.ticket_id, c.metric, c.cycle, c.breached_at is null as kept, coalesce(c.breached_at, c.stopped_at) as at
    from public.sla_clocks as c
    where c.ticket_id = any (ticket_ids) and (c.breached_at is not null or c.stopped_at is not null)
  )
  -- A ticket was opened.
  select t.ticket_id, 'created', t.born, null::bigint, t.assignee_id, t.team_id, null::text
  from turns as t where t.is_last
  union all
  -- It is unresolved: open for us, or waiting for the contact. Dated by its opening, so that the date tells its age.
  select t.ticket_id, t.category, t.born, null, t.assignee_id, t.team_id, null
  from turns as t where t.is_last and t.category <> 'resolved'
  union all
  -- A contact wrote.
  select t.ticket_id, 'question', t.at, null, t.agent_id, t.team_id, null from turns as t where t.wrote = 'contact'
  union all
  -- A member or the AI answered.
  select t.ticket_id, 'answer', t.at, null, t.agent_id, t.team_id, t.wrote from turns as t where t.answers
  union all
  -- From the contact's first message to the first answer.
  select t.ticket_id, 'first_response', t.at, private.milliseconds(t.first_asked_at, t.at), t.agent_id, t.team_id,
    t.wrote
  from turns as t where t.answers and t.answers_before = 0 and t.first_asked_at is not null
  union all
  -- From the first message after an answer, or after a resolution, to the next answer.
  select q.ticket_id, 'next_response', q.at, private.milliseconds(q.asked_at, q.at), q.agent_id, q.team_id, q.wrote
  from questions as q where q.answers and q.answers_before > 0 and q.asked_at is not null
  union all
  -- It was resolved, each time; and who had answered until then.
  select r.ticket_id, m.measure, r.at, null, r.agent_id, r.team_id, r.handled_by
  from resolutions as r
  cross join lateral (values ('resolved'), ('resolved_by_' || r.handled_by)) as m (measure)
  union all
  -- What became of that resolution, where it is known: opened again within seven days; else by the contact's rating.
  select r.ticket_id, case when r.came_back then 'reopened' when r.score >= 4 then 'confirmed' else 'disputed' end,
    r.at, null, r.agent_id, r.team_id, r.handled_by
  from resolutions as r where r.came_back or r.score >= 4 or r.score <= 2
  union all
  -- From the opening to the last resolution, of what has stayed resolved.
  select r.ticket_id, 'full_resolution', r.at, private.milliseconds(r.born, r.at), r.agent_id, r.team_id, r.handled_by
  from resolutions as r where r.reopened_at is null
  union all
  -- A promise was kept, or broken.
  (
    select distinct on (p.ticket_id, p.metric, p.cycle)
      p.ticket_id, p.metric || case when p.kept then '_kept' else '_broken' end, p.at, null::bigint, t.agent_id,
      t.team_id, t.handled_by
    from promises as p
    join turns as t on t.ticket_id = p.ticket_id and (t.at <= p.at or t.step = 1)
    order by p.ticket_id, p.metric, p.cycle, t.step desc
  )
  union all
  -- A contact rated the ticket; the score counts for who had it when it was resolved.
  select r.ticket_id, m.measure, r.at, r.score, r.member_id, r.team_id, r.handled_by
  from (
    select distinct on (r.id) r.*, t.handled_by
    from turns as l
    join public.csat_ratings as r on r.organization_id = l.organization_id and r.ticket_id = l.ticket_id
    join turns as t on t.ticket_id = r.ticket_id and (t.at <= r.at or t.step = 1)
    where l.is_last
    order by r.id, t.step desc
  ) as r
  cross join lateral (values ('csat'), (case when r.score >= 4 then 'csat_good' end)) as m (measure)
  where m.measure is not null;
end;
$$;
