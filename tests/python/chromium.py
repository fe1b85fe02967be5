"""Headless Chromium over WebDriver, for the scripts that drive pages: started, signed in, and a page judged by axe.

Never waits by the clock: each wait names what it waits for.
"""

from urllib.parse import urlsplit

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

# WCAG 2.2 up to AA, and what axe calls best practice.
RUN = "const done = arguments[arguments.length - 1]; axe.run(document, arguments[0]).then(found => done(found.violations), error => done([{id: String(error), nodes: []}]));"
ALL = {"resultTypes": ["violations"]}
# What a theme or a width can change: all else is the same page.
LOOKS = {**ALL, "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size"]}}
PATIENCE_SECONDS = 300


def browser(width: int, theme: str, scripts: bool = True) -> webdriver.Chrome:
    options = webdriver.ChromeOptions()
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--window-size={max(width, 500)},1000"):
        options.add_argument(flag)
    if width < 500:
        options.add_experimental_option("mobileEmulation", {"deviceMetrics": {"width": width, "height": 900, "pixelRatio": 1}})
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]})
    return driver


def wait(driver, condition):
    # A page may go while it is read.
    return WebDriverWait(driver, PATIENCE_SECONDS, ignored_exceptions=[WebDriverException]).until(condition)


def heading(driver) -> str:
    return driver.find_element(By.TAG_NAME, "h1").text


def sign_in(driver, link: str, scripts: bool = True) -> None:
    # Only another page's script looks at the fragment.
    driver.get("about:blank")
    driver.get(link)
    if not scripts:
        # Without a script nobody reads the fragment: the code is typed.
        driver.find_element(By.NAME, "code").send_keys(urlsplit(link).fragment.removeprefix("code="))
        driver.find_element(By.CSS_SELECTOR, "form[action='/sign-in/code'] button").click()
    wait(driver, lambda driver: heading(driver) == "Overview")


def look(driver, width: int, theme: str) -> None:
    """The same page in another width and theme, without loading it anew."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    # Rows that arrive meanwhile fade in: a colour on its way is nobody's colour.
    features = [{"name": "prefers-color-scheme", "value": theme}, {"name": "prefers-reduced-motion", "value": "reduce"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def judged(driver, axe: str, page: str) -> list[dict]:
    """What axe holds against the page that is open, in both themes and widths."""
    driver.execute_script(axe)
    told = []
    for width, theme, options in ((1280, "light", ALL), (1280, "dark", LOOKS), (400, "dark", LOOKS), (400, "light", LOOKS)):
        look(driver, width, theme)
        where = f"{theme} {width}"
        told += [
            {"page": page, "where": where, "rule": found["id"], "nodes": [node["html"][:200] for node in found["nodes"][:3]]}
            for found in driver.execute_async_script(RUN, options)
        ]
        if driver.execute_script("return document.documentElement.scrollWidth > arguments[0]", width):
            told.append({"page": page, "where": where, "rule": "overflow", "nodes": []})
    return told
