import { PageFrame, Section } from "../frame";
import { useSettingsWords } from "../words";
import { Factors } from "./factors";
import { PasswordForm } from "./password_form";
import { useSecurityWords } from "./words";

export function Page() {
  const t = useSecurityWords();
  const ts = useSettingsWords();
  return (
    <PageFrame title={ts("security")}>
      <Section title={t("password")} intro={t("passwordHint")}>
        <PasswordForm />
      </Section>
      <Section title={t("factor")} intro={t("factorHint")}>
        <Factors />
      </Section>
    </PageFrame>
  );
}
