-- What the AI wrote, what it rests on, what was decided about it, and what people thought of it.

-- One row for every call of a model, also of the built-in one.
create table public.ai_executions (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid,
  purpose text not null check (purpose in ('reply', 'judge')),
  model text not null,
  status text not null check (status in ('ok', 'timeout', 'error', 'invalid', 'over_budget')),
  tokens_in integer not null default 0,
  tokens_out integer not null default 0,
  cost_usd numeric(12, 6) not null default 0,
  ms integer not null default 0,
  error text,
  created_at timestamptz not null default now(),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade
);
create index ai_executions_organization_idx on public.ai_executions (organization_id, created_at);
create index ai_executions_ticket_idx on public.ai_executions (organization_id, ticket_id);

create table public.drafts (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid not null,
  -- The message it answers, and the ticket's last public message that its writer had seen.
  message_id uuid not null,
  seen_seq integer not null,
  -- open: waits for a person; sent: went out by itself; accepted, edited, rejected: a person's word;
  -- stale: an article it cites has a newer version; superseded: the ticket moved on.
  status text not null default 'open'
    check (status in ('open', 'sent', 'accepted', 'edited', 'rejected', 'stale', 'superseded')),
  decision text not null check (decision in ('send', 'draft', 'escalate')),
  -- Why it was not sent, or why it was handed to a person.
  reasons text[] not null default '{}',
  -- Calibrated: of the drafts with confidence p, a share of p is right.
  confidence real not null check (confidence between 0 and 1),
  source text not null check (source in ('extract', 'model')),
  body_text text not null,
  sent_message_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (organization_id, id),
  -- One draft for one message: a job that runs again finds its own.
  unique (organization_id, message_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, message_id) references public.messages (organization_id, id) on delete cascade,
  foreign key (organization_id, sent_message_id)
    references public.messages (organization_id, id) on delete set null (sent_message_id)
);
create index drafts_ticket_idx on public.drafts (organization_id, ticket_id, created_at desc);
create index drafts_created_idx on public.drafts (organization_id, created_at);
create index drafts_sent_message_idx on public.drafts (organization_id, sent_message_id);

-- Each sentence of a draft with the passage it rests on: a chunk of one version of an article.
create table public.draft_citations (
  organization_id uuid not null,
  draft_id uuid not null,
  ordinal smallint not null,
  sentence text not null,
  chunk_id uuid not null,
  version_id uuid not null,
  article_id uuid not null,
  -- How well the passage carries the sentence, 0 to 1.
  support real not null check (support between 0 and 1),
  created_at timestamptz not null default now(),
  primary key (draft_id, ordinal, chunk_id),
  foreign key (organization_id, draft_id) references public.drafts (organization_id, id) on delete cascade,
  foreign key (organization_id, chunk_id) references public.chunks (organization_id, id) on delete cascade,
  foreign key (organization_id, article_id, version_id)
    references public.article_versions (organization_id, article_id, id) on delete cascade
);
create index draft_citations_draft_idx on public.draft_citations (organization_id, draft_id);
create index draft_citations_chunk_idx on public.draft_citations (organization_id, chunk_id);
create index draft_citations_version_idx on public.draft_citations (organization_id, article_id, version_id);

-- What a person did with a draft: material to learn from.
create table public.draft_feedback (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  draft_id uuid not null,
  member_id uuid,
  verdict text not null check (verdict in ('accepted', 'edited', 'rejected')),
  final_text text,
  comment text not null default '' check (length(comment) <= 4000),
  created_at timestamptz not null default now(),
  foreign key (organization_id, draft_id) references public.drafts (organization_id, id) on delete cascade,
  foreign key (organization_id, member_id)
    references public.authors (organization_id, user_id) on delete set null (member_id)
);
create index draft_feedback_draft_idx on public.draft_feedback (organization_id, draft_id);
create index draft_feedback_member_idx on public.draft_feedback (organization_id, member_id);

create trigger drafts_touch before update on public.drafts
for each row execute function private.touch();

