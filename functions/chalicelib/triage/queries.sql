-- message --
select
  m.id, m.ticket_id, coalesce(nullif(m.reply_text, ''), m.body_text) as text, t.subject, o.language as organization_language,
  not exists (
    select from public.messages as earlier
    where earlier.ticket_id = m.ticket_id and earlier.sender = 'contact' and earlier.seq < m.seq
      and not earlier.is_machine and earlier.sender_status = 'known'
  ) as opens_ticket
from public.messages as m
join public.tickets as t on t.id = m.ticket_id
join public.organizations as o on o.id = m.organization_id
where m.id = %(message_id)s and m.sender = 'contact';

-- predict_category --
select category_id, confidence, evidence, abstain
from private.predict_category(%(organization_id)s, %(embedding)s::extensions.vector, %(lexical)s::extensions.sparsevec);

-- record_triage --
select private.record_triage(%(message_id)s, %(seen)s);

-- enqueue_reply --
select private.enqueue_own(
  'reply', jsonb_build_object('ticket_id', %(ticket_id)s::uuid, 'message_id', %(message_id)s::uuid),
  order_key => 'reply:' || %(ticket_id)s::uuid
);

-- examples_to_embed --
select id, text from public.triage_examples
where organization_id = %(organization_id)s and model is distinct from %(model)s
order by id
limit 500;

-- embed_examples --
update public.triage_examples as e
set embedding = n.embedding::extensions.vector(384), lexical = n.lexical::extensions.sparsevec(65536), model = %(model)s
from unnest(%(ids)s::uuid[], %(texts)s::text[], %(embeddings)s::text[], %(lexicals)s::text[])
  as n (id, text, embedding, lexical)
-- One that was edited in between is embedded by the next round.
where e.id = n.id and e.text = n.text;

-- examples --
select
  category_id, extensions.vector_send(embedding) as embedding, extensions.sparsevec_send(lexical) as lexical, now() as read_at
from public.triage_examples
where organization_id = %(organization_id)s and model = %(model)s
order by learned_at desc
limit %(most)s;

-- forget_head --
delete from private.triage_heads where organization_id = %(organization_id)s;

-- replace_head --
select private.replace_head(
  %(organization_id)s, %(model)s, %(examples)s, %(read_at)s, %(blend)s, %(categories)s::uuid[], %(weights)s::text[],
  %(biases)s::double precision[]
);
