-- Was the contact satisfied? Asked once after each resolution, answered in the portal or by the signed link of a mail.

alter table public.organizations
-- Null: nobody is asked. Else how long after a ticket was resolved.
add column ask_csat_after interval check (ask_csat_after between interval '0' and interval '30 days');

insert into private.event_types (type, subject, audience, happens, properties, is_partial, example) values
(
  'csat.asked', 'csat_survey', 'contact',
  'A resolved ticket''s contact is asked how satisfied they are: by mail where the ticket came by mail, in the portal '
  || 'too.',
  '{"expires_at": {"$ref": "#/$defs/instant_or_null", "description": "until when it can be answered"}}',
  false,
  '{"expires_at": "2026-12-20T09:00:00+00:00"}'
),
(
  'ticket.rated', 'csat_rating', 'agents',
  'A contact said how satisfied they are with a ticket''s resolution, or changed their word. 4 and 5 are good.',
  '{
    "score": {"type": "integer", "minimum": 1, "maximum": 5},
    "previous": {"type": ["integer", "null"], "description": "what they had said before"},
    "has_comment": {"type": "boolean"}
  }',
  false,
  '{"score": 5, "previous": null, "has_comment": false}'
);

-- One question about one resolution. Who is asked about, and what answered last, as it was then: ids stay though what
-- they name may be gone.
create table public.csat_surveys (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid not null,
  contact_id uuid not null,
  -- Which of the ticket's resolutions.
  resolved_at timestamptz not null,
  member_id uuid,
  team_id uuid,
  answered_by text check (answered_by in ('member', 'ai')),
  expires_at timestamptz not null default now() + interval '30 days',
  created_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (ticket_id, resolved_at),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id)
);
create index csat_surveys_ticket_idx on public.csat_surveys (organization_id, ticket_id);
create index csat_surveys_contact_idx on public.csat_surveys (organization_id, contact_id);

-- The answer to a survey: one, which its contact may change until the survey expires.
create table public.csat_ratings (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  survey_id uuid not null,
  ticket_id uuid not null,
  contact_id uuid not null,
  -- As the survey has them.
  member_id uuid,
  team_id uuid,
  answered_by text check (answered_by in ('member', 'ai')),
  score smallint not null check (score between 1 and 5),
  comment text not null default '' check (length(comment) <= 5000),
  via text not null check (via in ('link', 'portal')),
  -- When they said it last.
  at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, survey_id),
  foreign key (organization_id, survey_id) references public.csat_surveys (organization_id, id) on delete cascade,
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, contact_id) references public.contacts (organization_id, id)
);
create index csat_ratings_ticket_idx on public.csat_ratings (organization_id, ticket_id);
create index csat_ratings_contact_idx on public.csat_ratings (organization_id, contact_id);
create index csat_ratings_at_idx on public.csat_ratings (organization_id, at);

insert into private.contact_references (table_name, column_name, on_merge, because) values
('public.csat_surveys', 'contact_id', 'move', 'the winner is asked'),
('public.csat_ratings', 'contact_id', 'move', 'the winner said so');

-- A ticket was resolved: its contact is asked when the organization's time has gone by.
create function private.follow_resolution() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  patience constant interval := (
    select o.ask_csat_after from public.organizations as o where o.id = new.organization_id
  );
begin
  if patience is not null then
    perform private.enqueue(
      new.organization_id, 'clock',
      jsonb_build_object('ring', 'csat', 'ticket_id', new.id, 'resolved_at', new.resolved_at),
      new.resolved_at + patience,
      dedupe_key => 'csat:' || new.id
    );
  end if;
  return null;
end;
$$;

create trigger tickets_csat after update on public.tickets
for each row when (
  new.status_category = 'resolved' and old.status_category <> 'resolved' and not new.is_spam
)
execute function private.follow_resolution();

-- The survey of a ticket's present resolution, made where there is none; null where there is nothing to ask about: it
-- is not resolved (any more), is spam, was merged into another, or was begun by no person, or nobody has answered it.
create function private.survey_of(ticket public.tickets) returns public.csat_surveys
language plpgsql security definer set search_path = '' as $$
declare
  survey public.csat_surveys;
begin
  if ticket.status_category <> 'resolved' or ticket.is_spam or ticket.merged_into is not null
    or ticket.last_contact_at is null or ticket.last_answer_at is null
  then
    return null;
  end if;
  insert into public.csat_surveys as s (
    organization_id, ticket_id, contact_id, resolved_at, member_id, team_id, answered_by
  )
  values (
    ticket.organization_id, ticket.id, ticket.contact_id, ticket.resolved_at, ticket.assignee_id, ticket.team_id,
    ticket.last_answer_by
  )
  on conflict (ticket_id, resolved_at) do nothing
  returning s.* into survey;
  if survey.id is null then
    select s.* into survey from public.csat_surveys as s
    where s.ticket_id = ticket.id and s.resolved_at = ticket.resolved_at;
  end if;
  return survey;
