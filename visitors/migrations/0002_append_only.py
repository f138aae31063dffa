"""The consent ledger is append-only: PostgreSQL refuses to change a line. Deleting stays possible, for a store that left.

One change it allows: at a person's erasure a line loses whatever may name him (reason, page, network) and nothing else.
"""

from django.db import migrations

FORWARD = """
CREATE FUNCTION visitors_consent_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    nameable CONSTANT text[] := ARRAY['reason', 'page', 'network'];
BEGIN
    IF NEW.reason = '' AND NEW.page = '' AND NEW.network = ''
        AND to_jsonb(NEW) - nameable = to_jsonb(OLD) - nameable THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the consent ledger is append-only' USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER visitors_consent_append_only BEFORE UPDATE ON visitors_consent
    FOR EACH ROW EXECUTE FUNCTION visitors_consent_is_append_only();
"""
BACKWARD = """
DROP TRIGGER visitors_consent_append_only ON visitors_consent;
DROP FUNCTION visitors_consent_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("visitors", "0001_contacts")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
