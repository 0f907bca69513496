-- steps --
-- From the acceptance of each mail to the draft of its answer, by the database's clock.
select
  i.id, i.message_id,
  extract(epoch from d.created_at - i.created_at) * 1000 as drafted_ms, t.is_spam
from public.inbound_mails as i
join public.tickets as t on t.id = i.ticket_id
left join public.drafts as d on d.message_id = i.message_id
where i.outcome = 'new_ticket' and i.sender like '%@bench.example';
