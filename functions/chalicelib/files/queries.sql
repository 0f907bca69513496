-- file_to_inspect --
select f.storage_path, f.kept_as, f.file_types from private.file_to_inspect(%(attachment_id)s) as f;

-- file_inspected --
select private.file_inspected(
  %(attachment_id)s, %(verdict)s, %(because)s, %(detected_type)s, %(bytes)s, %(sha256)s, %(thumbnail_path)s
);
