"""People from another tool: checked row by row, brought in whole or not at all, and back again within a day."""

import csv
import io
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.utils import translation

from core import clock
from core.models import Membership, Merchant, User
from events.models import Event
from tests import contacts as people
from tests.conftest import facts_of, work
from visitors import consents, imports, suppressions
from visitors.consents import Source, Words, may_send
from visitors.contacts import stop_all
from visitors.handlers import forget_old_imports
from visitors.models import Contact, ContactImport, Purpose, Suppression
from visitors.tasks import import_contacts

ROLES = Membership.Role
STATED = {
    "where": "نموذج النشرة في متجرنا السابق", "when": "2023–2025", "words": "أوافق على استلام العروض",
    "channels": ["email", "sms"], "is_true": "on",
}  # fmt: skip


class Team:
    """Somebody of the store's team, with a file in his hand."""

    def __init__(self, merchant: Merchant, role: ROLES = ROLES.EDITOR) -> None:
        self.merchant = merchant
        self.user = User.objects.create_user(f"{role}-{merchant.salla_id}@example.com", name="سارة")
        Membership.objects.create(user=self.user, merchant=merchant, role=role)
        self.client = Client(headers={"accept-language": "en"})
        self.client.force_login(self.user)
        self.home = f"/stores/{merchant.public_id}/contacts/"

    def upload(self, content: bytes | str, kind: str = "contacts", name: str = "people.csv") -> Any:
        file = SimpleUploadedFile(name, content.encode() if isinstance(content, str) else content)
        return self.client.post(f"{self.home}import/", {"kind": kind, "file": file})

    def checked(self, content: str, *columns: str, kind: str = "contacts", **stated: Any) -> str:
        """The address of a file whose columns were chosen and whose rows were checked."""
        address = self.upload(content, kind).headers["Location"]
        data = {**(STATED if kind == "contacts" else {}), **stated}
        data |= {f"column_{place}": role for place, role in enumerate(columns)}
        assert self.client.post(address, data).status_code == 302
        import_contacts()
        return str(address)

    def brought_in(self, content: str, *columns: str, **stated: Any) -> str:
        address = self.checked(content, *columns, **stated)
        assert self.client.post(f"{address}go/").status_code == 302
        import_contacts()
        return address

    def text(self, address: str) -> str:
        response = self.client.get(address)
        assert response.status_code == 200
        return str(response.content.decode())

    def file(self, address: str, **data: str) -> list[list[str]]:
        response: Any = self.client.post(address, {"as": "csv", **data})
        assert response.status_code == 200
        return list(csv.reader(io.StringIO(response.getvalue().decode().removeprefix("\ufeff"), newline="")))

    @property
    def row(self) -> ContactImport:
        return self.merchant.contact_imports.latest("pk")

    def verdicts(self) -> list[str]:
        letters = bytes(self.row.verdicts).decode()
        return [letters[place : place + 2] for place in range(0, len(letters), 2)]

    def contacts(self) -> list[str]:
        return sorted(self.merchant.contacts.values_list("value", flat=True))


@pytest.fixture
def team(merchant: Merchant) -> Team:
    return Team(merchant)


# One row, one person


def test_who_stands_in_one_row_is_erased_and_given_out_as_one(team: Team) -> None:
    team.brought_in("cust7@example.com,0501234567\ncust8@example.com,0501234568\n", "email", "phone")
    contact = team.merchant.contacts.get(value="cust7@example.com")
    address = f"{team.home}{contact.public_id}/"
    held = team.client.get(f"{address}file/").json()["contacts"]
    assert [row["value"] for row in held] == ["cust7@example.com", "+966501234567"]
    question = team.text(f"{address}erase/")
    assert ("+966501234567" in question, "+966501234568" in question) == (True, False)
    assert team.client.post(f"{address}erase/").status_code == 302
    assert list(team.merchant.contacts.filter(erased_at=None).order_by("pk").values_list("value", flat=True)) == [
        "cust8@example.com",
        "+966501234568",
    ]
    assert team.merchant.contacts.filter(pair=None).count() == 2
    found = team.text(f"{team.home}?q=0501234567")
    assert "No contact is like this" in found
    assert suppressions.reasons(team.merchant, value="+966501234567", channel="sms") == {"erased"}


