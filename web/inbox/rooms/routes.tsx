/** The members' own chat. */
import type { RouteObject } from "react-router";

export const roomRoutes: RouteObject[] = [
  { path: "rooms/:room?", lazy: async () => ({ Component: (await import("./rooms_page")).RoomsPage }) },
];
