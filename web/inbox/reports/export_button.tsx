import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Button, useToast } from "@kit/ui";
import { useState } from "react";
import { useOrganization } from "../shell/organization";
import { type Column, download, toCsv } from "./csv";
import { useReportWords } from "./words";

/** Gives what is shown as a file. That somebody took it stands in the audit log first. */
export function ExportButton<T>({
  what,
  name,
  rows,
  columns,
}: {
  what: string;
  name: string;
  rows: T[];
  columns: Column<T>[];
}) {
  const t = useReportWords();
  const client = useClient();
  const show = useToast();
  const { organization_id } = useOrganization();
  const [busy, setBusy] = useState(false);
  const run = async () => {
    setBusy(true);
    try {
      await ok(client.rpc("log_export", { organization_id, what, row_count: rows.length }));
      download(`${name}.csv`, toCsv(rows, columns));
    } catch (error) {
      show(problemOf(error).message, { tone: "danger" });
    } finally {
      setBusy(false);
    }
  };
  return (
    <Button small busy={busy} onClick={() => void run()}>
      {t("csv")}
    </Button>
  );
}