def pairs_of(merchant: Merchant) -> list[list[str]]:
    found: dict[Any, list[str]] = {}
    for row in merchant.contacts.exclude(pair=None).order_by("pk"):
        found.setdefault(row.pair, []).append(row.value)
    return list(found.values())


def test_a_number_in_every_row_joins_nobody_else(team: Team) -> None:
    team.brought_in("a@example.com,0501234567\nb@example.com,0501234567\n", "email", "phone")
    assert pairs_of(team.merchant) == [["a@example.com", "+966501234567"]]


def test_a_companion_of_before_stays_and_a_lost_one_is_replaced(team: Team) -> None:
    team.brought_in("a@example.com,0501234567\n", "email", "phone")
    team.brought_in("a@example.com,0501234568\n", "email", "phone")
    assert pairs_of(team.merchant) == [["a@example.com", "+966501234567"]]
    team.merchant.contacts.get(value="+966501234567").delete()
    team.brought_in("a@example.com,0501234568\n", "email", "phone")
    assert pairs_of(team.merchant) == [["a@example.com", "+966501234568"]]


def test_what_was_brought_in_is_said_by_kind_and_leads_to_the_contacts(team: Team) -> None:
    address = team.brought_in("a@example.com,0501234567\nb@example.com,\nb@example.com,1\n", "email", "phone")
    shown = team.text(address)
    said = (
        '<p>Of <bdi dir="ltr">3</bdi> rows: <bdi dir="ltr">2</bdi> e-mail addresses and <bdi dir="ltr">1</bdi> mobile'
    )
    assert "<b>The file is brought in</b>" in shown
    assert said in shown.replace("\n", "")
    assert f'<a href="{team.home}?source=import">See the contacts</a>' in shown


def test_two_customers_of_salla_stay_two(team: Team) -> None:
    team.merchant.customers.create(salla_id=1, email="a@example.com", source_updated_at=clock.now())
    team.merchant.customers.create(salla_id=2, phone="+966501234567", source_updated_at=clock.now())
    team.brought_in("a@example.com,0501234567\n", "email", "phone")
    assert pairs_of(team.merchant) == []


# The way in


def test_a_file_from_upload_to_ledger(team: Team) -> None:
    merchant = team.merchant
    merchant.customers.create(salla_id=77, email="sara@example.com", source_updated_at=clock.now())
    address = team.upload("Email,Name,Phone\nSara@Example.com,سارة,0501234567\nnora@example.com,نورة,\n").headers[
        "Location"
    ]
    shown = team.text(address)
    assert '<option value="email" selected>' in shown
    assert "Sara@Example.com" in shown
    assert (
        bytes(team.row.content)
        == "Email,Name,Phone\nSara@Example.com,سارة,0501234567\nnora@example.com,نورة,\n".encode()
    )
    columns = {"column_0": "email", "column_1": "name", "column_2": "phone"}
    team.client.post(address, {**STATED, **columns})
    assert 'hx-trigger="every 2s"' in team.text(address)
    import_contacts()
    assert (team.row.step, team.verdicts(), merchant.contacts.count()) == ("checked", ["nn", "n-"], 0)
    assert "Bring in 3" in team.text(address)
    team.client.post(f"{address}go/")
    import_contacts()
    columns_read = ("kind", "value", "name", "customer_salla_id", "verified_at", "source")
    assert list(merchant.contacts.order_by("pk").values_list(*columns_read)) == [
        ("email", "sara@example.com", "سارة", 77, None, "import"),
        ("phone", "+966501234567", "سارة", None, None, "import"),
        ("email", "nora@example.com", "نورة", None, None, "import"),
    ]  # fmt: skip
    assert people.ledger(merchant) == [
        ("marketing", "email", "declared_by_merchant", "import"),
        ("marketing", "sms", "declared_by_merchant", "import"),
        ("marketing", "email", "declared_by_merchant", "import"),
    ]
    line = merchant.consents.first()
    assert line is not None
    assert (line.text, line.page) == (STATED["words"], f"{STATED['where']} · {STATED['when']}")
    assert facts_of(merchant) == [
        ("contacts.imported", f"import:{team.row.pk}", {"import_id": team.row.pk, "count": 3})
    ]
    assert [each.detail for each in merchant.activities.filter(what="contacts.imported")] == ["3"]
    assert team.row.content is None
    assert "The file itself is deleted." in team.text(address)


