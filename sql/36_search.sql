-- Finding tickets by words: of the subject, the contact, the messages. For members only: notes are among the words.
--
-- One row per ticket, kept by triggers. Each word is indexed together with its organization and a bucket of ticket
-- numbers, once with a small bucket and once with a large one: 'b1946a:1e/refund', 'b1946a+0/refund'; words of subject
-- and contact once more, as 'b1946a:1e~refund'. So one GIN index answers for one tenant, a search begins with the
-- newest tickets and widens only while it has found too little, and a common word costs no more than a rare one.

create table private.ticket_search (
  ticket_id uuid primary key,
  organization_id uuid not null,
  number bigint not null,
  -- Words of subject and contact, which count for more.
  head tsvector not null default '',
  -- All words, each behind its bucket.
  document tsvector not null default '',
  foreign key (organization_id, ticket_id) references public.tickets (organization_id, id) on delete cascade
)
-- Words apart from the rest, which is all that a search reads of a row.
with (toast_tuple_target = 128);
create index ticket_search_ticket_idx on private.ticket_search (organization_id, ticket_id);
-- Without a list of pending entries: every search would have to read it from end to end.
create index ticket_search_document_idx on private.ticket_search using gin (document) with (fastupdate = off);

-- Tickets in a small bucket (a page is found in the newest few, if a word is common at all) and in a large one.
create function private.search_bucket_size(is_large boolean) returns integer
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return case when is_large then 65536 else 512 end;
end;
$$;

-- What stands before each word. Few characters of the organization are enough: rows are compared with it too.
create function private.search_bucket(
  organization_id uuid, is_large boolean, bucket bigint, is_head boolean default false
) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return left(md5(search_bucket.organization_id::text), 6) || case when is_large then '+' else ':' end || to_hex(bucket)
    || case when is_head then '~' else '/' end;
end;
$$;

-- The words as they are indexed. What is longer than any name is no word that somebody types.
create function private.search_document(organization_id uuid, number bigint, words tsvector, head tsvector default '')
returns tsvector
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  small constant bigint := number / private.search_bucket_size(false);
  large constant bigint := number / private.search_bucket_size(true);
  anywhere constant text[] := array[
    private.search_bucket(organization_id, true, large), private.search_bucket(organization_id, false, small)
  ];
  in_head constant text[] := array[
    private.search_bucket(organization_id, true, large, true), private.search_bucket(organization_id, false, small, true)
  ];
begin
  return coalesce((
    select array_to_tsvector(array_agg(b.prefix || w.lexeme))
    from (
      select lexeme, anywhere as prefixes from unnest(search_document.words)
      union all
      select lexeme, in_head from unnest(search_document.head)
    ) as w
    cross join lateral unnest(w.prefixes) as b (prefix)
    where length(w.lexeme) <= 60
  ), '');
end;
$$;

-- How much of one message is searched.
create function private.search_text(body_text text, reply_text text) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return left(coalesce(search_text.reply_text, search_text.body_text), 20000);
end;
$$;

