/** What the help centre reads. Nothing here changes while somebody reads, so it is good for some minutes. */
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useCentre } from "../shell/centre";
import { readArticle, readCatalog } from "./catalog";

const GOOD_MS = 300_000;

export function useCatalog() {
  const client = useClient();
  const { id } = useCentre();
  return useQuery({
    queryKey: ["catalog", id],
    staleTime: GOOD_MS,
    queryFn: () => readCatalog(client, id),
  });
}

export function useArticle(slug: string) {
  const client = useClient();
  const { id } = useCentre();
  return useQuery({
    queryKey: ["article", id, slug],
    staleTime: GOOD_MS,
    queryFn: () => readArticle(client, id, slug),
  });
}

export type Hit = { slug: string; title: string; excerpt: string; language: string };

/** The articles that fit a text best. What is not published is left out, though a member would find it. */
export function useSearch(query: string, most: number) {
  const client = useClient();
  const { id } = useCentre();
  const catalog = useCatalog();
  const asked = query.trim();
  return useQuery({
    queryKey: ["found", id, asked, most],
    enabled: asked.length > 1 && catalog.data !== undefined,
    staleTime: GOOD_MS,
    placeholderData: keepPreviousData,
    queryFn: async (): Promise<Hit[]> => {
      const hits = await ok(
        client.rpc("search_articles", {
          organization_id: id,
          query: asked.slice(0, 1000),
          max_articles: most,
        }),
      );
      const { categories = [], loose = [] } = catalog.data ?? {};
      const published = new Set(
        [...loose, ...categories.flatMap((each) => each.articles)].map((each) => each.id),
      );
      return hits
        .filter((each) => published.has(each.article_id))
        .map(({ slug, title, excerpt, written_in }) => ({ slug, title, excerpt, language: written_in }));
    },
  });
}