def test_only_a_promotion_that_was_agreed_to_may_be_sent(team: Team) -> None:
    team.brought_in("email,phone\na@example.com,0501234567\n", "email", "phone")
    email, phone = team.merchant.contacts.order_by("pk")
    assert may_send(team.merchant, email, purpose=Purpose.MARKETING) is None
    assert may_send(team.merchant, phone, purpose=Purpose.MARKETING, channel="sms") is None
    assert may_send(team.merchant, phone, purpose=Purpose.MARKETING, channel="whatsapp") == "no_consent"
    assert may_send(team.merchant, email, purpose=Purpose.REMINDERS) == "no_consent"


def test_every_row_has_its_verdict(team: Team) -> None:
    merchant = team.merchant
    people.subscribed(merchant, "agreed@example.com")
    stopped = people.subscribed(merchant, "stopped@example.com")
    stop_all(merchant, stopped, words=Words(Source.CENTRE))
    left = people.subscribed(merchant, "left@example.com")
    consents.withdraw(merchant, left, words=Words(Source.UNSUBSCRIBE))
    people.ask(merchant, "asked@example.com")
    bounced = Suppression.Reason.BOUNCED
    suppressions.suppress(merchant, value="+966501234567", channels=["sms"], reason=bounced)
    rows = {
        "new@example.com,": "n-", "NEW@example.com ,": "d-", "agreed@example.com,": "s-", "asked@example.com,": "k-",
        "stopped@example.com,": "x-", "left@example.com,": "w-", "nobody,": "b-", "x@mailinator.com,": "t-",
        "two@example.com,0501234567": "nx", ",٠٥٥١٢٣٤٥٦٧": "-n", ",123": "-b", ",+44 20 7946 0958": "-n",
    }  # fmt: skip
    before = people.ledger(merchant)
    address = team.checked("email,phone\n" + "\n".join(rows), "email", "phone")
    assert dict(zip(rows, team.verdicts(), strict=True)) == rows
    assert (team.row.counts["n"], team.row.counts["b"], "-" in team.row.counts) == (4, 2, False)
    shown = team.text(address)
    for words in ("Not valid", "Stands in an earlier row", "Unsubscribed here: left out", "Lasts for minutes only"):
        assert words in shown
    assert people.ledger(merchant) == before
    team.client.post(f"{address}go/")
    import_contacts()
    assert team.verdicts() == list(rows.values())
    for value in ("stopped@example.com", "left@example.com"):
        contact = merchant.contacts.get(value=value)
        assert may_send(merchant, contact, purpose=Purpose.MARKETING) in {"suppressed", "withdrawn"}
        assert not contact.consents.filter(state="declared_by_merchant").exists()
    assert merchant.contacts.get(value="asked@example.com").consents.count() == 1
    assert suppressions.reasons(merchant, value="stopped@example.com", channel="email") == {"stopped"}


