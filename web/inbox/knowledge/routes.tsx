/** /inbox/<slug>/knowledge/…: the articles, one of them beside the list, and what nobody has written yet. */
import type { RouteObject } from "react-router";

export const knowledgeRoutes: RouteObject[] = [
  {
    path: "knowledge",
    lazy: async () => ({ Component: (await import("./frame")).KnowledgeFrame }),
    children: [
      { index: true, lazy: async () => ({ Component: (await import("./frame")).NothingOpen }) },
      { path: "new", lazy: async () => ({ Component: (await import("./new_article")).NewArticle }) },
      { path: "gaps", lazy: async () => ({ Component: (await import("./gaps")).Gaps }) },
      { path: ":article", lazy: async () => ({ Component: (await import("./article_page")).ArticlePage }) },
    ],
  },
];
