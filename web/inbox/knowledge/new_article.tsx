import { Empty } from "@kit/ui";
import { useSearchParams } from "react-router";
import { useOrganization } from "../shell/organization";
import { Editor } from "./editor";
import { useKnowledgeWords } from "./words";

/** An article that nobody has written yet; `?title=` says what it is to be about. */
export function NewArticle() {
  const t = useKnowledgeWords();
  const { atLeast } = useOrganization();
  const [asked] = useSearchParams();
  const title = asked.get("title") ?? "";
  const language = asked.get("language") ?? "";
  if (!atLeast("agent")) return <Empty title={t("notYours")} />;
  return <Editor key={title} article={null} title={title} language={language} />;
}
