-- article_to_index --
-- A published article with its current text; `indexed` says that search already has exactly this.
select
  a.id, a.current_version_id as version_id, v.title, v.body,
  private.is_indexed(a.id, %(model)s) as indexed
from public.articles as a
join public.article_versions as v on v.id = a.current_version_id
where a.id = %(article_id)s and a.status = 'published';

-- replace_chunks --
select private.replace_chunks(
  %(article_id)s, %(version_id)s, %(model)s, %(titles)s::text[], %(headings)s::text[], %(texts)s::text[],
  %(tokens)s::integer[], %(title_embeddings)s::text[], %(body_embeddings)s::text[]
) as replaced;
