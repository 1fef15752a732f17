"""HTTP over aiohttp: one session, connections kept alive, redirects not followed.

aiohttp because it was measured (benchmarks/README.md): at 64 requests at once it takes 0.2 ms of processor time a
request where httpx2 takes 0.8 ms and httpx 10 ms.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.client_reqrep import ConnectionKey
from aiohttp.connector import Connection

MOST_BYTES = 16 << 20
"""The longest reply that is taken."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server sent.

    Attributes:
        status: The HTTP status.
        headers: By name in small letters.
        body: The whole body.
        drop: Closes the connection that it came on: what comes next on it is not the answer to what is asked next.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    drop: Callable[[], None]


class NoReplyError(Exception):
    """The connection failed, broke off, or the reply was no HTTP."""


class TimedOutError(NoReplyError):
    """There was no whole reply in time."""


_USED: ContextVar[ResponseHandler | None] = ContextVar("used", default=None)
"""The connection of the request that this task has sent last."""


@lru_cache(maxsize=8)
def _proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for an address; asked once, not for every request."""
    parts = urlsplit(url)
    if proxy_bypass(parts.netloc):
        return None
    return getproxies().get(parts.scheme)


def _nothing() -> None:
    """Close nothing."""


class _CleanConnector(aiohttp.TCPConnector):
    """Hands out no connection on which something came that nobody asked for.

    A second reply to one request would otherwise be taken for the answer to the next.
    """

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Any], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        _USED.set(connection.protocol)
        return connection

    async def _get(self, key: ConnectionKey, traces: list[Any]) -> Connection | None:
        while (connection := await super()._get(key, traces)) is not None:
            protocol = connection.protocol
            if protocol is not None and not protocol.should_close:
                return connection
            connection.close()
        return None


class Transport:
    """Sends requests; used within one event loop.

    Args:
        timeout_s: How long one request may take, connecting included.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send a body and return the whole reply.

        Raises:
            NoReplyError: There is none.
        """
        session = self._opened()
        try:
            async with asyncio.timeout(self._timeout_s):
                async with session.post(
                    url, data=body, headers=headers, allow_redirects=False, proxy=_proxy_for(url)
                ) as response:
                    content = await response.content.read(MOST_BYTES + 1)
                    while chunk := await response.content.read(MOST_BYTES + 1):
                        content += chunk
                        if len(content) > MOST_BYTES:
                            raise NoReplyError(f"the reply is longer than {MOST_BYTES >> 20} MB")
                    names = {name.lower(): value for name, value in response.headers.items()}
                    used = _USED.get()
                    return Reply(response.status, names, content, _nothing if used is None else used.close)
        except TimeoutError:
            raise TimedOutError(f"no whole reply in {self._timeout_s:g} s") from None
        except aiohttp.ClientConnectorError as error:
            raise NoReplyError(f"cannot connect: {error.os_error.strerror or error.os_error}") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise NoReplyError(f"the connection broke off ({type(error).__name__})") from None

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=_CleanConnector(limit=0, ttl_dns_cache=60),
                timeout=aiohttp.ClientTimeout(total=None),
                auto_decompress=True,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session
