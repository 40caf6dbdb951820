"""Where the page of a service is, for whoever looks at it.

Law: only a browser knows the address that its user typed (`ssh -L`, a hub, a reverse proxy). So
`describe` gives the facts, from which the front-end builds the link
(`monitor/frontend/src/service_link.js`); `server_view` is what this process can say alone, for a
terminal and for plain text. A template of the user's, in `XPM_SERVICE_URL` or the settings, wins over both.

Nothing of Jupyter's server is imported, as the environment of a kernel often lacks it: the server
leaves a file about itself, and its pid is in the kernel's environment. Only its path is believed
where a browser is; its token is never read.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from experimaestro.exceptions import DocumentError, ServiceError, SettingsError
from experimaestro.settings import get_settings

TEMPLATE = "XPM_SERVICE_URL"
"""Variable with the address of a service's page where a site has its own gateway"""

TOKEN_PARAMETER = "xpm_token"  # noqa: S105 - the name of a parameter
"""Parameter of the query that lets in. Jupyter hides what has `token` in its name from its log;
`token` itself would be taken for Jupyter's own."""

_LOOPBACK = frozenset(("127.0.0.1", "localhost", "[::1]", ""))


class Place(NamedTuple):
    """Where a service listens, seen from the machine on which it runs."""

    host: str
    port: int
    path: str
    scheme: str = "http"

    @classmethod
    def of(cls, address: str) -> "Place":
        """Takes an `http://host:port/path` apart.

        Raises:
            ServiceError: It is no such address.
        """
        try:
            parts = urlsplit(str(address))
            port, is_right = parts.port, parts.scheme in {"http", "https"} and bool(parts.hostname)
        except ValueError:  # no number of a port, half an address of version 6
            is_right = False
        if not is_right:
            raise ServiceError(f"the address of a service is {address!r}: expected http://127.0.0.1:PORT/")
        port = port or (443 if parts.scheme == "https" else 80)
        query = f"?{parts.query}" if parts.query else ""
        host = parts.hostname or ""
        return cls(f"[{host}]" if ":" in host else host, port, f"{parts.path or '/'}{query}", parts.scheme)

    @property
    def is_local(self) -> bool:
        """Whether it listens on the machine of this process."""
        return self.host in _LOOPBACK

    @property
    def direct(self) -> str:
        """Its address without any proxy."""
        host = "localhost" if self.is_local else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"

    @property
    def behind_proxy(self) -> str:
        """What follows the base URL of a Jupyter server that has jupyter-server-proxy."""
        return f"proxy/{self.port if self.is_local else f'{self.host}:{self.port}'}{self.path}"


def with_token(address: str, token: str) -> str:
    """An address that lets in; the same one if there is no token."""
    if not token:
        return address
    return f"{address}{'&' if '?' in address else '?'}{urlencode({TOKEN_PARAMETER: token})}"


def is_kernel() -> bool:
    """Whether this process is the kernel of a notebook."""
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and getattr(shell, "kernel", None) is not None


def jupyter_server() -> tuple[str, str] | None:
    """The Jupyter server that started this process.

    Returns:
        Its origin (empty if only a browser knows it) and its base URL, which begins and ends with
        a `/`; None if there is no such server.
    """
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    if prefix:  # a hub, Binder
        public = urlsplit(os.environ.get("JUPYTERHUB_PUBLIC_URL", ""))
        return f"{public.scheme}://{public.netloc}" if public.netloc else "", _folder(prefix)
    if "JPY_PARENT_PID" not in os.environ and not is_kernel():
        return None
    try:
        from jupyter_core.paths import jupyter_runtime_dir  # only a kernel has it
    except ImportError:
        return None
    for pid in (os.environ.get("JPY_PARENT_PID"), str(os.getppid())):
        try:  # each alone: the first that is there counts
            text = Path(jupyter_runtime_dir(), f"jpserver-{pid}.json").read_text(encoding="utf-8")
            server = json.loads(text)
            parts = urlsplit(server["url"])
            return f"{parts.scheme}://{parts.netloc}", _folder(server["base_url"])
        except (OSError, ValueError, KeyError, TypeError):  # noqa: PERF203 - two turns
            continue  # of another process, of another version, or just removed
    return None


def server_view(place: Place) -> str:
    """The address of a service's page as this process sees it; never with a token.

    Returns:
        By the template; else behind the Jupyter server, if one started this process (without a
        host where only a browser knows it); else on this machine.

    Raises:
        ServiceError: The template cannot be filled.
    """
    server = jupyter_server()
    filled = _filled(place, server)
    if filled is not None:
        return filled
    if server is None:
        return f"{place.scheme}://{place.host}:{place.port}{place.path}"
    return f"{server[0]}{server[1]}{place.behind_proxy}"


def describe(place: Place, token: str = "") -> dict[str, Any]:
    """What a front-end needs to make a link. With a token it must not be kept anywhere.

    Args:
        place: Where the service listens.
        token: What lets in, or nothing.

    Returns:
        `host`, `port`, `path`; `proxied`: what follows the base URL; `direct`: the address on this
        machine; `template`: the address by the user's template, or None; `query`: what is to be
        added to the address and never shown, such as `xpm_token=...`.

    Raises:
        ServiceError: The template cannot be filled.
    """
    return {
        "host": place.host,
        "port": place.port,
        "path": place.path,
        "proxied": place.behind_proxy,
        "direct": place.direct,
        "template": _filled(place, jupyter_server()),
        "query": urlencode({TOKEN_PARAMETER: token}) if token else "",
    }


def _filled(place: Place, server: tuple[str, str] | None) -> str | None:
    name, template = _template()
    if not template:
        return None
    known = {name: value for name, value in os.environ.items() if name.startswith("JUPYTERHUB_")}
    base = server[1] if server is not None else "/"
    known |= {"host": place.host, "port": str(place.port), "path": place.path, "base_url": base}
    try:
        return template.format_map(known)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        raise ServiceError(
            f"{name}={template}: cannot be filled ({type(error).__name__}: {error}). It may have "
            "{host}, {port}, {path}, {base_url} and the variables of the environment that begin with "
            "JUPYTERHUB_, such as https://example.org{base_url}proxy/{port}{path}"
        ) from None


def _template() -> tuple[str, str | None]:
    """Where a template may be given, and the one that is; the variable comes before the settings."""
    given = os.environ.get(TEMPLATE)
    if given:
        return TEMPLATE, given
    try:
        return "settings.yaml: server.service_url", get_settings().server.service_url
    except (SettingsError, DocumentError) as error:
        raise ServiceError(str(error)) from None


def _folder(path: str) -> str:
    """A path that begins and ends with a slash."""
    inner = path.strip("/")
    return f"/{inner}/" if inner else "/"
