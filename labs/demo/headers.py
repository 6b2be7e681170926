"""What every answer of the server says about itself: nothing from elsewhere, nothing kept, no page of others around it.

The browser then refuses any request to another host, whatever a page asks for. Gradio writes styles and scripts into
its pages, so these must be allowed inside them; what a model writes never gets there unescaped.
"""

from typing import Any

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "object-src 'none'",
        "form-action 'self'",
        # a notebook shows the page in a frame
        "frame-ancestors 'self' http://localhost:* http://127.0.0.1:* https://*.colab.dev https://*.googleusercontent.com",
    )
)
HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
]


class Headers:
    """ASGI middleware that adds `HEADERS` to every answer, in place of headers of the same names."""

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: dict, receive: Any, send: Any) -> None:
        async def send_on(message: dict) -> None:
            if message["type"] == "http.response.start":
                ours = {name for name, _ in HEADERS}
                others = [pair for pair in message.get("headers", []) if pair[0].lower() not in ours]
                message = message | {"headers": [*others, *HEADERS]}
            await send(message)

        await self.app(scope, receive, send_on if scope["type"] == "http" else send)
