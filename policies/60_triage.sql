grant execute on function private.predict_category(uuid, extensions.vector, extensions.sparsevec, integer)
to pgdesk_functions;
grant execute on function private.record_triage(uuid, jsonb) to pgdesk_functions;
grant execute on function private.replace_head(
  uuid, text, integer, timestamptz, jsonb, uuid[], text[], double precision[]
) to pgdesk_functions;
grant execute on function private.team_for_category(uuid, uuid) to pgdesk_functions;
grant execute on function private.confirm_category(uuid) to authenticated;
grant execute on function public.correct_triage(uuid, uuid, public.ticket_priority, uuid) to authenticated;

alter table public.triage_examples enable row level security;
grant select, delete, insert (organization_id, category_id, text), update (category_id, text)
on public.triage_examples to authenticated;
grant select, update (embedding, lexical, model) on public.triage_examples to pgdesk_functions;

create policy "Members see examples" on public.triage_examples
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Managers add examples" on public.triage_examples
for insert to authenticated with check (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers change examples" on public.triage_examples
for update to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Managers remove examples" on public.triage_examples
for delete to authenticated using (organization_id = any(array(select private.my_organizations('manager'))));
create policy "Functions see the examples they learn from" on public.triage_examples
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions embed the examples they learn from" on public.triage_examples
for update to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table private.triage_heads enable row level security;
grant select, insert, delete on private.triage_heads to pgdesk_functions;

create policy "Functions see the head they use" on private.triage_heads
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions add the head they fitted" on private.triage_heads
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions remove the head they replace" on private.triage_heads
for delete to pgdesk_functions using (organization_id = (select private.current_organization()));

alter table private.triage_weights enable row level security;
grant select, insert on private.triage_weights to pgdesk_functions;

create policy "Functions see the weights they use" on private.triage_weights
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions add the weights they fitted" on private.triage_weights
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));

alter table public.triage_results enable row level security;
grant select on public.triage_results to authenticated;
grant select, insert (
  organization_id, ticket_id, message_id, text, embedding, lexical, model, category_id, confidence, abstained, ranking,
  evidence, language, priority, sentiment, is_spam, wants_human, sensitive, injection, signals, ms
), update (
  text, embedding, lexical, model, category_id, confidence, abstained, ranking, evidence, language, priority, sentiment,
  is_spam, wants_human, sensitive, injection, signals, ms
) on public.triage_results to pgdesk_functions;

create policy "Members see what triage saw" on public.triage_results
for select to authenticated using (organization_id = any(array(select private.my_organizations())));
create policy "Functions see what triage saw for their organization" on public.triage_results
for select to pgdesk_functions using (organization_id = (select private.current_organization()));
create policy "Functions keep what triage saw for their organization" on public.triage_results
for insert to pgdesk_functions with check (organization_id = (select private.current_organization()));
create policy "Functions renew what triage saw for their organization" on public.triage_results
for update to pgdesk_functions using (organization_id = (select private.current_organization()));