def test_the_report_names_each_row_while_the_file_is_there(team: Team) -> None:
    address = team.checked("email,phone\n=cmd|x,123\na@example.com,\na@example.com,", "email", "phone")
    rows = team.file(f"{address}report/")
    assert rows[0] == ["Row", "E-mail", "What becomes of it", "Phone", "What becomes of it"]
    assert rows[1:] == [
        ["2", "'=cmd|x", "Not valid", "123", "Not valid"],
        ["3", "a@example.com", "New", "", "Empty"],
        ["4", "a@example.com", "Stands in an earlier row", "", "Empty"],
    ]
    team.client.post(f"{address}go/")
    import_contacts()
    assert [row[:3] for row in team.file(f"{address}report/")[1:]] == [
        ["2", "", "Not valid"], ["3", "", "New"], ["4", "", "Stands in an earlier row"],
    ]  # fmt: skip
    assert team.client.post(f"{address}report/", {"as": "exe"}).status_code == 404


def test_rows_may_say_for_themselves_where_they_agreed(team: Team) -> None:
    content = "email,source,date,text\na@example.com,متجر جدة,2024-01-01,نعم أوافق\nb@example.com,,,\n"
    columns = ("email", "where", "when", "words")
    team.brought_in(content, *columns, where="", when="", words="")
    assert team.verdicts() == ["n-", "c-"]
    line = team.merchant.consents.get()
    assert (line.contact.value, line.text, line.page) == ("a@example.com", "نعم أوافق", "متجر جدة · 2024-01-01")
    team.brought_in(content, *columns)
    assert team.verdicts() == ["s-", "n-"]
    assert team.merchant.consents.latest("pk").text == STATED["words"]


def test_a_file_of_people_who_want_nothing(team: Team) -> None:
    merchant = team.merchant
    contact = people.subscribed(merchant, "agreed@example.com")
    suppressions.suppress(merchant, value="known@example.com", channels=["email"], reason=Suppression.Reason.STOPPED)
    content = "agreed@example.com,0501234567\nknown@example.com,\nnobody,123\nagreed@example.com,\n"
    team.brought_in(content, "email", "phone", kind="suppressions")
    assert team.verdicts() == ["nn", "s-", "bb", "d-"]
    assert may_send(merchant, contact, purpose=Purpose.MARKETING) == "suppressed"
    assert suppressions.channels_by_value(merchant, ["+966501234567"]) == {"+966501234567": {"sms", "whatsapp"}}
    assert team.contacts() == ["agreed@example.com"]
    assert team.row.has_names is False
    # What is brought in later brings nobody back.
    team.brought_in("agreed@example.com,0501234567\n", "email", "phone")
    assert team.verdicts() == ["xx"]


# Whole or not at all


