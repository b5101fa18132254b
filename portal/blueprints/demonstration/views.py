from flask import render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.blueprints.demonstration import blueprint
from portal.blueprints.demonstration.presenters import pieces_of, role_label
from portal.errors import NotFound
from portal.htmx import see_other
from portal.permissions import public
from portal.services import demonstration
from portal.services.demonstration import mailbox


@blueprint.app_context_processor
def names_of_partials() -> dict[str, object]:
    return {
        "demonstration_mailbox_is_open": demonstration.mailbox_is_open,
        "demonstration_role_label": role_label,
    }


@blueprint.get("/demonstration/mail")
@public
def mail() -> str:
    _open_or_not_found()
    letters = mailbox.newest(request.args.get("page", 1, type=int))
    return render_template(
        "demonstration/mail.html",
        mailbox=letters,
        first=(letters.page - 1) * mailbox.PAGE_SIZE + 1,
        page_url=lambda page: url_for("demonstration.mail", page=page),
        worker_is_running=mailbox.worker_is_running(),
    )


@blueprint.get("/demonstration/mail/<name>")
@public
def letter(name: str) -> str:
    _open_or_not_found()
    found = mailbox.letter(name)
    return render_template("demonstration/letter.html", letter=found, pieces=pieces_of(found.text))


@blueprint.post("/demonstration/mail/deliver")
@public
def deliver() -> AnyResponse:
    _open_or_not_found()
    mailbox.deliver()
    return see_other(url_for("demonstration.mail"), notice="delivered")


def _open_or_not_found() -> None:
    if not demonstration.mailbox_is_open():
        raise NotFound