-- Indexes a ticket anew: it is new, or words of it have changed or gone.
create function private.index_ticket(ticket_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
begin
  insert into private.ticket_search as s (ticket_id, organization_id, number, head, document)
  select
    t.id, t.organization_id, t.number, h.words,
    private.search_document(
      t.organization_id, t.number, h.words || coalesce(private.search_words(b.words), ''), h.words
    )
  from public.tickets as t
  join public.contacts as c on c.organization_id = t.organization_id and c.id = t.contact_id
  cross join lateral (
    -- Who looks for a merged ticket finds the one that it is in.
    select private.search_words(concat_ws(' ', t.number, t.subject, c.name, c.email, (
      select string_agg(merged.number::text, ' ') from public.tickets as merged
      where merged.organization_id = t.organization_id and merged.merged_into = t.id
    ))) as words
  ) as h
  cross join lateral (
    -- The newest, so that what is indexed of one ticket stays small.
    select string_agg(m.words, ' ') as words
    from (
      select private.search_text(m.body_text, m.reply_text) as words
      from public.messages as m
      where m.ticket_id = t.id
      order by m.seq desc
      limit 100
    ) as m
  ) as b
  where t.id = index_ticket.ticket_id and t.merged_into is null
  on conflict (ticket_id) do update set head = excluded.head, document = excluded.document;
end;
$$;

create function private.search_ticket_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.index_ticket(new.id);
  return null;
end;
$$;

create trigger tickets_search_new after insert on public.tickets
for each row execute function private.search_ticket_changed();
create trigger tickets_search after update of subject, contact_id on public.tickets
for each row when (new.subject <> old.subject or new.contact_id <> old.contact_id)
execute function private.search_ticket_changed();

create function private.search_contact_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform private.index_ticket(t.id)
  from public.tickets as t
  where t.organization_id = new.organization_id and t.contact_id = new.id;
  return null;
end;
$$;

create trigger contacts_search after update of name, email on public.contacts
for each row when (new.name <> old.name or new.email is distinct from old.email)
execute function private.search_contact_changed();

-- A new message adds its words; one that is changed or removed has its ticket indexed anew. Who moves messages does so
-- for both tickets, once (private.move_messages).
create function private.search_message_changed() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    update private.ticket_search as s
    set document = s.document || private.search_document(
      s.organization_id, s.number, private.search_words(private.search_text(new.body_text, new.reply_text))
    )
    where s.ticket_id = new.ticket_id and length(s.document) < 20000;
    return null;
  end if;
  perform private.index_ticket(old.ticket_id);
  return null;
end;
$$;

create trigger messages_search_new after insert or delete on public.messages
for each row execute function private.search_message_changed();
create trigger messages_search after update of body_text, reply_text on public.messages
for each row execute function private.search_message_changed();

-- A query for tickets that have all words, in the buckets from `oldest` to `newest`.
create function private.search_query(
  organization_id uuid, is_head boolean, is_large boolean, oldest bigint, newest bigint, words text[],
  is_unfinished boolean
) returns tsquery
language plpgsql immutable set search_path = '' as $$
begin
  return (
    select string_agg(in_any_bucket, ' & ')::tsquery
    from (
      select '(' || string_agg(
        quote_literal(private.search_bucket(search_query.organization_id, is_large, b.bucket, is_head) || w.word)
          || case when is_unfinished and w.place = cardinality(words) then ':*' else '' end,
        ' | '
      ) || ')' as in_any_bucket
      from unnest(words) with ordinality as w (word, place),
        generate_series(search_query.oldest, search_query.newest) as b (bucket)
      group by w.place
    ) as each_word
  );
end;
$$;

-- Whether each phrase stands in the subject of a ticket or in one of its messages.
create function private.has_phrases(ticket_id uuid, phrases tsquery[]) returns boolean
language plpgsql stable set search_path = '' as $$
begin
  return not exists (
    select from unnest(phrases) as p (phrase)
    where not exists (
      select from public.tickets as t
      where t.id = has_phrases.ticket_id and private.search_words(t.subject) @@ p.phrase
    )
      and not exists (
        select
        from (
          select m.body_text, m.reply_text from public.messages as m
          where m.ticket_id = has_phrases.ticket_id
          order by m.seq desc
          limit 100
        ) as m
        where private.search_words(private.search_text(m.body_text, m.reply_text)) @@ p.phrase
      )
  );
end;
$$;

-- The newest tickets of an organization, up to a number and from about another on, that have all words: in subject and
-- contact, or not there but somewhere (`is_head`), or anywhere (null). `predicate`: what else is asked of `t` and its
-- contact `c`. What is asked besides words is asked of so many tickets and no more: a search has an end.
create function private.walk_tickets(
  organization_id uuid, is_head boolean, words text[], is_unfinished boolean, phrases tsquery[], predicate text,
  down_to bigint, up_to bigint, max_tickets integer
) returns table (ticket_id uuid, number bigint)
language plpgsql stable set search_path = '' rows 50 as $$
#variable_conflict use_column
declare
  is_filtered constant boolean := predicate <> 'true' or cardinality(phrases) > 0;
  statement constant text := concat_ws(
    ' ',
    'with candidates as materialized (',
    'select s.ticket_id, s.number from private.ticket_search as s',
    'where s.document @@ $1 and s.organization_id = $2 and s.number <= $3',
    case when not is_head then 'and not s.head @@ $4' end,
    'order by s.number desc limit $5), asked as (',
    'select d.ticket_id, d.number from candidates as d',
    case when predicate <> 'true' then
      'join public.tickets as t on t.id = d.ticket_id left join public.contacts as c'
      || ' on c.organization_id = t.organization_id and c.id = t.contact_id where ' || predicate
    end,
    'order by d.number desc), kept as (select * from asked',
    case when cardinality(phrases) > 0 then 'where private.has_phrases(ticket_id, $6)' end,
    'limit $7) select array_agg(ticket_id), array_agg(number), (select count(*) from candidates) from kept'
  );
  newest bigint; -- ticket numbers: what is looked at next lies between these two
  oldest bigint;
  step integer := 0;
  is_large boolean;
  may_be_unfinished boolean;
  size bigint;
  to_look_at integer := case when cardinality(phrases) > 0 then 2000 else 20000 end;
  looked_at integer;
  found integer := 0;
  ids uuid[];
  numbers bigint[];
begin
  select least(c.last_number, walk_tickets.up_to) into newest
  from private.ticket_counters as c
  where c.organization_id = walk_tickets.organization_id;
  while newest >= down_to and found < max_tickets and to_look_at > 0 loop
    -- 2, then 8 small buckets, then 2, 8, 32 … large ones: the newest has just begun, perhaps.
    is_large := step >= 2;
    size := private.search_bucket_size(is_large);
    oldest := greatest(newest / size + 1 - 2 * 4 ^ case when is_large then step - 2 else step end, 0) * size;
    -- In large ones too much begins like a letter or two, and in all of them like anything.
    may_be_unfinished := is_unfinished and (not is_large or step = 2 and length(words[cardinality(words)]) >= 3);
    execute statement into ids, numbers, looked_at using
      private.search_query(
        walk_tickets.organization_id, is_head, is_large, oldest / size, newest / size, words,
        may_be_unfinished
      ),
      walk_tickets.organization_id, newest, private.words_query(words, may_be_unfinished),
      case when is_filtered then to_look_at else max_tickets - found end, phrases, max_tickets - found;
    return query select * from unnest(ids, numbers);
    found := found + coalesce(cardinality(ids), 0);
    to_look_at := to_look_at - looked_at;
    newest := oldest - 1;
    step := step + 1;
  end loop;
end;
$$;

-- The passage of a ticket that answers a query: of the newest message that has one of its words.
create function private.ticket_passage(ticket_id uuid, pattern text) returns text
language plpgsql stable set search_path = '' as $$
declare
  body text;
  passage text;
  newest text;
begin
  for body in
    select private.search_text(m.body_text, m.reply_text)
    from public.messages as m
    where m.ticket_id = ticket_passage.ticket_id
    order by m.seq desc
    limit 20
  loop
    passage := private.passage(body, pattern);
    newest := coalesce(newest, passage);
    exit when pattern is null or position(U&'\E000' in passage) > 0;
  end loop;
  return case when position(U&'\E000' in passage) > 0 then passage else newest end;
end;
$$;

-- Conditions and a query's own, as one.
create function private.all_conditions(conditions jsonb, filters jsonb[]) returns jsonb
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return jsonb_build_object(
    'all',
    case
      when conditions is null then '[]'
      when jsonb_typeof(conditions -> 'all') = 'array' then conditions -> 'all'
      else jsonb_build_array(conditions)
    end || to_jsonb(filters)
  );
end;
$$;

-- The tickets that a query finds, for members, each with its rank: its number, as if it were 65,536 tickets newer where
-- subject and contact have the words. So relevance and recency count together, and pages follow each other by rank.
create function private.search_tickets(
  organization_id uuid, query text, conditions jsonb, before_rank bigint, max_tickets integer
) returns table (ticket_id uuid, rank bigint, snippet text)
language plpgsql stable security definer set search_path = '' rows 20 as $$
#variable_conflict use_column
declare
  head_start constant bigint := 65536;
  page_size constant integer := least(greatest(coalesce(max_tickets, 20), 1), 100);
  up_to constant bigint := least(greatest(coalesce(search_tickets.before_rank, 1e15), 0), 1e15) - 1;
  asked record;
  all_of jsonb;
  pattern text;
  predicate text;
  heads uuid[];
  ranks bigint[];
  found integer;
begin
  if not search_tickets.organization_id in (select private.my_organizations()) then
    return;
  end if;
  asked := private.read_query(search_tickets.organization_id, search_tickets.query);
  all_of := private.all_conditions(search_tickets.conditions, asked.filters);
  if asked.words = '{}' and asked.filters <> '{}' then
    return query
    select f.ticket_id, t.number, private.ticket_passage(f.ticket_id, null)
    from private.filter_tickets(
      search_tickets.organization_id, all_of, 'number', false,
      jsonb_build_object('number', up_to + 1, 'id', '00000000-0000-0000-0000-000000000000'), page_size
    ) as f
    join public.tickets as t on t.id = f.ticket_id;
  end if;
  if asked.words = '{}' then
    return;
  end if;
  pattern := private.words_pattern(asked.words, asked.is_unfinished);
  predicate := private.my_predicate(all_of);
  select array_agg(w.ticket_id), array_agg(w.number + head_start), count(*) into heads, ranks, found
  from private.walk_tickets(
    search_tickets.organization_id, true, asked.words, asked.is_unfinished, asked.phrases, predicate, 0,
    up_to - head_start, page_size
  ) as w;
  return query
  select best.ticket_id, best.rank, private.ticket_passage(best.ticket_id, pattern)
  from (
    select * from unnest(heads, ranks) as h (ticket_id, rank)
    union all
    select w.ticket_id, w.number
    from private.walk_tickets(
      search_tickets.organization_id, false, asked.words, asked.is_unfinished, asked.phrases, predicate,
      -- A full page has no place for what ranks lower.
      case when found = page_size then ranks[found] else 0 end, up_to, page_size
    ) as w
    order by rank desc
    limit page_size
  ) as best;
end;
$$;

-- The messages that a query finds, for members: of each ticket, newest first, the newest message that has all words;
-- or all of one ticket's. The rank is how well the words stand together, less as time goes by.
create function private.search_messages(
  organization_id uuid, query text, in_ticket uuid, conditions jsonb, before_number bigint, max_messages integer
) returns table (message_id uuid, rank real, snippet text)
language plpgsql stable security definer set search_path = '' rows 20 as $$
#variable_conflict use_column
declare
  page_size constant integer := least(greatest(coalesce(max_messages, 20), 1), 100);
  up_to bigint := least(greatest(coalesce(search_messages.before_number, 1e15), 0), 1e15) - 1;
  rounds integer := 10;
  asked record;
  predicate text;
  wanted tsquery;
  pattern text;
  tickets uuid[] := array[search_messages.in_ticket];
  to_find integer := page_size;
  fetched integer;
begin
  if not search_messages.organization_id in (select private.my_organizations()) then
    return;
  end if;
  asked := private.read_query(search_messages.organization_id, search_messages.query);
  if asked.words = '{}' then
    return;
  end if;
  predicate := private.my_predicate(private.all_conditions(search_messages.conditions, asked.filters));
  pattern := private.words_pattern(asked.words, asked.is_unfinished);
  wanted := private.words_query(asked.words, asked.is_unfinished);
  loop
    if search_messages.in_ticket is null then
      select array_agg(w.ticket_id), min(w.number) - 1 into tickets, up_to
      from private.walk_tickets(
        search_messages.organization_id, null, asked.words, asked.is_unfinished, asked.phrases, predicate, 0, up_to,
        to_find
      ) as w;
    end if;
    return query
    select
      hit.id, (ts_rank_cd(hit.words, wanted, 1) / (1 + extract(epoch from now() - hit.created_at) / 86400 / 90))::real,
      private.passage(hit.body, pattern)
    from unnest(tickets) as one (id)
    cross join lateral (
      select m.id, m.created_at, body, words
      from public.messages as m
      cross join lateral private.search_text(m.body_text, m.reply_text) as body
      cross join lateral private.search_words(body) as words
      where m.organization_id = search_messages.organization_id and m.ticket_id = one.id and words @@ wanted
        and words @@ all (asked.phrases)
      order by m.seq desc
      limit case when search_messages.in_ticket is null then 1 else page_size end
    ) as hit;
    get diagnostics fetched = row_count;
    to_find := to_find - fetched;
    rounds := rounds - 1;
    -- Words may stand in several messages of a ticket, and then it has no message to show: the next ones.
    exit when search_messages.in_ticket is not null or tickets is null or to_find <= 0 or rounds = 0;
  end loop;
end;
$$;

-- Tickets of an organization by words of subject, contact and messages, best first; for members. The last word may be
-- unfinished. The next page: `before_rank`, the rank of the last ticket of this one.
create function public.search_tickets(
  organization_id uuid, query text, conditions jsonb default null, before_rank bigint default null,
  max_tickets integer default 20
) returns table (
  id uuid, number bigint, subject text, status text, status_category text, priority public.ticket_priority,
  channel public.ticket_channel, contact_id uuid, contact_name text, contact_email text, team_id uuid,
  assignee_id uuid, tags text[], created_at timestamptz, last_message_at timestamptz, snippet text, rank bigint
)
language plpgsql stable set search_path = '' rows 20 as $$
#variable_conflict use_column
begin
  return query
  select
    t.id, t.number, t.subject, t.status, t.status_category, t.priority, t.channel, t.contact_id, c.name, c.email,
    t.team_id, t.assignee_id, t.tags, t.created_at, t.last_message_at, found.snippet, found.rank
  from private.search_tickets(
    search_tickets.organization_id, search_tickets.query, search_tickets.conditions, search_tickets.before_rank,
    search_tickets.max_tickets
  ) as found
  join public.tickets as t on t.id = found.ticket_id
  join public.contacts as c on c.organization_id = t.organization_id and c.id = t.contact_id
  order by found.rank desc;
end;
$$;

-- Messages and notes of an organization by words, for members: one of each ticket, or all of one ticket's, best first.
-- The next page of tickets: `before_number`, the smallest number of this one.
create function public.search_messages(
  organization_id uuid, query text, in_ticket uuid default null, conditions jsonb default null,
  before_number bigint default null, max_messages integer default 20
) returns table (
  id uuid, ticket_id uuid, number bigint, subject text, seq integer, sender public.message_sender,
  is_internal boolean, created_at timestamptz, snippet text, rank real
)
language plpgsql stable set search_path = '' rows 20 as $$
#variable_conflict use_column
begin
  return query
  select
    m.id, m.ticket_id, t.number, t.subject, m.seq, m.sender, m.is_internal, m.created_at, found.snippet, found.rank
  from private.search_messages(
    search_messages.organization_id, search_messages.query, search_messages.in_ticket, search_messages.conditions,
    search_messages.before_number, search_messages.max_messages
  ) as found
  join public.messages as m on m.id = found.message_id
  join public.tickets as t on t.id = m.ticket_id
  order by found.rank desc, m.id desc;
end;
$$;
