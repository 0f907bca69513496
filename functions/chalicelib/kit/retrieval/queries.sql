-- search --
select * from private.search_own_chunks(
  %(question)s, %(embedding)s, %(language)s, %(max_chunks)s, %(per_article)s
);
