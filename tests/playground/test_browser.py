"""The page in a real browser. Where chromium or its driver is not installed, these tests are skipped."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from pycocotools import mask as coco
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from mock_server import Settings, control_of, create_app
from mock_server.control.mock_control import MockControl
from sam3_contract.playground.server_target import ServerTarget
from sam3_contract.playground.serving import before_server, beside_mock
from sam3_contract.recording import Budget, Upstream
from tests.playground.test_serving import STATIC
from tests.servers import serving

BROWSER, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
COFFEE = STATIC / "examples" / "coffee.jpg"
RIM, ESPRESSO, TABLE = (290, 45), (300, 175), (560, 380)
PHONE = (390, 844)

pytestmark = pytest.mark.skipif(
    BROWSER is None or DRIVER is None,
    reason="chromium or chromedriver is missing: apt-get install chromium chromium-driver",
)

# A file that is dropped, or pasted, as a browser hands it on; its content is base64.
_HANDED_ON = """
const [kind, name, type, content] = arguments;
const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
const given = new DataTransfer();
given.items.add(new File([bytes], name, { type }));
const init = { bubbles: true, cancelable: true };
document.body.dispatchEvent(kind === "drop" ? new DragEvent("drop", { ...init, dataTransfer: given })
  : new ClipboardEvent("paste", { ...init, clipboardData: given }));
