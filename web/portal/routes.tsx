/** Which address shows what: /portal/<organization's slug>/… What is read by everybody comes first; what only those who
 *  write to the desk see is loaded when they go there. */
import { Skeleton } from "@kit/ui";
import { createBrowserRouter } from "react-router";
import { CategoryPage } from "./help/category_page";
import { Home } from "./help/home";
import { SearchPage } from "./help/search_page";
import { ChooseDesk } from "./shell/choose_desk";
import { Broken, Layout } from "./shell/layout";

export const makeRouter = () =>
  createBrowserRouter(
    [
      { index: true, element: <ChooseDesk />, errorElement: <Broken /> },
      {
        path: ":slug",
        element: <Layout />,
        errorElement: <Broken />,
        // While the part for the first address is loaded.
        hydrateFallbackElement: <Skeleton lines={8} />,
        children: [
          { index: true, element: <Home /> },
          { path: "search", element: <SearchPage /> },
          { path: "categories/:category", element: <CategoryPage /> },
          {
            path: "articles/:article",
            lazy: async () => ({ Component: (await import("./help/article_page")).ArticlePage }),
          },
          {
            path: "sign-in",
            lazy: async () => ({ Component: (await import("./account/sign_in_page")).SignInPage }),
          },
          {
            path: "tickets",
            lazy: async () => ({ Component: (await import("./tickets/list_page")).ListPage }),
          },
          {
            path: "tickets/new",
            lazy: async () => ({ Component: (await import("./tickets/new_page")).NewPage }),
          },
          {
            path: "tickets/:number",
            lazy: async () => ({ Component: (await import("./tickets/ticket_page")).TicketPage }),
          },
        ],
      },
    ],
    { basename: "/portal" },
  );
