/** One article as it is written: its text and preview, where it belongs, and what readers get of it. */
import { useClient } from "@kit/api/client";
import { useToast } from "@kit/ui";
import { ArrowLeft } from "lucide-react";
import { useMemo, useRef, useState } from "react";
import { Link, useNavigate } from "react-router";
import { useCommands } from "../commands/registry";
import { Leaving, useDraft, useSaving } from "../settings/form";
import { useOrganization } from "../shell/organization";
import {
  type Article,
  type Status,
  saveArticle,
  setStatus,
  useArticlesChanged,
  type Written,
} from "./articles";
import styles from "./editor.module.css";
import { EditorHead } from "./editor_head";
import { Place } from "./place";
import { Versions } from "./versions";
import { useKnowledgeWords } from "./words";
import { Writer } from "./writer";

const FIELDS = ["title", "body", "language", "category_id", "slug"] as const;
const TOLD = { published: "nowPublished", draft: "nowDraft", archived: "nowArchived" } as const;

export function Editor({
  article,
  title = "",
  language = "",
}: {
  article: Article | null;
  /** Of a new one. */
  title?: string;
  language?: string;
}) {
  const t = useKnowledgeWords();
  const client = useClient();
  const toast = useToast();
  const navigate = useNavigate();
  const { organization_id, slug } = useOrganization();
  const changed = useArticlesChanged();
  const kept = useMemo((): Written => keptOf(article, language), [article, language]);
  const draft = useDraft(kept);
  const [isLooking, setLooking] = useState(false);
  // A new one's title is only proposed: it counts as written once something is.
  const value = !article && draft.changes.title === undefined ? { ...draft.value, title } : draft.value;
  const canSave = (draft.isDirty || (!article && title !== "")) && value.title.trim() !== "";

  // What was read when the writing began: somebody may save a newer version meanwhile.
  const [begun, setBegun] = useState(article?.version.number);
  if (!draft.isDirty && begun !== article?.version.number) setBegun(article?.version.number);
  const overtaken =
    article && begun !== undefined && article.version.number > begun ? article.version.number : null;

  // What it is to be once it is saved.
  const wanted = useRef<Status | null>(null);
  const saving = useSaving(async () => {
    const status = wanted.current;
    const id = canSave
      ? await saveArticle(client, organization_id, article, value, draft.changes)
      : article?.id;
    if (!id) return;
    if (status) await setStatus(client, id, status);
    await changed();
    draft.reset();
    setBegun(undefined);
    toast(status ? t(TOLD[status]) : t("saved"));
    if (!article) navigate(`/${slug}/knowledge/${id}`, { replace: true });
  }, FIELDS);
  const run = (status: Status | null) => {
    wanted.current = status;
    void saving.run();
  };

  const save = () => {
    if (canSave) run(null);
  };
  useCommands([
    { id: "article.save", label: t("save"), keys: "Mod+s", group: t("knowledge"), run: save },
    ...(article
      ? [{ id: "article.versions", label: t("versions"), group: t("knowledge"), run: () => setLooking(true) }]
      : []),
  ]);
  return (
    <article className={styles.editor}>
      <Link className={styles.back} to={`/${slug}/knowledge`}>
        <ArrowLeft aria-hidden className="mirrored" />
        {t("back")}
      </Link>
      <EditorHead
        article={article}
        canSave={canSave}
        isBusy={saving.state === "busy"}
        onSave={save}
        onStatus={run}
        onVersions={() => setLooking(true)}
      />
      {overtaken && (
        <div role="status" className={styles.overtaken}>
          <p>{t("meanwhile", { number: overtaken })}</p>
          <button type="button" className={styles.plainLink} onClick={() => setLooking(true)}>
            {t("lookAtIt")}
          </button>
        </div>
      )}
      {saving.problem && !saving.problem.field && (
        <p role="alert" className={styles.problem}>
          {saving.problem.text}
        </p>
      )}
      <input
        className={styles.title}
        aria-label={t("title")}
        placeholder={t("title")}
        maxLength={300}
        dir="auto"
        value={value.title}
        aria-invalid={saving.at("title") ? true : undefined}
        onChange={(event) => draft.set("title", event.target.value)}
      />
      <Place article={article} value={value} set={draft.set} saving={saving} />
      <Writer text={value.body} language={value.language} onChange={(body) => draft.set("body", body)} />
      {isLooking && article && (
        <Versions
          article={article}
          written={value}
          onRestore={(version) => {
            draft.set("title", version.title);
            draft.set("body", version.body);
            setLooking(false);
            toast(t("brought", { number: version.number }));
          }}
          onClose={() => setLooking(false)}
        />
      )}
      <Leaving isDirty={draft.isDirty && saving.state !== "busy"} />
    </article>
  );
}

const keptOf = (article: Article | null, language: string): Written =>
  article
    ? {
        title: article.version.title,
        body: article.version.body,
        language: article.language,
        category_id: article.category_id,
        slug: article.slug,
      }
    : { title: "", body: "", language: language || "en", category_id: null, slug: "" };
