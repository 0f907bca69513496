import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { sizeOf } from "@kit/files/files";
import { useLanguage } from "@kit/i18n";
import { Button, useToast } from "@kit/ui";
import { Download, File } from "lucide-react";
import type { Attachment } from "./messages";
import styles from "./ticket.module.css";
import { useTicketWords } from "./words";

const isGivenOut = ({ verdict }: Attachment) => verdict === "clean" || verdict === "unscanned";

/** A message's files, by name: Storage gives each out by an address that is good for a minute. */
export function FileList({ files }: { files: Attachment[] }) {
  const t = useTicketWords();
  const client = useClient();
  const toast = useToast();
  const { language } = useLanguage();
  if (files.length === 0) return null;
  const save = async (file: Attachment) => {
    try {
      const signed = await ok(
        client.storage
          .from("attachments")
          .createSignedUrl(file.storage_path, 60, { download: file.file_name }),
      );
      const link = document.createElement("a");
      link.href = signed.signedUrl;
      link.download = file.file_name;
      link.click();
    } catch {
      toast(t("fileFailed", { name: file.file_name }), { tone: "danger" });
    }
  };
  return (
    <ul className={styles.files} aria-label={t("files")}>
      {files.map((file) => (
        <li key={file.id}>
          {isGivenOut(file) ? (
            <Button small onClick={() => void save(file)}>
              <Download aria-hidden size={14} />
              <span className="visually-hidden">{t("download")}</span>
              <span className={styles.fileName}>{file.file_name}</span>
              <span className={styles.muted}>{sizeOf(file.bytes, language)}</span>
            </Button>
          ) : (
            <span className={styles.held}>
              <File aria-hidden size={14} />
              <span className={styles.fileName}>{file.file_name}</span>
              <span>{file.verdict === "waiting" ? t("waitsForScan") : t("notGiven")}</span>
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}
