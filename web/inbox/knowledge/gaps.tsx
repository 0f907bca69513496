/** What customers asked and no article answered, by category: what to write next. */
import { useLanguage } from "@kit/i18n";
import { useTimes } from "@kit/i18n/time";
import { Badge, Button, Empty, Loaded, Select } from "@kit/ui";
import { ArrowLeft, CircleCheck } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";
import { useCategories as useTicketCategories } from "../shell/desk";
import { useOrganization } from "../shell/organization";
import editor from "./editor.module.css";
import styles from "./gaps.module.css";
import { GAP_REASONS, type Gap, type GapReason, MOST_GAPS, questionOf, useGaps } from "./gaps_query";
import { Passages } from "./passages";
import { useKnowledgeWords } from "./words";

/** Below, it is as good as nothing. */
const LEAST = 0.01;
const PERIODS = [7, 30, 90, 365];
const REASON_WORDS = {
  no_source: "no_source",
  model_found_no_answer: "model_found_no_answer",
  low_confidence: "low_confidence",
  language: "languageReason",
} as const;

export function Gaps() {
  const t = useKnowledgeWords();
  const { slug } = useOrganization();
  const [days, setDays] = useState(30);
  const [reason, setReason] = useState<GapReason | "">("");
  const gaps = useGaps(days, reason);
  const { data: categories } = useTicketCategories();
  const nameOf = (id: string | null) =>
    categories?.find((each) => each.id === id)?.name ?? t("uncategorised");
  return (
    <div className={styles.page}>
      <Link className={editor.back} to={`/${slug}/knowledge`}>
        <ArrowLeft aria-hidden className="mirrored" />
        {t("back")}
      </Link>
      <h2 className={styles.title}>{t("gaps")}</h2>
      <p className={styles.muted}>{t("gapsIntro")}</p>
      <div className={styles.filters}>
        <Select label={t("period")} value={days} onChange={(event) => setDays(Number(event.target.value))}>
          {PERIODS.map((count) => (
            <option key={count} value={count}>
              {t("days", { count })}
            </option>
          ))}
        </Select>
        <Select
          label={t("because")}
          value={reason}
          onChange={(event) => setReason(event.target.value as GapReason | "")}
        >
          <option value="">{t("anyReason")}</option>
          {GAP_REASONS.map((each) => (
            <option key={each} value={each}>
              {t(REASON_WORDS[each])}
            </option>
          ))}
        </Select>
      </div>
      <Loaded query={gaps} lines={6}>
        {(found) =>
          found.length === 0 ? (
            <Empty icon={<CircleCheck />} title={t("noGaps")}>
              {t("noGapsHint")}
            </Empty>
          ) : (
            <>
              {byCategory(found).map(([category, theirs]) => (
                <section key={category} className={styles.group}>
                  <h3>
                    {nameOf(category)} <Badge>{t("questions", { count: theirs.length })}</Badge>
                  </h3>
                  <ul>
                    {theirs.map((gap) => (
                      <Question key={gap.id} gap={gap} />
                    ))}
                  </ul>
                </section>
              ))}
              {found.length === MOST_GAPS && (
                <p className={styles.muted}>{t("limited", { count: MOST_GAPS })}</p>
              )}
            </>
          )
        }
      </Loaded>
    </div>
  );
}

function Question({ gap }: { gap: Gap }) {
  const t = useKnowledgeWords();
  const times = useTimes();
  const { language } = useLanguage();
  const { slug, atLeast } = useOrganization();
  const [isSearched, setSearched] = useState(false);
  const percent = new Intl.NumberFormat(language, { style: "percent" }).format(gap.confidence);
  const said = gap.message?.body_text ?? "";
  const nearest = gap.citations.find(({ chunk }) => chunk);
  const { subject, number } = gap.ticket;
  return (
    <li className={styles.question}>
      <p className={styles.subject} dir="auto">
        {subject || said.slice(0, 80)}
      </p>
      <p className={styles.said} dir="auto">
        {said.slice(0, 400)}
      </p>
      <p className={styles.about}>
        {GAP_REASONS.filter((each) => gap.reasons.includes(each)).map((each) => (
          <Badge key={each} tone="warning">
            {t(REASON_WORDS[each])}
          </Badge>
        ))}
        {gap.confidence >= LEAST && <span>{t("sure", { percent })}</span>}
        {nearest?.chunk && (
          <Link to={`/${slug}/knowledge/${nearest.article_id}`}>
            {t("nearest", { title: nearest.chunk.title })}
          </Link>
        )}
        <time dateTime={gap.created_at} title={times.full(gap.created_at)}>
          {times.relative(gap.created_at)}
        </time>
      </p>
      <p className={styles.actions}>
        {atLeast("agent") && (
          <Link
            className={styles.write}
            to={{ pathname: `/${slug}/knowledge/new`, search: `?title=${encodeURIComponent(subject)}` }}
          >
            {t("writeIt")}
          </Link>
        )}
        <Button small look="quiet" aria-expanded={isSearched} onClick={() => setSearched(!isSearched)}>
          {t(isSearched ? "hide" : "tryAgain")}
        </Button>
        <Link className={styles.ticket} to={`/${slug}/ticket/${number}`}>
          {t("ticket", { number: String(number) })}
        </Link>
      </p>
      {isSearched && <Passages question={questionOf(subject, said)} />}
    </li>
  );
}

/** Where most is missing comes first. */
function byCategory(gaps: Gap[]): [string, Gap[]][] {
  const groups = new Map<string, Gap[]>();
  for (const gap of gaps) {
    const key = gap.ticket.category_id ?? "";
    groups.set(key, [...(groups.get(key) ?? []), gap]);
  }
  return [...groups].sort(([, one], [, other]) => other.length - one.length);
}
