-- case --
-- Everything a reply to a message rests on: what was written, what triage saw, how the organization wants it.
select
  t.id as ticket_id, t.subject, t.ai_state, t.is_spam, t.last_seq,
  m.id as message_id, m.is_machine, m.sender_status, m.is_verified,
  -- What the contact has written since the last answer, this message last: a question may come in two mails.
  (
    select array_agg(coalesce(nullif(p.reply_text, ''), p.body_text) order by p.seq)
    from public.messages as p
    where p.ticket_id = t.id and p.seq <= m.seq and p.sender = 'contact' and p.sender_status = 'known' and not p.is_machine
      and p.seq > (
        select coalesce(max(a.seq), 0) from public.messages as a
        where a.ticket_id = t.id and a.sender in ('member', 'ai') and not a.is_internal and a.seq < m.seq
      )
  ) as texts,
  o.name as organization, o.ai_mode, o.ai_threshold, coalesce(o.settings ->> 'reply_style', '') as style,
  coalesce(r.language, t.language, o.language) as language,
  coalesce(r.sentiment, t.sentiment) = 'negative' as is_dissatisfied,
  coalesce(r.wants_human, false) as wants_human,
  coalesce(r.injection, false) as injection,
  array(
    select s.topic from unnest(coalesce(r.sensitive, '{}') || case when c.sensitive then array[c.key] end) as s (topic)
    group by s.topic order by s.topic
  ) as sensitive,
  (
    select count(*) from public.messages as a
    where a.ticket_id = t.id and a.sender = 'ai' and not a.is_internal
  ) as ai_turns,
  -- A person was promised to somebody who asked for one, and has not written yet.
  exists (
    select from public.drafts as d
    where d.ticket_id = t.id and d.organization_id = t.organization_id and d.decision = 'escalate'
      and 'wants_human' = any (d.reasons)
      and not exists (
        select from public.messages as p
        where p.ticket_id = t.id and p.sender = 'member' and not p.is_internal and p.seq > d.seen_seq
      )
  ) as awaits_person,
  exists (
    select from public.messages as later
    where later.ticket_id = t.id and later.sender = 'contact' and later.seq > m.seq
      and not later.is_machine and later.sender_status = 'known'
  ) as has_later_message,
  exists (
    select from public.drafts as d where d.organization_id = m.organization_id and d.message_id = m.id
  ) as has_draft
from public.messages as m
join public.tickets as t on t.id = m.ticket_id
join public.organizations as o on o.id = m.organization_id
left join public.ticket_categories as c on c.id = t.category_id
left join public.triage_results as r on r.organization_id = m.organization_id and r.message_id = m.id
where m.id = %(message_id)s and m.sender = 'contact';

-- cost_today --
select private.model_cost_today() as usd;

-- record_execution --
insert into public.ai_executions (
  organization_id, ticket_id, purpose, model, status, tokens_in, tokens_out, cost_usd, ms, error
) values (
  %(organization_id)s, %(ticket_id)s, 'reply', %(model)s, %(status)s, %(tokens_in)s, %(tokens_out)s, %(cost_usd)s,
  %(ms)s, %(error)s
);

-- record_draft --
select draft_id, decided, because from private.record_draft(
  %(ticket_id)s, %(message_id)s, %(seen_seq)s, %(body)s, %(decision)s, %(reasons)s::text[], %(confidence)s::real,
  %(source)s, %(citations)s::jsonb
);
