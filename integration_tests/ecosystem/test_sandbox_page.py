"""The page in a real browser: for eyes, keyboards, screen readers, phones, and without script."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from integration_tests.ecosystem.browser import (
    Axe,
    Browser,
    Page,
    Route,
    Watched,
    chromium,
    expect,
)
from maileon_sandbox import Fault, Sandbox
from maileon_sandbox.tests.client import Client, contact

# WCAG 2.2, levels A and AA, and what axe recommends beside them.
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
DESK, PHONE, SMALL_PHONE = (1280, 800), (390, 844), (320, 640)
ATTACK = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
LONG = "x" * 200


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Something of everything: many contacts, long and hostile values, refusals, faults."""
    with Sandbox() as running, Client(running.base_url, running.api_key) as client:
        account = running.account
        account.add_custom_field("COLOR")
        account.add_custom_field(LONG, "integer")
        account.add_preference("News", "Weekly", description="every Monday")
        account.add_contact(
            ATTACK,
            external_id=LONG,
            standard_fields={"FIRSTNAME": ATTACK, "LASTNAME": LONG},
            custom_fields={"COLOR": ATTACK},
            preferences={("News", "Weekly"): ("true", ATTACK), (LONG, LONG): ("false", None)},
        )
        account.add_contact("gone@example.com", unsubscribed=True)
        running.script(Fault(status=503, path="/ping"))
        client.call("GET", "/ping")
        client.synchronize(
            contact(email=ATTACK, standard={"CITY": "Berlin"}),
            contact(email="size@example.com", external_id="x-2", custom={LONG: LONG}),
            contact(email="new@example.com"),
        )
        client.post(contact(email="max@example.com"), permission="9")
        yield running


@pytest.fixture(scope="module")
def crowded() -> Iterator[Sandbox]:
    with Sandbox() as running:
        running.account.add_contact("gone@example.com", unsubscribed=True)
        for number in range(120):
            running.account.add_contact(f"p{number}@example.com", permission=number % 6 + 1)
        yield running


@pytest.fixture
def paths(sandbox: Sandbox) -> list[str]:
    first = sandbox.account.contacts()[0].id
    lists = ["", "page/contacts", "page/calls", "page/refused", "page/definitions"]
    return [*lists, f"page/contacts/{first}", "page/calls/2"]


def opened(
    browser: Browser, sandbox: Sandbox, *, size: tuple[int, int] = DESK, **options: object
) -> Watched:
    viewport = {"width": size[0], "height": size[1]}
    context = browser.new_context(viewport=viewport, **options)
    return Watched(context.new_page(), sandbox.url)


@pytest.mark.parametrize(("size", "scheme"), [(DESK, "light"), (PHONE, "dark")])
def test_everybody_can_use_every_page(
    browser: Browser, sandbox: Sandbox, paths: list[str], size: tuple[int, int], scheme: str
) -> None:
    """Labels, headings, landmarks, contrast, sizes of targets, as axe judges them."""
    watched = opened(browser, sandbox, size=size, color_scheme=scheme)
    for path in paths:
        watched.go(path)
        found = Axe().run(watched.page, options=RULES)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
        assert watched.page.locator("h1").count() == 1
    watched.page.context.close()


@pytest.mark.parametrize("size", [PHONE, SMALL_PHONE])
def test_nothing_sticks_out_of_a_phone(
    browser: Browser, sandbox: Sandbox, paths: list[str], size: tuple[int, int]
) -> None:
    watched = opened(browser, sandbox, size=size)
    for path in paths:
        watched.go(path)
        assert watched.page.evaluate("document.documentElement.scrollWidth") <= size[0], path
    watched.page.context.close()


def test_nothing_is_loaded_from_elsewhere_and_no_value_becomes_a_script(
    browser: Browser, sandbox: Sandbox, paths: list[str]
) -> None:
    watched = opened(browser, sandbox)
    for path in [*paths, "page/contacts?search=%3Cscript%3E", "page/calls?search=%3Cimg"]:
        watched.go(path)
        assert watched.page.title().endswith("– Maileon sandbox")
        assert watched.page.locator("img").count() == 0
        assert watched.page.locator("script").count() == 1
    assert watched.troubles == []
    watched.page.context.close()


def with_a_hole(route: Route) -> None:
    """The page as it would be with a value that is not escaped."""
    answer = route.fetch()
    route.fulfill(response=answer, body=answer.text().replace("<h1>", f"{ATTACK}<h1>"))


def test_even_a_script_that_got_in_would_not_run(browser: Browser, sandbox: Sandbox) -> None:
    watched = opened(browser, sandbox)
    watched.page.route(f"{sandbox.url}/", with_a_hole)
    watched.go("")
    assert "document.title='owned'" in watched.page.content()
    assert watched.page.locator("img").count() == 1
    expect(watched.page).to_have_title("Overview – Maileon sandbox")
    assert any("Content Security Policy" in trouble for trouble in watched.troubles)
    watched.page.context.close()


def ground(page: Page) -> str:
    colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return colour


def test_the_page_is_dark_where_the_machine_is(browser: Browser, sandbox: Sandbox) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        watched = opened(browser, sandbox, color_scheme=scheme)
        watched.go("")
        grounds.append(ground(watched.page))
        watched.page.context.close()
    assert grounds == ["rgb(245, 246, 248)", "rgb(18, 21, 27)"]


def test_a_keyboard_is_enough(browser: Browser, crowded: Sandbox) -> None:
    watched = opened(browser, crowded)
    page = watched.page
    watched.go("page/contacts")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("searchbox", name="Search")).to_be_focused()
    page.keyboard.type("p77@")
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_contain_text("1 contact")

    page.get_by_role("link", name="p77@example.com").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("p77@example.com")
    page.context.close()


@pytest.mark.parametrize("scripted", [True, False])
def test_search_and_pages_need_no_script(
    browser: Browser, crowded: Sandbox, *, scripted: bool
) -> None:
    watched = opened(browser, crowded, java_script_enabled=scripted)
    page = watched.page
    watched.go("page/contacts")
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_text("Page 2 of 3")).to_be_visible()

    page.get_by_label("Show").select_option("unsubscribed")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("rowheader")).to_have_text(["gone@example.com"])
    page.context.close()


def test_a_table_stays_a_table_on_a_phone(browser: Browser, sandbox: Sandbox) -> None:
    """Stacked for the eye; rows and cells for whoever has them read aloud."""
    watched = opened(browser, sandbox, size=PHONE)
    watched.go("page/contacts?search=weekly")
    table = watched.page.get_by_role("table")
    expect(table.get_by_role("row")).to_have_count(2)
    expect(table.get_by_role("columnheader")).to_have_count(5)
    expect(table.get_by_role("cell")).to_have_count(4)
    watched.page.context.close()


def test_what_happens_meanwhile_is_said_and_shown_on_request(browser: Browser) -> None:
    with Sandbox() as sandbox, Client(sandbox.base_url, sandbox.api_key) as client:
        watched = opened(browser, sandbox)
        page = watched.page
        watched.go("page/calls")
        expect(page.get_by_role("main")).to_contain_text("Nothing has called yet")
        client.synchronize(contact(email="a@example.com"))

        page.get_by_role("status").get_by_role("link", name="Show it").click()

        expect(page.get_by_role("main")).to_contain_text("1 contact: 1 new")
        expect(page.get_by_role("status")).to_be_empty()
        assert watched.troubles == []
        page.context.close()
