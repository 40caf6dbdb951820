"""Who may see a page of ours: whoever brings its token.

Laws: a port of 127.0.0.1 can be reached by every user of the machine, so each request needs the
token of this start, in the query or in the cookie that the first visit leaves; compared in
constant time. A browser is sent on at once to the same address without the token, by a relative
link, so that it works behind any prefix. The cookie has no path: the browser keeps it for the
folder of the page, and so services behind one Jupyter server do not see those of others.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, urlencode

from experimaestro.exceptions import ServiceError
from experimaestro.scheduler.services.links import TOKEN_PARAMETER

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
"""A WSGI application (PEP 3333)"""

REFUSED = (
    "403: this page asks for its token. Open it with the link in the experiment's widget, "
    "or with the address that service.get_url() gives.\n"
)
"""What a stranger reads"""


def cookie_name(token: str) -> str:
    """Name of the cookie: another one for each start of a service, and no secret."""
    return f"xpm-{hashlib.sha256(token.encode()).hexdigest()[:12]}"


def admit(query: str, cookies: str, token: str) -> Literal["by token", "by cookie", "refused"]:
    """Decides about a request.

    Args:
        query: The query of its address.
        cookies: Its header `Cookie`.
        token: What lets in.
    """
    if any(one == TOKEN_PARAMETER and _equal(value, token) for one, value in parse_qsl(query)):
        return "by token"
    name = cookie_name(token)
    # Not http.cookies: it stops at the first odd one, and other pages of this host may have those
    for one in cookies.split(";"):
        its_name, _, value = one.strip().partition("=")
        if its_name == name and _equal(value, token):
            return "by cookie"
    return "refused"


class TokenGate:
    """A WSGI application that lets nobody through to another one without its token.

    Args:
        app: The other one.
        token: What lets in. The first request of a browser has it in its address: the server must not
            log the addresses of requests.

    Raises:
        ServiceError: `token` is empty: everybody would have it.
    """

    def __init__(self, app: Application, token: str) -> None:
        if not token:
            raise ServiceError(
                "TokenGate(app, ''): expected a token. That of a service is empty before it starts, and "
                "unless its class has `asks_token = True`"
            )
        self._app = app
        self._token = token

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """See PEP 3333."""
        query = environ.get("QUERY_STRING", "")
        admitted = admit(query, environ.get("HTTP_COOKIE", ""), self._token)
        if admitted == "refused":
            return _answer(start_response, "403 Forbidden", REFUSED)
        if admitted == "by cookie":
            return self._app(environ, start_response)
        rest = urlencode([one for one in parse_qsl(query, True) if one[0] != TOKEN_PARAMETER])
        cookie = ("Set-Cookie", f"{cookie_name(self._token)}={self._token}; HttpOnly; SameSite=Lax")
        if environ.get("REQUEST_METHOD") == "GET" and "text/html" in environ.get("HTTP_ACCEPT", ""):
            name = environ.get("PATH_INFO", "/").rpartition("/")[2]
            page = quote(name, encoding="latin-1", errors="replace")  # as PEP 3333 has the bytes of a path
            where = f"./{page}{'?' if rest else ''}{rest}"
            return _answer(start_response, "303 See Other", "", ("Location", where), cookie)

        def start_with_cookie(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, [*headers, cookie], *more)

        return self._app({**environ, "QUERY_STRING": rest}, start_with_cookie)


def _equal(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())


def _answer(
    start_response: Callable[..., Any], status: str, text: str, *headers: tuple[str, str]
) -> Iterable[bytes]:
    body = text.encode()
    always = [
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
        ("Referrer-Policy", "no-referrer"),
    ]
    start_response(status, [*always, *headers])
    return [body]
