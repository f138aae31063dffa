"""Requests of machines: no session, no cookie, no redirect."""

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import path

from core.middleware import MachineTraffic
from nomo_flow import urls


def greedy(request: HttpRequest, number: int = 0) -> HttpResponse:
    """A view that asks for everything a machine must not get."""
    extras = [name for name in ("session", "user", "_messages", "csrf_processing_done") if hasattr(request, name)]
    assert request.resolver_match is not None
    return HttpResponse(f"{extras} {number} {request.resolver_match.view_name}")


urlpatterns = [*urls.urlpatterns, path("webhooks/planted/<int:number>/", greedy, name="planted")]


class TestMachineTraffic:
    @pytest.fixture(autouse=True)
    def _planted(self, settings: Any) -> None:
        settings.ROOT_URLCONF = "tests.test_machine_traffic"

    @pytest.mark.parametrize("method", ["get", "post", "put"])
    def test_machines_get_no_session_and_no_cookies(self, method: str) -> None:
        response = getattr(Client(enforce_csrf_checks=True), method)("/webhooks/planted/7/")
        assert (response.status_code, response.content) == (200, b"[] 7 planted")
        assert (dict(response.cookies), "Vary" in response.headers) == ({}, False)

    def test_the_webhook_sets_no_cookie_and_asks_no_token(self) -> None:
        client = Client(enforce_csrf_checks=True)
        response = client.post("/webhooks/salla/", b"{}", content_type="application/json")
        assert (response.status_code, dict(response.cookies)) == (401, {})

    def test_an_unknown_machine_address_is_not_found(self, db: None) -> None:
        response = Client().get("/webhooks/none/")
        assert (response.status_code, dict(response.cookies)) == (404, {})

    @pytest.mark.parametrize("address", ["/", "/webhooks", "/sfx/", "/x/webhooks/"])
    def test_people_go_the_long_way(self, address: str) -> None:
        passed = MachineTraffic(lambda request: HttpResponse(b"long way"))
        assert passed(RequestFactory().get(address)).content == b"long way"  # type: ignore[attr-defined]
