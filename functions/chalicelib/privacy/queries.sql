-- export_contact --
select private.export_contact(%(request_id)s) as data;

-- files_of_contact --
select f.folder, f.id, f.name, f.bucket, f.path from private.files_of_contact(%(request_id)s) as f;

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
