/** Markdown as our own writers write it (articles), shown safely. For routes that are loaded when somebody goes there: the
 *  parser is heavy. */
import { marked } from "marked";
import { useMemo } from "react";
import styles from "./markdown.module.css";
import { SafeHtml } from "./safe_html";

export const htmlOf = (markdown: string): string => marked.parse(markdown, { async: false, gfm: true });

export function Markdown({ text, className }: { text: string; className?: string }) {
  const html = useMemo(() => htmlOf(text), [text]);
  return <SafeHtml html={html} className={[styles.article, className].filter(Boolean).join(" ")} />;
}