def test_nothing_is_half_brought_in(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("visitors.import_rows.AT_ONCE", 10)
    address = team.checked("\n".join(f"shopper{number}@example.com" for number in range(40)), "email")
    written: list[int] = []
    suppress, real = suppressions.channels_by_value, suppressions.channels_by_value

    def fails_late(merchant: Merchant, values: Any) -> Any:
        written.append(merchant.contacts.count())
        if len(written) == 3:
            raise OSError("the disk is full")
        return real(merchant, values)

    monkeypatch.setattr(suppressions, "channels_by_value", fails_late)
    team.client.post(f"{address}go/")
    import_contacts()
    assert written == [0, 10, 20]
    assert (team.merchant.contacts.count(), team.merchant.consents.count()) == (0, 0)
    assert (team.row.step, team.row.state) == ("running", "waiting")
    monkeypatch.setattr(suppressions, "channels_by_value", suppress)
    with time_machine.travel(clock.now() + timedelta(minutes=5)):
        import_contacts()
    assert (team.merchant.contacts.count(), team.merchant.consents.count(), team.row.step) == (40, 40, "done")


def test_what_happens_between_the_check_and_the_import_counts(team: Team) -> None:
    merchant = team.merchant
    address = team.checked("email\nsara@example.com\nnora@example.com", "email")
    contact = people.subscribed(merchant, "sara@example.com")
    stop_all(merchant, contact, words=Words(Source.UNSUBSCRIBE))
    team.client.post(f"{address}go/")
    import_contacts()
    assert team.verdicts() == ["x-", "n-"]
    assert may_send(merchant, contact, purpose=Purpose.MARKETING) == "suppressed"


def test_a_step_is_taken_once(team: Team) -> None:
    address = team.brought_in("email\na@example.com", "email")
    response = team.client.post(f"{address}go/", follow=True)
    assert "This file is further already." in response.content.decode()
    import_contacts()
    assert (team.merchant.consents.count(), team.merchant.events.filter(name="contacts.imported").count()) == (1, 1)
    assert team.client.post(f"{address}sideways/").status_code == 404


def test_the_columns_may_be_chosen_again(team: Team) -> None:
    address = team.checked("one,two\na@example.com,b@example.com", "email", "")
    team.client.post(f"{address}change/")
    assert "The columns" in team.text(address)
    team.client.post(address, {**STATED, "column_0": "", "column_1": "email"})
    import_contacts()
    team.client.post(f"{address}go/")
    import_contacts()
    assert team.contacts() == ["b@example.com"]


# Back


def test_it_is_taken_back_within_a_day(team: Team) -> None:
    merchant = team.merchant
    before = people.subscribed(merchant, "before@example.com")
    consents.withdraw(merchant, before, words=Words(Source.MERCHANT))
    address = team.brought_in("email\nnew@example.com\nbefore@example.com\nlater@example.com", "email")
    people.subscribed(merchant, "later@example.com")
    assert team.contacts() == ["before@example.com", "later@example.com", "new@example.com"]
    assert f'href="{address}undo/"' in team.text(address)
    question = team.text(f"{address}undo/")
    assert "Take back the import of “<bdi>people.csv</bdi>”?" in question
    assert '<bdi dir="ltr">3</bdi> e-mail addresses.' in question
    assert team.row.step == "done"
    response = team.client.post(f"{address}undo/", follow=True)
    shown = response.content.decode()
    for words in ("Taken back.", "The import was taken back", "What was in the file"):
        assert words in shown
    assert [words for words in ("badge success", "What became of the rows", "Take it back") if words in shown] == []
    assert team.client.get(f"{address}undo/").headers["Location"] == address
    assert team.contacts() == ["before@example.com", "later@example.com"]
    later = merchant.contacts.get(value="later@example.com")
    assert may_send(merchant, before, purpose=Purpose.MARKETING) == "withdrawn"
    assert may_send(merchant, later, purpose=Purpose.MARKETING) is None
    assert team.row.step == "undone"
    # A merchant's mistake is no withdrawal of the person's own: the right file may follow.
    team.brought_in("email\nbefore@example.com", "email")
    assert may_send(merchant, before, purpose=Purpose.MARKETING) is None


def test_suppressions_are_taken_back_and_those_of_others_stay(team: Team) -> None:
    merchant = team.merchant
    suppressions.suppress(merchant, value="b@example.com", channels=["email"], reason=Suppression.Reason.STOPPED)
    address = team.brought_in("email\na@example.com\nb@example.com", "email", kind="suppressions")
    assert merchant.suppressions.count() == 2
    team.client.post(f"{address}undo/")
    assert suppressions.channels_by_value(merchant, ["a@example.com", "b@example.com"]) == {"b@example.com": {"email"}}


def test_after_a_day_it_stays(team: Team) -> None:
    address = team.brought_in("email\na@example.com", "email")
    with time_machine.travel(clock.now() + timedelta(days=1, minutes=1)):
        team.client.force_login(team.user)
        assert "undo/" not in team.text(address)
        team.client.post(f"{address}undo/")
    assert team.contacts() == ["a@example.com"]


def test_a_file_is_forgotten(team: Team) -> None:
    address = team.checked("email\na@example.com", "email")
    response = team.client.post(f"{address}cancel/", follow=True)
    assert "nothing was brought in" in response.content.decode()
    assert (team.merchant.contact_imports.count(), team.merchant.contacts.count()) == (0, 0)
    assert team.client.get(address).status_code == 404
    done = team.brought_in("email\na@example.com", "email")
    team.upload("email\nb@example.com")
    with time_machine.travel(clock.now() + timedelta(days=1, minutes=1)):
        forget_old_imports()
    assert [row.step for row in team.merchant.contact_imports.all()] == ["done"]
    assert team.client.get(done).status_code == 200


def test_a_store_that_left_leaves_no_files(team: Team) -> None:
    team.upload("email\nb@example.com")
    Event.unscoped.create(merchant=team.merchant, name="store.purged", key="x", data={}, occurred_at=clock.now())
    imports.forget_all(team.merchant)
    assert team.merchant.contact_imports.count() == 0


# What is refused


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The submitted file is empty."),
        (b"\x89PNG\r\n\0", "This is no CSV or Excel file."),
        (b"%PDF-1.4\n1 0 obj", "This is no CSV or Excel file."),
        (b"email,name\n", "There is nobody in this file"),
        (b"a" * (5 * 1024 * 1024 + 1), "The file is too big: at most 5 MB."),
        (b"email\n" + b"a@example.com\n" * 50_001, "The file has too many rows"),
    ],
    ids=range(6),
)
def test_a_file_that_is_none_is_refused_beside_its_field(team: Team, content: bytes, message: str) -> None:
    response = team.upload(content)
    assert response.status_code == 422
    assert message in response.content.decode()
    assert team.merchant.contact_imports.count() == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"column_0": ""}, "Choose the column with the e-mail addresses or the phone numbers."),
        ({"column_1": "email"}, "Two columns cannot be the same: leave one of them out."),
        ({"column_1": "phone", "channels": ["email"]}, "Tick a kind of message for the phone numbers too"),
        ({"channels": ["sms"]}, "Tick e-mail too"),
        ({"where": ""}, "Say it here for all of them"),
        ({"words": " "}, "Say it here for all of them"),
        ({"is_true": ""}, "Without this nobody is brought in."),
        ({"column_0": "owner"}, "Select a valid choice."),
        ({"channels": ["pigeon"]}, "Select a valid choice."),
    ],
    ids=str,
)
def test_what_is_missing_is_said_and_what_was_typed_stays(team: Team, changes: dict[str, Any], message: str) -> None:
    address = team.upload("email,other\na@example.com,b").headers["Location"]
    response = team.client.post(address, {**STATED, "column_0": "email", "column_1": "", **changes})
    assert response.status_code == 422
    assert message in response.content.decode()
    assert "2023–2025" in response.content.decode()
    assert team.row.step == "uploaded"


