/** Which address shows what. Each area declares its own routes in its folder; all but the inbox itself are loaded when
 *  somebody goes there. Addresses: /inbox/<organization's slug>/<area>/… */
import { Skeleton } from "@kit/ui";
import { createBrowserRouter, type RouteObject } from "react-router";
import { InvitationPage } from "./account/invitations";
import { contactRoutes } from "./contacts/routes";
import { knowledgeRoutes } from "./knowledge/routes";
import { reportRoutes } from "./reports/routes";
import { roomRoutes } from "./rooms/routes";
import { settingsRoutes } from "./settings/routes";
import { ChooseOrganization } from "./shell/choose_organization";
import { Broken, Shell } from "./shell/shell";
import { ticketRoutes } from "./tickets/routes";

const areas: RouteObject[] = [
  ...ticketRoutes,
  ...settingsRoutes,
  ...contactRoutes,
  ...roomRoutes,
  ...knowledgeRoutes,
  ...reportRoutes,
];

export const router = createBrowserRouter(
  [
    { index: true, element: <ChooseOrganization />, errorElement: <Broken /> },
    { path: "invitations/:id", element: <InvitationPage />, errorElement: <Broken /> },
    {
      path: ":slug",
      element: <Shell />,
      errorElement: <Broken />,
      // Until a screen that is loaded by need is there.
      hydrateFallbackElement: <Skeleton lines={8} />,
      children: areas,
    },
  ],
  { basename: "/inbox" },
);
