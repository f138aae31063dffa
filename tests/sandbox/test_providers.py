"""The message providers: what they want, what they answer, and what reaches the phone."""

import base64
import hashlib
import hmac
import json
import smtplib
from email.message import EmailMessage
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests

from tests.sandbox.conftest import World

PHONE = "9665001234"


def unifonic(world: World, to: str, **more: str) -> requests.Response:
    form = {"AppSid": "app", "SenderID": "NOMO-AD", "Recipient": to, "Body": "مرحبا " * 15, **more}
    return requests.post(f"{world.base}/unifonic/rest/SMS/messages", data=form, timeout=10)


def taqnyat(world: World, to: str) -> requests.Response:
    body = {"recipients": [to], "body": "hi", "sender": "NOMO"}
    return world.post("/taqnyat/v1/messages", body, headers={"Authorization": "Bearer t"})


def msegat(world: World, to: str) -> requests.Response:
    body = {"userName": "u", "apiKey": "k", "userSender": "NOMO", "numbers": to, "msg": "hi", "msgEncoding": "UTF8"}
    return world.post("/msegat/gw/sendsms.php", body)


def twilio(world: World, to: str, **more: str) -> requests.Response:
    url = f"{world.base}/twilio/2010-04-01/Accounts/AC1/Messages.json"
    form = {"To": f"+{to}", "From": "NOMO", "Body": "hi", **more}
    return requests.post(url, data=form, auth=("AC1", "token"), timeout=10)


def whatsapp(world: World, to: str) -> requests.Response:
    components = [{"type": "body", "parameters": [{"type": "text", "text": "سارة"}]}]
    template = {"name": "cart_ar", "language": {"code": "ar"}, "components": components}
    body = {"messaging_product": "whatsapp", "to": to, "type": "template", "template": template}
    body["biz_opaque_callback_data"] = "our-id"
    return world.post("/graph/v23.0/100/messages", body, headers={"Authorization": "Bearer t"})


def push(world: World, endpoint: str, **headers: str) -> requests.Response:
    given = {"TTL": "60", "Authorization": "vapid t=x, k=y", "Content-Encoding": "aes128gcm", **headers}
    return requests.post(f"{world.base}/push/{endpoint}", data=b"x" * 100, headers=given, timeout=10)


SENDERS = {"unifonic": unifonic, "taqnyat": taqnyat, "msegat": msegat, "twilio": twilio, "whatsapp": whatsapp}


def messages(world: World, **query: str) -> list[dict[str, Any]]:
    return world.get("/_messages", params=query).json()["messages"]


@pytest.mark.parametrize("name", SENDERS)
def test_accepted_messages_reach_the_phone(world: World, name: str) -> None:
    assert SENDERS[name](world, f"{PHONE}00").status_code in (200, 201)
    assert [m["state"] for m in messages(world, to=f"+{PHONE}00")] == ["delivered"]
    assert 'data-count="1"' in world.get(f"/phone/+{PHONE}00/").text


@pytest.mark.parametrize(
    ("name", "digits", "status", "said"),
    [
        ("unifonic", "03", 410, "ER-10"), ("unifonic", "09", 480, "ER-80"), ("taqnyat", "03", 400, "400"),
        ("msegat", "03", 200, "1120"), ("msegat", "10", 200, "1060"), ("twilio", "04", 400, "21610"),
        ("twilio", "03", 400, "21211"), ("whatsapp", "04", 400, "131050"), ("whatsapp", "09", 400, "131049"),
    ],
)  # fmt: skip
def test_refusals_by_last_digits(world: World, name: str, digits: str, status: int, said: str) -> None:
    answer = SENDERS[name](world, PHONE + digits)
    assert answer.status_code == status
    assert said in answer.text
    assert messages(world) == []


@pytest.mark.parametrize("name", SENDERS)
def test_passing_troubles_pass(world: World, name: str) -> None:
    rate = [SENDERS[name](world, f"{PHONE}05") for _ in range(3)]
    assert [answer.status_code for answer in rate][:2] == [429, 429]
    assert rate[0].headers["Retry-After"] == "1"
    assert rate[2].ok
    assert [SENDERS[name](world, f"{PHONE}06").ok for _ in range(2)] == [False, True]


