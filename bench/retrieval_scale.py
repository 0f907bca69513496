"""Many tenants in one index: does search still return what comparing everything would, and how long does it take?"""

from __future__ import annotations

import random
import time
from statistics import median
from uuid import UUID

from chalicelib.kit import database
from chalicelib.kit.embeddings import embed
from chalicelib.kit.retrieval import search

from bench.knowledge_base import Base, Connection, Vectors, value

K = 10
# One article has this many passages.
PASSAGES = 25

# Passages made of real ones: vectors are mixtures of two, so that none is like another; words are the first one's.
FILL = """
with source as (
  select i.*, row_number() over (order by i.chunk_id) - 1 as at, count(*) over () as many
  from private.chunk_index as i where i.organization_id = any (%(sources)s)
), made as (
  select
    private.uuid7() as id, a.id as article_id, a.current_version_id as version_id, p.ordinal, one.chunk_id as like_id,
    one.length,
    extensions.l2_normalize(one.title_embedding operator(extensions.+) (
      other.title_embedding operator(extensions.*) array_fill(0.6::real, array[384])::extensions.vector
    )) as title_embedding,
    extensions.l2_normalize(one.body_embedding operator(extensions.+) (
      other.body_embedding operator(extensions.*) array_fill(0.6::real, array[384])::extensions.vector
    )) as body_embedding
  from (
    select a.*, row_number() over (order by a.id) - 1 as at
    from public.articles as a where a.organization_id = %(organization)s
  ) as a
  cross join generate_series(0, %(passages)s - 1) as p (ordinal)
  cross join lateral (select a.at * %(passages)s + p.ordinal as at) as n
  join source as one on one.at = n.at %% one.many
  -- Another partner in every round, so that no two are alike.
  join source as other on other.at = (n.at + 1 + %(seed)s + 37 * (n.at / other.many)) %% other.many
), chunks as (
  insert into public.chunks (id, organization_id, article_id, version_id, ordinal, title, text, language, tokens)
  select id, %(organization)s, article_id, version_id, ordinal, 'made', 'made', 'en', 1 from made
), indexed as (
  insert into private.chunk_index (
    chunk_id, organization_id, article_id, language, length, model, title_embedding, body_embedding
  )
  select id, %(organization)s, article_id, 'en', length, 'made', title_embedding, body_embedding from made
)
insert into private.postings (organization_id, language, lexeme, chunk_id, tf, length)
select %(organization)s, 'en', p.lexeme, made.id, p.tf, p.length
from made join private.postings as p on p.chunk_id = made.like_id
"""

ARTICLES = """
with a as (
  insert into public.articles (organization_id, slug)
  select %(organization)s, 'article-' || n from generate_series(1, %(articles)s) as n
  returning id
)
insert into public.article_versions (organization_id, article_id, title, body)
select %(organization)s, id, 'made', '' from a
"""

# Every passage compared, nothing left out; the score is that of private.search_chunks.
EXACT = """
select i.chunk_id
from private.chunk_index as i
left join private.match_words(%(organization)s, %(question)s) as w using (chunk_id)
cross join lateral (
  select
    1 - (i.title_embedding operator(extensions.<=>) %(vector)s::extensions.vector) as title,
    1 - (i.body_embedding operator(extensions.<=>) %(vector)s::extensions.vector) as body
) as c
where i.organization_id = %(organization)s
order by 0.65 * (0.7 * greatest(c.title, c.body) + 0.3 * least(c.title, c.body)) + 0.35 * coalesce(w.bm25, 0) desc
limit %(k)s
"""


def run(connection: Connection, bases: list[Base], *, full: bool) -> list[tuple[str, float, float | None]]:
    """Fill organizations, then ask: (what, measured, bar). Full: 100, one of them large, 50k passages in all."""
    sizes = [26_000] + [250] * 99 if full else [250] * 20
    organizations = fill(connection, bases, sizes)
    questions = [question for base in bases for question, _ in base.of.questions]
    vectors = Vectors()
    rng = random.Random(3)
    results: list[tuple[str, float, float | None]] = []
    groups = {"of 250 passages": organizations[1:] if full else organizations}
    if full:
        groups["of 26,000 passages, by HNSW"] = organizations[:1]
    for name, tenants in groups.items():
        hits, milliseconds = [], []
        for question in rng.sample(questions, 200 if full else 60):
            tenant = rng.choice(tenants)
            embed([question])
            with database.transaction(tenant) as functions:
                started = time.perf_counter()
                found = search(functions, question, "en", max_chunks=K, per_article=1000)
                milliseconds.append((time.perf_counter() - started) * 1000)
            exact = connection.execute(
                EXACT, {"organization": tenant, "question": question, "vector": vectors(question), "k": K}
            ).fetchall()
            hits.append(len({p.chunk_id for p in found} & {row["chunk_id"] for row in exact}) / K)
        results.append((
            f"{len(sizes)} organizations, {sum(sizes):,} passages: recall@{K}, one {name}", sum(hits) / len(hits), 0.95
        ))  # fmt: skip
        results.append(("  milliseconds a search, median", median(milliseconds), None))
        results.append(("  milliseconds a search, p95", sorted(milliseconds)[int(len(milliseconds) * 0.95)], None))
    return results


def fill(connection: Connection, bases: list[Base], sizes: list[int]) -> list[UUID]:
    """Organizations with so many passages each. The graphs are built once all rows are there, as after a restore."""
    indexes = [
        str(row["indexdef"])
        for row in connection.execute(
            "select indexdef from pg_indexes where schemaname = 'private' and indexdef like '%USING hnsw%'"
        )
    ]
    organizations = []
    with connection.transaction():
        connection.execute("drop index private.chunk_index_title_idx, private.chunk_index_body_idx")
        for seed, size in enumerate(sizes):
            founding = "insert into public.organizations (name, slug) values ('Made', %s) returning id"
            organization = UUID(str(value(connection, founding, f"made-{seed}")))
            parameters = {
                "organization": organization, "articles": size // PASSAGES, "passages": PASSAGES, "seed": seed,
                "sources": [base.organization_id for base in bases],
            }  # fmt: skip
            connection.execute(ARTICLES, parameters)
            connection.execute(
                "update public.articles set status = 'published' where organization_id = %s", [organization]
            )
            connection.execute(FILL, parameters)
            organizations.append(organization)
    connection.execute("set maintenance_work_mem = '512MB'")
    for definition in indexes:
        connection.execute(definition.encode())
    for table in ("private.chunk_index", "private.postings", "public.chunks", "public.articles"):
        connection.execute(f"vacuum analyze {table}".encode())
    return organizations
