"""The cards' pages, shown to their own people."""

from typing import Any

import pytest
from django.test import Client

from core.models import Merchant, User
from features import services
from features.registry import Card
from features.rules import COMMON
from tests.cards import Settings, a_card, only
from tests.features.conftest import ROLES, address, person, posted, text_of


class TestPages:
    @pytest.fixture(autouse=True)
    def _registered(self, card: Card[Settings]) -> None: ...

    def test_the_grid_shows_every_card_and_its_switch(self, page: Client, merchant: Merchant) -> None:
        shown = text_of(page.get(address(merchant, "")))
        assert "In your store" in shown
        assert address(merchant) in shown
        assert address(merchant, "test_card/switch/") in shown

    def test_switching_needs_no_script(self, page: Client, merchant: Merchant, card: Card[Settings]) -> None:
        response = page.post(address(merchant, "test_card/switch/"), {"is_on": "true"}, follow=True)
        assert response.redirect_chain == [(address(merchant, ""), 302)]
        assert "“orders” is on." in text_of(response)
        assert services.active_settings(merchant, card) is not None
        response = page.post(address(merchant, "test_card/switch/?from=card"), {"is_on": "false"}, follow=True)
        assert response.redirect_chain == [(address(merchant), 302)]
        assert services.active_settings(merchant, card) is None

    def test_five_questions_and_the_rest_behind_a_door(self, page: Client, merchant: Merchant) -> None:
        before, inside = text_of(page.get(address(merchant))).split("Advanced options")
        own = [name for name in Settings.model_fields if name not in COMMON]
        assert [f'id="id_{name}"' in before for name in [*own, *COMMON]] == [True] * 5 + [False] * (2 + len(COMMON))
        places = [inside.index(f'id="id_{name}') for name in ("rows", "share", *COMMON)]
        assert places == sorted(places)

    def test_the_form_saves_and_says_so(self, page: Client, merchant: Merchant, owner: User) -> None:
        response = page.post(address(merchant), posted(merchant, title="مرحبًا", delay_seconds="١٠"), follow=True)
        assert response.redirect_chain == [(address(merchant), 302)]
        assert "Saved. Shoppers see it once you turn it on." in text_of(response)
        assert services.settings_of(merchant, a_card()).delay_seconds == 10
        assert merchant.revisions.get().by == owner
        response = page.post(address(merchant), posted(merchant, title="مرحبًا", delay_seconds="10"), follow=True)
        assert "Nothing has changed." in text_of(response)
        services.switch(merchant, card=a_card(), is_on=True)
        response = page.post(address(merchant), posted(merchant, title="أهلًا"), follow=True)
        assert "Saved and published." in text_of(response)

    def test_a_wrong_form_keeps_what_was_typed(self, page: Client, merchant: Merchant) -> None:
        response = page.post(address(merchant), posted(merchant, title="typed & kept", delay_seconds="601"))
        assert response.status_code == 422
        shown = text_of(response)
        assert 'value="typed &amp; kept"' in shown
        assert "Must be 600 or less." in shown
        assert '<details class="more">' in shown
        assert merchant.features.count() == 0

    def test_a_mistake_behind_the_door_opens_it(self, page: Client, merchant: Merchant) -> None:
        shown = text_of(page.post(address(merchant), posted(merchant, rows="[5]")))
        assert '<details class="more" open>' in shown
        assert "rows[0]" in shown

    def test_json_saves_through_the_same_validator(self, page: Client, merchant: Merchant) -> None:
        response = page.post(address(merchant), {"json": '{"title": "x",\r\n "delay_seconds": 7}'}, follow=True)
        assert response.redirect_chain == [(address(merchant), 302)]
        assert services.settings_of(merchant, a_card()).delay_seconds == 7
        assert "&quot;delay_seconds&quot;: 7" in text_of(page.get(address(merchant)))

    @pytest.mark.parametrize(
        ("typed", "path", "message"),
        [
            ('{"rows": [{"title": 5}]}', "rows[0].title", "Must be text, in quotation marks."),
            ('{"delay_seconds": 601}', "delay_seconds", "Must be 600 or less."),
            ('{"title": </textarea>', "", "This is not valid JSON: see line 1, column 11."),
            ("", "", "This is not valid JSON: see line 1, column 1."),
        ],
    )
    def test_wrong_json_is_refused_with_its_path_and_stays(
        self, page: Client, merchant: Merchant, typed: str, path: str, message: str
    ) -> None:
        response = page.post(address(merchant), {"json": typed})
        shown = text_of(response)
        assert response.status_code == 422
        assert message in shown
        assert f"<code>{path}</code>" in shown or not path
        assert response.context["editor"].json == typed
        assert "</textarea>" not in shown.split('name="json"')[1].split("</textarea>")[0]
        assert merchant.features.count() == 0

    def test_one_click_undoes_a_change(self, page: Client, merchant: Merchant) -> None:
        page.post(address(merchant), {"json": '{"delay_seconds": 7}'})
        page.post(address(merchant), {"json": '{"delay_seconds": 8}'})
        latest = merchant.revisions.latest("pk")
        undo = address(merchant, f"test_card/revisions/{latest.public_id}/revert/")
        assert undo in text_of(page.get(address(merchant)))
        response = page.post(undo, follow=True)
        assert "The earlier version is back." in text_of(response)
        assert services.settings_of(merchant, a_card()).delay_seconds == 7

    def test_a_viewer_looks_and_changes_nothing(self, client: Client, merchant: Merchant) -> None:
        services.switch(merchant, card=a_card(), is_on=True)
        undo = address(merchant, f"test_card/revisions/{merchant.revisions.get().public_id}/revert/")
        client.force_login(person(merchant, ROLES.VIEWER))
        for path in (address(merchant, ""), address(merchant)):
            shown = client.get(path)
            assert shown.status_code == 200
            assert "/switch/" not in text_of(shown)
            assert "للاطّلاع فقط: التعديل للمالك والمحررين." in text_of(shown)
        assert '<fieldset class="plain" disabled>' in text_of(client.get(address(merchant)))
        assert "فعّل أداة" not in text_of(client.get(address(merchant, "")))
        for path in (address(merchant), address(merchant, "test_card/switch/"), undo):
            assert client.post(path, {"json": "{}", "is_on": "false"}).status_code == 403
        assert merchant.revisions.count() == 1

    def test_an_editor_may(self, client: Client, merchant: Merchant) -> None:
        client.force_login(person(merchant, ROLES.EDITOR))
        assert '<fieldset class="plain">' in text_of(client.get(address(merchant)))
        assert "للاطّلاع فقط" not in text_of(client.get(address(merchant)))
        assert client.post(address(merchant, "test_card/switch/"), {"is_on": "true"}).status_code == 302

    def test_what_is_not_there_is_404(self, page: Client, merchant: Merchant, other_merchant: Merchant) -> None:
        services.switch(other_merchant, card=a_card(), is_on=True)
        theirs = other_merchant.revisions.get().public_id
        assert page.get(address(merchant, "no_such/")).status_code == 404
        assert page.post(address(merchant, "no_such/switch/"), {"is_on": "true"}).status_code == 404
        assert page.post(address(merchant, f"test_card/revisions/{theirs}/revert/")).status_code == 404
        for end in ("", "test_card/"):
            assert page.get(address(other_merchant, end)).status_code == 404
            assert page.post(address(other_merchant, end), {"json": "{}"}).status_code == 404
        assert other_merchant.features.get().is_on

    def test_pages_cost_few_queries(self, page: Client, merchant: Merchant, django_assert_max_num_queries: Any) -> None:
        for number in range(30):
            services.save(merchant, card=a_card(), raw={"delay_seconds": number})
        for path in (address(merchant, ""), address(merchant)):
            with django_assert_max_num_queries(10):
                page.get(path)

    def test_a_grid_without_cards_says_so(self, page: Client, merchant: Merchant) -> None:
        with only():
            assert "No tools yet" in text_of(page.get(address(merchant, "")))
