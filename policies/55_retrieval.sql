-- Search is reached through functions alone: they look at one organization's published articles.

alter table private.chunk_index enable row level security;
alter table private.postings enable row level security;

-- Which model an indexed passage is of: so that the same is not done twice.
grant select (chunk_id, organization_id, model) on private.chunk_index to pgdesk_functions;
create policy "Functions see what is indexed of the organization they work for" on private.chunk_index
for select to pgdesk_functions using (organization_id = (select private.current_organization()));

grant execute on function
  public.search_articles(uuid, text, extensions.vector, text, integer),
  private.search_chunks(uuid, text, extensions.vector, text, integer, integer)
to anon, authenticated;
grant execute on function private.search_own_chunks(text, text, text, integer, integer) to pgdesk_functions;
grant execute on function private.replace_chunks(
  uuid, uuid, text, text[], text[], text[], integer[], text[], text[]
) to pgdesk_functions;
grant execute on function private.is_indexed(uuid, text) to pgdesk_functions;
