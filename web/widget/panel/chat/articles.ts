/** The desk's published articles: found, listed, read, and told by the titles that answers cite. */
import { among, type Rest } from "../desk/rest";

export type Found = { id: string; title: string; excerpt: string };
export type Article = { id: string; title: string; body: string; language: string };

type Hit = { article_id: string; title: string; excerpt: string };
type Version = { article_id: string; title: string };

/** Of each article the best passage. */
export async function search(rest: Rest, organization: string, query: string): Promise<Found[]> {
  const hits = await rest.call<Hit[]>("search_articles", {
    organization_id: organization,
    query,
    max_articles: 5,
  });
  return hits.map((each) => ({ id: each.article_id, title: each.title, excerpt: each.excerpt }));
}

/** Those that were published last: what there is to read, before anything is asked. */
export async function latest(rest: Rest, organization: string): Promise<Found[]> {
  const versions = await rest.rows<Version>("article_versions", {
    organization_id: `eq.${organization}`,
    select: "article_id,title",
    order: "created_at.desc",
    limit: "4",
  });
  return versions.map((each) => ({ id: each.article_id, title: each.title, excerpt: "" }));
}

/** Null: it is not published any more. */
export async function article(rest: Rest, organization: string, id: string): Promise<Article | null> {
  const [[version], [about]] = await Promise.all([
    rest.rows<{ title: string; body: string }>("article_versions", {
      organization_id: `eq.${organization}`,
      article_id: `eq.${id}`,
      select: "title,body",
    }),
    rest.rows<{ language: string }>("articles", {
      organization_id: `eq.${organization}`,
      id: `eq.${id}`,
      select: "language",
    }),
  ]);
  return version ? { id, ...version, language: about?.language ?? "" } : null;
}

/**
 * Which articles have these titles. A visitor reads published articles only: what an answer cites of another is a name
 * without a link.
 */
export async function titled(
  rest: Rest,
  organization: string,
  titles: string[],
): Promise<Map<string, string>> {
  const versions = await rest.rows<Version>("article_versions", {
    organization_id: `eq.${organization}`,
    title: among(titles),
    select: "article_id,title",
  });
  return new Map(versions.map((each) => [each.title, each.article_id]));
}
