/** Past questions as the AI saw them: what it found, wrote and decided; and what search finds if they are asked otherwise. */
import { useLanguage } from "@kit/i18n";
import { useTimes } from "@kit/i18n/time";
import { Badge, Button, Empty, Loaded, Select, TextArea, type Tone } from "@kit/ui";
import { useState } from "react";
import { Link } from "react-router";
import { useReasons } from "../../draft/reasons";
import { questionOf } from "../../knowledge/gaps_query";
import { Passages } from "../../knowledge/passages";
import { useOrganization } from "../../shell/organization";
import layout from "../layout.module.css";
import log from "../log.module.css";
import { type Case, useCases } from "./ai";
import { useAiWords } from "./words";

const TONES: Record<string, Tone> = { send: "success", draft: "accent", escalate: "warning" };

export function Playground() {
  const t = useAiWords();
  const cases = useCases();
  const [chosen, setChosen] = useState("");
  return (
    <Loaded query={cases}>
      {(all) => {
        const shown = all.find(({ id }) => id === chosen) ?? all[0];
        if (!shown) return <Empty title={t("noCases")} />;
        return (
          <>
            <Select label={t("ticket")} value={shown.id} onChange={(event) => setChosen(event.target.value)}>
              {all.map((each) => (
                <option key={each.id} value={each.id}>
                  {t("ticketName", { number: String(each.ticket.number), subject: each.ticket.subject })}
                </option>
              ))}
            </Select>
            <Recorded key={shown.id} found={shown} />
          </>
        );
      }}
    </Loaded>
  );
}

function Recorded({ found }: { found: Case }) {
  const t = useAiWords();
  const times = useTimes();
  const reasonOf = useReasons();
  const { language } = useLanguage();
  const { slug } = useOrganization();
  const percent = new Intl.NumberFormat(language, { style: "percent" });
  const asked = questionOf(found.ticket.subject, found.message?.body_text ?? "");
  const [question, setQuestion] = useState(asked);
  const [searched, setSearched] = useState<string | null>(null);
  return (
    <>
      <div className={layout.card}>
        <div className={log.bar}>
          <Badge tone={TONES[found.decision] ?? "neutral"}>
            {t(found.decision === "draft" ? "drafted" : (found.decision as "send"))}
          </Badge>
          <span>{t("sure", { percent: percent.format(found.confidence) })}</span>
          <span className={log.muted}>{t(found.source as "extract")}</span>
          <span className={log.muted}>{times.relative(found.created_at)}</span>
          <Link to={`/${slug}/ticket/${found.ticket.number}`}>{t("open")}</Link>
        </div>
        {found.reasons.length > 0 && (
          <p className={log.muted}>{t("because", { reasons: found.reasons.map(reasonOf).join(" · ") })}</p>
        )}
        {found.body_text ? (
          <p dir="auto" className={layout.code}>
            {found.body_text}
          </p>
        ) : (
          <p className={log.muted}>{t("noText")}</p>
        )}
        {found.citations.length > 0 && (
          <ol className={layout.steps}>
            {[...found.citations]
              .sort((one, other) => one.ordinal - other.ordinal)
              .map((citation) => (
                <li key={`${citation.ordinal}/${citation.sentence}`} dir="auto">
                  {citation.sentence}{" "}
                  <span className={log.muted}>
                    <Link to={`/${slug}/knowledge/${citation.article_id}`}>{citation.chunk?.title}</Link>{" "}
                    {t("carries", { percent: percent.format(citation.support) })}
                  </span>
                </li>
              ))}
          </ol>
        )}
      </div>
      <TextArea
        label={t("question")}
        hint={t("questionHint")}
        rows={5}
        dir="auto"
        maxLength={2_000}
        value={question}
        onChange={(event) => setQuestion(event.target.value)}
      />
      <div>
        <Button disabled={question.trim() === ""} onClick={() => setSearched(question)}>
          {t("search")}
        </Button>
      </div>
      {searched && <Passages question={searched} />}
    </>
  );
}
