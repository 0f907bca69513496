/** Articles and their versions, as the editor reads and writes them. All is kept under ["articles", <organization>, …]:
 *  what happens to an article makes it old. */
import { type Client, type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useOrganization } from "../shell/organization";

export type Status = Row<"articles">["status"];
export const STATUSES: Status[] = ["draft", "published", "archived"];
/** Languages whose words Postgres knows how to stem. */
export const LANGUAGES =
  "ar ca da de el en es et eu fi fr ga hi hu hy id it lt nb ne nl no pl pt ro ru sr sv ta tr yi".split(" ");

export type Listed = Pick<
  Row<"articles">,
  "id" | "slug" | "language" | "status" | "category_id" | "updated_at"
> & { version: { title: string; number: number } | null };
export type Article = Row<"articles"> & {
  version: Pick<Row<"article_versions">, "id" | "number" | "title" | "body" | "author_id" | "created_at">;
};
export type Filters = { words: string; status: string; language: string; category: string };
export const NO_FILTERS: Filters = { words: "", status: "", language: "", category: "" };

const PAGE = 50;
const VERSION = "article_versions!articles_current_version_fkey";

export function useArticles(filters: Filters) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useInfiniteQuery({
    queryKey: ["articles", organization_id, "list", filters],
    initialPageParam: null as Listed | null,
    queryFn: async ({ pageParam: last }) => {
      let query = client
        .from("articles")
        .select(
          `id, slug, language, status, category_id, updated_at, version:${VERSION}!inner(title, number)`,
        )
        .eq("organization_id", organization_id);
      if (filters.status) query = query.eq("status", filters.status as Status);
      if (filters.language) query = query.eq("language", filters.language);
      if (filters.category === NO_CATEGORY) query = query.is("category_id", null);
      else if (filters.category) query = query.eq("category_id", filters.category);
      for (const word of filters.words.split(/\s+/).filter(Boolean))
        query = query.ilike("version.title", `%${word.replace(/[\\%_]/g, "\\$&")}%`);
      if (last)
        query = query.or(
          `updated_at.lt."${last.updated_at}",and(updated_at.eq."${last.updated_at}",id.lt.${last.id})`,
        );
      return (await ok(
        query.order("updated_at", { ascending: false }).order("id", { ascending: false }).limit(PAGE),
      )) as unknown as Listed[];
    },
    getNextPageParam: (page) => (page.length === PAGE ? (page.at(-1) ?? null) : null),
    placeholderData: (before) => before,
  });
}
export const NO_CATEGORY = "none";

export function useArticle(id: string) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["articles", organization_id, "one", id],
    queryFn: async () =>
      (await ok(
        client
          .from("articles")
          .select(`*, version:${VERSION}(id, number, title, body, author_id, created_at)`)
          .eq("organization_id", organization_id)
          .eq("id", id)
          .maybeSingle(),
      )) as unknown as Article | null,
  });
}

export function useCategories() {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["article_categories", organization_id],
    queryFn: () =>
      ok(
        client
          .from("article_categories")
          .select()
          .eq("organization_id", organization_id)
          .order("position")
          .order("name")
          .limit(2_000),
      ),
  });
}

export type Version = Pick<Row<"article_versions">, "id" | "number" | "title" | "author_id" | "created_at">;
const MOST_VERSIONS = 200;

export function useVersions(articleId: string) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["articles", organization_id, "versions", articleId],
    queryFn: async () =>
      (await ok(
        client
          .from("article_versions")
          .select("id, number, title, author_id, created_at")
          .eq("organization_id", organization_id)
          .eq("article_id", articleId)
          .order("number", { ascending: false })
          .limit(MOST_VERSIONS),
      )) as Version[],
  });
}

/** What a version says: it is never changed. */
export function useVersionBody(id: string) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["article-version", id],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: () =>
      ok(
        client
          .from("article_versions")
          .select("title, body")
          .eq("organization_id", organization_id)
          .eq("id", id)
          .single(),
      ),
  });
}

/** How many readers said that it helped, and that it did not. */
export function useFeedback(articleId: string) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["articles", organization_id, "feedback", articleId],
    queryFn: async () => {
      const count = async (helpful: boolean) => {
        const { count: found, error } = await client
          .from("article_feedback")
          .select("id", { count: "exact", head: true })
          .eq("organization_id", organization_id)
          .eq("article_id", articleId)
          .eq("helpful", helpful);
        if (error) throw error;
        return found ?? 0;
      };
      const [yes, no] = await Promise.all([count(true), count(false)]);
      return { yes, no };
    },
  });
}

export type Written = {
  title: string;
  body: string;
  language: string;
  category_id: string | null;
  slug: string;
};

/** Writes what was changed of an article, or a new one. Gives its id. */
export async function saveArticle(
  client: Client,
  organizationId: string,
  article: Article | null,
  value: Written,
  changes: Partial<Written>,
): Promise<string> {
  if (!article) {
    const made = await ok(
      client.rpc("create_article", {
        organization_id: organizationId,
        title: value.title,
        body: value.body,
        language: value.language,
        ...(value.category_id ? { category_id: value.category_id } : {}),
        ...(value.slug ? { slug: value.slug } : {}),
      }),
    );
    return (made as unknown as { id: string }).id;
  }
  const { title, body, ...columns } = changes;
  if (Object.keys(columns).length > 0)
    await ok(
      client
        .from("articles")
        .update(columns)
        .eq("organization_id", organizationId)
        .eq("id", article.id)
        .select("id")
        .single(),
    );
  if (title !== undefined || body !== undefined)
    await ok(client.rpc("save_article", { article_id: article.id, title: value.title, body: value.body }));
  return article.id;
}

export function setStatus(client: Client, articleId: string, status: Status) {
  if (status === "published") return ok(client.rpc("publish_article", { article_id: articleId }));
  if (status === "archived") return ok(client.rpc("archive_article", { article_id: articleId }));
  return ok(client.rpc("set_article_status", { article_id: articleId, status }));
}

export function useArticlesChanged() {
  const queries = useQueryClient();
  const { organization_id } = useOrganization();
  return () => queries.invalidateQueries({ queryKey: ["articles", organization_id] });
}
