import { useClient } from "@kit/api/client";
import { ok } from "@kit/api/errors";
import { Empty, IconButton, Loaded, TextField } from "@kit/ui";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { ArrowLeft, Building2 } from "lucide-react";
import { useDeferredValue, useRef, useState } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { useCommands } from "../commands/registry";
import { useOrganization } from "../shell/organization";
import { CompanyDetail } from "./company_detail";
import { LoadMore } from "./load_more";
import styles from "./page.module.css";
import { useContactWords } from "./words";

const PAGE = 50;

function useCompanyList(typed: string) {
  const client = useClient();
  const { organization_id } = useOrganization();
  const query = useDeferredValue(typed);
  return useInfiniteQuery({
    queryKey: ["companies", organization_id, "list", query],
    placeholderData: keepPreviousData,
    initialPageParam: null as string | null,
    queryFn: ({ pageParam: after }) => {
      let rows = client
        .from("companies")
        .select("id, name, company_domains(domain)")
        .eq("organization_id", organization_id)
        .order("id", { ascending: false })
        .limit(PAGE);
      if (query) rows = rows.ilike("name", `%${query.replaceAll(/[%_\\]/g, "\\$&")}%`);
      if (after) rows = rows.lt("id", after);
      return ok(rows);
    },
    getNextPageParam: (last) => (last.length === PAGE ? last.at(-1)?.id : null),
  });
}

export function Companies() {
  const t = useContactWords();
  const { company } = useParams();
  const { slug } = useOrganization();
  const navigate = useNavigate();
  const [query, setQuery] = useState("");
  const list = useCompanyList(query.trim());
  const search = useRef<HTMLInputElement>(null);
  useCommands([
    {
      id: "companies.search",
      label: t("searchCompanies"),
      keys: "/",
      group: t("companies"),
      run: () => search.current?.focus(),
    },
  ]);
  const base = `/${slug}/contacts/companies`;
  return (
    <div className={styles.split} data-open={company ? "detail" : "list"}>
      <div className={styles.list}>
        <div className={styles.search}>
          <TextField
            ref={search}
            label={t("searchCompanies")}
            hideLabel
            type="search"
            placeholder={t("searchCompanies")}
            value={query}
            onChange={({ target }) => setQuery(target.value)}
          />
        </div>
        <div className={styles.rows}>
          <Loaded query={list} lines={8}>
            {({ pages }) =>
              pages[0]?.length === 0 ? (
                <Empty title={query ? t("nobodyFound") : t("noCompanies")} icon={<Building2 />}>
                  {!query && t("noCompaniesHint")}
                </Empty>
              ) : (
                <>
                  {pages.flat().map((each) => (
                    <Link
                      key={each.id}
                      className={styles.row}
                      to={`${base}/${each.id}`}
                      aria-current={each.id === company ? "page" : undefined}
                    >
                      <Building2 size={18} aria-hidden />
                      <div>
                        <span className={styles.line}>{each.name}</span>
                        <span className={`${styles.line} ${styles.muted}`}>
                          {each.company_domains.map(({ domain }) => domain).join(", ")}
                        </span>
                      </div>
                    </Link>
                  ))}
                  <LoadMore pages={list} />
                </>
              )
            }
          </Loaded>
        </div>
      </div>
      <div className={styles.detail}>
        {company ? (
          <>
            <div className={styles.back}>
              <IconButton label={t("back")} onClick={() => navigate(base)}>
                <ArrowLeft className="mirrored" />
              </IconButton>
            </div>
            <CompanyDetail key={company} id={company} />
          </>
        ) : (
          <Empty title={t("chooseCompany")} icon={<Building2 />} />
        )}
      </div>
    </div>
  );
}
