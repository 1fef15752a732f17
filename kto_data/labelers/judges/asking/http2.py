"""HTTP/2 over httpx2, for servers and proxies that want it: `limits: {http2: true}`.

All requests share one connection, agreed upon by ALPN; a server that offers none of it is spoken to in HTTP/1.1. It is not
the default, because HTTP/1.1 on kept connections costs a fraction of the processor time (see docs/judges.md).
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import TYPE_CHECKING

from kto_data.errors import UnavailableError
from kto_data.labelers.judges.asking.transport import MOST_BYTES, NoReplyError, Reply, TimedOutError

if TYPE_CHECKING:
    import httpx2


class Http2Transport:
    """Sends requests like `Transport`; used within one event loop.

    Args:
        timeout_s: How long one request may take, connecting included.

    Raises:
        UnavailableError: httpx2 or its HTTP/2 is not installed.
    """

    def __init__(self, timeout_s: float) -> None:
        try:
            import h2  # noqa: F401 - httpx2 needs it, and looks for it only when it connects
            import httpx2
        except ImportError as error:
            raise UnavailableError(
                f"limits.http2 needs the extra: pip install 'kto-data[http2]' ({error}); without it leave http2 out"
            ) from None
        self._timeout_s = timeout_s
        self._error = httpx2.HTTPError
        self._connect_error = httpx2.ConnectError
        self._client = httpx2.AsyncClient(
            http2=True,
            verify=ssl.create_default_context(),
            timeout=None,  # the whole request has a limit below
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=None),
            follow_redirects=False,
        )

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send a body and return the whole reply.

        Raises:
            NoReplyError: There is none.
        """
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._client.stream("POST", url, content=body, headers=headers) as response,
            ):
                content = await _read(response)
        except TimeoutError:
            raise TimedOutError(f"no whole reply in {self._timeout_s:g} s") from None
        except self._connect_error as error:
            raise NoReplyError(f"cannot connect: {error}") from None
        except (self._error, OSError, ValueError) as error:
            raise NoReplyError(f"the connection broke off ({type(error).__name__})") from None
        names = {name.lower(): value for name, value in response.headers.items()}
        # every stream of a connection is one request's own: nothing has to be dropped
        return Reply(response.status_code, names, content, drop=lambda: None)

    async def close(self) -> None:
        """Close the connection."""
        await self._client.aclose()


async def _read(response: "httpx2.Response") -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MOST_BYTES:
            raise NoReplyError(f"the reply is longer than {MOST_BYTES >> 20} MB")
    return bytes(content)
