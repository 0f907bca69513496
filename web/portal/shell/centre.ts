/** Whose help centre this is. */
import { type Functions, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useQuery } from "@tanstack/react-query";
import { createContext, useContext } from "react";

export type Centre = Functions["help_centre"]["Returns"][number];

export const CentreContext = createContext<Centre | null>(null);

export function useCentre(): Centre {
  const centre = useContext(CentreContext);
  if (!centre) throw new Error("no help centre above this component");
  return centre;
}

/** Null: there is none with this slug. */
export function useFindCentre(slug: string) {
  const client = useClient();
  return useQuery({
    queryKey: ["centre", slug],
    staleTime: 600_000,
    queryFn: async (): Promise<Centre | null> => (await ok(client.rpc("help_centre", { slug })))[0] ?? null,
  });
}
