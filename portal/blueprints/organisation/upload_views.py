from flask import render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from portal import htmx
from portal.blueprints.navigation import breadcrumbs
from portal.blueprints.organisation import blueprint, upload_pages
from portal.domain.delimited_text import Damage
from portal.domain.roles import Permission
from portal.domain.upload_rows import FORMS
from portal.models import Organisation
from portal.permissions import confirmed, polled, requires, takes_files
from portal.services import organisations
from portal.services import uploads as files
from portal.services.uploads import ColumnsWrong, WrongStage
from portal.transactions import commits

Answer = str | Response | tuple[str, int]
SHOWN = 20


@blueprint.get("/organisations/<code>/uploads", endpoint="uploads")
@requires(Permission.KEEP_CONTACTS)
def upload_list(code: str) -> str:
    return _list_page(organisations.get_for(current_user, code, Permission.KEEP_CONTACTS))


def _list_page(organisation: Organisation, error: str = "") -> str:
    return render_template(
        "organisation/uploads.html",
        organisation=organisation,
        error=error,
        form=request.form.get("form", ""),
        uploads=[upload_pages.line(each) for each in files.latest(organisation, SHOWN)],
        breadcrumbs=breadcrumbs(organisation),
    )


@blueprint.post("/organisations/<code>/uploads")
@requires(Permission.KEEP_CONTACTS)
@takes_files
@commits
def upload(code: str) -> Answer:
    organisation = organisations.get_for(current_user, code, Permission.KEEP_CONTACTS)
    file, form = request.files.get("file"), request.form.get("form", "")
    if file is None or not file.filename:
        return _list_page(organisation, _("Choose a file")), 422
    try:
        kept = files.receive(
            organisation,
            file.stream,
            file.filename,
            form if form in FORMS else "",
            current_user,
        )
    except Damage as damage:
        return _list_page(organisation, upload_pages.damage_words(damage)), 422
    finally:
        file.close()
    return htmx.see_other(url_for("organisation.upload_page", code=organisation.code, number=kept.id))


@blueprint.get("/organisations/<code>/uploads/<int:number>")
@requires(Permission.KEEP_CONTACTS)
def upload_page(code: str, number: int) -> str:
    return _page(code, number)


def _page(code: str, number: int, errors: list[str] | None = None) -> str:
    kept = files.get_for(current_user, code, number)
    verdict, page = request.args.get("verdict", ""), request.args.get("page", 1, type=int)
    context = {
        "view": upload_pages.page_of(kept, verdict, page, errors or []),
        "breadcrumbs": upload_pages.breadcrumbs_to(kept),
    }
    return htmx.render("organisation/upload.html", "organisation/_upload.html", **context)


@blueprint.get("/organisations/<code>/uploads/<int:number>/progress")
@requires(Permission.KEEP_CONTACTS)
@polled
def upload_progress(code: str, number: int) -> Answer:
    kept = files.get_for(current_user, code, number)
    if not htmx.is_htmx():
        return htmx.see_other(url_for("organisation.upload_page", code=code, number=number))
    return render_template("organisation/_upload.html", view=upload_pages.page_of(kept, "", 1, []))


@blueprint.post("/organisations/<code>/uploads/<int:number>/columns")
@requires(Permission.KEEP_CONTACTS)
@commits
def match_columns(code: str, number: int) -> Answer:
    kept = files.get_for(current_user, code, number)
    columns = [request.form.get(f"column-{position}", "") for position in range(len(kept.head))]
    form = request.form.get("form", "")
    try:
        files.match(kept, columns, form if form in FORMS else kept.form)
    except ColumnsWrong as wrong:
        return _page(code, number, upload_pages.columns_words(wrong)), 422
    except WrongStage:
        return _page(code, number, [upload_pages.too_late()]), 409
    return htmx.see_other(url_for("organisation.upload_page", code=code, number=number))


@blueprint.post("/organisations/<code>/uploads/<int:number>/confirm")
@requires(Permission.KEEP_CONTACTS)
@confirmed
@commits
def confirm_upload(code: str, number: int) -> Answer:
    kept = files.get_for(current_user, code, number)
    try:
        files.confirm(kept, current_user)
    except WrongStage:
        return _page(code, number, [upload_pages.too_late()]), 409
    return htmx.see_other(url_for("organisation.upload_page", code=code, number=number))


@blueprint.post("/organisations/<code>/uploads/<int:number>/discard")
@requires(Permission.KEEP_CONTACTS)
@commits
def discard_upload(code: str, number: int) -> Answer:
    kept = files.get_for(current_user, code, number)
    try:
        files.discard(kept)
    except WrongStage:
        return _page(code, number, [upload_pages.too_late()]), 409
    return htmx.see_other(url_for("organisation.uploads", code=code), "upload-discarded")


@blueprint.get("/organisations/<code>/uploads/<int:number>/result.csv")
@requires(Permission.KEEP_CONTACTS)
def upload_result(code: str, number: int) -> Response:
    kept = files.get_for(current_user, code, number)
    return upload_pages.result_file(kept)
