-- What a message is about, and how that is learned from people.

-- A text that somebody filed under a category. What is written here without an embedding is embedded and learned by the
-- job `refit`, which every change asks for.
create table public.triage_examples (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  category_id uuid not null,
  -- Where it comes from; one word per ticket, the last one counts. It goes with the ticket.
  ticket_id uuid,
  text text not null check (length(btrim(text)) between 1 and 4000),
  embedding extensions.vector(384),
  -- The wording: chalicelib/triage/lexical.py.
  lexical extensions.sparsevec(65536),
  -- The model that made the embedding.
  model text,
  source text not null default 'seed' check (source in ('seed', 'correction', 'confirmation')),
  -- When it was last filed: newer than the head's reading, it counts as a neighbour of its own weight.
  learned_at timestamptz not null default clock_timestamp(),
  created_at timestamptz not null default now(),
  check ((embedding is null) = (lexical is null) and (embedding is null) = (model is null)),
  unique (organization_id, ticket_id),
  foreign key (organization_id, category_id)
    references public.ticket_categories (organization_id, id) on delete cascade,
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade
);
-- Every prediction reads every embedding of the organization: beside the row (1.5 kB), not in the toast table.
alter table public.triage_examples alter column embedding set storage plain;
create index triage_examples_category_idx on public.triage_examples (organization_id, category_id);
create index triage_examples_recent_idx on public.triage_examples (organization_id, learned_at);

-- The linear head of an organization: what was fitted, on what, and how its logits and the neighbours' votes become
-- probabilities (chalicelib/triage/blend.py says what the numbers mean).
create table private.triage_heads (
  organization_id uuid primary key references public.organizations (id) on delete cascade,
  model text not null,
  examples integer not null,
  -- Examples learned after this were not seen by it.
  read_at timestamptz not null,
  fitted_at timestamptz not null default now(),
  slope double precision not null,
  vote double precision not null,
  logit_mean double precision not null,
  logit_deviation double precision not null check (logit_deviation > 0),
  cosine_mean double precision not null,
  cosine_deviation double precision not null check (cosine_deviation > 0),
  -- Below this the text is like nothing that was filed.
  floor double precision not null
);

create table private.triage_weights (
  organization_id uuid not null references private.triage_heads (organization_id) on delete cascade,
  category_id uuid not null,
  weight extensions.vector(384) not null,
  bias double precision not null,
  primary key (organization_id, category_id),
  foreign key (organization_id, category_id)
    references public.ticket_categories (organization_id, id) on delete cascade
);

-- What triage saw in one message of a contact.
create table public.triage_results (
  id uuid primary key default private.uuid7(),
  organization_id uuid not null references public.organizations (id) on delete cascade,
  ticket_id uuid not null,
  message_id uuid not null,
  -- What was asked, without courtesies, and its vectors: what a correction learns from.
  text text not null,
  embedding extensions.vector(384) not null,
  lexical extensions.sparsevec(65536) not null,
  model text not null,
  -- The best category and how probable it is, also where none was taken (abstained).
  category_id uuid,
  confidence real not null default 0 check (confidence between 0 and 1),
  -- No label fits: the text is unlike everything that was filed, or nothing was filed yet.
  abstained boolean not null,
  -- [{category_id, confidence}], best first.
  ranking jsonb not null default '[]',
  -- The examples that spoke for the category, nearest first.
  evidence uuid[] not null default '{}',
  language text,
  priority public.ticket_priority not null,
  sentiment text not null check (sentiment in ('negative', 'neutral', 'positive')),
  is_spam boolean not null,
  wants_human boolean not null,
  -- refund, account_access, legal, payment, security, cancellation
  sensitive text[] not null default '{}',
  -- Something in the text addresses a machine. Never a reason to drop it.
  injection boolean not null,
  -- {name: {value, confidence, evidence: [words of the text]}} for each of the signals above.
  signals jsonb not null,
  ms integer not null,
  created_at timestamptz not null default now(),
  unique (organization_id, id),
  unique (organization_id, message_id),
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade,
  foreign key (organization_id, message_id) references public.messages (organization_id, id) on delete cascade,
  foreign key (organization_id, category_id)
    references public.ticket_categories (organization_id, id) on delete set null (category_id)
);
create index triage_results_ticket_idx on public.triage_results (organization_id, ticket_id, created_at);
create index triage_results_category_idx on public.triage_results (organization_id, category_id);

