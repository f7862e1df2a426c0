"""Cross-origin calls of browser-based clients, from configured origins only; preflight comes before everything else."""

from flask import Flask, Response, request

METHODS = "GET, POST, OPTIONS"
HEADERS = "Authorization, Content-Type, Accept"


def register(app: Flask, origins: tuple[str, ...]) -> None:
    @app.before_request
    def preflight() -> Response | None:
        if request.method != "OPTIONS":
            return None
        answer = Response(status=204, headers={"Allow": METHODS})
        del answer.headers["Content-Type"]
        return answer

    @app.after_request
    def allow(response: Response) -> Response:
        origin = request.headers.get("Origin")
        if origin is not None and (origin in origins or "*" in origins):
            response.headers["Access-Control-Allow-Origin"] = origin
            response.headers["Access-Control-Allow-Methods"] = METHODS
            response.headers["Access-Control-Allow-Headers"] = HEADERS
            response.headers["Access-Control-Max-Age"] = "600"
            response.headers.add("Vary", "Origin")
        return response
