/** What stands still until a person looks: dead jobs, mail that could not be read or fetched, mail whose sending is in doubt. */
import { type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useOrganization } from "../../shell/organization";

const MOST = 200;
const KINDS = ["dead_jobs", "inbound_mails", "provider_mails", "outgoing_mails"] as const;

function useList<T>(kind: (typeof KINDS)[number], read: (organizationId: string) => Promise<T[]>) {
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: [kind, organization_id, "stuck"],
    refetchInterval: 30_000,
    queryFn: () => read(organization_id),
  });
}

export type DeadJob = {
  id: string;
  consumer: string;
  payload: unknown;
  attempt: number;
  error: string | null;
  finished_at: string;
};
export function useDeadJobs() {
  const client = useClient();
  return useList(
    "dead_jobs",
    (organization_id) => ok(client.rpc("dead_jobs", { organization_id })) as Promise<DeadJob[]>,
  );
}

export type QuarantinedMail = Pick<
  Row<"inbound_mails">,
  "id" | "sender" | "subject" | "reason" | "created_at" | "envelope_from" | "recipients"
>;
export function useQuarantinedMails() {
  const client = useClient();
  return useList<QuarantinedMail>("inbound_mails", (organization_id) =>
    ok(
      client
        .from("inbound_mails")
        .select("id, sender, subject, reason, created_at, envelope_from, recipients")
        .eq("organization_id", organization_id)
        .eq("state", "quarantined")
        .order("id", { ascending: false })
        .limit(MOST),
    ),
  );
}

export type ProviderMail = Pick<
  Row<"provider_mails">,
  "id" | "provider" | "provider_id" | "recipients" | "reason" | "created_at"
>;
export function useFailedProviderMails() {
  const client = useClient();
  return useList<ProviderMail>("provider_mails", (organization_id) =>
    ok(
      client
        .from("provider_mails")
        .select("id, provider, provider_id, recipients, reason, created_at")
        .eq("organization_id", organization_id)
        .eq("state", "failed")
        .order("id", { ascending: false })
        .limit(MOST),
    ),
  );
}

export type DoubtfulMail = Pick<
  Row<"outgoing_mails">,
  "id" | "kind" | "status" | "reason" | "to_address" | "subject" | "created_at" | "body_text"
>;
export function useDoubtfulMails() {
  const client = useClient();
  return useList<DoubtfulMail>("outgoing_mails", (organization_id) =>
    ok(
      client
        .from("outgoing_mails")
        .select("id, kind, status, reason, to_address, subject, created_at, body_text")
        .eq("organization_id", organization_id)
        .in("status", ["unknown", "failed"])
        .order("id", { ascending: false })
        .limit(MOST),
    ),
  );
}

export function useStuckChanged() {
  const queries = useQueryClient();
  const { organization_id } = useOrganization();
  return () =>
    Promise.all(KINDS.map((kind) => queries.invalidateQueries({ queryKey: [kind, organization_id] })));
}
