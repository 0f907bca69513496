import type { Row } from "@kit/api/client";
import { Badge } from "@kit/ui";
import type { Condition } from "../../conditions/conditions";
import { useDescribe } from "../../conditions/describe";
import { RecordsPage } from "../records";
import { useRows, useTable } from "../rows";
import { useSettingsWords } from "../words";
import { PolicyEditor } from "./policy_editor";
import { useSlaWords } from "./words";

export type Policy = Row<"sla_policies">;
export type Target = Row<"sla_targets">;

export function Page() {
  const t = useSlaWords();
  const ts = useSettingsWords();
  const policies = useRows("sla_policies", ["position", "id"]);
  const targets = useRows("sla_targets", ["priority"]);
  const table = useTable("sla_policies");
  const describe = useDescribe();
  const last = Math.max(0, ...(policies.data ?? []).map((policy) => policy.position));
  return (
    <RecordsPage<Policy>
      title={ts("sla")}
      intro={t("intro")}
      query={policies}
      keyOf={(policy) => policy.id}
      nameOf={(policy) => policy.name}
      about={(policy) => describe(policy.conditions as Condition)}
      aside={(policy) => !policy.is_active && <Badge>{t("off")}</Badge>}
      addLabel={t("add")}
      empty={t("empty")}
      emptyHint={t("emptyHint")}
      editor={(policy, close) =>
        targets.data && (
          <PolicyEditor
            policy={policy}
            targets={targets.data.filter((target) => target.policy_id === policy?.id)}
            position={last + 1}
            onClose={close}
          />
        )
      }
      remove={(policy) => table.remove({ id: policy.id })}
      onOrder={(next) => table.order(next)}
    />
  );
}
