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
