/** Which address shows what. Each area declares its own routes in its folder; all but the inbox itself are loaded when
 *  somebody goes there. Addresses: /inbox/<organization's slug>/<area>/… */
import { createBrowserRouter, type RouteObject } from "react-router";
import { settingsRoutes } from "./settings/routes";
import { ChooseOrganization } from "./shell/choose_organization";
import { Broken, Shell } from "./shell/shell";
import { ticketRoutes } from "./tickets/routes";

const areas: RouteObject[] = [...ticketRoutes, ...settingsRoutes];

export const router = createBrowserRouter(
  [
    { index: true, element: <ChooseOrganization />, errorElement: <Broken /> },
    { path: ":slug", element: <Shell />, errorElement: <Broken />, children: areas },
  ],
  { basename: "/inbox" },
);