-- Are all these passages still what search finds? Until the end of the transaction no other version takes their place.
-- For the tenant that the function works for.
create function private.hold_passages(chunk_ids uuid[]) returns boolean
language plpgsql security definer set search_path = '' as $$
begin
  -- The row lock that private.replace_chunks takes, in the same order for everyone.
  perform from public.articles as a
  where a.organization_id = (select private.current_organization())
    and a.id in (select c.article_id from public.chunks as c where c.id = any (hold_passages.chunk_ids))
  order by a.id
  for share;
  return not exists (
    select from unnest(hold_passages.chunk_ids) as cited (id)
    left join public.chunks as c
      on c.organization_id = (select private.current_organization()) and c.id = cited.id and c.retired_at is null
    where c.id is null
  );
end;
$$;

-- Keeps a draft with its citations and does what was decided, for the tenant that the function works for.
--
-- Sending is a compare-and-set on the ticket: if a public message has come since `seen_seq`, a human has taken over, an
-- article has changed, or the contact has had enough automatic mail, nothing is sent: the draft stays for a person with
-- the reason. The ticket's row lock makes the check and the sending one step, whoever writes at the same time.
--
-- A message has one draft: recorded again, the first one stands and is returned.
create function private.record_draft(
  ticket_id uuid, message_id uuid, seen_seq integer, body text, decision text, reasons text[], confidence real,
  source text, citations jsonb
) returns table (draft_id uuid, decided text, because text[])
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  organization uuid := (select private.current_organization());
  ticket public.tickets;
  made uuid;
  final_decision text := record_draft.decision;
  final_reasons text[] := record_draft.reasons;
  is_current boolean;
  sent uuid;
begin
  select t.* into ticket from public.tickets as t
  where t.organization_id = organization and t.id = record_draft.ticket_id
  for update;
  if not found then
    raise exception 'there is no ticket %', record_draft.ticket_id using errcode = 'PT404';
  end if;
  if not exists (
    select from public.messages as m where m.id = record_draft.message_id and m.ticket_id = ticket.id
  ) then
    raise exception 'message % is not in this ticket any more', record_draft.message_id using errcode = 'PT404';
  end if;
  return query
  select d.id, d.decision, d.reasons from public.drafts as d
  where d.organization_id = organization and d.message_id = record_draft.message_id;
  if found then
    return;
  end if;

  is_current := private.hold_passages(array(
    select distinct c.chunk_id from jsonb_to_recordset(citations) as c (chunk_id uuid)
  ));
  if final_decision = 'send' then
    final_reasons := final_reasons
      || case when ticket.ai_state = 'off' then array['human_took_over'] else '{}' end
      || case when ticket.is_spam then array['spam'] else '{}' end
      || case when (select o.ai_mode from public.organizations as o where o.id = organization) <> 'auto'
        then array['mode_changed'] else '{}' end
      || case when exists (
        select from public.messages as m
        where m.ticket_id = ticket.id and m.seq > record_draft.seen_seq and not m.is_internal
      ) then array['newer_message'] else '{}' end
      || case when not is_current then array['article_changed'] else '{}' end
      || case when ticket.channel = 'email' and not private.may_mail_automatically(ticket.contact_id, ticket.id)
        then array['too_much_automatic_mail'] else '{}' end;
    if cardinality(final_reasons) > 0 then
      final_decision := 'draft';
    end if;
  end if;

  update public.drafts as d set status = 'superseded'
  where d.organization_id = organization and d.ticket_id = ticket.id and d.status in ('open', 'stale')
    and d.message_id < record_draft.message_id;
  insert into public.drafts as d (
    organization_id, ticket_id, message_id, seen_seq, decision, reasons, confidence, source, body_text
  )
  values (
    organization, ticket.id, record_draft.message_id, record_draft.seen_seq, final_decision, final_reasons,
    record_draft.confidence, record_draft.source, record_draft.body
  )
  returning d.id into made;
  insert into public.draft_citations (
    organization_id, draft_id, ordinal, sentence, chunk_id, version_id, article_id, support
  )
  select organization, made, c.ordinal, c.sentence, c.chunk_id, c.version_id, c.article_id, c.support
  from jsonb_to_recordset(citations)
    as c (ordinal smallint, sentence text, chunk_id uuid, version_id uuid, article_id uuid, support real)
  on conflict do nothing;

  if final_decision = 'send' then
    insert into public.messages as m (organization_id, ticket_id, sender, body_text)
    values (organization, ticket.id, 'ai', record_draft.body)
    returning m.id into sent;
    update public.drafts as d set status = 'sent', sent_message_id = sent where d.id = made;
  elsif not is_current then
    update public.drafts as d set status = 'stale' where d.id = made;
  end if;
  return query select made, final_decision, final_reasons;