def test_viewers_see_no_names_and_take_nothing(team: Team) -> None:
    address = team.brought_in("email\nsara@example.com", "email")
    viewer = Team(team.merchant, ROLES.VIEWER)
    shown = viewer.text(f"{viewer.home}import/")
    assert "sara@example.com" not in shown
    assert 'type="file"' not in shown
    assert viewer.client.get(address).status_code == 403
    for path in (f"{address}undo/", f"{address}report/", f"{viewer.home}export/", f"{viewer.home}import/", address):
        assert viewer.client.post(path).status_code == 403
    assert team.row.step == "done"


def test_another_stores_file_is_not_there(team: Team, other_merchant: Merchant) -> None:
    address = team.checked("email\nsara@example.com", "email")
    stranger = Team(other_merchant)
    number = address.removesuffix("/").rpartition("/")[2]
    assert stranger.client.get(f"{stranger.home}import/{number}/").status_code == 404
    assert stranger.client.post(f"{stranger.home}import/{number}/go/").status_code == 404
    assert team.row.step == "checked"


def test_the_file_stands_encrypted(team: Team) -> None:
    team.upload("email\ncanary-of-a-file@example.com", name="قائمة العملاء.csv")
    with connection.cursor() as cursor:
        cursor.execute("SELECT content FROM visitors_contactimport")
        assert b"canary" not in bytes(cursor.fetchone()[0])
    assert team.row.file_name == "قائمة-العملاء.csv"


# The way out


