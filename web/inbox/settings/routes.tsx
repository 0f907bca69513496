/** /inbox/<slug>/settings/…: the list of pages, and one of them beside it. */
import type { RouteObject } from "react-router";
import { SETTINGS_PAGES, type SettingsPage } from "./pages";

const routeOf = ({ path, load }: SettingsPage): RouteObject => ({
  path,
  lazy: async () => ({ Component: (await load()).Page }),
});

export const settingsRoutes: RouteObject[] = [
  {
    path: "settings",
    lazy: async () => ({ Component: (await import("./frame")).SettingsFrame }),
    children: [
      { index: true, lazy: async () => ({ Component: (await import("./frame")).SettingsIndex }) },
      ...SETTINGS_PAGES.map(routeOf),
    ],
  },
];