"""


class Page:
    """The page, as whoever sits before it sees and uses it."""

    def __init__(self, driver: webdriver.Chrome, url: str, control: MockControl) -> None:
        self.driver = driver
        self.url = url
        self.control = control
        driver.get(f"{url}/")
        self.until(lambda: self.text("target"))

    def until(self, reached: Callable[[], Any]) -> Any:
        return WebDriverWait(self.driver, 20, poll_frequency=0.03).until(lambda _: reached())

    def find(self, name: str) -> Any:
        return self.driver.find_element(By.ID, name)

    def text(self, name: str) -> str:
        return str(self.find(name).text)

    def says(self, words: str) -> str:
        return str(self.until(lambda: words in self.text("status") and self.text("status")))

    def hand_on(self, path: Path, kind: str = "drop", *, content: bytes | None = None) -> None:
        content = path.read_bytes() if content is None else content
        self.driver.execute_script(_HANDED_ON, kind, path.name, "image/jpeg", base64.b64encode(content).decode("ascii"))

    def take_coffee(self, kind: str = "drop") -> None:
        self.hand_on(COFFEE, kind)
        self.says("600 x 400")

    def moved_to(self, place: tuple[int, int]) -> ActionChains:
        """Move the pointer to a pixel of the photograph."""
        canvas = self.find("picture")
        width, height = canvas.rect["width"], canvas.rect["height"]
        x, y = ((place[0] + 0.5) / 600 - 0.5) * width, ((place[1] + 0.5) / 400 - 0.5) * height
        return ActionChains(self.driver).move_to_element_with_offset(canvas, round(x), round(y))

    def click(self, place: tuple[int, int], *, negative: bool = False) -> None:
        asked = self.asked
        action = self.moved_to(place)
        (action.context_click() if negative else action.click()).perform()
        self.until(lambda: self.asked > asked and " ms" in self.text("status"))

    def press(self, *keys: str) -> None:
        ActionChains(self.driver).send_keys(*keys).perform()

    @property
    def asked(self) -> int:
        return len(self.control.journal.requests)

    def pixel(self, place: tuple[int, int]) -> tuple[int, int, int]:
        red, green, blue, _ = self.driver.execute_script(
            "return [...document.getElementById('picture').getContext('2d').getImageData(...arguments, 1, 1).data]",
            *place,
        )
        return red, green, blue

    def shown(self, name: str) -> str:
        """The text of a part of the page, in whichever tab it is."""
        return str(self.find(name).get_attribute("textContent"))

    def canvas(self) -> Any:
        """The picture as it is drawn, shape ``(height, width, 3)``."""
        script = "const c = document.getElementById('picture'); return [c.width, c.height, [...c.getContext('2d')"
        script += ".getImageData(0, 0, c.width, c.height).data]]"
        width, height, data = self.driver.execute_script(script)
        return np.array(data, np.uint8).reshape(height, width, 4)[..., :3]

    def sent(self) -> Any:
        """What stands in the tab of what went over the wire, and so what was asked last."""
        self.find("tab-wire").click()
        return json.loads(self.text("sent"))


@pytest.fixture(scope="module")
def driver() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER or ""
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.add_argument("--window-size=1280,1000")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    with webdriver.Chrome(options, webdriver.ChromeService(DRIVER)) as made:
        yield made


@pytest.fixture(scope="module")
def mock() -> Iterator[tuple[str, MockControl]]:
    settings = Settings(api_keys=frozenset({"a-key-of-the-mock"}))
    app = create_app(settings)
    with serving(beside_mock(app, app, settings)) as url:
        yield url, control_of(app)


@pytest.fixture
def page(driver: webdriver.Chrome, mock: tuple[str, MockControl]) -> Iterator[Page]:
    """The page, anew; behind each test nothing went to another host, and the console says no error."""
    url, control = mock
    control.reset()
    driver.get_log("browser")
    driver.get_log("performance")
    made = Page(driver, url, control)
    yield made
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = [one["params"]["request"] for one in messages if one["method"] == "Network.requestWillBeSent"]
    assert asked
    assert {one["url"] for one in asked if not one["url"].startswith((f"{url}/", "data:", f"blob:{url}/"))} == set()
    assert "a-key-of-the-mock" not in json.dumps(asked) + driver.page_source
    # A refused request is told in the console by the browser itself.
    errors = [one["message"] for one in driver.get_log("browser") if one["level"] == "SEVERE"]
    assert [one for one in errors if "the server responded with a status of" not in one and "ERR_" not in one] == []


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_clicks_and_a_box_draw_masks_on_the_photograph(page: Page, kind: str) -> None:
    page.take_coffee(kind)
    rim, espresso, table = (page.pixel((x + 25, y + 5)) for x, y in (RIM, ESPRESSO, TABLE))

    page.click(RIM)
    assert page.pixel((RIM[0] + 25, RIM[1] + 5)) != rim
    assert page.pixel((ESPRESSO[0] + 25, ESPRESSO[1] + 5)) != espresso
    assert page.pixel((TABLE[0] + 25, TABLE[1] + 5)) == table
    assert page.text("predictions").startswith("mask 1")

    page.click(ESPRESSO, negative=True)
    assert page.pixel((RIM[0] + 25, RIM[1] + 5)) != rim
    assert page.pixel((ESPRESSO[0] + 25, ESPRESSO[1] + 5)) == espresso

    page.find("clear").click()
    page.find("negative").click()
    page.click(ESPRESSO)
    assert page.sent()["prompts"][0]["points"][0]["positive"] is False
    page.find("negative").click()

    page.find("clear").click()
    asked = page.asked
    page.moved_to((173, 18)).click_and_hold().perform()
    page.moved_to((404, 208)).release().perform()
    page.until(lambda: page.asked > asked and "3 masks" in page.text("status"))
    assert page.pixel((RIM[0] + 25, RIM[1] + 5)) != rim
    (prompt,) = page.sent()["prompts"]
    assert prompt == {"box": pytest.approx({"x": 288.5, "y": 113, "width": 231, "height": 190}, abs=3)}


def test_concepts_are_asked_with_threshold_and_suppression(page: Page) -> None:
    page.take_coffee()
    page.driver.find_element(By.CSS_SELECTOR, "[value=concept_segment]").click()
    page.find("concepts").send_keys("cup\nred")
    page.until(lambda: "cup" in page.text("predictions") and "red" in page.text("predictions"))
    many = len(page.text("predictions").splitlines())
    page.find("nms-on").click()
    slider = page.find("threshold")
    slider.send_keys(*[Keys.PAGE_UP] * 4)
    page.until(lambda: len(page.text("predictions").splitlines()) < many)

    asked = page.sent()
    assert [prompt["text"] for prompt in asked["prompts"]] == ["cup", "red"]
    assert asked["output_prob_thresh"] > 0.5
    assert asked["nms_iou_threshold"] == 0.5


def test_polygons_are_drawn_to_the_pixel(page: Page) -> None:
    page.take_coffee()
    page.click(RIM)
    as_runs = page.text("predictions")
    page.find("format").send_keys("poly")
    page.until(lambda: page.control.journal.requests[-1].format == "json")
    page.says("3 masks")
    # The masks of this engine have no holes, so their outer contours are all of them.
    page.until(lambda: page.text("predictions") == as_runs)


def test_archives_of_logits_are_drawn_to_the_pixel(page: Page) -> None:
    page.take_coffee()
    page.click(RIM)
    as_runs, areas = page.canvas(), re.findall(r"\d+ pixels", page.text("predictions"))
    # A label has no confidence then: there is none in the archive, so labels are drawn beside the masks.
    page.find("format").send_keys("binary")
    page.until(lambda: page.control.journal.requests[-1].format == "binary")
    page.until(lambda: " ms" in page.text("status"))

    assert re.findall(r"\d+ pixels", page.text("predictions")) == areas
    labelled = (as_runs != page.canvas()).any(axis=2)
    assert labelled.sum() < 0.03 * labelled.size
    page.find("tab-findings").click()
    page.until(lambda: "Nothing wrong" in page.text("findings"))
    page.find("tab-copy").click()
    for language in ("Python, requests", "a test with the pytest plugin"):
        page.find("language").send_keys(language)
        assert '["masks"]' in page.text("snippet")
        compile(page.text("snippet"), language, "exec")


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("npz_as_npy", "the answer is no whole zip"),
        ("npz_truncated", "the answer is no whole zip"),
        ("npz_array_renamed", "the archive has no array masks"),
        ("npz_extra_dimension", "expected (masks, height, width)"),
        ("npz_pickled", "masks are of type |O, expected floats or bools"),
        ("npz_wrong_dtype:int8", "masks are of type |i1, expected floats or bools"),
    ],
)
def test_archive_that_cannot_be_read_is_an_error_that_says_why(page: Page, fault: str, says: str) -> None:
    page.take_coffee()
    page.find("format").send_keys("binary")
    page.find("fault").send_keys(fault)
    page.moved_to(RIM).click().perform()

    page.says(says)
    page.until(lambda: "Findings (" in page.text("tab-findings"))


_PLANES = """
const [url, descr, shape, values, done] = arguments;
const arrays = { "<f4": Float32Array, "|b1": Uint8Array };
import(url).then(({ pixelsOfPlanes }) => pixelsOfPlanes({ descr, shape, values: arrays[descr].from(values) }))
  .then((planes) => done(planes.map(({ pixels }) => [...pixels])), (error) => done(error.message));