end;
$$;

create function private.announce_draft() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.emit(
    new.organization_id,
    case new.decision when 'send' then 'draft.sent' when 'escalate' then 'ticket.escalated' else 'draft.created' end,
    case new.decision when 'escalate' then new.ticket_id else new.id end,
    jsonb_build_object(
      'draft_id', new.id, 'message_id', new.message_id, 'confidence', new.confidence, 'reasons', new.reasons
    ),
    'agents', new.ticket_id
  );
  return null;
end;
$$;

create trigger drafts_announce after insert on public.drafts
for each row execute function private.announce_draft();

-- The AI has had its say: now a person can be asked.
create trigger drafts_assign after insert on public.drafts
for each row execute function private.follow_draft();

-- A person sends a draft, as it is or edited. Refuses when the ticket has a newer public message than they have seen.
create function public.accept_draft(draft_id uuid, expected_seq integer, body text default null) returns public.messages
language plpgsql set search_path = '' as $$
declare
  draft public.drafts;
  sent public.messages;
  final text;
  verdict text;
begin
  -- The ticket first, as everyone does who writes to it.
  perform from public.tickets as t
  where t.id = (select d.ticket_id from public.drafts as d where d.id = accept_draft.draft_id)
  for update;
  select * into draft from public.drafts as d
  where d.id = accept_draft.draft_id and d.status in ('open', 'stale')
  for update;
  if not found then
    raise exception 'there is no open draft %', accept_draft.draft_id using errcode = 'PT404';
  end if;
  final := coalesce(nullif(btrim(accept_draft.body), ''), draft.body_text);
  if btrim(final) = '' then
    raise exception 'the draft has no text to send' using errcode = '23514', hint = 'Write one: body.';
  end if;
  verdict := case when final = draft.body_text then 'accepted' else 'edited' end;
  sent := public.send_reply(draft.ticket_id, final, accept_draft.expected_seq);
  update public.drafts as d set status = verdict, sent_message_id = sent.id where d.id = draft.id;
  insert into public.draft_feedback (organization_id, draft_id, member_id, verdict, final_text)
  values (draft.organization_id, draft.id, (select auth.uid()), verdict, final);
  return sent;
end;
$$;

-- A person puts a draft aside.
create function public.reject_draft(draft_id uuid, comment text default '') returns void
language plpgsql set search_path = '' as $$
declare
  draft public.drafts;
begin
  update public.drafts as d set status = 'rejected'
  where d.id = reject_draft.draft_id and d.status in ('open', 'stale')
  returning d.* into draft;
  if draft.id is null then
    raise exception 'there is no open draft %', reject_draft.draft_id using errcode = 'PT404';
  end if;
  insert into public.draft_feedback (organization_id, draft_id, member_id, verdict, comment)
  values (draft.organization_id, draft.id, (select auth.uid()), 'rejected', reject_draft.comment);
end;
$$;

-- Who answers by hand has no more use for what the AI proposed.
create function private.supersede_drafts() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.drafts as d set status = 'superseded'
  where d.organization_id = new.organization_id and d.ticket_id = new.ticket_id and d.status in ('open', 'stale');
  return null;
end;
$$;

create trigger messages_supersede_drafts after insert on public.messages
for each row when (new.sender = 'member' and not new.is_internal) execute function private.supersede_drafts();

-- A draft that cites an older version of an article than the one now in search is stale: seen before it is sent.
create function private.mark_stale_drafts() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update public.drafts as d set status = 'stale'
  where d.organization_id = new.organization_id
    and d.status = 'open'
    and exists (
      select from public.draft_citations as c
      where c.organization_id = d.organization_id
        and c.draft_id = d.id
        and c.article_id = new.subject_id
        and c.version_id::text is distinct from new.data ->> 'version_id'
    );
  return null;
end;
$$;

create trigger events_mark_stale_drafts after insert on public.events
for each row when (new.type = 'article.reindexed') execute function private.mark_stale_drafts();

