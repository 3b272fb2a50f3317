"""As much of a browser as an OAuth installation needs: redirects, cookies, forms."""

from __future__ import annotations

import http.client
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

MAX_REDIRECTS = 10
TIMEOUT_SECONDS = 40


@dataclass
class Page:
    """What came back, and from where after redirects."""

    url: str
    status: int
    headers: dict[str, str]
    body: str
    #: Each address on the way, without its query, which holds codes and one-time links.
    way: list[str] = field(default_factory=list)


@dataclass
class Form:
    """The first form of a page with the fields it would send."""

    action: str
    method: str
    fields: dict[str, str]


class _FormParser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.form: Form | None = None
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and self.form is None:
            self.form = Form(given.get("action", ""), given.get("method", "get").upper(), {})
            self._inside = True
        elif self._inside and self.form is not None and tag in ("input", "button") and given.get("name"):
            self.form.fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False


def first_form(page: Page) -> Form | None:
    """The first form of a page."""
    parser = _FormParser()
    parser.feed(page.body)
    if parser.form is not None:
        parser.form.action = urljoin(page.url, parser.form.action or page.url)
    return parser.form


class Browser:
    """Keeps cookies per host, as browsers do, and sends `Secure` ones to localhost, which browsers trust without TLS."""

    def __init__(self) -> None:
        self._cookies: dict[str, dict[str, str]] = {}

    def get(self, url: str, accept: str = "text/html") -> Page:
        """GET, following redirects."""
        return self._follow("GET", url, b"", {"Accept": accept})

    def submit(self, form: Form) -> Page:
        """Sends a form, following redirects."""
        if form.method == "GET":
            return self.get(f"{form.action}?{urlencode(form.fields)}")
        headers = {"Accept": "text/html", "Content-Type": "application/x-www-form-urlencoded"}
        return self._follow("POST", form.action, urlencode(form.fields).encode(), headers)

    def _follow(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> Page:
        way: list[str] = []
        for _ in range(MAX_REDIRECTS):
            page = self._request(method, url, body, headers)
            way.append(f"{method} {url.split('?')[0]} → {page.status}")
            location = page.headers.get("location")
            if page.status not in (301, 302, 303, 307, 308) or location is None:
                page.way = way
                return page
            url = urljoin(url, location)
            if page.status not in (307, 308):
                method, body = "GET", b""
                headers = {name: value for name, value in headers.items() if name != "Content-Type"}
        raise OSError(f"more than {MAX_REDIRECTS} redirects, the last to {url.split('?')[0]}")

    def _request(self, method: str, url: str, body: bytes, headers: dict[str, str]) -> Page:
        host = urlsplit(url).hostname or ""
        jar = self._cookies.setdefault(host, {})
        if jar:
            headers = {**headers, "Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
        status, received, text = request(method, url, body, headers)
        for name, value in received:
            if name.lower() == "set-cookie":
                self._keep(jar, value)
        return Page(url, status, {name.lower(): value for name, value in received}, text)

    @staticmethod
    def _keep(jar: dict[str, str], header: str) -> None:
        pair, *attributes = header.split(";")
        name, _, value = pair.strip().partition("=")
        ended = any(a.strip().lower() in ("max-age=0", "max-age=-1") for a in attributes)
        if ended or not value:
            jar.pop(name, None)
        else:
            jar[name] = value


def request(
    method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> tuple[int, list[tuple[str, str]], str]:
    """One HTTP request. Names under `localhost` go to the loopback address, as browsers and curl do it themselves."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    address = "127.0.0.1" if host == "localhost" or host.endswith(".localhost") else host
    connection = http.client.HTTPConnection(address, parts.port or 80, timeout=TIMEOUT_SECONDS)
    target = parts.path or "/"
    if parts.query:
        target += f"?{parts.query}"
    try:
        connection.request(method, target, body or None, {"Host": parts.netloc, **(headers or {})})
        response = connection.getresponse()
        return response.status, response.getheaders(), response.read().decode("utf-8", "replace")
    finally:
        connection.close()
