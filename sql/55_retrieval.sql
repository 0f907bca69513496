-- Finding passages: by their words (BM25 over postings) and by their meaning (vectors), joined on absolute scales.

-- What search reads: one row for every passage that may be found. Clients never do.
create table private.chunk_index (
  chunk_id uuid primary key,
  organization_id uuid not null references public.organizations (id) on delete cascade,
  article_id uuid not null,
  language text not null,
  -- Words of title and text, stop words left out.
  length integer not null,
  -- Which model the vectors are of.
  model text not null,
  title_embedding extensions.vector(384) not null,
  body_embedding extensions.vector(384) not null,
  foreign key (organization_id, chunk_id) references public.chunks (organization_id, id) on delete cascade
);
-- Two vectors are 3 kB: kept in the row, because reading them out of line costs more than comparing them.
alter table private.chunk_index set (toast_tuple_target = 8160);
create index chunk_index_organization_idx on private.chunk_index (organization_id, chunk_id);
create index chunk_index_language_idx on private.chunk_index (organization_id, language) include (length);
create index chunk_index_model_idx on private.chunk_index (model, organization_id);
create index chunk_index_title_idx on private.chunk_index
using hnsw (title_embedding extensions.vector_cosine_ops);
create index chunk_index_body_idx on private.chunk_index
using hnsw (body_embedding extensions.vector_cosine_ops);

-- Which word stands in which passage, and how often. Words are lexemes of the passage's language.
create table private.postings (
  organization_id uuid not null references public.organizations (id) on delete cascade,
  language text not null,
  lexeme text not null,
  chunk_id uuid not null references private.chunk_index (chunk_id) on delete cascade,
  tf smallint not null,
  -- The passage's, repeated: so that ranking reads nothing else.
  length integer not null,
  primary key (organization_id, language, lexeme, chunk_id)
);
create index postings_chunk_idx on private.postings (chunk_id);

-- The text search configuration of a language; the plain one where PostgreSQL knows no stemmer.
create function private.text_config(language text) returns regconfig
language plpgsql immutable parallel safe set search_path = '' as $$
begin
  return case language
    when 'ar' then 'pg_catalog.arabic' when 'ca' then 'pg_catalog.catalan' when 'da' then 'pg_catalog.danish'
    when 'de' then 'pg_catalog.german' when 'el' then 'pg_catalog.greek' when 'en' then 'pg_catalog.english'
    when 'es' then 'pg_catalog.spanish' when 'eu' then 'pg_catalog.basque' when 'fi' then 'pg_catalog.finnish'
    when 'fr' then 'pg_catalog.french' when 'ga' then 'pg_catalog.irish' when 'hi' then 'pg_catalog.hindi'
    when 'hu' then 'pg_catalog.hungarian' when 'hy' then 'pg_catalog.armenian' when 'id' then 'pg_catalog.indonesian'
    when 'it' then 'pg_catalog.italian' when 'lt' then 'pg_catalog.lithuanian' when 'ne' then 'pg_catalog.nepali'
    when 'nb' then 'pg_catalog.norwegian' when 'nl' then 'pg_catalog.dutch' when 'nn' then 'pg_catalog.norwegian'
    when 'no' then 'pg_catalog.norwegian' when 'pt' then 'pg_catalog.portuguese' when 'ro' then 'pg_catalog.romanian'
    when 'ru' then 'pg_catalog.russian' when 'sr' then 'pg_catalog.serbian' when 'sv' then 'pg_catalog.swedish'
    when 'ta' then 'pg_catalog.tamil' when 'tr' then 'pg_catalog.turkish' when 'yi' then 'pg_catalog.yiddish'
    else 'pg_catalog.simple'
  end::regconfig;
end;
$$;

-- Takes an article out of search. Its passages stay for those who cite them.
create function private.retire_chunks(article_id uuid) returns void
language plpgsql security definer set search_path = '' as $$
begin
  delete from private.chunk_index as i
  using public.chunks as c
  where c.article_id = retire_chunks.article_id and c.retired_at is null and i.chunk_id = c.id;
  update public.chunks as c set retired_at = now()
  where c.article_id = retire_chunks.article_id and c.retired_at is null;
end;
$$;

