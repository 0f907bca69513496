/** Who else is here, and who is writing. */
import { useLanguage } from "@kit/i18n";
import { Avatar } from "@kit/ui";
import { Eye } from "lucide-react";
import type { Directory } from "./people";
import type { Typing } from "./presence";
import styles from "./thread.module.css";
import { useThreadWords } from "./words";

export function Viewers({ ids, directory }: { ids: string[]; directory: Directory }) {
  const t = useThreadWords();
  const { language } = useLanguage();
  const people = ids.map((id) => directory.member(id)).filter((each) => each !== undefined);
  const names = new Intl.ListFormat(language).format(people.map((each) => each.name));
  return (
    <div role="status" className={people.length ? styles.viewers : "visually-hidden"}>
      {people.length > 0 && (
        <>
          <Eye aria-hidden size={14} />
          <span className={styles.faces}>
            {people.slice(0, 4).map((each) => (
              <Avatar key={each.id} name={each.name} url={each.picture} size={20} />
            ))}
          </span>
          <span>{t(people.length > 1 ? "viewingMany" : "viewing", { names })}</span>
        </>
      )}
    </div>
  );
}

export function TypingLine({
  typing,
  contactTypes,
  contactName,
  directory,
}: {
  typing: Typing[];
  contactTypes: boolean;
  contactName: string;
  directory: Directory;
}) {
  const t = useThreadWords();
  const lines = typing.flatMap(({ userId, internal }) => {
    const name = directory.member(userId)?.name;
    return name ? [t(internal ? "typingNote" : "typingReply", { name })] : [];
  });
  if (contactTypes) lines.unshift(t("typingContact", { name: contactName }));
  return (
    <div role="status" className={styles.typing} data-shown={lines.length > 0 || undefined}>
      {lines.map((line) => (
        <span key={line}>{line}</span>
      ))}
    </div>
  );
}
