-- claim_jobs --
select id, consumer, delay from private.claim_jobs(%(max)s);

-- mark_published --
select private.mark_published(%(ids)s);

-- release_jobs --
select private.release_jobs(%(ids)s);

-- maintain --
select private.maintain() as report;

-- enqueue_maintenance --
select private.enqueue_maintenance();

-- queue_status --
select * from private.queue_status();

-- alarm_status --
select kind, raised, last from private.alarm_status();

-- health --
select private.health() as health;