-- Puts a version of an article into search in place of what was there, for the tenant that the function works for.
-- Takes the passages in order, as parallel arrays, vectors as text '[…]'. Returns false, and changes nothing, where the
-- version is no longer the current one of a published article: then another job has that one to do.
create function private.replace_chunks(
  article_id uuid, version_id uuid, model text, titles text[], headings text[], texts text[], tokens integer[],
  title_embeddings text[], body_embeddings text[]
) returns boolean
language plpgsql security definer set search_path = '' as $$
declare
  article public.articles;
  previous uuid;
begin
  select * into article from public.articles as a
  where a.id = replace_chunks.article_id
    and a.organization_id = (select private.current_organization())
  for no key update;
  if article.id is null
    or article.status <> 'published'
    or article.current_version_id is distinct from replace_chunks.version_id
  then
    return false;
  end if;
  select c.version_id into previous
  from public.chunks as c where c.article_id = article.id and c.retired_at is null limit 1;
  perform private.retire_chunks(article.id);

  with passages as (
    select
      private.uuid7() as id, p.ordinal::integer - 1 as ordinal, p.title, p.heading, p.text, p.tokens,
      p.title_embedding::extensions.vector as title_embedding, p.body_embedding::extensions.vector as body_embedding,
      to_tsvector(private.text_config(article.language), p.title || E'\n' || p.text) as words
    from unnest(titles, headings, texts, replace_chunks.tokens, title_embeddings, body_embeddings) with ordinality
      as p (title, heading, text, tokens, title_embedding, body_embedding, ordinal)
  ), kept as (
    insert into public.chunks (
      id, organization_id, article_id, version_id, ordinal, title, heading, text, language, tokens
    )
    select
      p.id, article.organization_id, article.id, replace_chunks.version_id, p.ordinal, p.title, p.heading, p.text,
      article.language, p.tokens
    from passages as p
  ), words as (
    select p.id, w.lexeme, greatest(coalesce(cardinality(w.positions), 1), 1) as tf
    from passages as p cross join lateral unnest(p.words) as w
  ), lengths as (
    select w.id, sum(w.tf)::integer as length from words as w group by w.id
  ), indexed as (
    insert into private.chunk_index (
      chunk_id, organization_id, article_id, language, length, model, title_embedding, body_embedding
    )
    select
      p.id, article.organization_id, article.id, article.language, coalesce(l.length, 0), replace_chunks.model,
      p.title_embedding, p.body_embedding
    from passages as p left join lengths as l using (id)
  )
  insert into private.postings (organization_id, language, lexeme, chunk_id, tf, length)
  select article.organization_id, article.language, w.lexeme, w.id, w.tf, l.length
  from words as w join lengths as l using (id);

  perform private.emit(
    article.organization_id, 'article.reindexed', article.id,
    jsonb_build_object('version_id', replace_chunks.version_id, 'previous_version_id', previous)
  );
  return true;
end;
$$;

-- Passages of an organization that share words with a question, each with
--   bm25      BM25 as a share of the most that any passage could have: 1 where it is full of every word asked for
--   coverage  share of the question's words found in it, rare words counting more
--   known     share of the question's words that the organization's passages know at all
-- Words are weighed by their rarity in this organization and language, so the scales mean the same everywhere. The
-- question is only ever read as words: operators and quotes in it mean nothing.
create function private.match_words(organization_id uuid, query text)
returns table (chunk_id uuid, bm25 double precision, coverage double precision, known double precision)
language plpgsql stable set search_path = '' as $$
#variable_conflict use_column
begin
  return query
  with parameters as (
    -- k1: how soon repetition stops counting; b: how much long passages pay. Low, because passages are all short.
    select 0.6 as k1, 0.4 as b
  ), lexicon as (
    select i.language, count(*)::double precision as chunks, greatest(avg(i.length), 1)::double precision as length
    from private.chunk_index as i
    where i.organization_id = match_words.organization_id
    group by i.language
  ), terms as materialized (
    select l.language, l.chunks, l.length, w.lexeme
    from lexicon as l
    cross join lateral unnest(to_tsvector(private.text_config(l.language), left(query, 4000))) as w
  ), hits as (
    select
      p.chunk_id, t.language, t.lexeme, p.tf::double precision as tf, p.length / t.length as length, t.chunks,
      count(*) over (partition by t.language, t.lexeme) as found
    from terms as t
    join private.postings as p
      on p.organization_id = match_words.organization_id and p.language = t.language and p.lexeme = t.lexeme
  ), weighed as (
    select h.*, ln(1 + (h.chunks - h.found + 0.5) / (h.found + 0.5)) as idf from hits as h
  ), asked as (
    select
      t.language,
      sum(coalesce(w.idf, ln(1 + (t.chunks + 0.5) / 0.5))) as idf,
      coalesce(sum(w.idf), 0) as known
    from terms as t
    left join (select distinct language, lexeme, idf from weighed) as w using (language, lexeme)
    group by t.language
  )
  select
    w.chunk_id,
    sum(w.idf * w.tf / (w.tf + p.k1 * (1 - p.b + p.b * w.length))) / a.idf,
    sum(w.idf) / a.idf,
    a.known / a.idf
  from weighed as w
  join asked as a using (language)
  cross join parameters as p
  group by w.chunk_id, a.idf, a.known;
