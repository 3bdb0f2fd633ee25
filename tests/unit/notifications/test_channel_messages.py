"""Messages in each service's own form: within its schema and limits, and with nothing in them that untrusted text could begin."""

import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest

from app.config import Config
from app.errors import BadParameters
from app.mail import compose
from app.notifications.channels import CHANNELS, discord, email, mattermost, slack, teams, webhook
from app.notifications.message import Fact, Line, Notice, clip, length
from tests.factories import CONFIG

SCHEMAS = Path(__file__).parent / "schemas"
BODIES = {"slack": slack.body_of, "discord": discord.body_of, "mattermost": mattermost.body_of, "teams": teams.body_of}
LINK = "https://crashq.example.com/crashes/2eab310c430bf292171281ae"
PLAIN = Notice(
    event="crash.new", event_id="crash_new_2eab310c430bf292171281ae", timestamp="2018-09-13T12:00:00Z", app="Notes",
    app_identifier="7b1d4f0a9c3e5d2b8a6f4e1c", headline="New crash", title="NSRangeException in pageAtIndex:",
    crash_identifier="2eab310c430bf292171281ae", facts=(Fact("Version", "2.4"), Fact("Occurrences", "12")), link=LINK,
)  # fmt: skip
HOSTILE = (
    "<!channel> <@U024BE7LD> <!here|here> @everyone @here @channel ~town-square `code` *bold* _it_ ~~no~~ # head\n"
    "<https://evil.example.com|click> [click](https://evil.example.com) ![x](https://evil.example.com/x.png) :tada: "
    "<at>all</at> <script>alert(1)</script> ||spoiler|| &lt; \u202egnp.exe \u2028Bcc: mallory@example.com \x00"
)
SAID = replace(
    PLAIN,
    title=HOSTILE,
    app=HOSTILE,
    facts=(Fact("Version", HOSTILE),),
    lines=(Line(HOSTILE, "1 occurrence", LINK),),
    more=2,
)
LONG = replace(
    PLAIN, app="<" * 500, title="&<@|*" * 40 + "\U0001f4a5" * 2_000, facts=(Fact("Version", "*" * 900),) * 6,
    lines=(Line("<_*" * 300, "1,000,000 occurrences", LINK),) * 10, more=9_999,
)  # fmt: skip
BARE = replace(PLAIN, title=None, link=None, facts=(), lines=(Line("", "1 occurrence", None),))


@pytest.mark.parametrize("message", [PLAIN, SAID, LONG, BARE], ids=["plain", "hostile", "long", "bare"])
@pytest.mark.parametrize("kind", BODIES)
def test_each_message_is_of_the_published_form_and_within_its_limits(kind, message):
    body = BODIES[kind](message)

    jsonschema.Draft202012Validator(json.loads((SCHEMAS / f"{kind}.json").read_text())).validate(body)
    assert len(json.dumps(body).encode()) <= teams.MAX_BODY
    for embed in body.get("embeds", ()):
        texts = [embed["title"], embed.get("description", ""), *(f["name"] + f["value"] for f in embed["fields"])]
        assert sum(map(length, texts)) <= discord.MAX_TOTAL


def strings(value: object) -> list[str]:
    """Every text within a JSON value."""
    if isinstance(value, dict):
        return [text for part in value.values() for text in strings(part)]
    if isinstance(value, list):
        return [text for part in value for text in strings(part)]
    return [value] if isinstance(value, str) else []


def test_slack_finds_no_markup_of_its_own_in_what_came_out_of_a_log():
    body = slack.body_of(SAID)

    for said in strings(body):
        links = re.findall(r"<([^>]*)>", said)
        assert all(link.startswith(LINK) for link in links), said
    untrusted = [text for block in body["blocks"] for text in [block.get("text"), *block.get("fields", [])] if text]
    assert all(LINK in text["text"] for text in untrusted if text["type"] == "mrkdwn")


@pytest.mark.parametrize("kind", [discord, mattermost])
def test_markdown_mentions_and_links_of_a_log_are_plain_text(kind):
    escaped = kind.escape(clip(HOSTILE, 1_000))
    body = json.dumps(kind.body_of(SAID), ensure_ascii=False).replace(f"[Open]({LINK})", "")

    assert not set("*_~`|>#[]()<!") & set(re.sub(r"\\.", "", escaped))
    assert not re.search(r"@(everyone|here|channel|U0)", body)
    assert "](" not in body
    assert kind is discord or not re.search("<[^\u200b]", escaped)


def test_teams_reads_no_text_as_markdown_and_there_is_no_mention():
    card = teams.body_of(SAID)["attachments"][0]["content"]

    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert "msteams" not in card


MAIL = Config(**{**CONFIG.__dict__, "smtp_url": "smtp://mail.example.com", "mail_from": "crashq <crashq@example.com>"})
STOP = "https://crashq.example.com/notifications/unsubscribe/x"


def test_no_title_adds_a_header_or_an_element_to_a_mail():
    made = compose(MAIL, email.mail_of(SAID, "ada@example.com", STOP))
    text, html = made.get_body(("plain",)), made.get_body(("html",))
    elements = set(re.findall(r"<([a-z0-9]+)", html.get_content()))

    assert {name.lower() for name in made} == {
        "subject", "from", "to", "date", "message-id", "auto-submitted", "list-unsubscribe", "list-unsubscribe-post", "list-id",
        "mime-version", "content-type",
    }  # fmt: skip
    assert made["To"] == "ada@example.com"
    assert b"\nBcc:" not in made.as_bytes()
    assert len(made["Subject"]) <= 150
    assert elements == {"html", "body", "h1", "p", "ul", "li", "a"}
    assert made["List-Unsubscribe"] == f"<{STOP}>"
    assert made["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert STOP in text.get_content()


def test_a_webhook_tells_all_of_it_as_it_is():
    body = webhook.body_of(SAID)

    assert body["data"]["title"] == HOSTILE
    assert (body["type"], body["data"]["url"]) == ("crash.new", LINK)


@pytest.mark.parametrize(
    ("kind", "address", "shown"),
    [("slack", "https://hooks.slack.com/services/T024BE7LD/B024BE7LH/aVerySecretPart", "hooks.slack.com/…Part"),
     ("mattermost", "http://chat.internal:8065/hooks/x7", "chat.internal:8065/…"), ("slack", "no url", "…"),
     ("email", "ada.lovelace@example.com", "ad…@example.com"), ("email", "a@example.com", "a…@example.com")],
)  # fmt: skip
def test_an_address_is_shown_in_part(kind, address, shown):
    assert CHANNELS[kind].shorten(address) == shown


@pytest.mark.parametrize(
    "address",
    ["ada", "ada@", "@example.com", "a b@example.com", "ada@example.com\nBcc: x@example.com", "<ada@example.com>",
     ".a@example.com", "a..b@example.com", "ada@example.com,bob@example.com", "é@example.com",
     "a" * 65 + "@example.com", "ada@-example.com"],
)  # fmt: skip
def test_what_is_no_address_of_one_mailbox_is_refused(address):
    settings = {**MAIL.__dict__, "public_url": "https://crashq.example.com"}
    with pytest.raises(BadParameters):
        email.check(Config(**settings), address)


def test_a_text_is_cut_between_characters():
    assert clip("a\U0001f4a5\U0001f4a5", 4) == "a\U0001f4a5…"
    assert clip("a\r\n b\u202e", 9) == "a  b"
