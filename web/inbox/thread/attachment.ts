/** What is known of a file that came with a message: columns of `attachments`, and what they mean. docs/files.md */
import type { Row } from "@kit/api/client";

export type Attachment = Pick<
  Row<"attachments">,
  | "id"
  | "file_name"
  | "content_type"
  | "detected_type"
  | "bytes"
  | "verdict"
  | "verdict_because"
  | "storage_path"
  | "thumbnail_path"
  | "content_id"
  | "is_inline"
  | "message_id"
>;

/** Nobody gets the others. */
export const isGivenOut = (file: Attachment): boolean =>
  file.verdict === "clean" || file.verdict === "unscanned";

/** As `cid:` names it in the mail's HTML; null where the mail shows it nowhere. */
export const contentIdOf = (file: Attachment): string | null =>
  file.content_id?.replace(/^<|>$/g, "").toLowerCase() ?? null;
