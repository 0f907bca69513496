/** The organization that is looked at, and what the signed-in member is in it. */
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useQuery } from "@tanstack/react-query";
import { createContext, useContext } from "react";

export const ROLES = ["viewer", "agent", "manager", "admin", "owner"] as const;
export type Role = (typeof ROLES)[number];
export type Membership = {
  organization_id: string;
  name: string;
  slug: string;
  role: Role;
  needs_mfa: boolean;
};

/** The organizations that the user is a member of. */
export function useMemberships() {
  const client = useClient();
  return useQuery({
    queryKey: ["memberships"],
    queryFn: async () => (await ok(client.rpc("my_memberships"))) as Membership[],
  });
}

export const OrganizationContext = createContext<Membership | null>(null);

export function useOrganization(): Membership & { atLeast: (role: Role) => boolean } {
  const found = useContext(OrganizationContext);
  if (!found) throw new Error("no Shell above this component");
  return { ...found, atLeast: (role) => ROLES.indexOf(found.role) >= ROLES.indexOf(role) };
}
