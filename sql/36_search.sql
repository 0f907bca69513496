-- Finding tickets by words: of the subject, the contact, the messages. For members only: notes are among the words.
--
-- One row per ticket, kept by triggers. Each word is indexed together with its organization and a bucket of ticket
-- numbers, once with a small bucket and once with a large one: 'b1946a:1e/refund', 'b1946a+0/refund'. So one GIN index
-- answers for one tenant, a search begins with the newest tickets and widens only while it has found too little, and a
-- common word costs no more than a rare one.

create table private.ticket_search (
  ticket_id uuid primary key,
  organization_id uuid not null,
  number bigint not null,
  -- Words of subject and contact, to put those tickets first.
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

-- In plpgsql, which keeps the plans of a session: SQL functions are read and planned anew in each statement.

-- Words as they are compared: lower case, without accents, in no language. An address is found by its parts too.
create function private.search_words(value text) returns tsvector
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return to_tsvector(
    'pg_catalog.simple',
    regexp_replace(
      normalize(lower(search_words.value || ' ' || translate(search_words.value, '@_/', '   ')), nfkd),
      '[\u0300-\u036f]', '', 'g'
    )
  );
end;
$$;

-- Tickets in a small bucket (a page is found in the newest few, if a word is common at all) and in a large one.
create function private.search_bucket_size(is_large boolean) returns integer
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return case when is_large then 65536 else 512 end;
end;
$$;

-- What stands before each word. Few characters of the organization are enough: rows are compared with it too.
create function private.search_bucket(organization_id uuid, is_large boolean, bucket bigint) returns text
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return left(md5(search_bucket.organization_id::text), 6) || case when is_large then '+' else ':' end || to_hex(bucket)
    || '/';
end;
$$;

-- The words as they are indexed. What is longer than any name is no word that somebody types.
create function private.search_document(organization_id uuid, number bigint, words tsvector) returns tsvector
language plpgsql immutable parallel safe set search_path = '' as $$
declare
  prefixes constant text[] := array[
    private.search_bucket(organization_id, true, number / private.search_bucket_size(true)),
    private.search_bucket(organization_id, false, number / private.search_bucket_size(false))
  ];
begin
  return coalesce((
    select array_to_tsvector(array_agg(b.prefix || w.lexeme))
    from unnest(search_document.words) as w, unnest(prefixes) as b (prefix)
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
    private.search_document(t.organization_id, t.number, h.words || coalesce(private.search_words(b.words), ''))
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

-- A query for tickets that have all words, in the buckets from `oldest` to `newest`. In small ones the last word may be
-- unfinished: in large ones too much begins like it.
create function private.search_query(
  organization_id uuid, is_large boolean, oldest bigint, newest bigint, words text[]
) returns tsquery
language sql immutable set search_path = '' as $$
  select string_agg(in_any_bucket, ' & ')::tsquery
  from (
    select '(' || string_agg(
      quote_literal(private.search_bucket(search_query.organization_id, is_large, b.bucket) || w.word)
        || case when w.place = cardinality(search_query.words) and not is_large then ':*' else '' end,
      ' | '
    ) || ')' as in_any_bucket
    from unnest(search_query.words) with ordinality as w (word, place),
      generate_series(search_query.oldest, search_query.newest) as b (bucket)
    group by w.place
  ) as each_word;
$$;

-- The newest tickets that have all words of a query; for members. Among the newest 5,000 or so the last word may be
-- unfinished. A page is made of tickets before a number; `in_head`: subject and contact have all the words.
create function private.search_tickets(
  organization_id uuid, query text, status_category text, assignee_id uuid, team_id uuid, before_number bigint,
  max_tickets integer
) returns table (ticket_id uuid, in_head boolean)
language plpgsql stable security definer set search_path = '' rows 50 as $$
#variable_conflict use_column
declare
  page_size constant integer := least(greatest(coalesce(max_tickets, 50), 1), 200);
  is_filtered constant boolean := num_nonnulls(
    search_tickets.status_category, search_tickets.assignee_id, search_tickets.team_id
  ) > 0;
  words text[];
  head_query tsquery;
  newest bigint; -- ticket numbers: what is looked at next lies between these two
  oldest bigint;
  step integer := 0;
  is_large boolean;
  size bigint;
  query_here tsquery;
  found integer := 0;
  fetched integer;
begin
  if not search_tickets.organization_id in (select private.my_organizations()) then
    return;
  end if;
  -- In the order in which they were typed; eight words leave nothing to choose.
  words := array(
    select w.lexeme
    from unnest(private.search_words(translate(left(search_tickets.query, 200), '@_/', '   '))) as w
    where length(w.lexeme) <= 60
    order by w.positions[cardinality(w.positions)]
    limit 8
  );
  if cardinality(words) = 0 then
    return;
  end if;
  head_query := (
    select string_agg(quote_literal(w.word) || case when w.place = cardinality(words) then ':*' else '' end, ' & ')
    from unnest(words) with ordinality as w (word, place)
  )::tsquery;
  select least(c.last_number, search_tickets.before_number - 1) into newest
  from private.ticket_counters as c
  where c.organization_id = search_tickets.organization_id;
  while newest >= 0 and found < page_size loop
    -- 2, then 8 small buckets (the newest has just begun, perhaps), then 1, 4, 16 … large ones.
    is_large := step >= 2;
    size := private.search_bucket_size(is_large);
    oldest := greatest(newest / size + 1 - case when is_large then 4 ^ (step - 2) else 2 * 4 ^ step end, 0) * size;
    query_here := private.search_query(
      search_tickets.organization_id, is_large, oldest / size, newest / size, words
    );
    return query
    select page.ticket_id, page.head @@ head_query
    from (
      select s.ticket_id, s.head, s.number
      from private.ticket_search as s
      where s.document @@ query_here
        and s.organization_id = search_tickets.organization_id
        and s.number <= newest
        and (not is_filtered or exists (
          select from public.tickets as t
          where t.id = s.ticket_id
            and (search_tickets.status_category is null or t.status_category = search_tickets.status_category)
            and (search_tickets.assignee_id is null or t.assignee_id = search_tickets.assignee_id)
            and (search_tickets.team_id is null or t.team_id = search_tickets.team_id)
        ))
      order by s.number desc
      limit page_size - found
    ) as page;
    get diagnostics fetched = row_count;
    found := found + fetched;
    newest := oldest - 1;
    step := step + 1;
  end loop;
end;
$$;

-- Tickets of an organization by words, those first that have them in subject or contact, then the newest. The last
-- word may be unfinished. The next page: `before_number`, the smallest number of this one. Only members find anything.
create function public.search_tickets(
  organization_id uuid, query text, status_category text default null, assignee_id uuid default null,
  team_id uuid default null, before_number bigint default null, max_tickets integer default 50
) returns setof public.tickets
language sql stable set search_path = '' as $$
  select t.*
  from private.search_tickets(
    search_tickets.organization_id, search_tickets.query, search_tickets.status_category, search_tickets.assignee_id,
    search_tickets.team_id, search_tickets.before_number, search_tickets.max_tickets
  ) as found
  join public.tickets as t on t.id = found.ticket_id
  order by found.in_head desc, t.number desc;
$$;
