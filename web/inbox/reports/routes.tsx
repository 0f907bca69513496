import type { RouteObject } from "react-router";

export const reportRoutes: RouteObject[] = [
  { path: "reports/:tab?", lazy: async () => ({ Component: (await import("./page")).ReportsPage }) },
];
