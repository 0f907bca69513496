-- The help centre, as the public meets it: whose it is, and whether an article helped.

-- What is shown of the organization that a help centre belongs to. Its looks stand in its settings: `brand_color`, as
-- #rrggbb, and `logo_url`, a picture of the web; what is neither is left out. No row: there is no such organization, or
-- it shows nothing to the public.
create function private.help_centre(slug text) returns table (
  id uuid, name text, slug text, language text, brand_color text, logo_url text, takes_tickets boolean,
  asks_rating boolean
)
language sql stable security definer set search_path = '' rows 1 as $$
  select
    o.id, o.name, o.slug, o.language, substring(o.settings ->> 'brand_color' from '^#[0-9A-Fa-f]{6}$'),
    substring(o.settings ->> 'logo_url' from '^https://[^\s"''<>]+$'), portal.is_open,
    o.ask_csat_after is not null
  from public.organizations as o
  cross join lateral (select coalesce(o.settings ->> 'portal', 'true') <> 'false' as is_open) as portal
  where o.slug = help_centre.slug
    and (portal.is_open or exists (
      select from public.articles as a where a.organization_id = o.id and a.status = 'published'
    ));
$$;

create function public.help_centre(slug text) returns table (
  id uuid, name text, slug text, language text, brand_color text, logo_url text, takes_tickets boolean,
  asks_rating boolean
)
language sql stable set search_path = '' as $$
  select * from private.help_centre(help_centre.slug);
$$;

-- Did a published article help? The caller's word on what it says now, which they may change. Who is no contact says so
-- as a reader, by an id that their browser has made up and keeps; such words are many or few as somebody likes, so an
-- organization takes 60 a minute, and they are told apart by having no contact.
create function private.rate_article(article_id uuid, helpful boolean, comment text, reader uuid) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  article public.articles;
  contact uuid;
  wait integer;
  said constant text := left(btrim(coalesce(rate_article.comment, '')), 4000);
begin
  select a.* into article from public.articles as a where a.id = rate_article.article_id and a.status = 'published';
  if article.id is null then
    raise exception 'there is no article % to read', rate_article.article_id using errcode = 'PT404';
  elsif rate_article.helpful is null then
    raise exception 'say whether it helped' using errcode = '22023';
  end if;
  contact := private.my_contact_id(article.organization_id);
  if contact is not null then
    insert into public.article_feedback (organization_id, article_id, version_id, contact_id, helpful, comment)
    values (article.organization_id, article.id, article.current_version_id, contact, rate_article.helpful, said)
    on conflict (version_id, contact_id) do update set helpful = excluded.helpful, comment = excluded.comment;
    return;
  elsif rate_article.reader is null then
    raise exception 'a reader who is no contact says so by an id of theirs' using errcode = '22023';
  end if;
  wait := private.take_rate('feedback ' || article.organization_id, 60);
  if wait is not null then
    raise exception 'too much is said at once' using errcode = 'PT429', hint = format('Try again in %s s.', wait);
  end if;
  insert into public.article_feedback (organization_id, article_id, version_id, reader_id, helpful, comment)
  values (
    article.organization_id, article.id, article.current_version_id, rate_article.reader, rate_article.helpful, said
  )
  on conflict (version_id, reader_id) do update set helpful = excluded.helpful, comment = excluded.comment;
end;
$$;

create function public.rate_article(article_id uuid, helpful boolean, comment text default '', reader uuid default null)
returns void
language sql set search_path = '' as $$
  select private.rate_article(rate_article.article_id, rate_article.helpful, rate_article.comment, rate_article.reader);
$$;
