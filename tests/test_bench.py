"""The bench's parts: well-formed plans, honest figures, a client that counts right. Nothing here depends on time."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice

import pytest
from django.urls import resolve

from core import webhooks
from integrations.views import salla_webhook
from scripts.benchmarks import beacons, config, cpu, ingest, load, receipt, report, shop
from scripts.benchmarks import views as bench_views
from scripts.benchmarks.plan import Measurement, Ratio, Variant

PLAN = Measurement(
    name="tea",
    title="Tea",
    table="cups",
    variants=(Variant("hot", "hot tea", lambda: iter([b""])), Variant("iced", "iced tea", lambda: iter([b""]))),
    ratios=(Ratio("hot", "iced", at_least=0.6), Ratio("iced", "hot", at_least=3), Ratio("hot", "hot")),
)


def a_slice(rps: float) -> report.Slice:
    return report.Slice(rps=rps, cpu_ms=1.5, p50_ms=2, p99_ms=9, client_share=0.05)


@pytest.fixture
def rounds() -> list[report.Round]:
    """A slow round, a quick one and one in which something else ran beside the second variant."""
    return [{"hot": a_slice(hot), "iced": a_slice(iced)} for hot, iced in [(50, 100), (500, 1000), (90, 100)]]


def test_ratios_are_taken_within_each_round(rounds):
    assert report.compare(PLAN.ratios[0], rounds) == [0.5, 0.5, 0.9]


def test_figures_have_the_agreed_shape(rounds, tmp_path):
    report.write(tmp_path / "bench.json", report.figures(PLAN, rounds))
    found = json.loads((tmp_path / "bench.json").read_text())
    assert {tuple(entry) for entry in found} == {("name", "value", "unit", "reference", "ratio", "target", "ok")}
    assert [(entry["name"], entry["unit"]) for entry in found[:4]] == [
        ("tea: hot", "requests/s"), ("tea: hot", "CPU ms/request"), ("tea: hot", "ms p50"), ("tea: hot", "ms p99")
    ]  # fmt: skip
    assert found[8:] == [
        {"name": "tea: hot / iced", "value": 90, "unit": "requests/s", "reference": 100, "ratio": 0.5,
         "target": 0.6, "ok": False},
        {"name": "tea: iced / hot", "value": 100, "unit": "requests/s", "reference": 90, "ratio": 2.0,
         "target": 3, "ok": False},
        {"name": "tea: hot / hot", "value": 90, "unit": "requests/s", "reference": 90, "ratio": 1.0,
         "target": None, "ok": None},
    ]  # fmt: skip


def test_a_target_that_is_just_reached_is_met(rounds):
    assert report.judge(PLAN, Ratio("hot", "iced", at_least=0.5), rounds).ok is True


def test_the_table_names_every_variant_and_every_ratio(rounds):
    lines = report.table(PLAN, rounds).splitlines()
    assert [line.split("  ")[0] for line in lines if not line.startswith(" ")] == [
        "hot tea", "iced tea", "", "hot ÷ iced", "iced ÷ hot", "hot ÷ hot"
    ]  # fmt: skip
    assert "90 [50–500]" in lines[1]
    assert lines[5].endswith("MISSED")


def test_percentiles_are_in_milliseconds():
    assert report.percentiles([n / 1000 for n in range(1, 1000)]) == (pytest.approx(500), pytest.approx(990))


@pytest.mark.parametrize(
    "plan", [receipt.RECEIPT, config.CONFIG, beacons.BEACONS, beacons.LIVE], ids=lambda plan: plan.name
)
def test_every_ratio_compares_variants_that_exist(plan):
    names = [variant.name for variant in plan.variants]
    assert len(names) == len(set(names))
    assert {name for ratio in plan.ratios for name in (ratio.variant, ratio.reference)} <= set(names)


def test_each_variant_of_the_receipt_is_served_and_one_is_the_product():
    paths = {next(variant.traffic()).split()[1].decode() for variant in receipt.RECEIPT.variants}
    views = {resolve(path, urlconf="scripts.benchmarks.urls").func for path in paths}
    assert len(views) == len(paths) == len(receipt.RECEIPT.variants) - 1  # repeats go to the product as well
    assert salla_webhook in views


def test_deliveries_are_authentic_readable_and_unique():
    bodies = set()
    for request in islice(receipt.unique("/here/"), 50):
        head, _, body = request.partition(b"\r\n\r\n")
        headers = dict(line.split(": ") for line in head.decode().split("\r\n")[1:])
        assert webhooks.verify(body, headers, strategy=webhooks.SIGNATURE, secrets=[receipt.SECRET])
        assert webhooks.parse(body).event == "abandoned.cart"
        assert len(body) == int(headers["Content-Length"]) == pytest.approx(1600, abs=100)
        bodies.add(body)
    assert len(bodies) == 50


def test_a_config_is_asked_for_as_browsers_do():
    (request,) = set(islice(config.asked(config.CONFIG_PATH), 50))
    assert request.startswith(b"GET /sf/1305146709/config.json HTTP/1.1\r\n")
    assert request.endswith(b"\r\n\r\n")
    assert b"Origin: https://" in request


@pytest.mark.django_db
def test_the_store_of_the_config_has_its_cards_on(rf, client):
    assert bench_views.store(rf.post("/")).status_code == 200
    assert {each["slug"] for each in client.get(config.CONFIG_PATH).json()["cards"]} >= {"latest_purchase"}


def test_each_variant_of_the_config_is_served():
    for variant in config.CONFIG.variants:
        resolve(next(variant.traffic()).split()[1].decode(), urlconf="scripts.benchmarks.urls")


def test_repeats_are_few():
    assert len(set(islice(receipt.repeated("/here/"), 100))) == receipt.REPEATED


@pytest.mark.parametrize(
    ("answer", "is_whole"),
    [
        (b"", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", False),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX: y\r\n\r\n{}", True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n", True),
    ],
)
def test_the_end_of_an_answer_is_known(answer, is_whole):
    assert load.is_whole(answer) is is_whole


class Teapot(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append(body)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


class Kitchen(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """A client that refuses an answer hangs up on the others."""


@pytest.fixture
def teapot() -> Iterator[Kitchen]:
    with Kitchen(("127.0.0.1", 0), Teapot) as server:
        server.seen = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_the_client_counts_what_was_answered_and_sends_nothing_twice(teapot):
    done = load.drive(teapot.server_port, receipt.unique("/"), seconds=0.2, status=200)
    assert load.CONNECTIONS <= done.answered == len(done.latencies) == len(teapot.seen) == len(set(teapot.seen))


def test_the_client_refuses_another_status(teapot):
    with pytest.raises(load.LoadError, match="200 OK"):
        load.drive(teapot.server_port, receipt.unique("/"), seconds=0.2, status=204)


def test_processor_time_counts_children_and_newcomers():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        family = cpu.tree(cpu.parent(child.pid))
        child.communicate(b"\n")
    assert child.pid in family
    assert cpu.spent({1: 2.0, 9: 5.0}, {1: 3.5, 2: 0.25}) == 1.75


def test_the_script_knows_its_measurements():
    command = [sys.executable, "scripts/bench.py", "--help"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "--only {receipt,config,beacons,live,ingest}" in said


# Ingest


@pytest.fixture
def rates():
    """A round that was twice as slow in everything, and one in which something else ran beside the product's part."""
    good = {"told": 100, "whole": 300, "alone": 1200, "whole rows": 600, "alone rows": 2400, "copy": 9600, "insert": 80}
    return [good, {name: rate / 2 for name, rate in good.items()}, {**good, "whole": 150}]


