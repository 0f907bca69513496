/** A contact: their row, and changing it. */
import { type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useOrganization } from "../shell/organization";

export type Contact = Row<"contacts"> & { company: { id: string; name: string } | null };

export const CONTACT_COLUMNS = "*, company:companies(id, name)";

/** Null where there is none, or it was merged into another. */
export function useContact(id: string | null | undefined) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["contact", id, "row"],
    enabled: !!id,
    queryFn: async () =>
      (await ok(
        client
          .from("contacts")
          .select(CONTACT_COLUMNS)
          .eq("organization_id", organization_id)
          .eq("id", id as string)
          .maybeSingle(),
      )) as Contact | null,
  });
}

/** What is shown of somebody in one line. */
export const nameOf = (contact: {
  name: string | null;
  email: string | null;
  phone?: string | null;
}): string => contact.name || contact.email || contact.phone || "—";

type Columns = Partial<
  Pick<
    Row<"contacts">,
    "name" | "email" | "phone" | "language" | "company_id" | "subscription_status" | "consent_source"
  >
>;

/** Everything read of a contact, and lists of them, are old after this. */
export function useRefreshContact() {
  const queries = useQueryClient();
  const { organization_id } = useOrganization();
  return (id: string) => {
    void queries.invalidateQueries({ queryKey: ["contact", id] });
    void queries.invalidateQueries({ queryKey: ["contacts", organization_id] });
    void queries.invalidateQueries({
      queryKey: ["ticket"],
      predicate: ({ queryKey }) => queryKey[2] === "row",
    });
  };
}

/** Changes columns of a contact; throws what the desk says against it. */
export function useWriteContact() {
  const client = useClient();
  const refresh = useRefreshContact();
  return async (id: string, columns: Columns) => {
    await ok(client.from("contacts").update(columns).eq("id", id).select("id").single());
    refresh(id);
  };
}
