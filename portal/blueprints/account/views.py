from flask import render_template
from flask_login import current_user

from portal.blueprints.account import blueprint
from portal.domain.roles import Permission
from portal.permissions import requires


@blueprint.get("/account")
@requires(Permission.OWN_ACCOUNT)
def index() -> str:
    account = current_user.account
    return render_template("account/index.html", account=account, person=account.person)
