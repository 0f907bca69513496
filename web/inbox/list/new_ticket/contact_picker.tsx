/** Finds a contact by name or address, or adds one by its address. */
import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { Avatar, Button, Picker } from "@kit/ui";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { UserRound } from "lucide-react";
import { useState } from "react";
import { useOrganization } from "../../shell/organization";
import { useNewTicketWords } from "./words";

export type Chosen = { id: string; name: string; email: string | null };

const SHOWN = 12;

export function ContactPicker({
  chosen,
  onChoose,
  onProblem,
}: {
  chosen: Chosen | null;
  onChoose: (contact: Chosen) => void;
  onProblem: (error: unknown) => void;
}) {
  const t = useNewTicketWords();
  const client = useClient();
  const { organization_id } = useOrganization();
  const [open, setOpen] = useState(false);
  const [query, setQuery] = useState("");
  const found = useQuery({
    queryKey: ["contacts", organization_id, "picker", query],
    enabled: open,
    placeholderData: keepPreviousData,
    queryFn: () =>
      query.trim()
        ? ok(
            client
              .rpc("search_contacts", { organization_id, query, max_contacts: SHOWN })
              .select("id, name, email"),
          )
        : ok(
            client
              .from("contacts")
              .select("id, name, email")
              .eq("organization_id", organization_id)
              .is("merged_into", null)
              .order("id", { ascending: false })
              .limit(SHOWN),
          ),
  });
  const add = async (email: string) => {
    try {
      const made = await ok(client.rpc("upsert_contact", { organization_id, email }));
      onChoose({ id: made.id, name: made.name, email: made.email });
    } catch (error) {
      onProblem(error);
    }
  };
  const name = chosen ? chosen.name || chosen.email || "" : "";
  return (
    <Picker
      open={open}
      onOpen={setOpen}
      label={t("contact")}
      placeholder={t("findContact")}
      none={t("noContact")}
      onQuery={setQuery}
      trigger={
        <Button aria-label={name ? `${t("contact")}: ${name}` : t("chooseContact")}>
          {chosen ? <Avatar name={name} size={20} /> : <UserRound aria-hidden width={16} height={16} />}
          {name || t("chooseContact")}
        </Button>
      }
      choices={(found.data ?? []).map((each) => ({
        id: each.id,
        label: each.name || each.email || each.id,
        ...(each.email ? { hint: each.email } : {}),
        icon: <Avatar name={each.name || each.email || "?"} size={20} />,
        checked: each.id === chosen?.id,
      }))}
      onPick={({ id }) => {
        const contact = found.data?.find((each) => each.id === id);
        if (contact) onChoose(contact);
      }}
      {...(/^\S+@\S+\.\S+$/.test(query.trim())
        ? { making: { label: (address: string) => t("addContact", { address }), make: add } }
        : {})}
    />
  );
}
