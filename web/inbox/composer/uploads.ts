/** Files on their way to Storage, to go with what is written. docs/files.md */
import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { MOST_BYTES, MOST_FILES, storedName } from "@kit/files/files";
import { useCallback, useState } from "react";
import { useOrganization } from "../shell/organization";

/** All files of a mail together. */
export const MOST_MAIL_BYTES = 18 * 1000 * 1000;

export type Upload = {
  id: string;
  name: string;
  bytes: number;
  path: string;
  state: "uploading" | "there" | "failed";
  problem?: string;
  file?: File;
  picture?: string;
};
export type Ready = { path: string; name: string; bytes: number };

export function useUploads(onProblem: (problem: "tooLarge" | "tooMany", name: string) => void) {
  const client = useClient();
  const { id: userId } = useUser();
  const { organization_id } = useOrganization();
  const [uploads, setUploads] = useState<Upload[]>([]);

  const change = useCallback(
    (id: string, changes: Partial<Upload>) =>
      setUploads((all) => all.map((each) => (each.id === id ? { ...each, ...changes } : each))),
    [],
  );
  const send = useCallback(
    async (upload: Upload) => {
      if (!upload.file) return;
      change(upload.id, { state: "uploading" });
      try {
        await ok(
          client.storage.from("attachments").upload(upload.path, upload.file, {
            contentType: upload.file.type || "application/octet-stream",
            upsert: false,
          }),
        );
        change(upload.id, { state: "there" });
      } catch (error) {
        // It arrived, and the answer did not.
        const { message } = problemOf(error);
        change(
          upload.id,
          /exists/i.test(message) ? { state: "there" } : { state: "failed", problem: message },
        );
      }
    },
    [client, change],
  );
  const add = useCallback(
    (files: Iterable<File>) => {
      let room = MOST_FILES - uploads.length;
      for (const file of files) {
        if (file.size > MOST_BYTES) {
          onProblem("tooLarge", file.name);
          continue;
        }
        if (room-- <= 0) {
          onProblem("tooMany", file.name);
          return;
        }
        const id = crypto.randomUUID();
        const upload: Upload = {
          id,
          name: file.name,
          bytes: file.size,
          path: `${organization_id}/uploads/${userId}/${id}/${storedName(file.name)}`,
          state: "uploading",
          file,
          ...(file.type.startsWith("image/") ? { picture: URL.createObjectURL(file) } : {}),
        };
        setUploads((all) => [...all, upload]);
        void send(upload);
      }
    },
    [uploads.length, organization_id, userId, send, onProblem],
  );
  const remove = useCallback((id: string) => setUploads((all) => all.filter((each) => each.id !== id)), []);
  const again = useCallback((upload: Upload) => void send(upload), [send]);
  /** Files that are there already: of a draft that is taken up again. */
  const restore = useCallback(
    (ready: Ready[]) =>
      setUploads(ready.map((each) => ({ ...each, id: each.path, state: "there" as const }))),
    [],
  );
  return { uploads, add, remove, again, restore };
}
