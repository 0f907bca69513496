grant execute on function public.accept_draft(uuid, integer, text) to authenticated;
grant execute on function public.reject_draft(uuid, text) to authenticated;
grant execute on function private.record_draft(uuid, uuid, integer, text, text, text[], real, text, jsonb)
to pgdesk_functions;
grant execute on function private.hold_passages(uuid[]) to pgdesk_functions;
grant execute on function private.model_cost_today() to pgdesk_functions;
grant execute on function private.reply_case(uuid) to pgdesk_functions;

alter table public.ai_executions enable row level security;
grant select on public.ai_executions to authenticated, pgdesk_functions;
grant insert (organization_id, ticket_id, purpose, model, status, tokens_in, tokens_out, cost_usd, ms, error)
on public.ai_executions to pgdesk_functions;

create policy "Managers see what the AI did and cost" on public.ai_executions
for select to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see the executions they work for" on public.ai_executions
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions record executions they work for" on public.ai_executions
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));

alter table public.drafts enable row level security;
grant select, update (status, sent_message_id) on public.drafts to authenticated;
grant select, insert (
  organization_id, ticket_id, message_id, seen_seq, decision, reasons, confidence, source, body_text
), update (status, sent_message_id) on public.drafts to pgdesk_functions;

create policy "Members see drafts" on public.drafts
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
-- A decision is final, and one that something was sent names what its maker has sent.
create policy "Agents decide on drafts" on public.drafts
for update to authenticated using (
  organization_id = any(array(select private.my_organizations('agent'))) and status in ('open', 'stale', 'superseded')
) with check (
  organization_id = any(array(select private.my_organizations('agent')))
  and (
    status in ('open', 'stale', 'superseded', 'rejected')
    or status in ('accepted', 'edited') and exists (
      select from public.messages as m
      where m.organization_id = drafts.organization_id and m.id = drafts.sent_message_id
        and m.ticket_id = drafts.ticket_id and m.member_id = (select auth.uid())
    )
  )
);
create policy "Functions see the drafts they work for" on public.drafts
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions write drafts they work for" on public.drafts
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions put aside drafts they work for" on public.drafts
for update to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table public.draft_citations enable row level security;
grant select on public.draft_citations to authenticated, pgdesk_functions;
grant insert (organization_id, draft_id, ordinal, sentence, chunk_id, version_id, article_id, support)
on public.draft_citations to pgdesk_functions;

create policy "Members see what a draft rests on" on public.draft_citations
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Functions see the citations they work for" on public.draft_citations
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions cite for the organization they work for" on public.draft_citations
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));

alter table public.draft_feedback enable row level security;
grant select, insert (organization_id, draft_id, member_id, verdict, final_text, comment) on public.draft_feedback
to authenticated;
grant select on public.draft_feedback to pgdesk_functions;

create policy "Members see feedback on drafts" on public.draft_feedback
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Agents give feedback as themselves" on public.draft_feedback
for insert to authenticated with check (
  organization_id = any(array(select private.my_organizations('agent'))) and member_id = (select auth.uid())
);
create policy "Functions learn from feedback they work for" on public.draft_feedback
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
