/** The files of a message: pictures small, others by name; each says whether it may be fetched. */
import { sizeOf } from "@kit/files/files";
import { useLanguage } from "@kit/i18n";
import { Badge, Button, Dialog, Skeleton, useToast } from "@kit/ui";
import { useQuery } from "@tanstack/react-query";
import { Download, File, FileArchive, FileImage, FileText, ShieldAlert, ShieldQuestion } from "lucide-react";
import { useState } from "react";
import { type Attachment, isGivenOut } from "./attachment";
import styles from "./attachments.module.css";
import { type FileUrls, useFiles } from "./files";
import { useThreadWords } from "./words";

export function Attachments({ files, urls }: { files: Attachment[]; urls: FileUrls }) {
  const t = useThreadWords();
  const [shown, setShown] = useState<Attachment | null>(null);
  if (files.length === 0) return null;
  return (
    <>
      <ul className={styles.files} aria-label={t("files")}>
        {files.map((file) => (
          <li key={file.id}>
            <FileTile
              file={file}
              picture={urls.get(file.thumbnail_path ?? "")}
              onShow={() => setShown(file)}
            />
          </li>
        ))}
      </ul>
      {shown && <Picture file={shown} onClose={() => setShown(null)} />}
    </>
  );
}

function FileTile({
  file,
  picture,
  onShow,
}: {
  file: Attachment;
  picture: string | undefined;
  onShow: () => void;
}) {
  const t = useThreadWords();
  const { language } = useLanguage();
  const save = useSave();
  const allowed = isGivenOut(file);
  const inside = (
    <>
      {picture ? (
        <img className={styles.picture} src={picture} alt="" loading="lazy" />
      ) : (
        <span className={styles.icon} aria-hidden>
          {allowed || file.verdict === "waiting" ? (
            <Icon type={file.detected_type ?? file.content_type} />
          ) : (
            <ShieldAlert />
          )}
        </span>
      )}
      <span className={styles.text}>
        <span className={styles.name}>{file.file_name}</span>
        <span className={styles.about}>
          {sizeOf(file.bytes, language)} <Verdict file={file} />
        </span>
      </span>
    </>
  );
  if (!allowed)
    return (
      <div
        className={styles.tile}
        data-blocked={file.verdict !== "waiting" || undefined}
        title={file.verdict_because ?? undefined}
      >
        {inside}
      </div>
    );
  return (
    <button
      type="button"
      className={styles.tile}
      aria-label={picture ? t("open", { name: file.file_name }) : t("download", { name: file.file_name })}
      onClick={() => (picture ? onShow() : save(file))}
    >
      {inside}
    </button>
  );
}

function Verdict({ file }: { file: Attachment }) {
  const t = useThreadWords();
  switch (file.verdict) {
    case "waiting":
      return <Badge>{t("verdictWaiting")}</Badge>;
    case "unscanned":
      return (
        <span className={styles.careful}>
          <ShieldQuestion aria-hidden />
          {t("verdictUnscanned")}
        </span>
      );
    case "infected":
      return <Badge tone="danger">{t("verdictInfected")}</Badge>;
    case "refused":
      return <Badge tone="warning">{t("verdictRefused")}</Badge>;
    default:
      return null;
  }
}

/** A picture in its full size. */
function Picture({ file, onClose }: { file: Attachment; onClose: () => void }) {
  const t = useThreadWords();
  const save = useSave();
  const { addressOf } = useFiles();
  const address = useQuery({
    queryKey: ["file", file.id],
    queryFn: () => addressOf(file),
    staleTime: 300_000,
  });
  return (
    <Dialog title={file.file_name} onClose={onClose} wide>
      {address.data ? (
        <img className={styles.full} src={address.data} alt={file.file_name} />
      ) : (
        <Skeleton lines={6} />
      )}
      <div>
        <Button onClick={() => save(file)}>
          <Download aria-hidden size={16} /> {t("download", { name: file.file_name })}
        </Button>
      </div>
    </Dialog>
  );
}

function useSave() {
  const t = useThreadWords();
  const toast = useToast();
  const { fetchFile } = useFiles();
  return (file: Attachment) => {
    const attempt = () =>
      fetchFile(file).catch(() => toast(t("fileFailed", { name: file.file_name }), { tone: "danger" }));
    void attempt();
  };
}

function Icon({ type }: { type: string }) {
  if (type.startsWith("image/")) return <FileImage />;
  if (/zip|compressed|tar|rar/.test(type)) return <FileArchive />;
  if (/pdf|text|word|document|sheet/.test(type)) return <FileText />;
  return <File />;
}
