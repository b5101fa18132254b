from flask import Response, jsonify, render_template, request

from portal.blueprints.find_administrator import blueprint
from portal.blueprints.find_administrator.presenters import Listed, as_json, turn_to, where
from portal.htmx import remember_search, render
from portal.permissions import public
from portal.services import listings, organisation_search, organisations, throttle


@blueprint.get("/find-administrator")
@public
@throttle.searches
def index() -> str:
    page = request.args.get("page", 1, type=int)
    text = organisation_search.normalised(request.args.get("q", ""))
    letter = request.args.get("letter")
    letter = letter if letter in organisation_search.LETTERS and not text else None
    remember_search()
    if text:
        listed = Listed(organisation_search.find(text, page))
    else:
        in_use = organisation_search.letters_in_use()
        listed = Listed(organisation_search.from_a_to_z(page, letter), letter, in_use)
    return render("find_administrator/index.html", "find_administrator/_results.html", listed=listed)


@blueprint.get("/find-administrator.json")
@public
@throttle.searches
def index_json() -> Response:
    text = organisation_search.normalised(request.args.get("q", ""))
    found = organisation_search.find(text) if text else organisation_search.from_a_to_z()
    return jsonify(as_json(found))


@blueprint.get("/find-administrator/<code>")
@public
def organisation(code: str) -> str:
    found = organisations.get(code)
    return render_template(
        "find_administrator/organisation.html",
        organisation=found,
        listing=listings.published(found),
        where=where(found),
        turn_to=turn_to(found),
    )
