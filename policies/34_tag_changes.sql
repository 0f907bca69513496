grant execute on function private.merge_tags(uuid, uuid) to authenticated;
grant execute on function public.merge_tags(uuid, uuid) to authenticated;
grant execute on function private.delete_tag(uuid) to authenticated;
grant execute on function public.delete_tag(uuid) to authenticated;
