/** Files on their way to Storage, into the reader's own folder, to go with what they write. */
import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { MOST_BYTES, MOST_FILES, storedName } from "@kit/files/files";
import { useToast } from "@kit/ui";
import { useCallback, useState } from "react";
import { useCentre } from "../shell/centre";
import { useTicketWords } from "./words";

export type Upload = {
  id: string;
  file: File;
  path: string;
  state: "uploading" | "there" | "failed";
  problem?: string;
};

export function useUploads(userId: string) {
  const t = useTicketWords();
  const toast = useToast();
  const client = useClient();
  const { id: organizationId } = useCentre();
  const [uploads, setUploads] = useState<Upload[]>([]);

  const change = useCallback(
    (id: string, changes: Partial<Upload>) =>
      setUploads((all) => all.map((each) => (each.id === id ? { ...each, ...changes } : each))),
    [],
  );
  const send = useCallback(
    async ({ id, file, path }: Upload) => {
      change(id, { state: "uploading" });
      try {
        const contentType = file.type || "application/octet-stream";
        await ok(client.storage.from("attachments").upload(path, file, { contentType, upsert: false }));
        change(id, { state: "there" });
      } catch (error) {
        const { message } = problemOf(error);
        // It arrived, and the answer did not.
        change(id, /exists/i.test(message) ? { state: "there" } : { state: "failed", problem: message });
      }
    },
    [client, change],
  );
  const add = (files: Iterable<File>) => {
    let room = MOST_FILES - uploads.length;
    for (const file of files) {
      if (file.size > MOST_BYTES || room <= 0) {
        toast(t(room <= 0 ? "tooMany" : "tooLarge", { name: file.name }), { tone: "danger" });
        continue;
      }
      room -= 1;
      const id = crypto.randomUUID();
      const path = `${organizationId}/uploads/${userId}/${id}/${storedName(file.name)}`;
      const upload: Upload = { id, file, path, state: "uploading" };
      setUploads((all) => [...all, upload]);
      void send(upload);
    }
  };
  return {
    uploads,
    isUploading: uploads.some((each) => each.state === "uploading"),
    /** Where those are that arrived. */
    paths: uploads.filter((each) => each.state === "there").map((each) => each.path),
    add,
    again: send,
    remove: (id: string) => setUploads((all) => all.filter((each) => each.id !== id)),
    clear: () => setUploads([]),
  };
}
