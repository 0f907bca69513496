import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { callFunction } from "@kit/api/functions";
import { useTimes } from "@kit/i18n/time";
import { Badge } from "@kit/ui";
import { useState } from "react";
import { useAct } from "../act";
import { ConfirmDialog } from "../edit_dialog";
import { OnceSecret } from "../once_secret";
import { RecordsPage } from "../records";
import { useRows, useTable } from "../rows";
import { useSettingsWords } from "../words";
import { DeliveryLog } from "./delivery_log";
import { EndpointEditor } from "./endpoint_editor";
import { type Endpoint, useDeliveriesChanged, useHealth } from "./webhooks";
import { useWebhookWords } from "./words";

type Made = { secret: string; isNew: boolean };

export function Page() {
  const t = useWebhookWords();
  const ts = useSettingsWords();
  const client = useClient();
  const act = useAct();
  const endpoints = useRows("webhook_endpoints", ["id"]);
  const table = useTable("webhook_endpoints");
  const changed = useDeliveriesChanged();
  const [made, setMade] = useState<Made | null>(null);
  const [rotated, setRotated] = useState<Endpoint | null>(null);
  const [looked, setLooked] = useState("");
  const test = (endpoint: Endpoint) =>
    act(async () => {
      await ok(client.rpc("send_test_webhook", { endpoint_id: endpoint.id }));
      setLooked(endpoint.id);
      await changed();
    }, t("tested"));
  const able = (endpoint: Endpoint, disabled_at: string | null) =>
    act(() => table.change({ id: endpoint.id }, { disabled_at }), ts("saved"));
  return (
    <RecordsPage<Endpoint>
      title={ts("webhooks")}
      intro={t("intro")}
      query={endpoints}
      keyOf={(endpoint) => endpoint.id}
      nameOf={(endpoint) => endpoint.url}
      about={(endpoint) =>
        [
          endpoint.description,
          endpoint.event_types.includes("*") ? t("allEvents") : endpoint.event_types.join(", "),
        ]
          .filter(Boolean)
          .join(" · ")
      }
      aside={(endpoint) => <State endpoint={endpoint} />}
      addLabel={t("add")}
      empty={t("empty")}
      emptyHint={t("emptyHint")}
      editor={(endpoint, close) => (
        <EndpointEditor
          endpoint={endpoint}
          onClose={close}
          onMade={(secret) => {
            close();
            setMade({ secret, isNew: true });
          }}
        />
      )}
      remove={(endpoint) => table.remove({ id: endpoint.id })}
      removeText={t("removeText")}
      more={[
        { label: t("test"), run: test },
        { label: t("showLog"), run: (endpoint) => setLooked(endpoint.id) },
        { label: t("rotate"), run: setRotated },
        {
          label: t("disable"),
          run: (endpoint) => able(endpoint, new Date().toISOString()),
          shownFor: (endpoint) => !endpoint.disabled_at,
        },
        {
          label: t("enable"),
          run: (endpoint) => able(endpoint, null),
          shownFor: (endpoint) => !!endpoint.disabled_at,
        },
      ]}
    >
      {(endpoints.data?.length ?? 0) > 0 && (
        <DeliveryLog endpoints={endpoints.data ?? []} chosen={looked} onChoose={setLooked} />
      )}
      {rotated && (
        <ConfirmDialog
          title={t("rotate")}
          action={t("doRotate")}
          onConfirm={async () => {
            const { secret } = await callFunction<{ secret: string }>(
              client,
              `webhooks/endpoints/${rotated.id}/rotate`,
              { method: "POST" },
            );
            setMade({ secret, isNew: false });
          }}
          onClose={() => setRotated(null)}
        >
          <p>{t("rotateText")}</p>
        </ConfirmDialog>
      )}
      {made && (
        <OnceSecret title={t("secret")} secret={made.secret} done={t("keptIt")} onClose={() => setMade(null)}>
          {t(made.isNew ? "secretText" : "rotatedText")}
        </OnceSecret>
      )}
    </RecordsPage>
  );
}

function State({ endpoint }: { endpoint: Endpoint }) {
  const t = useWebhookWords();
  const times = useTimes();
  const { data: health } = useHealth();
  const found = health?.find((each) => each.endpoint_id === endpoint.id);
  if (endpoint.disabled_at)
    return (
      <span title={endpoint.disabled_because ?? undefined}>
        <Badge>{t("disabled")}</Badge>
      </span>
    );
  if (found && found.failures > 0)
    return (
      <span title={found.failing_since ? times.full(found.failing_since) : undefined}>
        <Badge tone="danger">{t("failing", { count: found.failures })}</Badge>
      </span>
    );
  return found?.last_success_at ? (
    <Badge tone="success">{t("healthy")}</Badge>
  ) : (
    <Badge>{t("untried")}</Badge>
  );
}
