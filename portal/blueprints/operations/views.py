from flask import Response, current_app

from portal.blueprints.operations import blueprint
from portal.domain.brand import DEFAULT_COLOUR, brand_css
from portal.permissions import public
from portal.services import health


@blueprint.get("/livez")
@public
def livez() -> Response:
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
@public
def readyz() -> Response:
    wrong = health.what_is_wrong()
    if wrong:
        return Response("".join(f"{line}\n" for line in wrong), 503, mimetype="text/plain")
    lines = ["ready", *health.what_to_see_to()]
    return Response("".join(f"{line}\n" for line in lines), mimetype="text/plain")


@blueprint.get("/brand.css", endpoint="brand_css")
@public
def brand_style() -> Response:
    answer = Response(brand_css(current_app.config["BRAND_COLOUR"] or DEFAULT_COLOUR), mimetype="text/css")
    answer.cache_control.max_age = 3600
    answer.cache_control.public = True
    return answer
