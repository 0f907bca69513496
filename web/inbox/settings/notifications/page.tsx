import { useOrganization } from "../../shell/organization";
import { PageFrame, Section } from "../frame";
import { useSettingsWords } from "../words";
import { Choices } from "./choices";
import { Digest } from "./digest";
import { useNotificationWords } from "./words";

export function Page() {
  const t = useNotificationWords();
  const ts = useSettingsWords();
  const { name: desk } = useOrganization();
  return (
    <PageFrame title={ts("notifications")} intro={t("intro", { desk })}>
      <Choices />
      <Section title={t("digestTitle")} intro={t("digestIntro")}>
        <Digest />
      </Section>
    </PageFrame>
  );
}
