"""What every answer carries: nothing of it is cached on the way, and nobody guesses another type."""

from flask import Flask, Response


def register(app: Flask) -> None:
    @app.after_request
    def set_headers(response: Response) -> Response:
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response
