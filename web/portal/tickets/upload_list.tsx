import { sizeOf } from "@kit/files/files";
import { useLanguage } from "@kit/i18n";
import { Button, IconButton } from "@kit/ui";
import { Paperclip, X } from "lucide-react";
import { useRef } from "react";
import type { useUploads } from "./uploads";
import { useTicketWords } from "./words";
import styles from "./write.module.css";

/** A button to add files, and those that were added. */
export function AddFiles({ files }: { files: ReturnType<typeof useUploads> }) {
  const t = useTicketWords();
  const { language } = useLanguage();
  const input = useRef<HTMLInputElement>(null);
  return (
    <div className={styles.files}>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label={t("attach")}
        onChange={(event) => {
          files.add(event.target.files ?? []);
          event.target.value = "";
        }}
      />
      <Button look="quiet" small onClick={() => input.current?.click()}>
        <Paperclip aria-hidden size={16} /> {t("attach")}
      </Button>
      {files.uploads.length > 0 && (
        <ul aria-label={t("files")}>
          {files.uploads.map((upload) => (
            <li key={upload.id} data-state={upload.state}>
              <span className={styles.fileName}>{upload.file.name}</span>
              <span role="status" className={styles.fileState}>
                {upload.state === "uploading"
                  ? t("uploading", { name: upload.file.name })
                  : upload.state === "failed"
                    ? t("uploadFailed", { name: upload.file.name, problem: upload.problem ?? "" })
                    : sizeOf(upload.file.size, language)}
              </span>
              {upload.state === "failed" && (
                <Button small onClick={() => void files.again(upload)}>
                  {t("uploadAgain")}
                </Button>
              )}
              <IconButton
                small
                label={t("removeFile", { name: upload.file.name })}
                onClick={() => files.remove(upload.id)}
              >
                <X />
              </IconButton>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
