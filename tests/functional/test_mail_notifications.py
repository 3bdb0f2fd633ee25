"""Notifications by mail, to a real SMTP server; and the link that ends them."""

import re
import ssl
from dataclasses import replace

import pytest
from limits.storage import MemoryStorage
from sqlalchemy import select

from app import create_app
from app import mail as mails
from app.db.models.unsubscription import Unsubscription
from app.db.models.webhook import DeliveryState
from app.errors import BadParameters
from app.mail import Mail, MailNotSent, send_mail
from app.notifications import settings as channels
from app.queueing.rate_limit import RateLimit
from app.webhooks.deliveries import deliver_due
from tests.certificates import self_signed
from tests.console import BROWSER, OWN
from tests.factories import make_member
from tests.mail_server import PASSWORD, USER, mail_server
from tests.notifying import mailing, make_channel, reaching, told
from tests.webhook_rows import rows

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # with TLS from the start
ADDRESS = "ada@example.com"
MAIL = Mail(ADDRESS, "Hello", "Hello")


@pytest.fixture
def postbox():
    with mail_server() as made:
        yield made


@pytest.fixture
def services(services, postbox):
    return mailing(services, postbox.port)


@pytest.fixture
def client(services):
    return create_app(services).test_client()


def test_a_mail_has_text_html_and_a_link_that_ends_that_channel_only_without_a_login(services, client, member, postbox):
    first, second = (make_channel(services, member.app, ADDRESS, "email") for _ in range(2))
    [crash] = told(services, member.app, first, 1)
    deliver_due(services)
    [mail] = postbox.mails
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    [link] = re.fullmatch(r"<https://crashq\.example\.com(/\S+)>", mail["List-Unsubscribe"]).groups()

    asked = client.get(link, headers=BROWSER)
    before = channels.find(services, member.app, first)[0].active
    ended = client.post(link, data={"List-Unsubscribe": "One-Click"})  # as mail programs send it: RFC 8058
    again = client.post(link, headers={"Origin": "http://localhost"})
    told(services, member.app, second, 1)
    deliver_due(services)

    assert f"\r\nList-Unsubscribe: <https://crashq.example.com{link}>\r\n".encode() in postbox.raw[0]
    assert (mail["To"], postbox.recipients[0], mail["From"]) == (ADDRESS, ADDRESS, "crashq <c@example.com>")
    assert mail["Subject"].startswith("New crash in Notes: NSRangeException")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert all(f"https://crashq.example.com/crashes/{crash}" in part and link in part for part in (text, html))
    assert (asked.status_code, before, ended.status_code, again.status_code) == (200, True, 200, 200)
    assert "No more mails" in ended.text
    assert len(postbox.mails) == 2
    assert channels.find(services, member.app, first)[0].disabled_reason == "Who receives it has ended it"
    base = f"/api/apps/{member.app.identifier}/notifications"
    on = client.patch(f"{base}/{first}", json={"active": True}, headers=member.headers)
    assert (on.status_code, on.headers["X-Error-Code"]) == (409, "unsubscribed")


def test_long_and_foreign_headers_are_encoded_on_the_wire_and_add_none(services, postbox):
    url, subject = f"<https://crashq.example.com/{'x' * 300}>", f"Absturz: {'Übersicht ' * 12}\r\nBcc: eve@example.com"
    config = replace(services.config, mail_from=f'"Größe, Übersicht" <crashq@{"c" * 60}.example.com>')

    send_mail(config, Mail(ADDRESS, subject, "Hello", headers={"List-Unsubscribe": f"{url}\r\nBcc: eve@example.com"}))

    [mail], head = postbox.mails, postbox.raw[0].partition(b"\r\n\r\n")[0]
    assert f"\r\nList-Unsubscribe: {url} Bcc: eve@example.com\r\n".encode() in head
    assert head.isascii()
    assert b"\nBcc" not in head
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))
    assert mail["Subject"] == f"Absturz: {'Übersicht ' * 12} Bcc: eve@example.com"
    assert mail["From"].addresses[0].display_name == "Größe, Übersicht"
    assert postbox.recipients == [ADDRESS]


