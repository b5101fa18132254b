"""Secrets are derived when they are mailed, each under a key that its row names, and stand nowhere."""

import re

import pytest
from flask import Flask
from itsdangerous import URLSafeSerializer

from portal.services import tokens

OTHER_KEY = "another key for the tests, also long enough"

pytestmark = pytest.mark.usefixtures("app")


def test_an_issue_always_gives_the_same_temporary_password():
    issue, key = tokens.new_issue(), tokens.present_key()
    secret = tokens.temporary_password(issue, key)
    assert re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{4}-){2}[0-9A-HJKMNP-TV-Z]{4}", secret)
    assert tokens.temporary_password(issue, key) == secret


def test_ten_thousand_issues_give_ten_thousand_secrets():
    key = tokens.present_key()
    issues = {tokens.new_issue() for _ in range(10_000)}
    assert len(issues) == len({tokens.temporary_password(issue, key) for issue in issues}) == 10_000


def test_ten_thousand_links_have_ten_thousand_tokens_of_which_none_stands_in_what_is_kept_of_it():
    key = tokens.present_key()
    issues = [tokens.new_issue() for _ in range(10_000)]
    made = [tokens.recovery_token(issue, 7, 1, key) for issue in issues]
    assert len(set(made)) == 10_000
    assert len({token.rpartition(".")[2] for token in made}) == 10_000
    assert not any(token.rpartition(".")[2] in issue + key for token, issue in zip(made, issues, strict=True))


def test_a_recovery_token_is_read_back_and_says_what_it_is_for():
    token = tokens.recovery_token("issue", 7, 3, tokens.present_key())
    assert tokens.read_recovery_token(token) == ("issue", 7, 3)


def test_so_is_the_token_that_confirms_an_address():
    token = tokens.email_token("issue", 7, 3, tokens.present_key())
    assert tokens.read_email_token(token) == ("issue", 7, 3)


def test_a_tampered_token_is_none():
    token = tokens.recovery_token("issue", 7, 3, tokens.present_key())
    for forged in ("", "x", token[:-1], token.swapcase(), f"{token}.", "é", "\0", token.replace(".", "", 1)):
        assert tokens.read_recovery_token(forged) is None


def test_a_token_of_another_purpose_is_none(app: Flask):
    other = URLSafeSerializer(app.config["SECRET_KEY"], salt="another").dumps(["issue", 7, 3])
    assert tokens.read_recovery_token(other) is None
    recovery, email = (
        make("issue", 7, 3, tokens.present_key()) for make in (tokens.recovery_token, tokens.email_token)
    )
    assert (tokens.read_recovery_token(email), tokens.read_email_token(recovery)) == (None, None)


@pytest.mark.parametrize("content", [None, [], ["issue"], ["issue", "x", 1], {"a": 1}, 5])
def test_a_signed_token_of_another_shape_is_none(app: Flask, content: object):
    signed = tokens._signer(tokens.RECOVERY, app.config["SECRET_KEY"]).dumps(content)
    assert tokens.read_recovery_token(signed) is None


def test_after_a_rotation_what_was_issued_before_says_the_same(app: Flask):
    key, old = tokens.present_key(), app.config["SECRET_KEY"]
    secret, token = tokens.temporary_password("issue", key), tokens.recovery_token("issue", 7, 3, key)
    app.config.update(SECRET_KEY=OTHER_KEY, SECRET_KEY_FALLBACKS=[old])
    assert tokens.present_key() != key
    assert tokens.temporary_password("issue", key) == secret
    assert tokens.recovery_token("issue", 7, 3, key) == token
    assert tokens.read_recovery_token(token) == ("issue", 7, 3)


def test_once_its_key_is_gone_nothing_is_derived_and_nothing_is_read(app: Flask):
    key = tokens.present_key()
    token = tokens.recovery_token("issue", 7, 3, key)
    app.config.update(SECRET_KEY=OTHER_KEY, SECRET_KEY_FALLBACKS=[])
    with pytest.raises(LookupError):
        tokens.temporary_password("issue", key)
    assert tokens.read_recovery_token(token) is None


def test_the_name_of_a_key_is_not_the_key(app: Flask):
    assert tokens.present_key() not in app.config["SECRET_KEY"]
    assert app.config["SECRET_KEY"] not in tokens.present_key()
