"""The headers of every answer, errors and redirects included: one constant policy, no nonce."""

from flask import Flask, Response, request

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'"
)

ALWAYS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"


def put(answer: Response) -> Response:
    """Set what is not set yet: a view may be stricter. Pages are not kept by anybody unless a view says so."""
    for name, value in ALWAYS.items():
        answer.headers.setdefault(name, value)
    if request.scheme == "https":
        answer.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
    is_file = request.endpoint == "static" and answer.status_code < 400
    if not is_file and "Cache-Control" not in answer.headers:
        answer.headers["Cache-Control"] = "no-store"
    return answer


def put_into_list(headers: list[tuple[str, str]], scheme: str) -> list[tuple[str, str]]:
    """The same for an answer that the application has no part in: a file, or a refusal of the server's own."""
    there = {name.lower() for name, _value in headers}
    strict = {"Strict-Transport-Security": STRICT_TRANSPORT} if scheme == "https" else {}
    always = {**ALWAYS, **strict, "Cache-Control": "no-store"}
    return [*headers, *((name, value) for name, value in always.items() if name.lower() not in there)]


def init_app(app: Flask) -> None:
    """Every answer of the application gets them."""
    app.after_request(put)
