import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { Button, Picker } from "@kit/ui";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { ChevronsUpDown } from "lucide-react";
import { useDeferredValue, useId, useState } from "react";
import { useOrganization } from "../shell/organization";
import styles from "./panel.module.css";
import { useContactWords } from "./words";

type Company = { id: string; name: string };
const SHOWN = 20;
const NONE = "none";

/** Companies by the beginning of a word of their name. */
export function useCompanies(typed: string, isAsked = true) {
  const client = useClient();
  const { organization_id } = useOrganization();
  return useQuery({
    queryKey: ["companies", organization_id, "named", typed],
    enabled: isAsked,
    placeholderData: keepPreviousData,
    queryFn: () => {
      const rows = client.from("companies").select("id, name").eq("organization_id", organization_id);
      const safe = typed.replaceAll(/[%_\\]/g, "\\$&");
      return ok((typed ? rows.ilike("name", `%${safe}%`) : rows).order("name").limit(SHOWN));
    },
  });
}

export function CompanyPicker({
  chosen,
  onChoose,
}: {
  chosen: Company | null;
  onChoose: (company: Company | null) => void;
}) {
  const t = useContactWords();
  const [open, setOpen] = useState(false);
  const [query, setQuery] = useState("");
  const id = useId();
  const found = useCompanies(useDeferredValue(query.trim()), open).data ?? [];
  return (
    <div className={styles.write}>
      <span id={id} style={{ fontWeight: 500 }}>
        {t("company")}
      </span>
      <Picker
        open={open}
        onOpen={(wanted) => {
          setOpen(wanted);
          setQuery("");
        }}
        label={t("company")}
        placeholder={t("searchCompanies")}
        none={t("noneThere")}
        onQuery={setQuery}
        trigger={
          <Button aria-label={`${t("company")}: ${chosen?.name ?? t("noCompany")}`}>
            {chosen?.name ?? t("noCompany")} <ChevronsUpDown size={14} aria-hidden />
          </Button>
        }
        choices={[
          { id: NONE, label: t("noCompany"), checked: chosen === null },
          ...found.map((each) => ({ id: each.id, label: each.name, checked: each.id === chosen?.id })),
        ]}
        onPick={(choice) => onChoose(choice.id === NONE ? null : { id: choice.id, name: choice.label })}
      />
    </div>
  );
}