def test_the_export_says_what_each_agreed_to(team: Team) -> None:
    merchant = team.merchant
    with translation.override("en"):
        people.subscribed(merchant, "sara@example.com", name="سارة")
    stop_all(merchant, people.subscribed(merchant, "left@example.com"), words=Words(Source.CENTRE))
    team.brought_in("phone,name\n0501234567,=نورة", "phone", "name", channels=["sms"])
    merchant.contacts.create(kind="email", value="", erased_at=clock.now())
    headers, *rows = team.file(f"{team.home}export/")
    found = {row[0] or row[1]: dict(zip(headers, row, strict=True)) for row in rows}
    assert list(found) == ["sara@example.com", "left@example.com", "'+966501234567"]
    sara, left, nora = found.values()
    assert (sara["Name"], sara["Offers and news · E-mail"], sara["Nobody writes there"]) == ("سارة", "Given", "")
    assert sara["In which words they agreed"] == people.TEXT
    assert (left["Offers and news · E-mail"], left["Reminders · E-mail"]) == ("Withdrawn", "Withdrawn")
    assert left["Nobody writes there"] == "E-mail"
    assert (nora["Name"], nora["Offers and news · SMS"], nora["Offers and news · WhatsApp"]) == (
        "'=نورة", "Declared by the merchant", "",
    )  # fmt: skip
    assert nora["Where they agreed"] == f"{STATED['where']} · {STATED['when']}"
    assert [each.user for each in merchant.activities.filter(what="contacts.exported")] == [team.user]


def test_what_goes_out_comes_in_again_elsewhere(team: Team, other_merchant: Merchant) -> None:
    people.subscribed(team.merchant, "sara@example.com", name="سارة")
    team.brought_in("phone\n0501234567", "phone")
    for kind in ("csv", "xlsx"):
        response: Any = team.client.post(f"{team.home}export/", {"as": kind})
        there = Team(other_merchant, ROLES.OWNER if kind == "csv" else ROLES.EDITOR)
        address = there.upload(response.getvalue(), name=f"contacts.{kind}").headers["Location"]
        roles = there.row.roles
        assert roles[:6] == ["email", "phone", "name", "where", "when", "words"]
        columns = {f"column_{place}": role for place, role in enumerate(roles)}
        there.client.post(address, {**columns, "channels": ["email", "sms"], "is_true": "on"})
        import_contacts()
        assert there.verdicts() == (["n-", "-n"] if kind == "csv" else ["s-", "-s"])
        there.client.post(f"{address}go/")
        import_contacts()
    assert there.contacts() == ["+966501234567", "sara@example.com"]


def test_an_export_of_nobody_is_not_offered(team: Team) -> None:
    shown = team.text(f"{team.home}import/")
    assert "There are no contacts yet." in shown
    assert "export/" not in shown


def test_pages_speak_arabic(team: Team) -> None:
    address = team.checked("email\nsara@example.com", "email")
    for path in (f"{team.home}import/", address):
        shown = team.client.get(path, headers={"accept-language": "ar"}).content.decode()
        assert 'dir="rtl"' in shown
        assert "جهات الاتصال" in shown


@pytest.mark.parametrize("kind", [ContactImport.Kind.CONTACTS, ContactImport.Kind.SUPPRESSIONS])
def test_thousands_cost_few_queries(team: Team, kind: str, django_assert_max_num_queries: Any) -> None:
    content = "\n".join(f"shopper{number}@example.com,05{number:08}" for number in range(3_000))
    address = team.checked(content, "email", "phone", kind=kind)
    team.client.post(f"{address}go/")
    with django_assert_max_num_queries(60):
        import_contacts()
    assert team.row.step == "done"
    if kind == ContactImport.Kind.CONTACTS:
        assert Contact.unscoped.filter(merchant=team.merchant, kind="email").count() == 3_000


def test_reactions_stay_silent(team: Team) -> None:
    """Nobody is greeted who did not come himself."""
    team.brought_in("email\na@example.com", "email")
    work()
    assert not team.merchant.events.filter(name__in=["consent.given", "optin.requested", "contact.verified"]).exists()
