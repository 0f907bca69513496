import type { Row } from "@kit/api/client";
import { useLanguage } from "@kit/i18n";
import { Badge } from "@kit/ui";
import type { Condition } from "../../conditions/conditions";
import { useDescribe } from "../../conditions/describe";
import { useConditionWords } from "../../conditions/words";
import { useMembers } from "../people";
import { RecordsPage } from "../records";
import { useRows, useTable } from "../rows";
import { useSettingsWords } from "../words";
import { RuleEditor } from "./rule_editor";
import { useRoutingWords } from "./words";

export type Rule = Row<"routing_rules">;

export function Page() {
  const t = useRoutingWords();
  const ts = useSettingsWords();
  const rules = useRows("routing_rules", ["position", "id"]);
  const table = useTable("routing_rules");
  const describe = useDescribe();
  const effect = useEffectOf();
  const last = Math.max(0, ...(rules.data ?? []).map((rule) => rule.position));
  return (
    <RecordsPage<Rule>
      title={ts("routing")}
      intro={t("intro")}
      query={rules}
      keyOf={(rule) => rule.id}
      nameOf={(rule) => rule.name}
      about={(rule) => (
        <>
          {describe(rule.conditions as Condition)} → {effect(rule)}
        </>
      )}
      aside={(rule) => (
        <>
          {!rule.is_active && <Badge>{t("off")}</Badge>}
          {!rule.is_final && <Badge tone="accent">{t("goesOn")}</Badge>}
        </>
      )}
      addLabel={t("add")}
      empty={t("empty")}
      emptyHint={t("emptyHint")}
      editor={(rule, close) => <RuleEditor rule={rule} position={last + 1} onClose={close} />}
      remove={(rule) => table.remove({ id: rule.id })}
      onOrder={(next) => table.order(next)}
    />
  );
}

/** What a rule does, in words. */
function useEffectOf(): (rule: Rule) => string {
  const t = useRoutingWords();
  const tc = useConditionWords();
  const { language } = useLanguage();
  const { data: teams } = useRows("teams", ["name"]);
  const { data: members } = useMembers();
  return (rule) => {
    const team = teams?.find((each) => each.id === rule.team_id)?.name;
    const person = members?.find((each) => each.id === rule.assignee_id)?.name;
    const parts = [
      team && t("to", { name: team }),
      person && t("to", { name: person }),
      rule.priority && tc(`priority_${rule.priority}`),
      rule.add_tags.length > 0 && t("tagged", { tags: new Intl.ListFormat(language).format(rule.add_tags) }),
    ].filter((part): part is string => Boolean(part));
    return parts.length ? new Intl.ListFormat(language, { type: "unit" }).format(parts) : t("noEffect");
  };
}
