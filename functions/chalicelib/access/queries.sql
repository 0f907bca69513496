-- open_api_key --
select * from private.open_api_key(%(sha256)s);

-- open_widget --
select * from private.open_widget(%(widget_id)s, %(origin)s);

-- greet_visitor --
select private.greet_visitor(%(visitor_id)s, %(widget_id)s, %(email)s) as contact_id;

-- administered_widget --
select private.administered_widget(%(widget_id)s) as organization_id;

-- set_widget_secret --
select private.set_widget_secret(%(widget_id)s, %(secret_id)s, %(sealed)s, %(key_version)s);
