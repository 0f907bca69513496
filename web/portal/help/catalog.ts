/** All published articles of an organization by category, without their texts: what pages and the static build list. */
import type { Client } from "@kit/api/client";
import { ok } from "@kit/api/errors";

export type Entry = { id: string; slug: string; title: string; language: string; updatedAt: string };
export type Category = { id: string; slug: string; name: string; articles: Entry[] };
/** `loose`: articles of no category. */
export type Catalog = { categories: Category[]; loose: Entry[] };
export type Article = Entry & { body: string; categoryId: string | null };

const PAGE = 500;

export async function readCatalog(client: Client, organizationId: string): Promise<Catalog> {
  const [categories, articles] = await Promise.all([
    ok(
      client
        .from("article_categories")
        .select("id, name")
        .eq("organization_id", organizationId)
        .order("position")
        .order("name"),
    ),
    readEntries(client, organizationId),
  ]);
  const taken = new Set<string>();
  const shelves = categories.map(({ id, name }) => ({
    id,
    name,
    slug: freeSlug(name, id, taken),
    articles: articles.filter((each) => each.categoryId === id).map(({ categoryId: _, ...entry }) => entry),
  }));
  return {
    categories: shelves.filter((each) => each.articles.length > 0),
    loose: articles.filter((each) => each.categoryId === null).map(({ categoryId: _, ...entry }) => entry),
  };
}

/** A name as it may stand in an address, in any script; of two that are alike the second is told apart by its id. */
export function freeSlug(name: string, id: string, taken: Set<string>): string {
  const stem =
    name
      .normalize("NFKC")
      .toLocaleLowerCase("en")
      .replace(/[^\p{L}\p{N}\p{M}]+/gu, "-")
      .replace(/^-+|-+$/g, "") || id;
  const slug = taken.has(stem) ? `${stem}-${id.slice(-6)}` : stem;
  taken.add(slug);
  return slug;
}

async function readEntries(client: Client, organizationId: string) {
  const entries: (Entry & { categoryId: string | null })[] = [];
  for (let after = ""; ; ) {
    let query = client
      .from("articles")
      .select(
        "id, slug, language, category_id, version:article_versions!articles_current_version_fkey(title, created_at)",
      )
      .eq("organization_id", organizationId)
      .eq("status", "published")
      .order("id")
      .limit(PAGE);
    if (after) query = query.gt("id", after);
    const rows = await ok(query);
    for (const { version, category_id, id, slug, language } of rows) {
      if (!version) continue;
      const { title, created_at: updatedAt } = version;
      entries.push({ id, slug, language, title, updatedAt, categoryId: category_id });
    }
    if (rows.length < PAGE) break;
    after = rows.at(-1)?.id ?? "";
  }
  return entries.sort((a, b) => a.title.localeCompare(b.title, a.language));
}

/** Null: there is none, or it is not published. */
export async function readArticle(
  client: Client,
  organizationId: string,
  slug: string,
): Promise<Article | null> {
  const row = await ok(
    client
      .from("articles")
      .select(
        "id, slug, language, category_id, version:article_versions!articles_current_version_fkey(title, body, created_at)",
      )
      .eq("organization_id", organizationId)
      .eq("slug", slug)
      .eq("status", "published")
      .maybeSingle(),
  );
  if (!row?.version) return null;
  const { title, body, created_at: updatedAt } = row.version;
  return {
    id: row.id,
    slug: row.slug,
    language: row.language,
    categoryId: row.category_id,
    title,
    body,
    updatedAt,
  };
}

const RIGHT_TO_LEFT = new Set(["ar", "fa", "he", "ur", "yi", "ps", "sd", "ug", "dv"]);

/** Which way an article is read, by its language. */
export const readingDirection = (language: string): "rtl" | "ltr" =>
  RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr";
