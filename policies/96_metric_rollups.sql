alter table private.unmeasured enable row level security;
alter table private.ticket_measures enable row level security;
alter table private.daily_metrics enable row level security;
