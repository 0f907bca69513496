/** Addresses of a ticket's files that Storage gives out for an hour, signed once each. */
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { type Attachment, contentIdOf, isGivenOut } from "./attachment";
import type { Message } from "./messages";

const SECONDS = 3600;
const GOOD_MS = 50 * 60_000;
const known = new Map<string, { url: string; until: number }>();
export type FileUrls = ReadonlyMap<string, string>;

/** Of the pictures that are shown: thumbnails, and what a mail shows in its text. */
export function usePictureUrls(ticketId: string, messages: Message[]): FileUrls {
  const client = useClient();
  const paths = useMemo(
    () =>
      messages
        .flatMap((message) => message.attachments)
        .filter(isGivenOut)
        .flatMap((file) => [file.thumbnail_path, contentIdOf(file) ? file.storage_path : null])
        .filter((path) => path !== null)
        .sort(),
    [messages],
  );
  const { data } = useQuery({
    queryKey: ["thread", ticketId, "pictures", paths],
    enabled: paths.length > 0,
    staleTime: GOOD_MS,
    refetchInterval: GOOD_MS,
    placeholderData: keepPreviousData,
    queryFn: async () => {
      const now = Date.now();
      const missing = paths.filter((path) => (known.get(path)?.until ?? 0) < now);
      if (missing.length) {
        const signed = await ok(client.storage.from("attachments").createSignedUrls(missing, SECONDS));
        for (const { path, signedUrl } of signed ?? []) {
          if (path && signedUrl) known.set(path, { url: signedUrl, until: now + GOOD_MS });
        }
      }
      return new Map(paths.flatMap((path) => (known.has(path) ? [[path, known.get(path)?.url ?? ""]] : [])));
    },
  });
  return data ?? NONE;
}

const NONE: FileUrls = new Map();

/** `fetchFile(file)` saves it; `addressOf(file)` is good for showing it for some minutes. */
export function useFiles() {
  const client = useClient();
  return useMemo(() => {
    const bucket = client.storage.from("attachments");
    return {
      fetchFile: async (file: Attachment) => {
        const signed = await ok(bucket.createSignedUrl(file.storage_path, 60, { download: file.file_name }));
        const link = document.createElement("a");
        link.href = signed?.signedUrl ?? "";
        link.download = file.file_name;
        link.rel = "noopener";
        link.click();
      },
      addressOf: async (file: Attachment) =>
        (await ok(bucket.createSignedUrl(file.storage_path, 600)))?.signedUrl ?? "",
    };
  }, [client]);
}
