/** What is being written in one field: its text, files and people, kept while they change. */
import { useClient } from "@kit/api/client";
import { useUser } from "@kit/api/session";
import { useToast } from "@kit/ui";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import type { Ticket } from "../tickets/ticket";
import { type Begun, readBegun, useComposition } from "./composition";
import { fromMarkup, type Mentioned, toMarkup } from "./mentions";
import { useUploads } from "./uploads";
import { useOutbox } from "./use_outbox";
import { useComposerWords } from "./words";

export function useBegun({
  ticket,
  internal,
  given,
  onGivenTaken,
}: {
  ticket: Ticket;
  internal: boolean;
  given: Begun | null;
  onGivenTaken: () => void;
}) {
  const t = useComposerWords();
  const toast = useToast();
  const client = useClient();
  const outbox = useOutbox();
  const { id: userId } = useUser();
  const [text, setTextOnly] = useState("");
  const [mentioned, setMentioned] = useState<Mentioned[]>([]);
  const [draftId, setDraftId] = useState<string | null>(null);
  const isTouched = useRef(false);
  const place = useMemo(
    () => ({ organizationId: ticket.organization_id, ticketId: ticket.id, userId, internal }),
    [ticket.organization_id, ticket.id, userId, internal],
  );
  const { keep, drop } = useComposition(place);
  const complain = useCallback(
    (problem: "tooLarge" | "tooMany", name: string) => void toast(t(problem, { name }), { tone: "danger" }),
    [toast, t],
  );
  const files = useUploads(complain);
  const { restore } = files;

  const setText = useCallback((next: string | ((old: string) => string)) => {
    isTouched.current = true;
    setTextOnly(next);
  }, []);
  const show = useCallback(
    (begun: Begun) => {
      const read = internal ? fromMarkup(begun.body) : { text: begun.body, mentioned: [] };
      setTextOnly(read.text);
      setMentioned(read.mentioned);
      setDraftId(begun.draftId);
      restore(begun.files);
    },
    [internal, restore],
  );

  useEffect(() => {
    let ended = false;
    void readBegun(client, place).then((begun) => {
      // The desk has it until it is sent: it is on its way, not begun.
      const onItsWay = outbox
        .all()
        .some(
          (each) =>
            each.ticketId === place.ticketId &&
            each.internal === internal &&
            each.body === begun.body.trimEnd(),
        );
      if (!ended && !isTouched.current && begun.body && !onItsWay) show(begun);
    });
    return () => {
      ended = true;
    };
  }, [client, outbox, place, internal, show]);

  // What is given joins what is there already.
  useEffect(() => {
    if (!given) return;
    isTouched.current = true;
    onGivenTaken();
    const read = internal ? fromMarkup(given.body) : { text: given.body, mentioned: [] };
    setTextOnly((old) =>
      old.trim() && old.trim() !== read.text.trim() ? `${old.trimEnd()}\n\n${read.text}` : read.text,
    );
    setMentioned((old) => [...old, ...read.mentioned]);
    if (given.draftId) setDraftId(given.draftId);
    if (given.files.length) restore(given.files);
  }, [given, onGivenTaken, internal, restore]);

  const { uploads } = files;
  useEffect(() => {
    if (!isTouched.current && uploads.length === 0) return;
    keep({
      body: internal ? toMarkup(text, mentioned) : text,
      files: uploads
        .filter(({ state }) => state === "there")
        .map(({ path, name, bytes }) => ({ path, name, bytes })),
      draftId: text ? draftId : null,
    });
  }, [text, mentioned, draftId, uploads, internal, keep]);

  const clear = useCallback(() => {
    setTextOnly("");
    setMentioned([]);
    setDraftId(null);
    restore([]);
    isTouched.current = false;
    drop();
  }, [restore, drop]);

  return { text, setText, mentioned, setMentioned, draftId, setDraftId, files, clear };
}
