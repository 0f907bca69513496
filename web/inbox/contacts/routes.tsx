/** Contacts: people, companies, and who may be one person. */
import type { RouteObject } from "react-router";

export const contactRoutes: RouteObject[] = [
  {
    path: "contacts",
    lazy: async () => ({ Component: (await import("./contacts_page")).ContactsPage }),
    children: [
      {
        path: "companies/:company?",
        lazy: async () => ({ Component: (await import("./companies")).Companies }),
      },
      { path: "duplicates", lazy: async () => ({ Component: (await import("./duplicates")).Duplicates }) },
      { path: ":contact?", lazy: async () => ({ Component: (await import("./people")).People }) },
    ],
  },
];
