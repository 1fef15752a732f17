"""The connection to a Label Studio server: one client for its HTTP, and errors that say what to do.

Built on label-studio-sdk for authentication (legacy tokens, and personal access tokens that are refreshed). Where the SDK
would lose or double work it is tamed:

* it sends a POST up to three times when the reply is lost, and an import that was committed is then doubled:
  `max_retries=0`; whoever imports looks up by our own id what became of it (`push`);
* it sends requests for 127.0.0.1 through HTTP_PROXY: loopback never goes to a proxy here.
"""

import json
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit

from kto_data.errors import InputError, UnavailableError

DEFAULT_TIMEOUT_S = 60.0

_TRIES = 3
_PAUSE_S = 0.5
LOOPBACK = ("127.0.0.1", "localhost", "::1")

T = TypeVar("T")


class UnclearError(UnavailableError):
    """The connection was lost while a request was under way: it may have taken effect or not."""


class GoneError(UnavailableError):
    """The project or task is not on the server (any more)."""


class Connection:
    """A server's address and somebody's token for it.

    Args:
        url: Such as `http://127.0.0.1:8080`.
        token: A personal access token or a legacy token.
        timeout_s: How long a request may take.

    Raises:
        UnavailableError: The SDK is not installed.
        InputError: The address or the token cannot be one.
    """

    def __init__(self, url: str, token: str, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        try:
            import httpx
            from label_studio_sdk import LabelStudio
            from label_studio_sdk.core.api_error import ApiError
        except ImportError as error:
            raise UnavailableError(
                f"talking to Label Studio needs the extra: pip install 'kto-data[label-studio]' ({error}); "
                "without a server use `kto annotate export` and `kto annotate import`"
            ) from None
        host = urlsplit(url).hostname
        if urlsplit(url).scheme not in ("http", "https") or not host:
            raise InputError(f"{url!r} is no address of a server; write it like http://127.0.0.1:8080")
        if not token or not token.isascii() or any(character.isspace() for character in token):
            raise InputError(
                "the token for Label Studio is empty or holds characters that no token has; set "
                "LABEL_STUDIO_API_KEY to the one under Account & Settings"
            )
        self.url = url.rstrip("/")
        self.answered_at = 0.0
        """The server's clock at its last answer to `get`, in seconds since 1970."""
        self.timeout_s = timeout_s
        self.has_personal_token = token.startswith("ey")
        """It is a personal access token, a JWT that is refreshed, and not a legacy one."""
        self._http = httpx.Client(trust_env=host not in LOOPBACK, timeout=timeout_s, follow_redirects=False)
        self._api_error: type[Exception] = ApiError
        self._http_error = httpx.HTTPError
        self._connect_errors = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
        self._timeout_error = httpx.TimeoutException
        self.sdk = self.call(
            lambda: LabelStudio(
                base_url=self.url, api_key=token, httpx_client=self._http, max_retries=0, timeout=timeout_s
            )
        )

    @property
    def resends(self) -> bool:
        """The SDK sends a request again on its own when a reply is lost."""
        return bool(self.sdk._client_wrapper.get_max_retries())

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Return the JSON that an address of the API answers with."""
        return self.read(lambda: self._get(path, query or {}))

    def refuses_sign_up(self) -> bool:
        """Return whether somebody without an invitation is refused: an empty form is, which makes nobody."""
        import httpx

        page, known = f"{self.url}/user/signup/", self._http

        def post() -> httpx.Response:
            with httpx.Client(trust_env=known.trust_env, timeout=self.timeout_s) as stranger:
                stranger.get(page)
                form = {"csrfmiddlewaretoken": stranger.cookies.get("csrftoken") or "", "email": ""}
                return stranger.post(page, data=form, headers={"Referer": page})

        return bool(self.call(post).status_code == 403)

    def read(self, ask: Callable[[], T]) -> T:
        """Ask again when a reply is lost or cut off: reading changes nothing on the server."""
        for attempt in range(1, _TRIES + 1):
            try:
                return self.call(ask)
            except UnclearError as error:
                if attempt == _TRIES:
                    raise UnavailableError(f"{error}; {_TRIES} attempts failed") from None
                time.sleep(_PAUSE_S * attempt)
        raise AssertionError("unreachable")

    def call(self, call: Callable[[], T]) -> T:
        """Call, and turn what can go wrong into our errors, which say what to do."""
        try:
            return call()
        except self._api_error as error:
            status, body = getattr(error, "status_code", None), getattr(error, "body", None)
            raise self._problem(status, body) from None
        except self._connect_errors as error:
            raise UnavailableError(
                f"no Label Studio server answers at {self.url} ({error}); start it (kto annotate serve starts a "
                "local one) or mend the address, and run this again: nothing is lost"
            ) from None
        except self._timeout_error:
            raise UnclearError(f"{self.url} did not answer within {self.timeout_s:g} s (--timeout)") from None
        except (self._http_error, json.JSONDecodeError) as error:
            raise UnclearError(f"{self.url}: the reply was cut off ({error})") from None

    def _get(self, path: str, query: Mapping[str, Any]) -> Any:
        # the SDK's own headers: they hold the token, refreshed when it is a personal access token
        headers = self.sdk._client_wrapper.get_headers()
        reply = self._http.get(self.url + path, params=dict(query), headers=headers)
        if reply.status_code != 200:
            raise self._problem(reply.status_code, reply.text)
        if (date := reply.headers.get("date")) is not None:
            self.answered_at = parsedate_to_datetime(date).timestamp()
        if reply.content.lstrip()[:1] not in (b"{", b"["):
            raise UnavailableError(
                f"{self.url} answers, but not as a Label Studio server does; is the address right?"
            )
        return reply.json()

    def _problem(self, status: int | None, body: Any) -> Exception:
        if status in (401, 403):
            return UnavailableError(
                f"{self.url} refuses the token ({status}: {_detail(body)}); take it from Account & Settings there and "
                "set LABEL_STUDIO_API_KEY. A legacy token works only where the organisation allows it; a personal "
                "access token always does"
            )
        if status == 404:
            return GoneError(f"{self.url}: not there (404: {_detail(body)})")
        if status == 400:
            return InputError(f"{self.url} refuses the request (400): {_detail(body)}")
        if status is not None and (status >= 500 or status in (408, 429)):
            return UnclearError(f"{self.url} failed ({status}: {_detail(body)})")
        return UnavailableError(
            f"{self.url} answers, but not as a Label Studio server does ({status}); is the address right?"
        )


def _detail(body: Any) -> str:
    """Return what an error's body says, short and on one line."""
    if isinstance(body, Mapping):
        body = body.get("validation_errors") or body.get("detail") or body
    text = " ".join(str(body).split())
    return "a page of HTML" if text.startswith("<") else text[:300]
