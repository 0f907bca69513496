import { Loaded } from "@kit/ui";
import { useOrganization } from "../../shell/organization";
import { PageFrame, Section } from "../frame";
import { useSettingsWords } from "../words";
import { useDesk } from "./desk";
import { DeskForm } from "./desk_form";
import { Ownership } from "./ownership";
import { useOrganizationWords } from "./words";

export function Page() {
  const t = useOrganizationWords();
  const ts = useSettingsWords();
  const { role } = useOrganization();
  const desk = useDesk();
  return (
    <PageFrame title={ts("organization")} intro={t("intro")}>
      <Loaded query={desk} lines={8}>
        {(found) => <DeskForm desk={found} />}
      </Loaded>
      {role === "owner" && (
        <Section title={t("ownership")} intro={t("ownershipHint")}>
          <Ownership />
        </Section>
      )}
    </PageFrame>
  );
}
