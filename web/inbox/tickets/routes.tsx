/** The inbox: a view's list, and a ticket beside it. */
import type { RouteObject } from "react-router";
import { TicketsPage } from "./page";

export const ticketRoutes: RouteObject[] = [
  { index: true, element: <TicketsPage /> },
  { path: "view/:view/:number?", element: <TicketsPage /> },
  { path: "search/:number?", element: <TicketsPage /> },
  { path: "ticket/:number", element: <TicketsPage /> },
];
