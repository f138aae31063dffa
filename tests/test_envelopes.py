"""Signatures and envelopes of deliveries."""

import hashlib
import hmac
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from core import webhooks

BODY = '{"event":"order.created","merchant":1,"data":{"name":"نورة"}}'.encode()
SIGNED = hmac.new(b"new", BODY, hashlib.sha256).hexdigest()


class TestVerify:
    def verify(self, headers: dict[str, str], *, strategy: str = "signature", secrets: Any = ("new", "old")) -> bool:
        return webhooks.verify(BODY, headers, strategy=strategy, secrets=secrets)

    def test_any_of_the_secrets_verifies(self) -> None:
        assert self.verify({"X-Salla-Signature": SIGNED}) is True
        assert self.verify({"X-Salla-Signature": webhooks.sign(BODY, "old")}) is True

    @pytest.mark.parametrize(
        "signature",
        [
            "", SIGNED.upper(), f"sha256={SIGNED}", f" {SIGNED}", f"{SIGNED},{SIGNED}", SIGNED[:-1], f"{SIGNED}0",
            "٠" * 64, "\udcff" * 64, webhooks.sign(BODY, "stranger"), webhooks.sign(BODY + b" ", "new"),
            hashlib.sha256(BODY).hexdigest(),
        ],
    )  # fmt: skip
    def test_anything_else_does_not(self, signature: str) -> None:
        assert self.verify({"X-Salla-Signature": signature}) is False

    def test_without_a_header_nothing_is_authentic(self) -> None:
        assert self.verify({}) is False
        assert self.verify({}, strategy="token") is False

    @pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
    def test_without_a_secret_nothing_is_authentic(self, secrets: list[str]) -> None:
        assert self.verify({"X-Salla-Signature": webhooks.sign(BODY, "")}, secrets=secrets) is False
        assert self.verify({"Authorization": ""}, strategy="token", secrets=secrets) is False

    @pytest.mark.parametrize("strategy", ["none", "", "Signature", "SIGNATURE"])
    def test_an_unknown_strategy_refuses(self, strategy: str) -> None:
        headers = {"X-Salla-Signature": SIGNED, "Authorization": "new", "X-Salla-Security-Strategy": strategy}
        assert self.verify(headers, strategy=strategy) is False

    def test_the_senders_strategy_is_not_believed(self) -> None:
        assert self.verify({"X-Salla-Security-Strategy": "Token", "Authorization": "new"}) is False
        assert self.verify({"X-Salla-Security-Strategy": "None"}) is False

    @pytest.mark.parametrize(
        ("given", "is_authentic"),
        [("new", True), ("old", True), ("Bearer new", True), ("bearer new", False), ("NEW", False), ("new ", False)],
    )
    def test_a_token_is_compared_verbatim(self, given: str, is_authentic: bool) -> None:
        assert self.verify({"Authorization": given}, strategy="token") is is_authentic
        assert self.verify({"X-Salla-Signature": SIGNED}, strategy="token") is False

    def test_the_signature_is_plain_hmac_sha256_in_hex(self) -> None:
        digest = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
        assert webhooks.sign(b"The quick brown fox jumps over the lazy dog", "key") == digest


class TestParse:
    def test_an_envelope_is_read(self) -> None:
        body = b'{"event":"order.created","merchant":"7","created_at":"2022-12-31 12:31:25","data":{"a":1.10},"x":1}'
        assert webhooks.parse(body) == webhooks.Envelope(
            event="order.created",
            store_id=7,
            created_at=datetime(2022, 12, 31, 9, 31, 25, tzinfo=UTC),
            data={"a": Decimal("1.10")},
        )

    @pytest.mark.parametrize("data", ['"data": []', '"data": {}', '"data": null', '"x": 1'])
    def test_nothing_is_written_in_many_ways(self, data: str) -> None:
        envelope = webhooks.parse(f'{{"event": "a", "merchant": 1, {data}}}'.encode())
        assert (envelope.data, envelope.created_at) == ({}, None)

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"", "not JSON: "),
            (b"{", "not JSON: "),
            (b"\xff", "not UTF-8 at byte 0"),
            (b'{"a": "\x00"}', "contains a NUL byte"),
            (b"[" * 10**5, "nested too deeply"),
            (b'{"a":' * 10**5, "nested too deeply"),
            (b'{"event": NaN}', "not JSON: NaN is not JSON"),
            (b'{"event": -Infinity}', "not JSON: -Infinity is not JSON"),
            (b"[]", "not a JSON object"),
            (b'"text"', "not a JSON object"),
            (b"null", "not a JSON object"),
            (b"{}", "no event name"),
            (b'{"event": ""}', "no event name"),
            (b'{"event": 7}', "no event name"),
            (b'{"event": "a\\u0000b", "merchant": 1}', "no event name"),
            (b'{"event": "%s", "merchant": 1}' % (b"a" * 101), "no event name"),
            (b'{"event": "a"}', "no merchant id"),
            (b'{"event": "a", "merchant": 0}', "no merchant id"),
            (b'{"event": "a", "merchant": -1}', "no merchant id"),
            (b'{"event": "a", "merchant": true}', "no merchant id"),
            (b'{"event": "a", "merchant": 9223372036854775808}', "no merchant id"),
            (b'{"event": "a", "merchant": 1.5}', "no merchant id"),
            (b'{"event": "a", "merchant": 1, "data": [1]}', "data is not an object"),
            (b'{"event": "a", "merchant": 1, "data": "x"}', "data is not an object"),
            (b'{"event": "a", "merchant": 1, "data": 0}', "data is not an object"),
            (b'{"event": "a", "merchant": ' + b"9" * 5000 + b"}", "not JSON: "),
        ],
    )
    def test_what_is_no_envelope_says_why(self, body: bytes, reason: str) -> None:
        with pytest.raises(webhooks.UnreadableBodyError) as error:
            webhooks.parse(body)
        assert str(error.value).startswith(reason)