@pytest.mark.parametrize(
    "hidden", ["=?utf-8?q?=0D=0ABcc:_eve@example.net?=", "=?utf-8?b?DQoNCkRlYXIgdXNlcg==?=", "=?x?q?=0A?="]
)
def test_a_line_break_in_an_encoded_word_of_a_title_adds_no_header_and_no_text(services, postbox, hidden):
    send_mail(services.config, Mail("bob@example.com", f"New crash in Notes: {hidden} x", "Hello"))

    [raw] = postbox.raw
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    [subject] = [line for line in head.split(b"\n") if line.startswith(b"Subject:")]
    assert b"Bcc" not in head.replace(subject, b"")
    assert (b"From:" in head, body.strip()) == (True, b"Hello")
    assert hidden.replace("=?", "= ?") in str(postbox.mails[0]["Subject"])


def test_an_encoded_word_is_no_address(services):
    with pytest.raises(BadParameters):
        send_mail(services.config, Mail("=?utf-8?q?=0D=0A?=@example.com", "Hello", "Hello"))


def test_a_link_that_is_not_signed_or_of_another_address_ends_nothing(services, client, member, postbox):
    identifier = make_channel(services, member.app, ADDRESS, "email")
    told(services, member.app, identifier, 1)
    deliver_due(services)
    link = postbox.mails[0]["List-Unsubscribe"].strip("<>").removeprefix("https://crashq.example.com")
    channels.change(services, member.app, identifier, channels.ChannelChange(address="bob@example.com"))

    for path in (link, link[:-1], f"{link.rpartition('/')[0]}/x"):
        assert client.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 404
    assert channels.find(services, member.app, identifier)[0].active


def test_owners_cannot_undo_an_unsubscription_and_its_link_can_undo_it_for_its_channel(
    services, client, member, postbox
):
    base = f"/api/apps/{member.app.identifier}/notifications"
    wanted = {"kind": "email", "rules": {"new": True}}
    first, second, third = (make_channel(services, member.app, ADDRESS, "email") for _ in range(3))
    links = []
    for channel in (first, second, third):
        told(services, member.app, channel, 1)
        deliver_due(services)
        links.append(postbox.mails[-1]["List-Unsubscribe"].strip("<>").removeprefix("https://crashq.example.com"))
    for link in links[:2]:
        assert client.post(link).status_code == 200

    def answered(method, path, **body):
        answer = client.open(f"{base}{path}", method=method, json=body or None, headers=member.headers)
        return answer.status_code, answer.headers.get("X-Error-Code")

    refused = (409, "unsubscribed")
    assert answered("PATCH", f"/{first}", address="bob@example.com")[0] == 200
    assert answered("PATCH", f"/{first}", address=ADDRESS) == refused
    assert answered("DELETE", f"/{second}")[0] == 200
    for same in (ADDRESS, "ADA@Example.com", "ada+1@example.com"):
        assert answered("POST", "", address=same, **wanted) == refused
    assert answered("POST", "", address="carol@example.com", **wanted)[0] == 201
    stranger = make_member(services, "mallory@example.com")
    make_channel(services, stranger.app, ADDRESS, "email")  # of another app
    with services.db.read() as session:
        stored = session.scalars(select(Unsubscription)).all()
    assert ADDRESS not in str([vars(row) for row in stored])

    again = f"{links[1]}/undo"
    assert "Get them again" in client.get(links[1], headers=BROWSER).text
    assert client.post(again).status_code == 401  # not our page
    assert client.post(again, headers=OWN).status_code == 303
    assert answered("POST", "", address=ADDRESS, **wanted) == refused  # the other link's end stays
    assert client.post(f"{links[0]}/undo", headers=OWN).status_code == 303
    assert channels.find(services, member.app, first)[0].active is False  # it has another address by now
    assert answered("POST", "", address=ADDRESS, **wanted)[0] == 201
    for path, is_active in (("", False), ("/undo", True)):
        client.post(f"{links[2]}{path}", headers=OWN)
        assert channels.find(services, member.app, third)[0].active is is_active


