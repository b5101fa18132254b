from urllib.parse import urlencode

from flask import render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import htmx
from portal.blueprints.navigation import breadcrumbs
from portal.blueprints.organisation import blueprint, bulk_pages
from portal.blueprints.organisation.bulk_pages import Chosen
from portal.domain.roles import Permission
from portal.permissions import held_fields, password_first, polled, requires
from portal.services import bulk, organisations
from portal.services.bulk import NobodyChosen, TooManyPeople
from portal.transactions import commits

Answer = str | Response | tuple[str, int]
SHOWN = 20


@blueprint.get("/organisations/<code>/bulk", endpoint="bulk")
@requires(Permission.KEEP_CONTACTS)
def bulk_list(code: str) -> str:
    organisation = organisations.get_for(current_user, code, Permission.KEEP_CONTACTS)
    return render_template(
        "organisation/bulk_list.html",
        organisation=organisation,
        works=[bulk_pages.progress(each) for each in bulk.latest(organisation, SHOWN)],
        goes_on=held_fields(),
        breadcrumbs=breadcrumbs(organisation),
    )


@blueprint.get("/organisations/<code>/bulk/new")
@requires(Permission.KEEP_CONTACTS)
def new_bulk(code: str) -> Answer:
    organisation = organisations.get_for(current_user, code, Permission.KEEP_CONTACTS)
    chosen = bulk_pages.chosen(organisation, request.args)
    if chosen.work == "export":
        query = urlencode(chosen.export_query(), doseq=True)
        return htmx.see_other(f"{url_for('contacts.export_excel', code=organisation.code)}?{query}")
    return _ask(chosen)


def _ask(chosen: Chosen) -> Answer:
    """The page that says to how many people it would be done, and asks once more."""
    count, status = 0, 200
    try:
        count = len(bulk.people(chosen.organisation, chosen.wanted, chosen.only)) if chosen.is_somebody else 0
    except NobodyChosen:
        pass
    except TooManyPeople:
        chosen.errors["whom"], status = bulk_pages.too_many(), 422
    if chosen.work not in bulk.WORKS or chosen.errors or not count:
        status = 422
    page = bulk_pages.question(chosen, count)
    crumbs = breadcrumbs(chosen.organisation)
    return render_template("organisation/bulk_new.html", page=page, breadcrumbs=crumbs, chosen=chosen), status


@blueprint.post("/organisations/<code>/bulk")
@requires(Permission.KEEP_CONTACTS)
@commits
def start_bulk(code: str) -> Answer:
    organisation = organisations.get_for(current_user, code, Permission.KEEP_CONTACTS)
    chosen = bulk_pages.chosen(organisation, request.form)
    per_day = chosen.read_per_day()
    if chosen.work not in bulk.WORKS or chosen.errors or not chosen.is_somebody:
        return _ask(chosen)
    if chosen.work == "re-enrol" and (first := password_first()) is not None:
        return first
    try:
        asked = bulk.ask(organisation, chosen.work, chosen.wanted, current_user, only=chosen.only, per_day=per_day)
    except (NobodyChosen, TooManyPeople):
        return _ask(chosen)
    return htmx.see_other(url_for("organisation.bulk_work", code=organisation.code, number=asked.id))


@blueprint.get("/organisations/<code>/bulk/<int:number>")
@requires(Permission.KEEP_CONTACTS)
def bulk_work(code: str, number: int) -> str:
    asked = bulk.get_for(current_user, code, number)
    page = bulk_pages.work_page(asked, request.args.get("page", 1, type=int))
    crumbs = breadcrumbs(asked.organisation)
    return htmx.render("organisation/bulk_work.html", "organisation/_bulk_work.html", view=page, breadcrumbs=crumbs)


@blueprint.get("/organisations/<code>/bulk/<int:number>/progress")
@requires(Permission.KEEP_CONTACTS)
@polled
def bulk_progress(code: str, number: int) -> Answer:
    asked = bulk.get_for(current_user, code, number)
    if not htmx.is_htmx():
        return htmx.see_other(url_for("organisation.bulk_work", code=code, number=number))
    return render_template("organisation/_bulk_work.html", view=bulk_pages.work_page(asked, 1))


@blueprint.post("/organisations/<code>/bulk/<int:number>/stop")
@requires(Permission.KEEP_CONTACTS)
@commits
def stop_bulk(code: str, number: int) -> Response:
    asked = bulk.get_for(current_user, code, number)
    bulk.stop(asked, current_user)
    return htmx.see_other(url_for("organisation.bulk_work", code=code, number=number), "bulk-stopped")
