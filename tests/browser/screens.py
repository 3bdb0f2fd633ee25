"""Makes the pictures of docs/screens out of a running service with a made-up app: `make screens`."""

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page

from app.cli.demo import Http
from app.cli.opening import opened
from app.identity import accounts
from tests.browser.chromium import NARROW, chromium, wait_until_idle
from tests.browser.conftest import send_story, sign_in
from tests.system.conftest import EMAIL, PASSWORD, Operator, log_in

FOLDER = Path(__file__).parents[2] / "docs" / "screens"
LOGS, DAYS = 420, 60
LARGEST = 150_000  # bytes of a picture


def main() -> None:
    """Start everything, take the pictures, stop everything."""
    with tempfile.TemporaryDirectory() as folder:
        operator = Operator(Path(folder) / "data")
        with opened(operator.data_dir) as services:
            accounts.create_user(services, EMAIL, PASSWORD)
            app, _ = accounts.create_app_for(services, "Larkspur", EMAIL)
        with operator.up() as (_, http), chromium() as browser:
            log_in(http)
            send_story(http, app, LOGS, DAYS)
            take_all(browser, http, app)


def take_all(browser: Browser, http: Http, app: str) -> None:
    """The crash list, a crash, the same in the dark and on a small screen."""
    crashes = http.send("GET", f"/api/apps/{app}/crashes?sort=occurrences_count").json["result"]
    listing, crash = f"/apps/{app}/crashes", f"/crashes/{crashes[0]['identifier']}"
    shots = [
        ("crashes", listing, "light", {"width": 1_200, "height": 620}),
        ("crash", crash, "light", {"width": 1_200, "height": 860}),
        ("crash-dark", crash, "dark", {"width": 1_200, "height": 860}),
        ("crash-360", crash, "light", NARROW),
    ]
    for name, path, scheme, size in shots:
        context = browser.new_context(base_url=http.base, viewport=size, color_scheme=scheme, locale="en-GB")
        page = context.new_page()
        sign_in(page)
        page.goto(path)
        wait_until_idle(page)
        take(page, name)
        context.close()


def take(page: Page, name: str) -> None:
    """One picture; raises ValueError when it would be too large for the repository."""
    picture = page.screenshot(animations="disabled")
    print(f"{name}.png {len(picture) // 1000} KB")
    if len(picture) > LARGEST:
        raise ValueError(f"{name}.png is too large")
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
