"""Addresses: what a kernel knows of its Jupyter server, templates, and what is never shown."""

import json
import os
from pathlib import Path

import pytest

from experimaestro import settings
from experimaestro.exceptions import ServiceError
from experimaestro.scheduler.services import links
from experimaestro.scheduler.services.links import Place
from experimaestro.scheduler.services.web import Address
from pages import Page

HERE = Place("127.0.0.1", 36013, "/")


@pytest.fixture(autouse=True)
def _no_jupyter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("JUPYTERHUB_", "JPY_")) or name == links.TEMPLATE:
            monkeypatch.delenv(name)
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))


def jupyter(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, base_url: str, pid: int = 4242) -> None:
    """Leaves the file that a Jupyter server leaves, as the parent of this process."""
    folder = tmp_path / "runtime"
    folder.mkdir()
    server = {"base_url": base_url, "url": f"http://localhost:8888{base_url}", "token": "secret", "pid": pid}
    (folder / f"jpserver-{pid}.json").write_text(json.dumps(server), encoding="utf-8")
    monkeypatch.setenv("JPY_PARENT_PID", str(pid))


def test_without_jupyter_it_is_the_address_itself():
    assert links.server_view(HERE) == "http://127.0.0.1:36013/"


@pytest.mark.parametrize("base_url", ["/", "/pre/", "/user/alice/"])
def test_behind_a_jupyter_server_it_is_that_servers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, base_url: str
):
    jupyter(monkeypatch, tmp_path, base_url)
    assert links.server_view(HERE) == f"http://localhost:8888{base_url}proxy/36013/"


def test_on_a_hub_only_the_path_is_known(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/alice/")
    assert links.server_view(HERE) == "/user/alice/proxy/36013/"


def test_a_hub_that_tells_its_public_address_is_believed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/alice/")
    monkeypatch.setenv("JUPYTERHUB_PUBLIC_URL", "https://example.org/user/alice/")
    assert links.server_view(HERE) == "https://example.org/user/alice/proxy/36013/"


def test_a_server_whose_file_is_gone_is_no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    jupyter(monkeypatch, tmp_path, "/")
    monkeypatch.setenv("JPY_PARENT_PID", "4243")
    assert links.server_view(HERE) == "http://127.0.0.1:36013/"


def test_a_template_wins(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/alice/")
    monkeypatch.setenv("JUPYTERHUB_USER", "alice")
    monkeypatch.setenv(links.TEMPLATE, "https://example.org/{JUPYTERHUB_USER}{base_url}p/{port}{path}")
    expected = "https://example.org/alice/user/alice/p/36013/"
    assert links.server_view(HERE) == links.describe(HERE)["template"] == expected


def test_a_template_of_the_settings_counts_where_no_variable_is_set(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(settings, "_folder", tmp_path)
    (tmp_path / "settings.yaml").write_text(
        "server: {service_url: 'https://example.org/p/{port}{path}'}", encoding="utf-8"
    )
    assert links.server_view(HERE) == "https://example.org/p/36013/"

    monkeypatch.setenv(links.TEMPLATE, "https://example.org/{port}")
    assert links.server_view(HERE) == "https://example.org/36013"

    monkeypatch.delenv(links.TEMPLATE)
    (tmp_path / "settings.yaml").write_text("server: {service_url: [1]}", encoding="utf-8")
    with pytest.raises(ServiceError, match=r"settings\.yaml:1: server\.service_url: expected a str"):
        links.server_view(HERE)


def test_a_template_that_cannot_be_filled_stops_the_start_with_what_it_may_have(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv(links.TEMPLATE, "https://example.org/{user}")
    with pytest.raises(ServiceError) as caught:
        Page().get_url()
    assert str(caught.value) == (
        "XPM_SERVICE_URL=https://example.org/{user}: cannot be filled (KeyError: 'user'). It may have "
        "{host}, {port}, {path}, {base_url} and the variables of the environment that begin with "
        "JUPYTERHUB_, such as https://example.org{base_url}proxy/{port}{path}"
    )


def test_a_service_of_another_machine_goes_through_the_proxy_by_its_name(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", "/user/alice/")
    place = Place.of("http://node7:6006/x?y=1")
    assert links.server_view(place) == "/user/alice/proxy/node7:6006/x?y=1"
    assert place.direct == "http://node7:6006/x?y=1"


def test_a_browser_is_told_all_that_it_needs():
    assert links.describe(HERE, "s3cret") == {
        "host": "127.0.0.1",
        "port": 36013,
        "path": "/",
        "proxied": "proxy/36013/",
        "direct": "http://localhost:36013/",
        "template": None,
        "query": "xpm_token=s3cret",
    }


@pytest.mark.parametrize(
    ("address", "host", "direct"),
    [
        ("https://127.0.0.1:8443/a", "127.0.0.1", "https://localhost:8443/a"),
        ("http://[::1]:80", "[::1]", "http://localhost:80/"),
        ("http://[fe80::1]:80/", "[fe80::1]", "http://[fe80::1]:80/"),
    ],
)
def test_addresses_of_every_kind_stay_what_they_are(address: str, host: str, direct: str):
    place = Place.of(address)
    assert (place.host, place.direct) == (host, direct)
    assert links.server_view(place).startswith(address)


@pytest.mark.parametrize(
    "address", ["", "localhost:80", "ftp://localhost/", "http://localhost:99999/", "http://[::1", 5]
)
def test_what_is_no_address_is_refused(address: str):
    with pytest.raises(ServiceError) as caught:
        Place.of(address)
    expected = f"the address of a service is {address!r}: expected http://127.0.0.1:PORT/"
    assert str(caught.value) == expected


def test_the_value_of_a_cell_does_not_show_the_token():
    address = Address(links.with_token("http://127.0.0.1:1/?x=1", "s3cret"))
    assert address == "http://127.0.0.1:1/?x=1&xpm_token=s3cret"
    assert repr(address) == "'http://127.0.0.1:1/?x=1&xpm_token=[secret]'"
    assert repr(Address("http://127.0.0.1:1/")) == "'http://127.0.0.1:1/'"
