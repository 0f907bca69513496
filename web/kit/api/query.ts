/** How long read data are good, and what is tried again: the same for every app. */
import { QueryClient } from "@tanstack/react-query";
import { isForbidden, problemOf } from "./errors";

const TRIES = 3;

export function newQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // Events say when something is old (kit/live); what no event tells of is read again after a while.
        staleTime: 60_000,
        retry: (failures, error) => failures < TRIES && !isForbidden(error) && !isRefusal(error),
      },
      mutations: { retry: false },
    },
  });
}

/** The desk has understood and says no: asking again gives the same. */
function isRefusal(error: unknown): boolean {
  const { code, status } = problemOf(error);
  return (
    (status !== undefined && status >= 400 && status < 500 && status !== 429) ||
    /^(PT4|22|23|PGRST1)/.test(code)
  );
}
