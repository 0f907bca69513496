import { PageFrame, Section } from "../frame";
import { useSettingsWords } from "../words";
import { Invitations } from "./invitations";
import { InviteForm } from "./invite_form";
import { MemberList } from "./member_list";
import { useMemberWords } from "./words";

export function Page() {
  const t = useMemberWords();
  const ts = useSettingsWords();
  return (
    <PageFrame title={ts("members")} intro={t("intro")}>
      <InviteForm />
      <Section title={t("invitations")}>
        <Invitations />
      </Section>
      <Section title={t("members")}>
        <MemberList />
      </Section>
    </PageFrame>
  );
}
