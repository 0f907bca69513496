/** Files that will go with what is written, and how far they are. */
import { sizeOf } from "@kit/files/files";
import { useLanguage } from "@kit/i18n";
import { IconButton } from "@kit/ui";
import { FileText, LoaderCircle, RotateCw, TriangleAlert, X } from "lucide-react";
import styles from "./composer.module.css";
import type { Upload } from "./uploads";
import { useComposerWords } from "./words";

export function UploadList({
  uploads,
  onRemove,
  onAgain,
}: {
  uploads: Upload[];
  onRemove: (id: string) => void;
  onAgain: (upload: Upload) => void;
}) {
  const t = useComposerWords();
  const { language } = useLanguage();
  if (uploads.length === 0) return null;
  return (
    <ul className={styles.uploads}>
      {uploads.map((upload) => (
        <li key={upload.id} className={styles.upload} data-state={upload.state}>
          {upload.picture ? (
            <img src={upload.picture} alt="" />
          ) : upload.state === "failed" ? (
            <TriangleAlert aria-hidden size={16} />
          ) : (
            <FileText aria-hidden size={16} />
          )}
          <span className={styles.uploadName}>{upload.name}</span>
          <span className={styles.uploadState} role="status">
            {upload.state === "uploading" ? (
              <>
                <LoaderCircle className={styles.turning} aria-hidden size={14} />
                <span className="visually-hidden">{t("uploading")}</span>
              </>
            ) : upload.state === "failed" ? (
              t("uploadFailed", { problem: upload.problem ?? "" })
            ) : (
              sizeOf(upload.bytes, language)
            )}
          </span>
          {upload.state === "failed" && upload.file && (
            <IconButton small label={t("again")} onClick={() => onAgain(upload)}>
              <RotateCw />
            </IconButton>
          )}
          <IconButton
            small
            label={t("removeFile", { name: upload.name })}
            onClick={() => onRemove(upload.id)}
          >
            <X />
          </IconButton>
        </li>
      ))}
    </ul>
  );
}
