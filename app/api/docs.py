"""The description of the API, for programs and for people."""

from importlib.metadata import version

from flask import Blueprint, Response, render_template

from app.api import answers
from app.api.openapi import openapi

blueprint = Blueprint("docs", __name__, template_folder="templates")

METHODS = ("get", "post", "put", "patch", "delete")


@blueprint.get("/api/openapi.json")
def describe() -> Response:
    """The OpenAPI document."""
    return answers.document(openapi(version("crashq")))


@blueprint.get("/docs")
def page() -> Response:
    """The same as one self-contained page."""
    document = openapi(version("crashq"))
    operations = [
        (method.upper(), path, item[method])
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]
    response = Response(render_template("docs.html", document=document, operations=operations), mimetype="text/html")
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return response
