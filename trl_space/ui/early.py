"""What stands in the page itself, before Gradio begins: what it is going to need, and our own first words.

Gradio's page finds out in four steps which scripts and styles it needs, each when the one before has come and run;
asked for at once they are there when they are wanted, and Gradio has less to do for each. They stand in the page
itself, and not in a header: proxies refuse an answer with long headers.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TOP, END = b"<head>", b"</head>"
NO_FORM = (b"run=", b"view=runs", b"view=gallery")


class Early:
    """ASGI middleware.

    Args:
        links: gives the elements that name what a page needs, with a form (True) or without, for the top of its head.
        scripts: gives what stands at the end of its head, behind what Gradio has written there.
    """

    def __init__(self, app: ASGIApp, links: Callable[[bool], str], scripts: Callable[[], str]) -> None:
        self.app = app
        self.links = links
        self.scripts = scripts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; put the links into the page, and leave every other answer alone."""
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        query = scope.get("query_string", b"")
        links = self.links(not any(view in query for view in NO_FORM)).encode()
        begun: Message = {}
        page = bytearray()

        async def more(message: Message) -> None:
            if message["type"] == "http.response.start":
                begun.update(message)
                return
            page.extend(message.get("body", b""))
            if message.get("more_body"):
                return
            if begun.get("status") == 200:
                page[:] = page.replace(TOP, TOP + links, 1).replace(END, self.scripts().encode() + END, 1)
                MutableHeaders(scope=begun)["content-length"] = str(len(page))
            await send(begun)
            await send({"type": "http.response.body", "body": bytes(page)})

        await self.app(scope, receive, more)