def test_a_stranger_gets_few_tests_and_invitations_whichever_way_they_are_made(services, member):
    client = create_app(replace(services, rate_limit=RateLimit(MemoryStorage()))).test_client()
    base = f"/api/apps/{member.app.identifier}"

    def post(path, **body):
        return client.post(f"{base}/{path}", json=body or None, headers=member.headers)

    def send_test(to):
        channel = f"notifications/{make_channel(services, member.app, to, 'email')}"
        answer = post(f"{channel}/test")
        client.delete(f"{base}/{channel}", headers=member.headers)
        return answer

    sent = [send_test("eve@example.com").status_code for _ in range(3)]
    sent += [post("invitations", email="Eve+1@example.com").status_code for _ in range(2)]
    refused = [send_test("eve@example.com"), post("invitations", email="eve@example.com")]
    others = [send_test(f"eve{number}@example.com") for number in range(16)]

    assert sent == [200] * 3 + [201] * 2
    assert {(one.status_code, one.headers["X-Error-Code"]) for one in refused} == {(429, "too_many_requests")}
    assert all(3_500 < int(one.headers["Retry-After"]) <= 3_600 for one in refused)
    assert refused[0].json["error_message"].endswith("sent too many mails within an hour; try again in 60 min")
    assert len(client.get(f"{base}/invitations", headers=member.headers).json["result"]) == 2
    assert [one.status_code for one in others] == [200] * 15 + [429]
    assert post("invitations").status_code == 201  # no mail


def test_a_server_that_refuses_is_tried_again_and_its_code_is_in_the_log(services, member, postbox, clock):
    postbox.answer = "451 try later"
    identifier = make_channel(services, member.app, ADDRESS, "email")
    told(services, member.app, identifier, 1)

    deliver_due(services)
    [put_off] = rows(services)
    postbox.answer = "250 OK"
    clock.advance(seconds=6)
    deliver_due(services)
    [done] = rows(services)

    assert (put_off.state, put_off.last_status) == (DeliveryState.PENDING, 451)
    assert put_off.last_error == "The mail server answered 451"
    assert (done.state, done.last_status, len(postbox.mails)) == (DeliveryState.DELIVERED, 250, 1)


@pytest.fixture
def trusted(tmp_path, monkeypatch):
    """A server's context, whose certificate mails trust."""
    pem = tmp_path / "server.pem"
    pem.write_bytes(self_signed("127.0.0.1"))
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    served.load_cert_chain(pem)
    monkeypatch.setattr(mails, "tls", lambda: ssl.create_default_context(cafile=pem))
    return served


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_password_is_sent_over_tls_only(services, trusted, scheme):
    user = f"{USER}:{PASSWORD.replace('@', '%40').replace(':', '%3A')}"
    with mail_server(trusted, is_tls=scheme == "smtps") as box:
        config = reaching(services, smtp_url=f"{scheme}://{user}@127.0.0.1:{box.port}").config
        assert send_mail(config, MAIL) == 250

    assert (len(box.mails), box.was_encrypted) == (1, [True])


def test_nothing_is_sent_where_the_server_offers_no_starttls_or_is_another(services, postbox, trusted, monkeypatch):
    plain = reaching(services, smtp_url=f"smtp://127.0.0.1:{postbox.port}").config
    with pytest.raises(MailNotSent, match="SMTPNotSupportedError"):
        send_mail(plain, MAIL)
    monkeypatch.undo()
    with mail_server(trusted, is_tls=True) as box:
        other = reaching(services, smtp_url=f"smtps://127.0.0.1:{box.port}").config
        with pytest.raises(MailNotSent, match="SSLCertVerificationError"):
            send_mail(other, MAIL)

    assert postbox.mails == box.mails == []
