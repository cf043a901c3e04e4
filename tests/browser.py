"""A browser without a window, where there is one; what a page complains of fails the test."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def open_browser(profile: Path) -> Iterator[Any]:
    """Yields Chromium, or skips the test."""
    webdriver = pytest.importorskip("selenium.webdriver")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("no Chromium and ChromeDriver here")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    flags = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking disable-sync"
    for flag in [*flags.split(), "disable-component-update", f"user-data-dir={profile}"]:
        options.add_argument(f"--{flag}")
    options.add_argument("--autoplay-policy=no-user-gesture-required")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    found.set_script_timeout(20)
    yield found
    severe = [line for line in found.get_log("browser") if line["level"] == "SEVERE"]
    found.quit()
    assert severe == []


def find_all(browser: Any, selector: str) -> list[Any]:
    return list(browser.find_elements("css selector", selector))
