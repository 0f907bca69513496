import { type Row, useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useTimes } from "@kit/i18n/time";
import { Badge, Button, Empty, Loaded } from "@kit/ui";
import { Plus } from "lucide-react";
import { useState } from "react";
import { ConfirmDialog } from "../edit_dialog";
import { PageFrame } from "../frame";
import { OnceSecret } from "../once_secret";
import records from "../records.module.css";
import { useRows, useTable } from "../rows";
import { useSettingsWords } from "../words";
import { KeyEditor } from "./key_editor";
import { useApiKeyWords } from "./words";

type Key = Row<"api_keys">;

export function Page() {
  const t = useApiKeyWords();
  const ts = useSettingsWords();
  const client = useClient();
  const keys = useRows("api_keys", ["id"]);
  const table = useTable("api_keys");
  const [isMaking, setMaking] = useState(false);
  const [secret, setSecret] = useState<string | null>(null);
  const [revoked, setRevoked] = useState<Key | null>(null);
  return (
    <PageFrame
      title={ts("apiKeys")}
      intro={t("intro")}
      actions={
        <Button look="primary" onClick={() => setMaking(true)}>
          <Plus aria-hidden className={records.plus} />
          {t("add")}
        </Button>
      }
    >
      <Loaded query={keys} lines={4}>
        {(all) =>
          all.length === 0 ? (
            <Empty title={t("empty")}>{t("emptyHint")}</Empty>
          ) : (
            <ul className={records.list}>
              {[...all].sort(goodFirst).map((key) => (
                <Line key={key.id} apiKey={key} onRevoke={() => setRevoked(key)} />
              ))}
            </ul>
          )
        }
      </Loaded>
      {isMaking && (
        <KeyEditor
          onClose={() => setMaking(false)}
          onMade={(made) => {
            setMaking(false);
            setSecret(made);
            void table.changed();
          }}
        />
      )}
      {secret && (
        <OnceSecret title={t("secret")} secret={secret} done={t("keptIt")} onClose={() => setSecret(null)}>
          {t("secretText")}
        </OnceSecret>
      )}
      {revoked && (
        <ConfirmDialog
          title={t("revokeTitle", { name: revoked.name })}
          action={t("revoke")}
          onConfirm={async () => {
            await ok(client.rpc("revoke_api_key", { api_key_id: revoked.id }));
            await table.changed();
          }}
          onClose={() => setRevoked(null)}
        >
          <p>{t("revokeText")}</p>
        </ConfirmDialog>
      )}
    </PageFrame>
  );
}

const isOver = ({ revoked_at, expires_at }: Key) =>
  revoked_at !== null || (expires_at !== null && new Date(expires_at) < new Date());
/** What is good stands above what has ended, the newest first. */
const goodFirst = (one: Key, other: Key) =>
  Number(isOver(one)) - Number(isOver(other)) || other.created_at.localeCompare(one.created_at);

function Line({ apiKey: key, onRevoke }: { apiKey: Key; onRevoke: () => void }) {
  const t = useApiKeyWords();
  const times = useTimes();
  return (
    <li className={records.row}>
      <div className={records.what}>
        <span className={records.name}>{key.name}</span>
        <div className={records.about}>
          <code>{key.prefix}…</code> · {t(key.role as "agent")} · {key.scopes.join(", ")}
        </div>
        <div className={records.about}>
          {t("made", { when: times.day(key.created_at) })}
          {" · "}
          {key.last_used_at ? t("used", { when: times.relative(key.last_used_at) }) : t("unused")}
          {key.expires_at && !key.revoked_at && ` · ${t("until", { when: times.day(key.expires_at) })}`}
        </div>
      </div>
      <div className={records.aside}>
        {key.revoked_at ? (
          <Badge tone="danger">{t("revoked")}</Badge>
        ) : isOver(key) ? (
          <Badge>{t("expired")}</Badge>
        ) : (
          <Button small look="danger" aria-label={t("revokeTitle", { name: key.name })} onClick={onRevoke}>
            {t("revoke")}
          </Button>
        )}
      </div>
    </li>
  );
}
