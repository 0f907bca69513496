-- The public reads and has a word; what it may see of an organization is what help_centre() tells.
grant execute on function private.help_centre(text) to anon, authenticated;
grant execute on function public.help_centre(text) to anon, authenticated;
grant execute on function private.rate_article(uuid, boolean, text, uuid) to anon, authenticated;
grant execute on function public.rate_article(uuid, boolean, text, uuid) to anon, authenticated;
