-- export_contact --
select private.export_contact(%(request_id)s) as data;

-- files_of_contact --
select f.folder, f.id, f.name, f.bucket, f.path from private.files_of_contact(%(request_id)s) as f;

-- sealed_of_contact --
select s.id, s.key, s.sealed, s.key_version from private.sealed_of_contact(%(request_id)s) as s;

-- raw_mail --
select r.raw from private.inbound_raw as r where r.inbound_mail_id = %(id)s;

-- keep_export --
select private.keep_export(%(request_id)s, %(files)s, %(manifest)s);

-- erase_contact --
select private.erase_contact(%(request_id)s) as goes_on;

-- erase_on --
select private.enqueue_own('privacy', jsonb_build_object('task', 'erasure', 'request_id', %(request_id)s::uuid));

-- doomed_files --
select d.id, d.bucket, d.path from private.doomed_files() as d;

-- files_removed --
select private.files_removed(%(removed)s);

-- sensitive_field --
select f.organization_id, f.field_id from private.sensitive_field(%(contact_id)s, %(key)s) as f;

-- keep_sensitive_field --
select private.keep_sensitive_field(
  %(contact_id)s, %(key)s, %(value_id)s, %(sealed)s, %(key_version)s, %(blind_index)s
);

-- forget_sensitive_field --
select private.forget_sensitive_field(%(contact_id)s, %(key)s);

-- read_sensitive_field --
select s.id, s.organization_id, s.sealed, s.key_version
from private.read_sensitive_field(%(contact_id)s, %(key)s) as s;

-- field_to_look_up --
select private.sensitive_field_to_look_up(%(organization_id)s, %(key)s) as field_id;

-- find_by_sensitive_field --
select private.find_by_sensitive_field(%(field_id)s, %(blind_indexes)s) as contact_ids;

-- sealed_by_old_keys --
select s.table_name, s.id, s.sealed, s.key_version, s.indexed_by
from private.sealed_by_old_keys(%(last_id)s, %(most)s) as s;

-- newest_key_at --
select k.created_at from private.data_keys as k where k.organization_id = %(organization_id)s
order by k.version desc limit 1;

-- reseal --
select private.reseal(
  %(table_name)s, %(id)s, %(old_sealed)s, %(sealed)s, %(key_version)s, %(blind_index)s
);

-- rotate_on --
select private.enqueue_own(
  'privacy', jsonb_build_object('task', 'rotate', 'version', %(version)s::integer, 'last_id', %(last_id)s::uuid)
);

-- retire_data_keys --
select private.retire_data_keys() as keys;
