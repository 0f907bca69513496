/** Second factors of the signed-in user. */
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback } from "react";

export function useFactors() {
  const client = useClient();
  return useQuery({
    queryKey: ["factors"],
    queryFn: async () => (await ok(client.auth.mfa.listFactors())).all,
  });
}

/** Whether this session has come with a second factor, and whether it could. Read from the session itself. */
export function useAssurance() {
  const client = useClient();
  return useQuery({
    queryKey: ["assurance"],
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async () => ok(client.auth.mfa.getAuthenticatorAssuranceLevel()),
  });
}

/** After a factor was proved or removed: everything may look different. */
export function useFactorsChanged(): () => Promise<void> {
  const queries = useQueryClient();
  return useCallback(
    // To read the enrolment anew would be to begin another.
    () => queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== "enrolment" }),
    [queries],
  );
}
