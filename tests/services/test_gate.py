"""Who may see a page of ours: whoever has its token, and nobody else of the machine."""

import http.client
import http.cookiejar
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from experimaestro.exceptions import ServiceError
from experimaestro.scheduler.services import TokenGate
from experimaestro.scheduler.services.gate import REFUSED, admit, cookie_name
from pages import Guarded


@pytest.fixture
def service() -> Iterator[Guarded]:
    guarded = Guarded()
    guarded.get_url()
    yield guarded
    guarded.stop()


def get(
    url: str, accept: str = "*/*", opener: urllib.request.OpenerDirector | None = None
) -> tuple[int, str, str]:
    """Status, final address and content."""
    opener = opener or urllib.request.build_opener()
    request = urllib.request.Request(url, headers={"Accept": accept})
    try:
        with opener.open(request, timeout=5) as answer:
            return answer.status, answer.url, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.url or "", error.read().decode()


def test_a_stranger_is_refused_and_told_what_to_do(service: Guarded):
    assert service.url is not None
    assert get(service.url) == (403, service.url, REFUSED)
    assert get(f"{service.url}?xpm_token=guess")[0] == 403


def test_a_program_with_the_token_is_let_in_and_the_page_does_not_see_it(service: Guarded):
    url = service.get_url()
    assert get(f"{service.url}data?a=1&{url.partition('?')[2]}")[::2] == (200, "hello /data?a=1")


def test_a_browser_gets_a_cookie_and_an_address_without_the_token(service: Guarded):
    jar = http.cookiejar.CookieJar()
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    token = service.get_url().partition("?")[2]

    first = get(f"{service.url}sub/page?a=1&{token}", "text/html", browser)
    second = get(f"{service.url}sub/other", "text/html", browser)

    assert first == (200, f"{service.url}sub/page?a=1", "hello /sub/page?a=1")
    assert second == (200, f"{service.url}sub/other", "hello /sub/other?")
    (cookie,) = jar
    assert cookie.path == "/sub"
    assert cookie.has_nonstandard_attr("HttpOnly")


def test_the_token_of_an_earlier_start_lets_nobody_in(service: Guarded):
    old = service.token
    service.stop()
    service.get_url()
    assert get(f"{service.url}?xpm_token={old}")[0] == 403


@pytest.mark.parametrize(
    ("query", "cookies", "expected"),
    [
        ("", "", "refused"),
        ("xpm_token=t", "", "by token"),
        ("xpm_token=", "", "refused"),
        ("xpm_token=wrong&xpm_token=t", "", "by token"),
        ("token=t", "", "refused"),
        ("xpm_token=%C3%A9", "", "refused"),
        ("", f"other=1; {cookie_name('t')}=t", "by cookie"),
        ("", f"{cookie_name('t')}=u", "refused"),
        ("", "not a cookie; [=]", "refused"),
        ("", f'other={{"a": "é;"}}; [=]; {cookie_name("t")}=t', "by cookie"),
        ("", f'_xsrf=2|a|b; {cookie_name("t")}=t; username-localhost-8888="2|1:0"', "by cookie"),
    ],
)
def test_each_request_is_judged(query: str, cookies: str, expected: str):
    assert admit(query, cookies, "t") == expected


def test_nothing_that_is_kept_has_the_token(service: Guarded):
    token = service.token
    kept: list[Any] = [service.describe(), service.full_state_dict(), repr(service), service.url]
    kept.append(repr(service.get_url()))
    assert len(token) >= 40
    assert token not in str(kept)
    assert token in str(service.link())


@pytest.mark.parametrize(
    "page", ["%0D%0ASet-Cookie%3A%20a%3D1", "b%3Fc%23d", "%C3%A9t%C3%A9%20x", "%5C%5Celsewhere.org"]
)
def test_a_browser_is_sent_on_to_the_page_that_it_asked_for_whatever_its_name(service: Guarded, page: str):
    token = service.get_url().partition("?")[2]
    assert service.address is not None
    connection = http.client.HTTPConnection(service.address.split("/")[2], timeout=5)
    connection.request("GET", f"/sub/{page}?{token}", headers={"Accept": "text/html"})
    answer = connection.getresponse()
    connection.close()
    assert answer.status == 303
    assert answer.getheader("Location") == f"./{page}"
    assert len(answer.headers.get_all("Set-Cookie", [])) == 1


def test_a_gate_without_a_token_is_refused_as_everybody_would_have_it():
    with pytest.raises(ServiceError, match="asks_token = True"):
        TokenGate(lambda *_: [], "")
