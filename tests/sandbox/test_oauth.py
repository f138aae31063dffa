"""Tokens: single use, and a refresh token that comes twice kills its chain."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.sandbox.conftest import KIDS, OUD, Api, World


def refresh(world: World, token: str) -> requests.Response:
    return world.token(grant_type="refresh_token", refresh_token=token)


def authorize(world: World, **changes: str) -> requests.Response:
    asked = {
        "client_id": "client", "response_type": "code", "redirect_uri": world.config.callback_url,
        "scope": "orders.read offline_access", "state": "a-b",
    }  # fmt: skip
    return world.get("/oauth2/auth", params=asked | changes, allow_redirects=False)


def test_a_refresh_gives_a_new_pair_and_ends_the_old_one(api: Api) -> None:
    answer = refresh(api.world, api.refresh).json()
    assert {answer["access_token"], answer["refresh_token"]}.isdisjoint({api.access, api.refresh})
    assert api.get("/store/info").status_code == 401
    api.access = answer["access_token"]
    assert api.get("/store/info").status_code == 200


def test_the_same_refresh_token_twice_revokes_the_chain(api: Api) -> None:
    fresh = refresh(api.world, api.refresh).json()
    second = refresh(api.world, api.refresh)
    assert second.status_code == 401
    assert set(second.json()) == {"error", "error_description"}
    api.access = fresh["access_token"]
    assert api.get("/store/info").status_code == 401
    assert refresh(api.world, fresh["refresh_token"]).status_code == 401
    state = api.world.state()
    assert state["grants"]["revocations"] == 1
    assert state["counters"]["token.calls"] == 3


def test_another_store_is_not_touched_by_a_revocation(api: Api) -> None:
    other = api.world.installed(KIDS)
    refresh(api.world, api.refresh)
    refresh(api.world, api.refresh)
    assert other.get("/store/info").json()["data"]["id"] == KIDS


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": ""}, 401, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "x"}, 401, "invalid_grant"),
    ],
)
def test_refused_token_requests(world: World, form: dict[str, str], status: int, error: str) -> None:
    answer = world.token(**{"grant_type": "refresh_token", **form})
    assert (answer.status_code, answer.json()["error"]) == (status, error)


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "other"},
        {"response_type": "token"},
        {"redirect_uri": "http://elsewhere.example/"},
        {"redirect_uri": "javascript:alert(1)"},
        {"scope": "store.read"},
    ],
)
def test_a_bad_authorize_request_never_redirects(world: World, changes: dict[str, str]) -> None:
    answer = authorize(world, **changes)
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_consent_page_asks_and_deny_goes_back(world: World) -> None:
    assert authorize(world).status_code == 200
    url = authorize(world).url
    answer = requests.post(url, data={"answer": "deny"}, allow_redirects=False, timeout=10)
    assert parse_qs(urlsplit(answer.headers["location"]).query) == {"error": ["access_denied"], "state": ["ab"]}


def test_a_code_is_bound_to_its_address_and_works_once(world: World) -> None:
    answer = requests.post(authorize(world).url, data={"store": OUD}, allow_redirects=False, timeout=10)
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    form = {"grant_type": "authorization_code", "code": code}
    assert world.token(**form, redirect_uri="http://localhost:8000/other").status_code == 401
    assert world.token(**form, redirect_uri=world.config.callback_url).status_code == 401


def test_installing_again_ends_the_tokens_before(api: Api) -> None:
    again = api.world.installed(api.store)
    assert api.get("/store/info").status_code == 401
    assert again.get("/store/info").status_code == 200


def test_an_expired_token_can_be_refreshed(api: Api) -> None:
    api.world.act("expire_token", store=api.store)
    assert api.get("/store/info").json()["error"]["message"] == "The access token is invalid"
    assert refresh(api.world, api.refresh).status_code == 200


def test_uninstalling_ends_both_tokens(api: Api) -> None:
    api.world.act("uninstall", store=api.store)
    assert api.get("/store/info").status_code == 401
    assert refresh(api.world, api.refresh).status_code == 401
    assert api.world.state()["grants"]["revocations"] == 0


def test_an_answer_lost_after_the_refresh_leaves_a_dead_token(api: Api, raises_cut: Any) -> None:
    api.world.post("/_faults", {"kind": "answer_lost", "target": "token", "count": 1})
    raises_cut(lambda: refresh(api.world, api.refresh))
    assert api.get("/store/info").status_code == 401
    assert refresh(api.world, api.refresh).status_code == 401
    assert api.world.state()["counters"]["token.answers_lost"] == 1


def test_the_user_is_told_with_the_store(api: Api) -> None:
    data = api.world.get("/oauth2/user/info", headers={"Authorization": f"Bearer {api.access}"}).json()["data"]
    assert (data["merchant"]["id"], data["merchant"]["plan"]) == (OUD, "pro")


def test_introspection_wants_the_apps_own_number(api: Api) -> None:
    token = api.world.act("embedded_token", store=api.store)["token"]
    path = "/exchange-authority/v1/introspect"
    good = api.world.post(path, {"token": token}, headers={"S-Source": api.world.config.app_id})
    assert good.json()["data"]["merchant_id"] == api.store
    assert api.world.post(path, {"token": token}, headers={"S-Source": "1"}).status_code == 401
    api.world.post("/_clock", {"advance": 3600})
    assert api.world.post(path, {"token": token}, headers={"S-Source": api.world.config.app_id}).status_code == 401
