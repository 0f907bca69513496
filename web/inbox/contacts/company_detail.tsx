import { useClient } from "@kit/api/client";
import { ok, problemOf } from "@kit/api/errors";
import { Avatar, Button, Empty, IconButton, Loaded, Section, TextField, useToast } from "@kit/ui";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Pencil, Trash2, X } from "lucide-react";
import { type FormEvent, useState } from "react";
import { Link, useNavigate } from "react-router";
import { useOrganization } from "../shell/organization";
import { nameOf } from "./contact";
import { CustomFields, useFields } from "./custom_fields";
import { EditCompany } from "./edit_company";
import { LoadMore } from "./load_more";
import styles from "./page.module.css";
import { useContactList } from "./use_contact_list";
import { useContactWords } from "./words";

export function CompanyDetail({ id }: { id: string }) {
  const t = useContactWords();
  const client = useClient();
  const { organization_id, atLeast } = useOrganization();
  const fields = useFields("company").data ?? [];
  const [edits, setEdits] = useState(false);
  const company = useQuery({
    queryKey: ["company", id, "row"],
    queryFn: () =>
      ok(
        client
          .from("companies")
          .select("id, name, description, fields, company_domains(domain)")
          .eq("organization_id", organization_id)
          .eq("id", id)
          .maybeSingle(),
      ),
  });
  return (
    <Loaded query={company} lines={6}>
      {(found) => {
        if (!found) return <Empty title={t("gone")} />;
        return (
          <>
            <div className={styles.head}>
              <div className={styles.add}>
                <h2>{found.name}</h2>
                {atLeast("agent") && (
                  <IconButton small label={t("edit")} onClick={() => setEdits(true)}>
                    <Pencil />
                  </IconButton>
                )}
                {atLeast("manager") && <Remove company={found} />}
              </div>
              {found.description && <p>{found.description}</p>}
              <Domains companyId={id} domains={found.company_domains.map(({ domain }) => domain)} />
            </div>
            {fields.length > 0 && (
              <Section name="company-fields" title={t("fields")}>
                <CustomFields target="company" id={id} values={found.fields as Record<string, unknown>} />
              </Section>
            )}
            <Section name="company-contacts" title={t("contactsOf")}>
              <Belonging companyId={id} />
            </Section>
            {edits && <EditCompany company={found} onClose={() => setEdits(false)} />}
          </>
        );
      }}
    </Loaded>
  );
}

function Remove({ company }: { company: { id: string; name: string } }) {
  const t = useContactWords();
  const client = useClient();
  const queries = useQueryClient();
  const toast = useToast();
  const navigate = useNavigate();
  const { organization_id, slug } = useOrganization();
  const [sure, setSure] = useState(false);
  const remove = async () => {
    try {
      await ok(client.from("companies").delete().eq("id", company.id));
      void queries.invalidateQueries({ queryKey: ["companies", organization_id] });
      toast(t("companyRemoved"));
      navigate(`/${slug}/contacts/companies`);
    } catch (error) {
      toast(t("failed", { problem: problemOf(error).message }), { tone: "danger" });
    }
  };
  // It cannot be undone, so it takes a second press.
  return sure ? (
    <Button small look="danger" onClick={() => void remove()} onBlur={() => setSure(false)}>
      {t("removeCompany")}
    </Button>
  ) : (
    <IconButton small label={t("removeCompany")} onClick={() => setSure(true)}>
      <Trash2 />
    </IconButton>
  );
}

function Domains({ companyId, domains }: { companyId: string; domains: string[] }) {
  const t = useContactWords();
  const client = useClient();
  const queries = useQueryClient();
  const { organization_id, atLeast } = useOrganization();
  const [domain, setDomain] = useState("");
  const [problem, setProblem] = useState<string>();
  const attempt = async (write: () => PromiseLike<unknown>) => {
    try {
      await write();
      setProblem(undefined);
      setDomain("");
    } catch (error) {
      setProblem(problemOf(error).message);
    }
    void queries.invalidateQueries({ queryKey: ["company", companyId] });
    void queries.invalidateQueries({ queryKey: ["companies", organization_id] });
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const row = { organization_id, company_id: companyId, domain: domain.trim().toLowerCase() };
    void attempt(() => ok(client.from("company_domains").insert(row)));
  };
  return (
    <>
      <ul className={styles.chips} aria-label={t("domains")}>
        {domains.map((each) => (
          <li key={each} className={styles.chip}>
            {each}
            {atLeast("agent") && (
              <IconButton
                small
                label={t("removeDomain", { domain: each })}
                onClick={() =>
                  void attempt(() =>
                    ok(client.from("company_domains").delete().match({ organization_id, domain: each })),
                  )
                }
              >
                <X />
              </IconButton>
            )}
          </li>
        ))}
      </ul>
      {atLeast("agent") && (
        <form className={styles.add} onSubmit={submit}>
          <TextField
            label={t("addDomain")}
            hideLabel
            hint={t("domainHint")}
            placeholder="acme.example"
            error={problem}
            value={domain}
            required
            onChange={({ target }) => setDomain(target.value)}
          />
          <Button type="submit">{t("addDomain")}</Button>
        </form>
      )}
    </>
  );
}

function Belonging({ companyId }: { companyId: string }) {
  const t = useContactWords();
  const { slug } = useOrganization();
  const list = useContactList("", companyId);
  if (!list.isPending && list.rows.length === 0) return <p className={styles.muted}>{t("noneThere")}</p>;
  return (
    <>
      <ul>
        {list.rows.map((each) => (
          <li key={each.id}>
            <Link className={styles.row} to={`/${slug}/contacts/${each.id}`}>
              <Avatar name={nameOf(each)} />
              <div>
                <span className={styles.line}>{nameOf(each)}</span>
                <span className={`${styles.line} ${styles.muted}`}>{each.email}</span>
              </div>
            </Link>
          </li>
        ))}
      </ul>
      <LoadMore pages={list} />
    </>
  );
}
