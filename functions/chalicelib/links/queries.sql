-- survey --
-- What a contact is asked, and what they have said. No row: it is over.
select o.name as organization, coalesce(t.language, o.language) as language, t.number, r.score, r.comment
from public.csat_surveys as s
join public.tickets as t on t.id = s.ticket_id
join public.organizations as o on o.id = s.organization_id
left join public.csat_ratings as r on r.survey_id = s.id
where s.id = %(id)s and s.expires_at > now();

-- rate --
select private.rate_by_link(%(id)s, %(score)s, %(comment)s);

-- member --
select o.name as organization, o.language
from public.members as m
join public.organizations as o on o.id = m.organization_id
where m.organization_id = (select private.current_organization()) and m.user_id = %(user_id)s;

-- stop_notices --
select private.stop_notices(%(user_id)s, %(because)s);

-- form --
-- A form that can be filled in, or has been. No row: it is over, or was taken back.
select
  f.title, f.fields, f.status = 'answered' as is_answered, m.body_text as body, o.name as organization,
  coalesce(t.language, o.language) as language, t.number
from public.action_forms as f
join public.tickets as t on t.id = f.ticket_id
join public.organizations as o on o.id = f.organization_id
join public.messages as m on m.id = f.message_id
where f.id = %(id)s and (f.status = 'answered' or f.status = 'sent' and f.expires_at > now());

-- submit_form --
select private.submit_form_by_link(%(id)s, %(answers)s) as problems;
