import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { useUser } from "@kit/api/session";
import { useTimes } from "@kit/i18n/time";
import { Avatar, Badge, Button, Loaded, Select, useToast } from "@kit/ui";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type Role, useOrganization } from "../../shell/organization";
import { ConfirmDialog } from "../edit_dialog";
import { type Person, useMembers } from "../people";
import { explain } from "../problems";
import styles from "../records.module.css";
import { useRows, useTable } from "../rows";
import { useSettingsWords } from "../words";
import { INVITED } from "./invite_form";
import { useMemberWords } from "./words";

export function MemberList() {
  const t = useMemberWords();
  const members = useMembers();
  const [leaving, setLeaving] = useState<Person | null>(null);
  return (
    <Loaded query={members} lines={4}>
      {(all) => (
        <>
          <ul className={styles.list} aria-label={t("members")}>
            {all.map((person) => (
              <Line key={person.id} person={person} onRemove={() => setLeaving(person)} />
            ))}
          </ul>
          {leaving && <Removal person={leaving} others={all} onClose={() => setLeaving(null)} />}
        </>
      )}
    </Loaded>
  );
}

function Line({ person, onRemove }: { person: Person; onRemove: () => void }) {
  const t = useMemberWords();
  const ts = useSettingsWords();
  const toast = useToast();
  const times = useTimes();
  const { id: me } = useUser();
  const { atLeast } = useOrganization();
  const table = useTable("members");
  const { data: availability } = useRows("member_availability", ["user_id"]);
  const isOnline = availability?.find((each) => each.user_id === person.id)?.status === "online";
  // Nobody touches who stands above them, nor their own role; owners come and go by transfer.
  const mayChange = person.id !== me && person.role !== "owner" && atLeast(person.role);
  return (
    <li className={styles.row}>
      <Avatar name={person.name} size={32} />
      <div className={styles.what}>
        <span className={styles.name}>{person.name}</span> {person.id === me && <Badge>{t("you")}</Badge>}
        <div className={styles.about}>
          {t(isOnline ? "online" : "away")} · {t("since", { day: times.day(person.joined) })}
        </div>
      </div>
      <div className={styles.aside}>
        {mayChange ? (
          <>
            <Select
              label={t("roleOf", { name: person.name })}
              hideLabel
              value={person.role}
              onChange={async (event) => {
                try {
                  await table.change({ user_id: person.id }, { role: event.target.value as Role });
                  toast(ts("saved"));
                } catch (error) {
                  toast(explain(error, [], ts).text, { tone: "danger" });
                }
              }}
            >
              {INVITED.filter(atLeast).map((role) => (
                <option key={role} value={role}>
                  {t(role)}
                </option>
              ))}
            </Select>
            <Button look="quiet" aria-label={t("removeOf", { name: person.name })} onClick={onRemove}>
              {t("remove")}
            </Button>
          </>
        ) : (
          <Badge tone={person.role === "owner" ? "accent" : "neutral"}>{t(person.role)}</Badge>
        )}
      </div>
    </li>
  );
}

/** Their open tickets go to somebody else, or back to their teams. */
function Removal({ person, others, onClose }: { person: Person; others: Person[]; onClose: () => void }) {
  const t = useMemberWords();
  const client = useClient();
  const queries = useQueryClient();
  const { organization_id } = useOrganization();
  const [heir, setHeir] = useState("");
  const heirs = others.filter((each) => each.id !== person.id && each.role !== "viewer");
  return (
    <ConfirmDialog
      title={t("removeTitle", { name: person.name })}
      action={t("remove")}
      onConfirm={async () => {
        const handOver = heir ? { hand_over_to: heir } : {};
        await ok(client.rpc("remove_member", { organization_id, user_id: person.id, ...handOver }));
        await Promise.all(
          ["members", "authors"].map((noun) =>
            queries.invalidateQueries({ queryKey: [noun, organization_id] }),
          ),
        );
      }}
      onClose={onClose}
    >
      <p>{t("removeText")}</p>
      <Select label={t("handOver")} value={heir} onChange={(event) => setHeir(event.target.value)}>
        <option value="">{t("backToTeams")}</option>
        {heirs.map((each) => (
          <option key={each.id} value={each.id}>
            {each.name}
          </option>
        ))}
      </Select>
    </ConfirmDialog>
  );
}