end;
$$;

-- The passages nearest to a vector, by title and by text, out of the graph. Both lists follow the order of the graph
-- until `many` of the organization are found (strict_order): a plain scan would stop at others' passages.
create function private.nearest_chunks(organization_id uuid, embedding extensions.vector, many integer)
returns setof uuid
language plpgsql stable set search_path = ''
set "hnsw.iterative_scan" = 'strict_order' set "hnsw.ef_search" = '200' set "hnsw.max_scan_tuples" = '200000' as $$
begin
  return query (
    select i.chunk_id from private.chunk_index as i
    where i.organization_id = nearest_chunks.organization_id
    order by i.title_embedding operator(extensions.<=>) nearest_chunks.embedding
    limit many
  ) union (
    select i.chunk_id from private.chunk_index as i
    where i.organization_id = nearest_chunks.organization_id
    order by i.body_embedding operator(extensions.<=>) nearest_chunks.embedding
    limit many
  );
end;
$$;

-- The best passages of an organization's published articles for a question.
--
--   score = weight * meaning + (1 - weight) * bm25
--
-- meaning is the cosine with the passage's title and with its text, the better of the two counting 0.7. Both halves are
-- on absolute scales, not stretched to the best hit, so a question that has no answer scores low, and the same passage
-- scores the same however many others there are. The embedding model knows English: there meaning weighs 0.65, else
-- 0.3. Without an embedding words alone decide.
--
-- Every passage is compared up to 20,000 of an organization; above that the candidates are the 200 nearest by title, by
-- text and by words.
create function private.search_chunks(
  organization_id uuid, query text, embedding extensions.vector default null, language text default null,
  max_chunks integer default 10, per_article integer default 3
) returns table (
  chunk_id uuid, article_id uuid, version_id uuid, slug text, title text, heading text, text text, written_in text,
  score double precision, title_cosine double precision, body_cosine double precision, bm25 double precision,
  coverage double precision, known double precision
)
language plpgsql stable security definer set search_path = '' as $$
#variable_conflict use_column
declare
  weight double precision := 0;
  few boolean;
