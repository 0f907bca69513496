import { PageFrame } from "../frame";
import { useSettingsWords } from "../words";
import { DeadJobs } from "./dead_jobs";
import { DoubtfulMails } from "./doubtful_mails";
import { ProviderMails, QuarantinedMails } from "./stuck_mails";
import { useDeadLetterWords } from "./words";

export function Page() {
  const t = useDeadLetterWords();
  const ts = useSettingsWords();
  return (
    <PageFrame title={ts("deadLetters")} intro={t("intro")}>
      <DeadJobs />
      <QuarantinedMails />
      <ProviderMails />
      <DoubtfulMails />
    </PageFrame>
  );
}
