/** Says what has become of what was sent, wherever its writer is by now. Stands in the shell, once. */
import { useClient } from "@kit/api/client";
import { useToast } from "@kit/ui";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useMatch, useNavigate } from "react-router";
import { useOrganization } from "../shell/organization";
import { catchUp } from "../thread/messages";
import { putBack } from "./composition";
import type { Outgoing, Told } from "./outbox";
import { useOutbox } from "./use_outbox";
import { useComposerWords } from "./words";

export function OutgoingNews() {
  const t = useComposerWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  const navigate = useNavigate();
  const outbox = useOutbox();
  const { slug, organization_id: organizationId } = useOrganization();
  const open = [
    useMatch("/:slug/ticket/:number")?.params.number,
    useMatch("/:slug/view/:view/:number")?.params.number,
  ].find((each) => each !== undefined);

  const hear = ({ what, entry, ...rest }: Told) => {
    if (entry.organizationId !== organizationId) return;
    const isShown = Number(open) === entry.number;
    const { number } = entry;
    const show = { label: t("open"), run: () => navigate(`/${slug}/ticket/${number}`) };
    if (what === "sent")
      void catchUp(client, queries, entry.organizationId, entry.ticketId).finally(() =>
        outbox.forget(entry.id),
      );
    else if (what === "taken") {
      void putBack(client, placeOf(entry), begunOf(entry)).catch(() => {});
      if (!isShown) toast(t("toastTaken", { number }), { action: show });
    } else if (what === "status failed")
      toast(t("toastStatus", { number, problem: "problem" in rest ? rest.problem : "" }), {
        tone: "danger",
        action: show,
      });
    else {
      // What came meanwhile is read at once, so that it can be looked at.
      if (what === "refused") void catchUp(client, queries, entry.organizationId, entry.ticketId);
      if (!isShown)
        toast(t(what === "refused" ? "toastRefused" : "toastFailed", { number }), {
          tone: "danger",
          action: show,
        });
    }
  };
  const latest = useRef(hear);
  latest.current = hear;
  useEffect(() => outbox.hear((told) => latest.current(told)), [outbox]);
  return null;
}

export const placeOf = (entry: Outgoing) => ({
  organizationId: entry.organizationId,
  ticketId: entry.ticketId,
  userId: entry.userId,
  internal: entry.internal,
});

export const begunOf = ({ body, files, draftId }: Outgoing) => ({ body, files, draftId });