begin
  if search_chunks.embedding is not null then
    if extensions.vector_dims(search_chunks.embedding) <> 384 then
      raise exception 'an embedding has 384 numbers, not %', extensions.vector_dims(search_chunks.embedding)
        using errcode = '22023';
    end if;
    weight := case coalesce(
      search_chunks.language,
      (select o.language from public.organizations as o where o.id = search_chunks.organization_id)
    ) when 'en' then 0.65 else 0.3 end;
  end if;
  few := 20000 >= (
    select count(*) from (
      select from private.chunk_index as i where i.organization_id = search_chunks.organization_id limit 20001
    ) as counted
  );
  return query
  with words as materialized (
    select * from private.match_words(search_chunks.organization_id, search_chunks.query)
  ), candidates as (
    select near.chunk_id
    from private.nearest_chunks(search_chunks.organization_id, search_chunks.embedding, 200) as near (chunk_id)
    where not few and search_chunks.embedding is not null
    union
    (select w.chunk_id from words as w where not few order by w.bm25 desc limit 200)
  ), compared as materialized (
    select
      i.chunk_id, i.article_id,
      1 - (i.title_embedding operator(extensions.<=>) search_chunks.embedding) as title_cosine,
      1 - (i.body_embedding operator(extensions.<=>) search_chunks.embedding) as body_cosine
    from private.chunk_index as i
    where few and i.organization_id = search_chunks.organization_id
    union all
    select
      i.chunk_id, i.article_id,
      1 - (i.title_embedding operator(extensions.<=>) search_chunks.embedding),
      1 - (i.body_embedding operator(extensions.<=>) search_chunks.embedding)
    from candidates as c
    join private.chunk_index as i using (chunk_id)
  ), signals as (
    -- No embedding, or one of length zero (not a number): nothing is known of the meaning.
    select
      c.chunk_id, c.article_id,
      coalesce(nullif(c.title_cosine, 'nan'), 0) as title_cosine,
      coalesce(nullif(c.body_cosine, 'nan'), 0) as body_cosine,
      coalesce(w.bm25, 0) as bm25,
      coalesce(w.coverage, 0) as coverage,
      coalesce(w.known, (select max(known) from words), 0) as known
    from compared as c
    left join words as w using (chunk_id)
    where search_chunks.embedding is not null or w.chunk_id is not null
  ), scored as (
    select
      s.*,
      weight * (0.7 * greatest(s.title_cosine, s.body_cosine) + 0.3 * least(s.title_cosine, s.body_cosine))
        + (1 - weight) * s.bm25 as score
    from signals as s
  ), ranked as (
    select s.*, row_number() over (partition by s.article_id order by s.score desc, s.chunk_id) as place
    from scored as s
  ), best as (
    select * from ranked as r
    where r.place <= greatest(search_chunks.per_article, 1)
    order by r.score desc, r.chunk_id
    limit least(greatest(search_chunks.max_chunks, 1), 100)
  )
  select
    b.chunk_id, a.id, k.version_id, a.slug, v.title, k.heading, k.text, k.language,
    b.score, b.title_cosine, b.body_cosine, b.bm25, b.coverage, b.known
  from best as b
  join public.chunks as k on k.id = b.chunk_id
  join public.articles as a on a.id = k.article_id and a.status = 'published'
  join public.article_versions as v on v.id = k.version_id
  order by b.score desc, b.chunk_id;
end;
$$;

-- The same for a Lambda function, for the tenant it works for and no other.
create function private.search_own_chunks(
  query text, embedding text default null, language text default null, max_chunks integer default 10,
  per_article integer default 3
) returns table (
  chunk_id uuid, article_id uuid, version_id uuid, slug text, title text, heading text, text text, written_in text,
  score double precision, title_cosine double precision, body_cosine double precision, bm25 double precision,
  coverage double precision, known double precision
)
language sql stable security definer set search_path = '' as $$
  select * from private.search_chunks(
    (select private.current_organization()), search_own_chunks.query,
    search_own_chunks.embedding::extensions.vector,
    search_own_chunks.language, search_own_chunks.max_chunks, search_own_chunks.per_article
  );
$$;

-- The published articles that answer a question best, each with its best passage. Words alone are enough; an embedding
-- of the question (384 numbers, as text '[…]') finds those that say it in other words.
create function public.search_articles(
  organization_id uuid, query text, embedding extensions.vector default null, language text default null,
  max_articles integer default 10
) returns table (
  article_id uuid, version_id uuid, chunk_id uuid, slug text, title text, heading text, excerpt text, written_in text,
  score double precision
)
language sql stable set search_path = '' as $$
  select s.article_id, s.version_id, s.chunk_id, s.slug, s.title, s.heading, s.text, s.written_in, s.score
  from private.search_chunks(
    search_articles.organization_id, search_articles.query, search_articles.embedding, search_articles.language,
    search_articles.max_articles, 1
  ) as s
  order by s.score desc, s.chunk_id;
$$;

-- Does search have the current version of an article, in its language and with vectors of this model? Passages of one
-- article are only ever put in together, so one of them speaks for all.
create function private.is_indexed(article_id uuid, model text) returns boolean
language sql stable set search_path = '' as $$
  select exists (
    select from public.articles as a
    join public.chunks as c on c.organization_id = a.organization_id and c.article_id = a.id
      and c.version_id = a.current_version_id and c.language = a.language
    join private.chunk_index as i on i.chunk_id = c.id
    where a.id = is_indexed.article_id and i.model = is_indexed.model
  );
$$;

-- Articles whose passages are of another model, or that have none, are queued to be indexed again. For the operator,
-- after a change of model. Returns how many.
create function private.reindex_articles(model text) returns integer
language sql security definer set search_path = '' as $$
  select count(private.enqueue(
    a.organization_id, 'index_article', jsonb_build_object('subject_id', a.id), dedupe_key => a.id::text
  ))::integer
  from public.articles as a
  where a.status = 'published'
    and not private.is_indexed(a.id, reindex_articles.model);
$$;