@pytest.mark.parametrize("name", SENDERS)
def test_the_connection_drops_after_acceptance(world: World, name: str, raises_cut: Any) -> None:
    raises_cut(lambda: SENDERS[name](world, f"{PHONE}07"))
    assert len(messages(world)) == 1


def test_unifonic_counts_units_and_knows_duplicates(world: World) -> None:
    answer = unifonic(world, f"{PHONE}00", CorrelationID="one").json()
    assert (answer["success"], answer["data"]["NumberOfUnits"]) == ("true", 2)
    assert unifonic(world, f"{PHONE}00", CorrelationID="one").status_code == 409
    assert unifonic(world, f"+{PHONE}00").status_code == 410
    details = world.post("/unifonic/rest/SMS/Messages/GetMessagesDetails", {"CorrelationID": "one"}).json()
    assert details["data"]["messages"][0]["Status"] == "Delivered"


def test_whatsapp_reports_are_signed_and_out_of_order(world: World) -> None:
    whatsapp(world, f"{PHONE}08")
    world.settle()
    statuses = []
    for headers, body in world.receiver.got:
        mac = hmac.new(b"sandbox-app-secret", body, hashlib.sha256).hexdigest()
        assert headers["X-Hub-Signature-256"] == f"sha256={mac}"
        row = json.loads(body)["entry"][0]["changes"][0]["value"]["statuses"][0]
        assert row["biz_opaque_callback_data"] == "our-id"
        statuses.append(row["status"])
    assert sorted(statuses) == ["delivered", "delivered", "sent", "sent"]


def test_twilio_reports_are_signed(world: World) -> None:
    url = f"{world.config.app_origin}/reports"
    twilio(world, f"{PHONE}00", StatusCallback=url)
    world.settle()
    assert len(world.receiver.got) == 2
    for headers, body in world.receiver.got:
        signed = url + "".join(name + value for name, value in sorted(parse_qsl(body.decode())))
        mac = hmac.new(b"sandbox-twilio-token", signed.encode(), hashlib.sha1)
        assert headers["X-Twilio-Signature"] == base64.b64encode(mac.digest()).decode()


@pytest.mark.parametrize("name", ["taqnyat", "twilio", "whatsapp"])
def test_credentials_are_needed(world: World, name: str) -> None:
    paths = {
        "taqnyat": "/taqnyat/v1/messages",
        "twilio": "/twilio/2010-04-01/Accounts/AC1/Messages.json",
        "whatsapp": "/graph/v23.0/100/messages",
    }
    assert world.post(paths[name], {}).status_code == 401


def test_push(world: World) -> None:
    assert push(world, "abc00").status_code == 201
    assert push(world, "abc03").status_code == 404
    assert push(world, "abc04").status_code == 410
    assert push(world, "abc00", TTL="x").json()["errno"] == 111
    assert push(world, "abc00", TTL="9999999").json()["errno"] == 112
    assert [push(world, "abc05").status_code for _ in range(3)] == [429, 429, 201]


def mail(world: World, to: str) -> None:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "سلتك بانتظارك", "نفحات نجد <s@shop.example>", to
    message.set_content("نص")
    message.add_alternative("<p dir=rtl>مرحبا</p>", subtype="html")
    with smtplib.SMTP("127.0.0.1", world.config.mail_port, timeout=10) as server:
        server.send_message(message)


def test_mail_arrives_with_its_arabic_subject(world: World) -> None:
    mail(world, "ok@mail.example")
    found = messages(world, channel="email")[0]
    assert (found["subject"], found["html"].strip()) == ("سلتك بانتظارك", "<p dir=rtl>مرحبا</p>")
    assert "سلتك بانتظارك" in world.get("/phone/ok@mail.example/").text


@pytest.mark.parametrize(("local", "code"), [("hard", 550), ("full", 452), ("policy", 550), ("greylist", 451)])
def test_mail_refusals(world: World, local: str, code: int) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        mail(world, f"{local}@mail.example")
    assert next(iter(refused.value.recipients.values()))[0] == code
    assert messages(world) == []


def test_greylisting_passes_and_drop_hangs_up(world: World) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        mail(world, "greylist@mail.example")
    mail(world, "greylist@mail.example")
    with pytest.raises(smtplib.SMTPServerDisconnected):
        mail(world, "drop@mail.example")
    assert len(messages(world)) == 2
