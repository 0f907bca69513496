-- begin --
select url, is_ordered from private.begin_webhooks(%(endpoint_id)s, %(worker)s);

-- secrets --
-- Those that sign now, the newest first.
select id, sealed, key_version from private.webhook_secrets
where endpoint_id = %(endpoint_id)s and (expires_at is null or expires_at > now())
order by created_at desc, id;

-- claim --
select id, event_type, payload, tries, trace_id, created_at
from private.claim_webhooks(%(endpoint_id)s, %(worker)s, %(in_hand)s, %(room)s);

-- record --
select private.record_webhooks(%(endpoint_id)s, %(worker)s, %(attempts)s, %(is_last)s, %(trouble)s);

-- check_admin --
select private.check_webhook_admin(%(organization_id)s);

-- administered --
select private.administered_webhook(%(endpoint_id)s) as organization_id;

-- add --
select e.* from private.add_webhook_endpoint(
  %(organization_id)s, %(url)s, %(description)s, %(event_types)s, %(is_ordered)s, %(has_data)s, %(secret_id)s,
  %(sealed)s, %(key_version)s
) as e;

-- rotate --
select private.rotate_webhook_secret(%(endpoint_id)s, %(secret_id)s, %(sealed)s, %(key_version)s) as expires_at;
