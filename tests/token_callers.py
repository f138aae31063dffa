"""Processes that need a store's token, for tests/test_tokens.py: many at once, or one that dies at a given moment."""

import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import django

django.setup()

from django.db import connections  # noqa: E402 - after setup

from core.models import Merchant  # noqa: E402
from core.salla_client import SallaError  # noqa: E402
from integrations import tokens  # noqa: E402


def ask(merchant: Merchant) -> str:
    try:
        return tokens.MerchantTokens(merchant).current()
    except SallaError as error:
        return f"{type(error).__name__}: {error}"
    finally:
        connections.close_all()


def call_in_rounds(merchant: Merchant, threads: int) -> None:
    """One round for each line of input; answers with what each caller got."""
    with ThreadPoolExecutor(threads) as pool:
        for _ in sys.stdin:
            print(json.dumps(list(pool.map(ask, [merchant] * threads))), flush=True)  # noqa: T201


def die(*_: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


def main(mode: str, merchant_pk: str, threads: str = "1") -> None:
    merchant = Merchant.objects.get(pk=merchant_pk)
    if mode == "die-before":
        tokens.refresh_tokens = die
    elif mode == "die-after":
        tokens._keep = die
    if mode == "rounds":
        call_in_rounds(merchant, int(threads))
    else:
        print(ask(merchant), flush=True)  # noqa: T201


main(*sys.argv[1:])
