-- case --
select %(message_id)s::uuid as message_id, c.* from private.reply_case(%(message_id)s) as c;

-- cost_today --
select private.model_cost_today() as usd;

-- record_execution --
insert into public.ai_executions (
  organization_id, ticket_id, purpose, model, status, tokens_in, tokens_out, cost_usd, ms, error
) values (
  %(organization_id)s, %(ticket_id)s, 'reply', %(model)s, %(status)s, %(tokens_in)s, %(tokens_out)s, %(cost_usd)s,
  %(ms)s, %(error)s
);

-- record_draft --
select draft_id, decided, because from private.record_draft(
  %(ticket_id)s, %(message_id)s, %(seen_seq)s, %(body)s, %(decision)s, %(reasons)s::text[], %(confidence)s::real,
  %(source)s, %(citations)s::jsonb
);

-- tell_reply --
select private.tell_reply(%(ticket_id)s, %(event)s, %(payload)s::jsonb);
