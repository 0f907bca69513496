/** Files that came with a message. They are fetched with the visitor's token: no address of theirs opens without it. */
import type { File } from "../chat/state";
import { useChat, useLanguage, useWords } from "../context";
import { Icon } from "./icons";

export function Files({ files }: { files: File[] }) {
  const t = useWords();
  const language = useLanguage();
  const chat = useChat();
  if (!files.length) return null;

  async function fetchOne(file: File): Promise<void> {
    const { rest } = await chat.desk();
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await rest.file(file.storage_path));
    link.download = file.file_name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  return (
    <ul class="files">
      {files.map((each) => (
        <li key={each.id}>
          {each.verdict === "clean" || each.verdict === "unscanned" ? (
            <button
              type="button"
              class="chip"
              aria-label={t("download", { name: each.file_name })}
              onClick={() => void fetchOne(each)}
            >
              <Icon name="file" />
              <span>{each.file_name}</span>
              <span class="muted">{sizeOf(each.bytes, language)}</span>
            </button>
          ) : (
            <span class="chip muted">
              {t(each.verdict === "waiting" ? "fileWaits" : "fileKept", { name: each.file_name })}
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

function sizeOf(bytes: number, language: string): string {
  const [size, unit] = bytes < 1_000_000 ? [bytes / 1000, "kilobyte"] : [bytes / 1_000_000, "megabyte"];
  return new Intl.NumberFormat(language, {
    style: "unit",
    unit,
    unitDisplay: "short",
    maximumFractionDigits: size < 10 ? 1 : 0,
  }).format(size);
}