-- What the model cost an organization since midnight (UTC), in US dollars.
create function private.model_cost_today() returns numeric
language sql stable set search_path = '' as $$
  select coalesce(sum(e.cost_usd), 0)
  from public.ai_executions as e
  where e.organization_id = (select private.current_organization())
    and e.created_at >= date_trunc('day', now() at time zone 'utc') at time zone 'utc';
$$;

-- Everything a reply to a message rests on: what was written, what triage saw, how the organization wants it. No row:
-- there is no such message of a contact. For the tenant that the function works for.
--
-- Step by step, each with a plan that is kept: as one statement it took longer to plan than to run.
create function private.reply_case(message_id uuid) returns table (
  ticket_id uuid, subject text, channel public.ticket_channel, ai_state text, is_spam boolean, last_seq integer,
  is_machine boolean, sender_status text, is_verified boolean, texts text[],
  organization text, ai_mode text, ai_threshold real, style text, language text,
  is_dissatisfied boolean, wants_human boolean, injection boolean, sensitive text[],
  ai_turns bigint, awaits_person boolean, has_later_message boolean, has_draft boolean
)
language plpgsql stable set search_path = '' as $$
declare
  message record;
  ticket record;
  owner record;
  triage record;
  category record;
  so_far record;
begin
  select m.ticket_id, m.organization_id, m.seq, m.is_machine, m.sender_status, m.is_verified, m.wants_person
  into message
  from public.messages as m
  where m.id = reply_case.message_id and m.sender = 'contact';
  if not found then
    return;
  end if;
  select t.subject, t.channel, t.ai_state, t.is_spam, t.last_seq, t.language, t.sentiment, t.category_id into ticket
  from public.tickets as t
  where t.id = message.ticket_id;
  select o.name, o.ai_mode, o.ai_threshold, o.language, coalesce(o.settings ->> 'reply_style', '') as style into owner
  from public.organizations as o
  where o.id = message.organization_id;
  select r.language, r.sentiment, r.wants_human, r.injection, r.sensitive into triage
  from public.triage_results as r
  where r.organization_id = message.organization_id and r.message_id = reply_case.message_id;
  select c.sensitive, c.key into category from public.ticket_categories as c where c.id = ticket.category_id;
  select
    coalesce(max(p.seq) filter (where p.sender in ('member', 'ai') and p.seq < message.seq), 0) as last_answer,
    coalesce(max(p.seq) filter (where p.sender = 'member'), 0) as last_by_person,
    count(*) filter (where p.sender = 'ai') as ai_turns,
    coalesce(bool_or(
      p.sender = 'contact' and p.seq > message.seq and not p.is_machine and p.sender_status = 'known'
    ), false) as has_later_message
  into so_far
  from public.messages as p
  where p.ticket_id = message.ticket_id and not p.is_internal;
  return query select
    message.ticket_id, ticket.subject, ticket.channel, ticket.ai_state, ticket.is_spam, ticket.last_seq,
    message.is_machine, message.sender_status, message.is_verified,
    -- What the contact has written since the last answer, this message last: a question may come in two mails.
    (
      select array_agg(coalesce(nullif(p.reply_text, ''), p.body_text) order by p.seq)
      from public.messages as p
      where p.ticket_id = message.ticket_id and p.seq > so_far.last_answer and p.seq <= message.seq
        and p.sender = 'contact' and p.sender_status = 'known' and not p.is_machine
    ),
    owner.name, owner.ai_mode, owner.ai_threshold, owner.style,
    coalesce(triage.language, ticket.language, owner.language),
    coalesce(triage.sentiment, ticket.sentiment) = 'negative',
    message.wants_person or coalesce(triage.wants_human, false), coalesce(triage.injection, false),
    array(
      select s.topic
      from unnest(coalesce(triage.sensitive, '{}') || case when category.sensitive then array[category.key] end)
        as s (topic)
      group by s.topic
      order by s.topic
    ),
    so_far.ai_turns,
    -- A person was promised to somebody who asked for one, and has not written yet.
    exists (
      select from public.drafts as d
      where d.organization_id = message.organization_id and d.ticket_id = message.ticket_id
        and d.decision = 'escalate' and 'wants_human' = any (d.reasons) and d.seen_seq >= so_far.last_by_person
    ),
    so_far.has_later_message,
    exists (
      select from public.drafts as d
      where d.organization_id = message.organization_id and d.message_id = reply_case.message_id
    );
end;
$$;
