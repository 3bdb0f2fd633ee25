"""Ways into the console, on a phone and by keyboard: an OpenID provider, and a new password by a mailed link."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from app.cli.opening import opened
from app.identity import accounts
from tests.browser import axe as judge
from tests.browser.chromium import NARROW
from tests.mail_server import Postbox, mail_server
from tests.openid_provider import CLIENT, SECRET, openid_provider
from tests.servers import free_port
from tests.system import conftest
from tests.system.conftest import EMAIL, PASSWORD, Operator, until

NEW_PASSWORD = "staple battery horse correct"


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    with mail_server() as made:
        yield made


@pytest.fixture
def page(browser: Browser, axe, postbox, tmp_path, monkeypatch) -> Iterator[Page]:
    """The page of signing in of a service with an OpenID provider and a mail server."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    monkeypatch.setattr(conftest, "free_port", lambda: port)
    with openid_provider(f"{base}/sign-in/openid/callback") as provider:
        settings = {
            "CRASHQ_OIDC_ISSUER": provider.issuer, "CRASHQ_OIDC_CLIENT_ID": CLIENT, "CRASHQ_OIDC_CLIENT_SECRET": SECRET,
            "CRASHQ_OIDC_NAME": "Example ID", "CRASHQ_OIDC_DOMAINS": "example.com", "CRASHQ_PUBLIC_URL": base,
            "CRASHQ_SMTP_URL": f"smtp://127.0.0.1:{postbox.port}?tls=none", "CRASHQ_MAIL_FROM": "crashq@example.com",
        }  # fmt: skip
        operator = Operator(tmp_path / "data", settings)
        with opened(operator.data_dir) as services:
            accounts.create_user(services, EMAIL, PASSWORD)
        with operator.up():
            context = browser.new_context(base_url=base, viewport=NARROW, locale="en-GB")
            judge.bring(context, axe)
            made = context.new_page()
            made.goto("/sign-in?next=/account")
            yield made
            context.close()


def press(page: Page, name: str) -> None:
    """Go to a link or a button by the tab key, and press it."""
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip() == name:
            page.keyboard.press("Enter")
            return
    pytest.fail(f"the tab key leads to no {name}")


def test_a_person_of_the_provider_and_one_who_has_forgotten_the_password_come_in(page, postbox):
    assert judge.barriers(page) == []
    press(page, "Sign in with Example ID")
    page.wait_for_url("**/account")
    expect(page.locator("main").get_by_text("grace@example.com").first).to_be_visible()

    page.context.clear_cookies()
    page.goto("/sign-in")
    press(page, "Password forgotten?")
    page.wait_for_url("**/forgot-password")
    assert judge.barriers(page) == []
    page.get_by_label("E-mail").focus()
    page.keyboard.type(EMAIL)
    page.keyboard.press("Enter")
    expect(page.get_by_text("a link is on its way")).to_be_visible()
    until(lambda: postbox.mails, "the mail with the link")
    [link] = re.findall(r"http://\S+/password/\S+", postbox.mails[0].get_body(("plain",)).get_content())
    page.goto(link)
    assert judge.barriers(page) == []
    page.get_by_label("Password").last.focus()
    page.keyboard.type(NEW_PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_text("The password is set")).to_be_visible()

    page.get_by_label("E-mail").focus()
    page.keyboard.type(EMAIL)
    page.keyboard.press("Tab")
    page.keyboard.type(NEW_PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/apps")
