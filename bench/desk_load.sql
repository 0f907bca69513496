-- An organization of the size that `bench.tickets` names: contacts, tickets with a message and an event each, a hundred of
-- them with a hundred; words as in language, a few of them everywhere and most of them rare. Run by a superuser; triggers
-- and foreign keys are off, so the rows are made to fit. Rows first, then the indexes over them: several times faster.

set session_replication_role = replica;

create temporary table put_aside as
select indexrelid::regclass::text as name, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') as definition
from pg_index
where indrelid in (
    'public.contacts'::regclass, 'public.tickets'::regclass, 'public.messages'::regclass, 'public.events'::regclass,
    'private.ticket_search'::regclass, 'private.contact_words'::regclass
  )
  and not exists (select from pg_constraint where conindid = indexrelid);
do $$
declare
  index_name text;
begin
  for index_name in select name from put_aside loop
    execute 'drop index ' || index_name;
  end loop;
end
$$;

insert into auth.users (id, email, email_confirmed_at, aud, role)
select
  ('00000000-0000-7000-9000-' || lpad(n::text, 12, '0'))::uuid, 'member' || n || '@desk.example', now(), 'authenticated',
  'authenticated'
from generate_series(1, 20) as n;

insert into public.organizations (id, name, slug) values ('00000000-0000-7000-8000-000000000000', 'Desk', 'desk');
insert into public.ticket_statuses (organization_id, key, name, category)
select '00000000-0000-7000-8000-000000000000', s.key, s.key, s.category::public.status_category
from (values ('open', 'open'), ('pending', 'waiting'), ('solved', 'resolved')) as s (key, category);
insert into private.ticket_counters (organization_id, last_number)
values ('00000000-0000-7000-8000-000000000000', current_setting('bench.tickets')::bigint);
insert into public.members (organization_id, user_id, role, display_name)
select '00000000-0000-7000-8000-000000000000', id, 'agent', 'Member' from auth.users;

-- Over the last 25 days; keys say when. One in fifty is open and assigned, at least two hundred.
create temporary table spread as
select
  n, at, n > m.tickets - 200 or n % 50 = 0 as is_open,
  (lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0') || '7000b000' || lpad(to_hex(n), 12, '0'))::uuid as id,
  ('00000000-0000-7000-9000-' || lpad((1 + n % 20)::text, 12, '0'))::uuid as member_id
from (select current_setting('bench.tickets')::integer as tickets) as m
cross join generate_series(1, m.tickets) as n
cross join lateral (select now() - interval '25 days' * (1 - n / m.tickets::float8) as at) as spread;

insert into public.contacts (id, organization_id, email, name, created_at)
select s.id, '00000000-0000-7000-8000-000000000000', 'contact' || s.n || '@people.example', 'Contact ' || s.n, s.at
from spread as s;

insert into private.contact_words (organization_id, contact_id, word)
select '00000000-0000-7000-8000-000000000000', s.id, w.word
from spread as s
cross join lateral unnest(array[
  'contact', s.n::text, 'contact' || s.n, 'people', 'example', 'people.example', 'contact' || s.n || '@people.example'
]) as w (word);

insert into public.tickets (
  id, organization_id, number, subject, channel, status, status_category, contact_id, assignee_id, last_seq,
  last_message_at, created_at
)
select
  s.id, '00000000-0000-7000-8000-000000000000', s.n, 'Ticket ' || s.n, 'email',
  case when s.is_open then 'open' else 'solved' end, case when s.is_open then 'open' else 'resolved' end, s.id,
  case when s.is_open then s.member_id end, 1, s.at, s.at
from spread as s;

-- Thirty words out of 20,000, the nth as often as 1/n: the first is in nine of ten texts.
create temporary table texts as
select n, array_agg(distinct 'word' || floor(exp(random() * ln(20000)))::integer) as words
from generate_series(1, 2000) as n, generate_series(1, 30)
group by n;

insert into public.messages (
  id, organization_id, ticket_id, seq, sender, contact_id, body_text, message_id_header, created_at
)
select
  s.id, '00000000-0000-7000-8000-000000000000', s.id, 1, 'contact', s.id, array_to_string(t.words, ' '),
  '<' || s.n || '@people.example>', s.at
from spread as s
join texts as t on t.n = 1 + s.n % 2000;

insert into public.events (id, organization_id, txid, type, subject_id, ticket_id, audience, data, created_at)
select s.id, '00000000-0000-7000-8000-000000000000', '3', 'message.received', s.id, s.id, 'contact', '{"seq": 1}', s.at
from spread as s;

-- A hundred long conversations, spread over all.
insert into public.messages (id, organization_id, ticket_id, seq, sender, contact_id, body_text, created_at)
select private.uuid7(), '00000000-0000-7000-8000-000000000000', s.id, seq, 'contact', s.id, 'And another thing.', now()
from spread as s, generate_series(2, 100) as seq
where s.n % (current_setting('bench.tickets')::integer / 100) = 0;
insert into public.events (organization_id, txid, type, subject_id, ticket_id, audience, data)
select '00000000-0000-7000-8000-000000000000', '3', 'message.received', s.id, s.id, 'contact', '{}'
from spread as s, generate_series(2, 100) as seq
where s.n % (current_setting('bench.tickets')::integer / 100) = 0;

create temporary table buckets as
select
  small,
  array[
    private.search_bucket('00000000-0000-7000-8000-000000000000', false, small),
    private.search_bucket(
      '00000000-0000-7000-8000-000000000000', true,
      small * private.search_bucket_size(false) / private.search_bucket_size(true)
    )
  ] as prefixes,
  array[
    private.search_bucket('00000000-0000-7000-8000-000000000000', false, small, true),
    private.search_bucket(
      '00000000-0000-7000-8000-000000000000', true,
      small * private.search_bucket_size(false) / private.search_bucket_size(true), true
    )
  ] as head_prefixes
from generate_series(0, current_setting('bench.tickets')::bigint / private.search_bucket_size(false)) as small;

insert into private.ticket_search (ticket_id, organization_id, number, head, document)
select
  s.id, '00000000-0000-7000-8000-000000000000', s.n, h.words,
  array_to_tsvector(array(
    select p.prefix || w.word
    from unnest(tsvector_to_array(h.words) || t.words) as w (word), unnest(b.prefixes) as p (prefix)
    union all
    select p.prefix || w.word
    from unnest(tsvector_to_array(h.words)) as w (word), unnest(b.head_prefixes) as p (prefix)
  ))
from spread as s
join texts as t on t.n = 1 + s.n % 2000
cross join lateral (
  select array_to_tsvector(array['ticket', 'contact', s.n::text, 'contact' || s.n, 'people.example']) as words
) as h
join buckets as b on b.small = s.n / private.search_bucket_size(false);

do $$
declare
  index_definition text;
begin
  perform set_config('maintenance_work_mem', '256MB', true);
  for index_definition in select definition from put_aside loop
    execute index_definition;
  end loop;
end
$$;
drop table spread, texts, buckets, put_aside;
set session_replication_role = origin;

vacuum analyze;