insert into private.routes (event_type, consumer, only_if) values
  (
    'message.received', 'triage',
    '{"sender": "contact", "is_machine": false, "sender_status": "known", "process": true}'
  );

-- The categories of a text, best first, with calibrated probabilities that sum to 1.
--
-- The head gives each category a logit. The 20 examples most alike in meaning and wording (of the 100 nearest by
-- embedding) vote. Both are weighed as the last fit found best. What was learned since that fit counts as a voter like
-- any other and, the more alike it is, overrules the rest: the same words again get the label they were corrected to.
-- `abstain` looks at the best logit and the distance of the neighbours: a softmax is sure of something in any case.
create function private.predict_category(
  organization_id uuid, embedding extensions.vector, lexical extensions.sparsevec, top integer default 5
)
returns table (category_id uuid, confidence double precision, evidence uuid[], abstain boolean)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  with head as (
    -- Before the first fit the neighbours are all there is.
    select
      h.read_at, coalesce(h.slope, 1.4) as slope, coalesce(h.vote, 0.6) as vote,
      coalesce(h.logit_mean, 0) as logit_mean, coalesce(h.logit_deviation, 1) as logit_deviation,
      coalesce(h.cosine_mean, 0.6) as cosine_mean, coalesce(h.cosine_deviation, 0.1) as cosine_deviation,
      coalesce(h.floor, -2) as floor
    from (select) as always
    left join private.triage_heads as h on h.organization_id = predict_category.organization_id
  ),
  near as materialized (
    select
      e.id, e.category_id, e.lexical, e.learned_at,
      -(e.embedding operator(extensions.<#>) predict_category.embedding) as cosine
    from public.triage_examples as e
    where e.organization_id = predict_category.organization_id and e.embedding is not null
    order by e.embedding operator(extensions.<#>) predict_category.embedding
    limit 100
  ),
  voters as (
    select
      v.id, v.category_id, v.alike, exp((v.alike - max(v.alike) over ()) / 0.05) as weight,
      v.learned_at > h.read_at as is_fresh
    from (
      select
        n.id, n.category_id, n.learned_at,
        n.cosine - 0.6 * (n.lexical operator(extensions.<#>) predict_category.lexical) as alike
      from near as n
      order by alike desc, n.id
      limit 20
    ) as v
    cross join head as h
  ),
  votes as (
    select
      v.category_id, sum(v.weight) / sum(sum(v.weight)) over () as share,
      array_agg(v.id order by v.alike desc) as ids
    from voters as v
    group by v.category_id
  ),
  -- 1.6 is the likeness of a text to itself.
  fresh as (
    select v.category_id, sum(v.weight) / sum(sum(v.weight)) over () as share,
      max(max(v.alike)) over () as alike
    from voters as v
    where v.is_fresh
    group by v.category_id
  ),
  logits as (
    select w.category_id, -(w.weight operator(extensions.<#>) predict_category.embedding) + w.bias as logit
    from private.triage_weights as w
    where w.organization_id = predict_category.organization_id
  ),
  scores as (
    select
      coalesce(l.category_id, v.category_id) as category_id, v.ids,
      -- A category that the head has not seen yet stands with its average.
      h.slope * coalesce(l.logit, (select avg(logit) from logits), 0)
        + h.vote * ln(coalesce(v.share, 0) + 0.03) as score
    from logits as l
    full join votes as v on v.category_id = l.category_id
    cross join head as h
  ),
  shares as (
    select s.category_id, s.ids, exp(s.score - max(s.score) over ()) as share from scores as s
  ),
  mixed as (
    select
      s.category_id, s.ids,
      (1 - f.weight) * s.share / sum(s.share) over () + f.weight * coalesce(fresh.share, 0) as confidence
    from shares as s
    left join fresh on fresh.category_id = s.category_id
    cross join (select least(coalesce(max(exp((fresh.alike - 1.6) / 0.15)), 0), 0.95) as weight from fresh) as f
  )
  select
    m.category_id, m.confidence, coalesce(m.ids[1:5], '{}'),
    -- Something newly filed may be known to the neighbours alone.
    coalesce(
      ((select max(logit) from logits) - h.logit_mean) / h.logit_deviation, 0
    ) + (
      (select avg(five.cosine) from (select n.cosine from near as n order by n.cosine desc limit 5) as five)
        - h.cosine_mean
    ) / h.cosine_deviation < h.floor
    and coalesce((select max(fresh.alike) from fresh), 0) < 1.1
  from mixed as m
  cross join head as h
  order by m.confidence desc, m.category_id
  limit top;
end;
$$;

-- Asks for a new fit, soon: one for all that is learned until it runs.
create function private.request_refit(organization_id uuid, delay interval) returns void
language plpgsql security definer set search_path = '' as $$
declare
  waiting timestamptz := (
    select min(j.run_at) from private.jobs as j
    where j.organization_id = request_refit.organization_id and j.consumer = 'refit' and j.dedupe_key = 'refit'
      and j.state = 'waiting'
  );
begin
  -- Never later than what already waits: a steady flow of corrections must not put the fit off for ever.
  if waiting is null or waiting > now() + delay then
    perform private.enqueue(
      request_refit.organization_id, 'refit', '{}', now() + delay, dedupe_key => 'refit', order_key => 'refit'
    );
  end if;
end;
$$;

-- Seeds wait for their embeddings, so their job runs at once; single words of agents already count and can wait.
create function private.relearn() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.request_refit(
    changed.organization_id, case when bool_or(changed.embedding is null) then '0' else '2 minutes' end::interval
  )
  from changed
  -- An organization that is being deleted has no more use for it.
  where exists (select from public.organizations as o where o.id = changed.organization_id)
  group by changed.organization_id;
  return null;
end;
$$;

create trigger triage_examples_learn_new after insert on public.triage_examples
referencing new table as changed for each statement execute function private.relearn();
create trigger triage_examples_forget after delete on public.triage_examples
referencing old table as changed for each statement execute function private.relearn();

-- A text that is edited or filed elsewhere is learned anew; one whose words changed has no vectors any more.
create function private.refile_example() returns trigger
language plpgsql set search_path = '' as $$
begin
  if new.text <> old.text then
    new.embedding := null;
    new.lexical := null;
    new.model := null;
  end if;
  if new.text <> old.text or new.category_id <> old.category_id or new.source <> old.source then
    new.learned_at := clock_timestamp();
  end if;
  return new;
end;
$$;

create trigger triage_examples_refile before update on public.triage_examples
for each row execute function private.refile_example();

create function private.relearn_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.request_refit(
    new.organization_id, case when new.embedding is null then '0' else '2 minutes' end::interval
  );
  return null;
end;
$$;

create trigger triage_examples_relearn after update of category_id, text on public.triage_examples
for each row when (new.category_id <> old.category_id or new.text <> old.text)
execute function private.relearn_changed();

-- Files a ticket's opening under its category, in the vectors that triage made of it.
create function private.learn(ticket public.tickets, source text) returns void
language plpgsql security definer set search_path = '' as $$
begin
  if ticket.category_id is null or ticket.is_spam then
    delete from public.triage_examples as e
    where e.organization_id = ticket.organization_id and e.ticket_id = ticket.id;
    return;
  end if;
  insert into public.triage_examples (organization_id, category_id, ticket_id, text, embedding, lexical, model, source)
  select r.organization_id, ticket.category_id, r.ticket_id, r.text, r.embedding, r.lexical, r.model, learn.source
  from public.triage_results as r
  where r.organization_id = ticket.organization_id and r.ticket_id = ticket.id and btrim(r.text) <> ''
  order by r.created_at, r.id
  limit 1
  on conflict (organization_id, ticket_id) do update
  set category_id = excluded.category_id, source = excluded.source, learned_at = excluded.learned_at;
end;
$$;

-- A member's word on the category teaches, whichever way it was given. So does a member who solves a ticket and leaves
-- the label alone. What the AI does by itself teaches nothing.
create function private.learn_from_ticket() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if (select auth.uid()) is null then
    return null;
  end if;
  if new.category_id is distinct from old.category_id or new.is_spam <> old.is_spam then
    perform private.learn(new, 'correction');
  elsif new.status_category = 'resolved' and old.status_category <> 'resolved' and not exists (
    select from public.triage_examples as e where e.organization_id = new.organization_id and e.ticket_id = new.id
  ) then
    perform private.learn(new, 'confirmation');
  end if;
  return null;
end;
$$;

create trigger tickets_teach after update on public.tickets
for each row when (
  new.category_id is distinct from old.category_id or new.is_spam <> old.is_spam
  or new.status_category <> old.status_category
)
execute function private.learn_from_ticket();

-- An agent says that the label is right.
create function private.confirm_category(ticket_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
declare
  ticket public.tickets;
begin
  select * into ticket from public.tickets as t
  where t.id = confirm_category.ticket_id and t.organization_id in (select private.my_organizations('agent'));
  if ticket.id is null then
    raise exception 'there is no ticket % that you may file', confirm_category.ticket_id using errcode = 'PT404';
  end if;
  update public.tickets as t
  set set_by_member = array(select distinct unnest(t.set_by_member || array['category_id']) order by 1)
  where t.id = ticket.id;
  perform private.learn(ticket, 'confirmation');
end;
$$;

-- An agent's word on a ticket: its category and, where given, its priority and team. Counts from the next ticket on.
create function public.correct_triage(
  ticket_id uuid, category_id uuid, priority public.ticket_priority default null, team_id uuid default null
) returns public.tickets
language plpgsql set search_path = '' as $$
declare
  before public.tickets;
  corrected public.tickets;
begin
  select * into before from public.tickets as t where t.id = correct_triage.ticket_id for update;
  update public.tickets as t
  set category_id = correct_triage.category_id,
    priority = coalesce(correct_triage.priority, t.priority),
    team_id = coalesce(correct_triage.team_id, t.team_id)
  where t.id = correct_triage.ticket_id
  returning * into corrected;
  if corrected.id is null then
    raise exception 'there is no ticket % that you may file', correct_triage.ticket_id using errcode = 'PT404';
  end if;
  if corrected.category_id is not distinct from before.category_id then
    perform private.confirm_category(corrected.id);
  end if;
  return corrected;
end;
$$;

-- The team that knows what a category asks for; of several the one with the fewest open tickets.
create function private.team_for_category(organization_id uuid, category_id uuid) returns uuid
language plpgsql stable set search_path = '' as $$
begin
  return (
    select ts.team_id
    from public.ticket_categories as c
    join public.team_skills as ts on ts.organization_id = c.organization_id and ts.skill_id = c.skill_id
    where c.organization_id = team_for_category.organization_id and c.id = team_for_category.category_id
    order by (
      select count(*) from public.tickets as t
      where t.organization_id = ts.organization_id and t.team_id = ts.team_id and t.status_category = 'open'
    ), ts.team_id
    limit 1
  );
end;
$$;

-- Keeps what triage saw and moves the ticket where no member has spoken. The category, priority and team follow the
-- ticket's first message; later ones can only raise the priority. Returns the result's id; the same message again
-- replaces its result.
create function private.record_triage(message_id uuid, seen jsonb) returns uuid
language plpgsql set search_path = '' as $$
#variable_conflict use_column
declare
  message public.messages;
  ticket public.tickets;
  result public.triage_results;
  is_first boolean;
begin
  select * into message from public.messages as m where m.id = record_triage.message_id;
  select * into ticket from public.tickets as t where t.id = message.ticket_id for update;
  if ticket.id is null then
    raise exception 'there is no message %', record_triage.message_id using errcode = 'PT404';
  end if;
  is_first := not exists (
    select from public.triage_results as r
    where r.organization_id = ticket.organization_id and r.ticket_id = ticket.id and r.message_id < message.id
  );
  insert into public.triage_results as r (
    organization_id, ticket_id, message_id, text, embedding, lexical, model, category_id, confidence, abstained,
    ranking, evidence, language, priority, sentiment, is_spam, wants_human, sensitive, injection, signals, ms
  )
  select
    ticket.organization_id, ticket.id, message.id, s.text, s.embedding::extensions.vector(384),
    s.lexical::extensions.sparsevec(65536), s.model, c.id, s.confidence, s.abstained or c.id is null, s.ranking,
    s.evidence, s.language, s.priority, s.sentiment, s.is_spam, s.wants_human, s.sensitive, s.injection, s.signals, s.ms
  from jsonb_to_record(seen) as s (
    text text, embedding text, lexical text, model text, category_id uuid, confidence real, abstained boolean,
    ranking jsonb, evidence uuid[], language text, priority public.ticket_priority, sentiment text, is_spam boolean,
    wants_human boolean, sensitive text[], injection boolean, signals jsonb, ms integer
  )
  -- A category that was deleted since the prediction.
  left join public.ticket_categories as c on c.organization_id = ticket.organization_id and c.id = s.category_id
  on conflict (organization_id, message_id) do update
  set text = excluded.text, embedding = excluded.embedding, lexical = excluded.lexical, model = excluded.model,
    category_id = excluded.category_id, confidence = excluded.confidence, abstained = excluded.abstained,
    ranking = excluded.ranking, evidence = excluded.evidence, language = excluded.language,
    priority = excluded.priority, sentiment = excluded.sentiment, is_spam = excluded.is_spam,
    wants_human = excluded.wants_human,
    sensitive = excluded.sensitive, injection = excluded.injection, signals = excluded.signals, ms = excluded.ms
  returning r.* into result;
  if is_first then
    insert into private.ticket_vectors as v (organization_id, ticket_id, embedding, model)
    values (result.organization_id, result.ticket_id, result.embedding::extensions.halfvec(384), result.model)
    on conflict (organization_id, ticket_id) do update set embedding = excluded.embedding, model = excluded.model;
  end if;
  update public.tickets as t
  set category_id = case
      when is_first and not 'category_id' = any (t.set_by_member) and not result.abstained then result.category_id
      else t.category_id
    end,
    team_id = case
      when is_first and not 'team_id' = any (t.set_by_member) and t.team_id is null and not result.abstained
        and not 'category_id' = any (t.set_by_member)
      then private.team_for_category(t.organization_id, result.category_id)
      else t.team_id
    end,
    priority = case
      when 'priority' = any (t.set_by_member) then t.priority
      when is_first then result.priority
      else greatest(t.priority, result.priority)
    end,
    language = case
      when 'language' = any (t.set_by_member) then t.language
      else coalesce(result.language, t.language)
    end,
    is_spam = case when is_first and not 'is_spam' = any (t.set_by_member) then result.is_spam else t.is_spam end,
    sentiment = result.sentiment
  where t.id = ticket.id;
  perform private.route_triaged(ticket.id);
  return result.id;
end;
$$;

create function private.announce_triage() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  ticket public.tickets;
begin
  -- A member may have been faster than triage.
  select * into ticket from public.tickets as t
  where t.organization_id = new.organization_id and t.id = new.ticket_id and 'category_id' = any (t.set_by_member);
  if ticket.id is not null then
    perform private.learn(ticket, 'correction');
  end if;
  perform private.emit(
    new.organization_id, 'ticket.triaged', new.ticket_id,
    jsonb_build_object(
      'message_id', new.message_id, 'category_id', new.category_id, 'confidence', new.confidence,
      'abstained', new.abstained, 'priority', new.priority, 'is_spam', new.is_spam
    ),
    'agents', new.ticket_id
  );
  return null;
end;
$$;

create trigger triage_results_announce after insert on public.triage_results
for each row execute function private.announce_triage();

-- Replaces an organization's head: `blend` as in chalicelib/triage/blend.py, one weight and bias for each category.
create function private.replace_head(
  organization_id uuid, model text, examples integer, read_at timestamptz, blend jsonb, categories uuid[],
  weights text[], biases double precision[]
) returns void
language plpgsql set search_path = '' as $$
begin
  delete from private.triage_heads as h where h.organization_id = replace_head.organization_id;
  insert into private.triage_heads (
    organization_id, model, examples, read_at, slope, vote, logit_mean, logit_deviation, cosine_mean, cosine_deviation,
    floor
  )
  select replace_head.organization_id, replace_head.model, replace_head.examples, replace_head.read_at, b.*
  from jsonb_to_record(blend) as b (
    slope double precision, vote double precision, logit_mean double precision, logit_deviation double precision,
    cosine_mean double precision, cosine_deviation double precision, floor double precision
  );
  insert into private.triage_weights (organization_id, category_id, weight, bias)
  select replace_head.organization_id, f.category_id, f.weight::extensions.vector(384), f.bias
  from unnest(categories, weights, biases) as f (category_id, weight, bias)
  -- A category that was deleted while the head was fitted.
  join public.ticket_categories as c on c.organization_id = replace_head.organization_id and c.id = f.category_id;
end;
$$;