end;
$$;

-- The time to ask has come. Whose ticket was opened again meanwhile is not asked, nor who has rated it by themselves.
create function private.ring_csat(payload jsonb) returns void
language plpgsql security definer set search_path = '' as $$
declare
  ticket public.tickets;
  survey public.csat_surveys;
begin
  select t.* into ticket
  from public.tickets as t
  join public.organizations as o on o.id = t.organization_id
  join public.contacts as c on c.organization_id = t.organization_id and c.id = t.contact_id
  where t.organization_id = private.current_organization() and t.id = (payload ->> 'ticket_id')::uuid
    and t.resolved_at = (payload ->> 'resolved_at')::timestamptz
    and o.ask_csat_after is not null
    and c.suppressed_at is null
    and not exists (
      select from public.csat_surveys as s where s.ticket_id = t.id and s.resolved_at = t.resolved_at
    )
  for no key update of t;
  if ticket.id is null then
    return;
  end if;
  survey := private.survey_of(ticket);
  if survey.id is not null then
    perform private.emit(
      survey.organization_id, 'csat.asked', survey.id, jsonb_build_object('expires_at', survey.expires_at), 'contact',
      survey.ticket_id
    );
  end if;
end;
$$;

-- Keeps what the contact says to a survey. The same word again changes nothing.
create function private.record_rating(survey public.csat_surveys, score integer, comment text, via text)
returns public.csat_ratings
language plpgsql security definer set search_path = '' as $$
declare
  rated public.csat_ratings;
  before public.csat_ratings;
  said constant text := left(btrim(coalesce(record_rating.comment, '')), 5000);
begin
  if not coalesce(record_rating.score between 1 and 5, false) then
    raise exception 'a rating is a number from 1 to 5' using errcode = '22023';
  end if;
  -- One word after the other.
  perform from public.csat_surveys as s where s.id = survey.id for no key update;
  select r.* into before from public.csat_ratings as r where r.survey_id = survey.id;
  if before.score = record_rating.score and before.comment = said then
    return before;
  end if;
  insert into public.csat_ratings as r (
    organization_id, survey_id, ticket_id, contact_id, member_id, team_id, answered_by, score, comment, via
  )
  values (
    survey.organization_id, survey.id, survey.ticket_id, survey.contact_id, survey.member_id, survey.team_id,
    survey.answered_by, record_rating.score, said, record_rating.via
  )
  on conflict (organization_id, survey_id) do update
  set score = excluded.score, comment = excluded.comment, via = excluded.via, at = now()
  returning r.* into rated;
  perform private.emit(
    rated.organization_id, 'ticket.rated', rated.id,
    jsonb_build_object('score', rated.score, 'previous', before.score, 'has_comment', rated.comment <> ''),
    'agents', rated.ticket_id
  );
  return rated;
end;
$$;

-- The signed-in contact says how satisfied they are with a resolved ticket of theirs, asked already or not, where their
-- desk asks at all. Of several resolutions the latest counts.
create function private.rate_ticket(ticket_id uuid, score integer, comment text) returns public.csat_ratings
language plpgsql security definer set search_path = '' as $$
declare
  ticket public.tickets;
  survey public.csat_surveys;
begin
  select t.* into ticket
  from public.tickets as t
  where t.id = rate_ticket.ticket_id and t.contact_id in (select private.my_contacts())
  for no key update;
  if ticket.id is null then
    raise exception 'there is no ticket %', rate_ticket.ticket_id using errcode = 'PT404';
  end if;
  if exists (
    select from public.organizations as o where o.id = ticket.organization_id and o.ask_csat_after is not null
  ) then
    survey := private.survey_of(ticket);
  end if;
  if survey.id is null then
    raise exception 'there is nothing to rate'
      using errcode = 'PT409', hint = 'A ticket is rated once it was answered and resolved, where its desk asks.';
  end if;
  if survey.expires_at <= now() then
    raise exception 'the time to rate this ticket is over' using errcode = 'PT409';
  end if;
  return private.record_rating(survey, rate_ticket.score, rate_ticket.comment, 'portal');
end;
$$;

create function public.rate_ticket(ticket_id uuid, score integer, comment text default '') returns public.csat_ratings
language sql set search_path = '' as $$
  select * from private.rate_ticket(rate_ticket.ticket_id, rate_ticket.score, rate_ticket.comment);
$$;

-- The same for whoever holds the survey's signed link; the function that calls has checked the signature. False: it is
-- over, or there is no such survey.
create function private.rate_by_link(survey_id uuid, score integer, comment text) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  survey public.csat_surveys;
begin
  select s.* into survey
  from public.csat_surveys as s
  where s.organization_id = private.current_organization() and s.id = rate_by_link.survey_id and s.expires_at > now();
  if survey.id is null then
    return false;
  end if;
  perform private.record_rating(survey, rate_by_link.score, rate_by_link.comment, 'link');
  return true;
end;
$$;
