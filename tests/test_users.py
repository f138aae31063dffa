"""People: their address is who they are."""

import pytest
from django.contrib.auth import authenticate
from django.db import IntegrityError

from core.models import User


class TestUser:
    def test_an_email_is_kept_in_lower_case(self, db: None) -> None:
        assert User.objects.create_user("  Sara@Example.COM ", "x").email == "sara@example.com"

    def test_a_form_lowers_it_too(self, db: None) -> None:
        person = User(email="Sara@Example.COM", password="x")
        person.full_clean()
        assert person.email == "sara@example.com"

    def test_the_database_refuses_upper_case(self, db: None) -> None:
        with pytest.raises(IntegrityError, match="core_user_email_is_lower_case"):
            User.objects.bulk_create([User(email="Sara@example.com")])

    def test_an_email_is_one_persons(self, db: None) -> None:
        User.objects.create_user("sara@example.com")
        with pytest.raises(IntegrityError, match="core_user_email_key"):
            User.objects.create_user("SARA@example.com")

    def test_people_sign_in_however_they_write_it(self, db: None) -> None:
        person = User.objects.create_user("sara@example.com", "long enough")
        assert authenticate(username=" SARA@Example.com ", password="long enough") == person
        assert authenticate(username="sara@example.com", password="Long enough") is None
        assert User.objects.get_by_natural_key("SARA@EXAMPLE.COM") == person
        with pytest.raises(User.DoesNotExist):
            User.objects.get_by_natural_key(None)

    def test_without_a_password_nobody_signs_in(self, db: None) -> None:
        person = User.objects.create_user("sara@example.com")
        assert person.has_usable_password() is False
        assert (person.is_staff, person.is_superuser, person.is_active) == (False, False, True)

    def test_a_superuser_is_staff(self, db: None) -> None:
        person = User.objects.create_superuser("root@example.com")
        assert (person.is_staff, person.is_superuser) == (True, True)