"""


@pytest.mark.parametrize(
    ("descr", "shape", "values", "gives"),
    [
        ("|b1", [2, 1, 2], [0, 1, 7, 255], [[0, 1], [1, 1]]),
        ("<f4", [1, 2, 1], [-0.5, 0], [[0, 1]]),
        ("<f4", [0, 0, 0], [], []),
        ("<f4", [1001, 0, 2], [], "masks have shape (1001,0,2), expected pixels"),
        ("<f4", [1001, 1, 1], [0] * 1001, "masks have shape (1001,1,1): too large to draw"),
        ("|b1", [1, 2**13, 2**13 + 1], [], "masks have shape (1,8192,8193): too large to draw"),
    ],
)
def test_arrays_of_masks_are_read_within_bounds(
    page: Page, descr: str, shape: list[int], values: list[float], gives: object
) -> None:
    url = f"{page.url}/playground/npz.js"

    assert page.driver.execute_async_script(_PLANES, url, descr, shape, values) == gives  # type: ignore[no-untyped-call]


def test_copied_curl_gives_the_same_answer(page: Page, tmp_path: Path) -> None:
    page.take_coffee()
    page.click(RIM)
    predictions = page.text("predictions")
    page.find("tab-copy").click()
    shutil.copy(COFFEE, tmp_path / COFFEE.name)
    environment = {"PATH": "/usr/bin:/bin", "ROBOFLOW_API_KEY": "a-key-of-the-mock"}

    ran = subprocess.run(
        ["bash", "-c", page.text("snippet")], cwd=tmp_path, env=environment, capture_output=True, check=True, timeout=60
    )

    answers = json.loads(ran.stdout)["predictions"]
    assert [
        f"{one['confidence']:.3f}" in line for one, line in zip(answers, predictions.splitlines(), strict=True)
    ] == [True] * 3
    areas = [int(coco.area({**one["masks"], "counts": one["masks"]["counts"].encode()})) for one in answers]
    assert [f" {area} pixels" in line for area, line in zip(areas, predictions.splitlines(), strict=True)] == [True] * 3
    assert page.control.journal.requests[-1].body == page.control.journal.requests[-2].body
    for language in ("Python, requests", "Python, inference-sdk", "a test with the pytest plugin"):
        page.find("language").send_keys(language)
        compile(page.text("snippet"), language, "exec")


def test_fault_is_explained_drawn_and_found(page: Page) -> None:
    page.take_coffee()
    page.find("fault").send_keys("size_swapped")
    assert "size" in page.text("fault-meaning")

    page.click(RIM)
    page.until(lambda: "Findings (" in page.text("tab-findings"))
    assert "a mask 400 x 600" in page.text("predictions")
    page.find("tab-findings").click()
    assert "M03 rle_size_is_the_images at $.predictions[0].masks.size" in page.text("findings")


@pytest.mark.parametrize("fault", ["byte_order_mark", "utf8_broken"])
def test_bytes_that_a_decoder_would_mend_are_found(page: Page, fault: str) -> None:
    page.take_coffee()
    page.find("fault").send_keys(fault)

    page.click(RIM)
    page.find("tab-findings").click()

    page.until(lambda: "Findings (" in page.text("tab-findings"))


def test_expected_mask_is_drawn_beside_a_faulty_one(page: Page) -> None:
    page.take_coffee()
    page.click(RIM)
    sound = page.canvas()
    page.find("fault").send_keys("masks_empty")
    page.until(lambda: page.find("expected").get_attribute("hidden") is None)

    assert "0 pixels" in page.until(lambda: "0 pixels" in page.shown("predictions") and page.shown("predictions"))
    dashes = (page.canvas() == [0, 0, 0]).all(axis=2) | (page.canvas() == [255, 255, 255]).all(axis=2)
    assert (dashes & (sound != page.canvas()).any(axis=2)).sum() > 100


def test_mock_that_wants_a_token_is_given_it(driver: webdriver.Chrome) -> None:
    settings = Settings(control_token="a-token-of-tests")
    app = create_app(settings)
    with serving(beside_mock(app, app, settings)) as url:
        driver.get(f"{url}/")
        wait = WebDriverWait(driver, 20, poll_frequency=0.03)
        token = driver.find_element(By.ID, "token")
        wait.until(lambda _: token.is_displayed())
        token.send_keys("another", Keys.ENTER)
        wait.until(lambda _: token.get_attribute("value") == "")
        token.send_keys("a-token-of-tests", Keys.ENTER)
        wait.until(lambda _: driver.find_element(By.ID, "target").text)
        requests.post(f"{url}/sam3/embed_image?api_key=any", json={}, timeout=20)
        driver.find_element(By.ID, "tab-journal").click()
        wait.until(lambda _: "embed_image" in driver.find_element(By.ID, "journal").text)

        assert not token.is_displayed()
        assert "a-token-of-tests" not in driver.page_source + driver.current_url


def test_journal_is_live_and_its_entries_open(page: Page) -> None:
    page.find("tab-journal").click()
    url = f"{page.url}/sam3/concept_segment?api_key=a-key-of-the-mock"
    body = {
        "image": {"type": "url", "value": "https://example.com/a.jpg"},
        "prompts": [{"text": "<b>dog</b>"}],
        "output_prob_thresh": 0.25,
    }

    assert requests.post(url, json=body, timeout=20).status_code == 200

    page.until(lambda: "concept_segment" in page.text("journal"))
    page.driver.find_element(By.CSS_SELECTOR, "#journal button").click()
    assert page.find("concepts").get_attribute("value") == "<b>dog</b>"
    assert page.text("threshold-shown") == "0.25"
    assert "&lt;b&gt;" not in page.text("sent")
    assert "<b>dog</b>" in page.text("sent")
    assert page.driver.find_elements(By.CSS_SELECTOR, "#results b") == []


def test_keyboard_does_it_all(page: Page) -> None:
    def focused() -> Any:
        return page.driver.switch_to.active_element

    while focused().get_attribute("data-example") != "coffee":
        page.press(Keys.TAB)
    page.press(Keys.ENTER)
    page.says("600 x 400")
    while focused().get_attribute("id") != "picture":
        page.press(Keys.TAB)
    page.press(Keys.ARROW_LEFT, Keys.ENTER)
    page.says("3 masks")
    assert page.control.journal.requests[-1].body["prompts"] == [{"points": [{"x": 299, "y": 200, "positive": True}]}]
    for keys, kind, count in (((Keys.ARROW_DOWN, "n"), "points", 2), (("u",), "points", 1)):
        asked = page.asked
        page.press(*keys)
        page.until(lambda before=asked: page.asked > before)
        assert len(page.control.journal.requests[-1].body["prompts"][0][kind]) == count
    asked = page.asked
    page.press("b", Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, "b")
    page.until(lambda: page.asked > asked)
    assert page.control.journal.requests[-1].body["prompts"][0]["box"]["width"] == 2
    while focused().get_attribute("id") != "tab-masks":
        page.press(Keys.TAB)
    page.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert '"points"' in page.text("sent")


def test_phone_and_dark(page: Page) -> None:
    width, height = PHONE
    try:
        page.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": True},
        )
        page.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
        )
        page.take_coffee()
        page.click(RIM)

        assert page.driver.execute_script("return document.documentElement.scrollWidth") == width
        shades = page.driver.execute_script(
            "return ['backgroundColor', 'color'].map((name) => getComputedStyle(document.body)[name])"
        )
        ground, ink = (sum(map(int, shade[4:-1].split(","))) for shade in shades)
        assert ground < 120 < 600 < ink
        tops = [page.find(name).rect["y"] for name in ("stage", "controls", "results")]
        assert all(one < other for one, other in pairwise(tops))
    finally:
        page.driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        page.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_what_is_no_photograph_is_said_and_nothing_is_lost(page: Page) -> None:
    page.take_coffee()
    page.click(RIM)
    before = page.sent()

    page.hand_on(Path("notes.txt"), content=b"no image")
    assert "notes.txt is no image" in page.says("notes.txt")
    page.driver.execute_script(
        "const given = new DataTransfer();"
        "given.items.add(new File([new Uint8Array(25 << 20)], 'large.png', { type: 'image/png' }));"
        "document.body.dispatchEvent(new DragEvent('drop', { bubbles: true, dataTransfer: given }));"
    )
    assert "large.png is of 25.0 MB" in page.says("large.png")

    page.find("ask").click()
    page.says("3 masks")
    assert page.sent() == before


@pytest.mark.parametrize("status", [401, 402, 429, 503])
def test_refusals_are_said_and_nothing_is_lost(page: Page, status: int) -> None:
    page.take_coffee()
    page.find("fault").send_keys(f"status:{status}")
    page.moved_to(RIM).click().perform()
    assert page.says(f"{status}: ")
    page.find("fault").send_keys(*[Keys.BACKSPACE] * 10)

    page.says("3 masks")
    assert len(page.control.journal.requests[-1].body["prompts"][0]["points"]) == 1


def test_server_that_is_slow_can_be_stopped_and_one_that_is_gone_is_said(driver: webdriver.Chrome) -> None:
    settings = Settings()
    app = create_app(settings)
    with ExitStack() as stack:
        page = Page(driver, stack.enter_context(serving(beside_mock(app, app, settings))), control_of(app))
        page.take_coffee()
        page.find("fault").send_keys("slow:60")
        page.moved_to(RIM).click().perform()
        page.says("asking, 1 s")
        page.find("ask").click()
        page.says("Stopped.")
        page.control.end_waits()
    page.find("fault").send_keys(*[Keys.BACKSPACE] * 10)
    page.find("ask").click()

    assert "what you entered is kept" in page.says("does not answer")
    page.find("tab-copy").click()
    assert '"positive": true' in page.text("snippet")


def test_calls_that_cost_are_made_by_the_button_only_and_counted(driver: webdriver.Chrome) -> None:
    app = create_app(Settings(api_keys=frozenset({"a-key-of-the-mock"})))
    with ExitStack() as stack:
        target = ServerTarget(Upstream(stack.enter_context(serving(app))), "a-key-of-the-mock", Budget(2))
        page = Page(driver, stack.enter_context(serving(before_server(target))), control_of(app))
        assert page.text("budget").startswith("2 calls left")
        assert not page.find("fault").is_displayed()
        page.take_coffee()
        page.moved_to(RIM).click().perform()
        page.says("each call costs credits")
        assert page.asked == 0

        for left in (1, 0):
            page.find("ask").click()
            page.until(lambda words=f"{left} calls left": page.text("budget").startswith(words))
        page.find("ask").click()
        page.says("the budget of 2")

    assert page.asked == 2
    assert "a-key-of-the-mock" not in driver.page_source
