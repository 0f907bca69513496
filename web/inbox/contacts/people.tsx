import { Empty, IconButton, Loaded } from "@kit/ui";
import { ArrowLeft, Contact as ContactIcon } from "lucide-react";
import { useRef, useState } from "react";
import { useNavigate, useParams } from "react-router";
import { useCommands } from "../commands/registry";
import { useOrganization } from "../shell/organization";
import { useContact } from "./contact";
import { ContactDetail } from "./contact_detail";
import { ContactList } from "./contact_list";
import styles from "./page.module.css";
import { type Found, useContactList } from "./use_contact_list";
import { useContactWords } from "./words";

/** Everybody who is a contact, and one of them. */
export function People() {
  const t = useContactWords();
  const { contact: id } = useParams();
  const { slug } = useOrganization();
  const navigate = useNavigate();
  const [query, setQuery] = useState("");
  const list = useContactList(query.trim());
  const search = useRef<HTMLInputElement>(null);
  const step = (by: number) => {
    const at = list.rows.findIndex((each) => each.id === id);
    const next: Found | undefined = list.rows[at === -1 ? 0 : at + by];
    if (next) navigate(`/${slug}/contacts/${next.id}`);
  };
  const group = t("title");
  useCommands([
    { id: "contacts.search", label: t("search"), keys: "/", group, run: () => search.current?.focus() },
    { id: "contacts.next", label: t("next"), keys: "j", group, run: () => step(1) },
    { id: "contacts.previous", label: t("previous"), keys: "k", group, run: () => step(-1) },
  ]);
  return (
    <div className={styles.split} data-open={id ? "detail" : "list"}>
      <ContactList list={list} query={query} onQuery={setQuery} searchRef={search} chosen={id} />
      <div className={styles.detail}>
        {id ? (
          <>
            <div className={styles.back}>
              <IconButton label={t("back")} onClick={() => navigate(`/${slug}/contacts`)}>
                <ArrowLeft className="mirrored" />
              </IconButton>
            </div>
            <Chosen key={id} id={id} />
          </>
        ) : (
          <Empty title={t("choose")} icon={<ContactIcon />} />
        )}
      </div>
    </div>
  );
}

function Chosen({ id }: { id: string }) {
  const t = useContactWords();
  const contact = useContact(id);
  return (
    <Loaded query={contact} lines={8}>
      {(found) =>
        found ? <ContactDetail contact={found} /> : <Empty title={t("gone")}>{t("goneHint")}</Empty>
      }
    </Loaded>
  );
}