def test_what_is_written_is_compared_with_what_was_told_in_the_same_round(rates):
    found = {figure.name: figure for figure in ingest.figures(rates, judged=True)}
    assert found["ingest: told"].unit == "beacons/s"
    assert found["ingest: whole rows"].unit == "rows/s"
    judged = {name: (each.ratio, each.target, each.ok) for name, each in found.items() if each.target is not None}
    assert judged == {"ingest: alone / told": (12, 10, True), "ingest: whole / told": (3, 2, True)}
    assert found["ingest: alone rows / copy"].ratio == 0.25
    assert "MISSED" not in ingest.report(rates, judged=True)
    assert ingest.report([{**rates[0], "alone": 999}], judged=True).count("MISSED") == 1
    assert {figure.ok for figure in ingest.figures([{**rates[0], "alone": 1}], judged=False)} == {None}


# The page of the shop


def a_visit(blocking: float, shift: float, score: float) -> shop.Visit:
    return shop.Visit(blocking_ms=blocking, shift=shift, score=score)


def test_a_page_is_judged_by_the_median_of_what_each_pair_differs_by():
    pairs = [
        shop.Pair(a_visit(100, 0.02, 80), a_visit(40, 0.0, 82)),
        shop.Pair(a_visit(900, 0.0, 60), a_visit(880, 0.0, 90)),  # something else ran beside it
        shop.Pair(a_visit(90, 0.0, 84), a_visit(30, 0.0, 83)),
    ]
    found = [(figure.name, figure.value, figure.reference, figure.target, figure.ok) for figure in
             shop.figures(pairs, shop.MEASURES)]  # fmt: skip
    assert found == [
        ("shop: blocking time at 4× slower CPU, with us", 100, 40, None, None),
        ("shop: blocking time at 4× slower CPU, difference", 60, None, 50, False),
        ("shop: layout shift, with us", 0.0, 0.0, None, None),
        ("shop: layout shift, difference", 0.0, None, 0.01, True),
        ("shop: Lighthouse performance, with us", 80, 83, None, None),
        ("shop: Lighthouse performance, difference", 2, None, 2, True),
    ]
    lines = shop.table(pairs, shop.MEASURES).splitlines()
    assert [line.split()[-1] for line in lines[1:]] == ["MISSED", "met", "met"]
