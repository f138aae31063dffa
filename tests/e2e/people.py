"""Signing in as a person of a store: the real one-time link, out of the sandbox's mail sink."""

import re
from typing import Any

import requests
from playwright.sync_api import BrowserContext

from tests.processes import until

OWNER = "owner@nafahat-najd.example"
LINK = re.compile(r"https?://\S+/sign-in/[\w-]+/")
MAIL_SECONDS = 20

# Of each product and person: the address that his link ended in, and his browser's state. Whatever file comes first
# signs in for all of them.
_signed_in: dict[tuple[str, str], tuple[str, Any]] = {}


def links(sandbox: str, email: str) -> list[str]:
    """Every sign-in link that was mailed to this address, in order."""
    messages = requests.get(f"{sandbox}/_messages", params={"to": email}, timeout=10).json()["messages"]
    return [found for message in messages for found in LINK.findall(message["text"])]


def ask_for_link(context: BrowserContext, home: str, sandbox: str, email: str = OWNER) -> str:
    """Fill in the sign-in page, and wait for the mail."""
    before = len(links(sandbox, email))
    page = context.new_page()
    page.goto(f"{home}sign-in/")
    page.fill("[name=email]", email)
    page.click("main [type=submit]")
    page.wait_for_load_state()
    page.close()
    until(lambda: len(links(sandbox, email)) > before, "the mail with the link", MAIL_SECONDS)
    return links(sandbox, email)[-1]


def sign_in(context: BrowserContext, home: str, sandbox: str, email: str = OWNER) -> str:
    """The address of the store that the person's link ends in. Asked for once: one link a minute goes to an address."""
    if (home, email) not in _signed_in:
        page = context.new_page()
        page.goto(ask_for_link(context, home, sandbox, email))
        page.click("main [type=submit]")
        page.wait_for_url("**/stores/**")
        _signed_in[home, email] = (page.url, context.storage_state())
        page.close()
    address, state = _signed_in[home, email]
    context.add_cookies(state["cookies"])
    return address
