import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Button, Picker, useToast } from "@kit/ui";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useState } from "react";
import { Dot, TagChip } from "../actions/tag_picker";
import { useTags } from "../shell/desk";
import { useOrganization } from "../shell/organization";
import styles from "./panel.module.css";
import { useContactWords } from "./words";

/** A contact's tags. All of their sessions have them as well, for as long as they do. */
export function ContactTags({ contactId }: { contactId: string }) {
  const t = useContactWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  const { organization_id, atLeast } = useOrganization();
  const [open, setOpen] = useState(false);
  const known = useTags().data ?? [];
  const key = ["contact", contactId, "tags"];
  const given = useQuery({
    queryKey: key,
    queryFn: async () =>
      (
        await ok(
          client
            .from("contact_tags")
            .select("tag_id")
            .eq("organization_id", organization_id)
            .eq("contact_id", contactId),
        )
      ).map(({ tag_id }) => tag_id),
  });
  const ids = given.data ?? [];
  const byId = new Map(known.map((tag) => [tag.id, tag]));
  const set = async (id: string, wanted: boolean) => {
    queries.setQueryData(key, (now: string[] = []) =>
      wanted ? [...now, id] : now.filter((each) => each !== id),
    );
    const row = { organization_id, contact_id: contactId, tag_id: id };
    try {
      await ok(
        wanted ? client.from("contact_tags").insert(row) : client.from("contact_tags").delete().match(row),
      );
    } catch (error) {
      toast(t("failed", { problem: problemOf(error).message }), { tone: "danger" });
    }
    void queries.invalidateQueries({ queryKey: ["contact", contactId] });
  };
  const make = async (name: string) => {
    try {
      const tag = await ok(client.from("tags").insert({ organization_id, name }).select("id").single());
      await queries.invalidateQueries({ queryKey: ["tags", organization_id] });
      await set(tag.id, true);
    } catch (error) {
      toast(t("failed", { problem: problemOf(error).message }), { tone: "danger" });
    }
  };
  const mayChange = atLeast("agent");
  const shown = ids.map((id) => byId.get(id)).filter((tag) => tag !== undefined);
  return (
    <>
      <div className={styles.chips}>
        {shown.map((tag) => (
          <TagChip
            key={tag.id}
            name={tag.name}
            color={tag.color}
            {...(mayChange
              ? { remove: { label: t("removeTag", { tag: tag.name }), run: () => void set(tag.id, false) } }
              : {})}
          />
        ))}
        {mayChange && (
          <Picker
            open={open}
            onOpen={setOpen}
            multiple
            label={t("addTags")}
            placeholder={t("findTag")}
            none={t("findTag")}
            trigger={
              <Button small aria-label={t("addTags")}>
                <Plus size={15} aria-hidden />
              </Button>
            }
            choices={known.map((tag) => {
              const above = tag.parent_id ? byId.get(tag.parent_id)?.name : undefined;
              return {
                id: tag.id,
                label: tag.name,
                icon: <Dot color={tag.color} />,
                ...(above ? { hint: t("below", { tag: above }), also: above } : {}),
                checked: ids.includes(tag.id),
              };
            })}
            onPick={({ id }) => void set(id, !ids.includes(id))}
            making={{ label: (tag) => t("makeTag", { tag }), make: (name) => void make(name) }}
          />
        )}
      </div>
      {shown.length > 0 && <p className={styles.small}>{t("inheritedHint")}</p>}
    </>
  );
}
