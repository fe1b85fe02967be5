"""Drives the console in headless Chromium: signs in, judges every page by axe, does a morning's work with scripts and without.

Usage: walk_console.py SIGN_IN_LINK AXE; AXE is axe.min.js. Prints one JSON object: the pages that were judged, what axe holds against them, and what was done.
"""

import json
import re
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from chromium import PATIENCE_SECONDS, browser, heading, judged, look, sign_in, wait

def links(driver, selector: str) -> list[str]:
    return [urlsplit(link.get_attribute("href")).path for link in driver.find_elements(By.CSS_SELECTOR, selector)]


def pages(driver, home: str) -> list[str]:
    """An address of every page that is mounted: a part in braces is that of the first link of its kind, of a use case all."""
    lines = (Path(__file__).parent / "console_pages.txt").read_text().splitlines()
    found = []
    for line in (line for line in lines if line and not line.startswith("#")):
        pattern, _, where = line.partition(" <- ")
        if "{" not in pattern:
            found.append(pattern)
            continue
        before, _, after = pattern.partition("{")
        below = after.partition("}")[2]
        driver.get(home + (where or before.rstrip("/")))
        shape = re.compile(re.escape(before) + "[^/]+$")
        kin = [path + below for path in links(driver, "main tbody a") if shape.match(path)]
        assert kin, f"{driver.current_url} leads to no {pattern}: {driver.find_element(By.TAG_NAME, 'main').text[:400]}"
        found += kin if pattern == "/use-cases/{name}" else kin[:1]
    return list(dict.fromkeys(found)) + ["/no/such/page"]


def open_escalation(driver, home: str) -> str:
    driver.get(home + "/findings?use_case=privilege-escalation&severity=high")
    link = driver.find_element(By.CSS_SELECTOR, "tbody a[href^='/findings/']").get_attribute("href")
    driver.get(link)
    return link


def triage(driver, home: str, note: str) -> list[str]:
    """The planted escalation is found, acknowledged with a note, and the note is there."""
    open_escalation(driver, home)
    done = [f"found: {heading(driver)}"]
    Select(driver.find_element(By.NAME, "status")).select_by_value("acknowledged")
    driver.find_element(By.NAME, "note").send_keys(note)
    driver.find_element(By.XPATH, "//button[text()='Record it']").click()
    wait(driver, lambda driver: note in driver.page_source and "acknowledged" in driver.page_source)
    return done + ["acknowledged with a note"]


def keep_incident(driver, home: str) -> list[str]:
    """The timeline of whoever it is about is kept as a case, and the first row of it is pinned."""
    open_escalation(driver, home)
    activity = driver.find_element(By.CSS_SELECTOR, "tbody a[href^='/activity/']").get_attribute("href").rsplit("/", 1)[1]
    person = driver.find_element(By.CSS_SELECTOR, "dl.facts a.person").get_attribute("href").rsplit("/", 1)[1]
    driver.get(f"{home}/timeline?actor={person}")
    driver.find_element(By.CSS_SELECTOR, "details.card summary").click()
    driver.find_element(By.NAME, "title").send_keys("A role at night")
    driver.find_element(By.XPATH, "//button[text()='Open the case']").click()
    wait(driver, lambda driver: heading(driver) == "A role at night")
    driver.find_element(By.NAME, "activity").send_keys(activity)
    driver.find_element(By.NAME, "words").send_keys("where it began")
    driver.find_element(By.XPATH, "//button[text()='Add']").click()
    wait(driver, lambda driver: "where it began" in driver.page_source)
    return ["kept as a case", "pinned"]


def review(driver, home: str) -> list[str]:
    driver.get(home + "/reviews")
    driver.find_element(By.NAME, "name").send_keys("This quarter")
    driver.find_element(By.XPATH, "//button[text()='Open it']").click()
    wait(driver, lambda driver: heading(driver) == "This quarter")
    driver.find_element(By.CSS_SELECTOR, "tbody input[name=item]").click()
    driver.find_element(By.NAME, "reason").send_keys("works on it")
    driver.find_element(By.CSS_SELECTOR, "button[value=keep]").click()
    wait(driver, lambda driver: "works on it" in driver.page_source)
    driver.find_element(By.XPATH, "//button[text()='Close and sign']").click()
    wait(driver, lambda driver: "Signed result" in driver.page_source)
    return ["review opened", "decided", "closed and signed"]


def package(driver, home: str) -> list[str]:
    driver.get(home + "/evidence/soc2")
    driver.find_element(By.XPATH, "//button[text()='Build it']").click()

    def is_ready(driver) -> bool:
        driver.get(home + "/evidence")
        assert "failed" not in driver.find_element(By.TAG_NAME, "main").text, driver.page_source
        return bool(driver.find_elements(By.CSS_SELECTOR, "a[href^='/evidence/packages/']"))

    wait(driver, is_ready)
    address = driver.find_element(By.CSS_SELECTOR, "a[href^='/evidence/packages/']").get_attribute("href")
    cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in driver.get_cookies())
    with tempfile.TemporaryDirectory() as folder:
        taken = Path(folder) / "package.zip"
        taken.write_bytes(urlopen(Request(address, headers={"cookie": cookies})).read())
        driver.find_element(By.NAME, "package").send_keys(str(taken))
        driver.find_element(By.XPATH, "//button[text()='Check it']").click()
        wait(driver, lambda driver: heading(driver) == "A package checked")
    assert driver.find_elements(By.CSS_SELECTOR, "h2 .badge.good"), driver.find_element(By.TAG_NAME, "main").text
    return ["package built", "uploaded and proven"]


def key(driver, home: str) -> list[str]:
    driver.get(home + "/settings/keys")
    for folded in driver.find_elements(By.CSS_SELECTOR, "main details:not([open]) > summary"):
        folded.click()
    driver.find_element(By.NAME, "name").send_keys("for a day")
    driver.find_element(By.CSS_SELECTOR, "input[name=scope]").click()
    driver.find_element(By.CSS_SELECTOR, "form[action='/settings/keys'] button").click()
    wait(driver, lambda driver: driver.find_elements(By.ID, "secret"))
    driver.get(home + "/settings/keys")
    row = driver.find_element(By.XPATH, "//tr[contains(., 'for a day')]")
    row.find_element(By.CSS_SELECTOR, "form[action='/settings/keys/revoke'] button").click()
    wait(driver, lambda driver: "revoked" in driver.find_element(By.XPATH, "//tr[contains(., 'for a day')]").text)
    return ["key made and revoked"]


def theme(driver, home: str) -> list[str]:
    driver.get(home + "/")
    driver.find_element(By.CSS_SELECTOR, "details.own summary").click()
    driver.find_element(By.CSS_SELECTOR, "button[name=theme][value=dark]").click()
    wait(driver, lambda driver: driver.find_element(By.TAG_NAME, "html").get_attribute("data-theme") == "dark")
    return ["dark theme chosen"]


def main(link: str, axe: str) -> None:
    axe = Path(axe).read_text()
    home = f"{urlsplit(link).scheme}://{urlsplit(link).netloc}"
    with browser(1280, "light") as driver:
        sign_in(driver, link)
        done = triage(driver, home, "asked them") + keep_incident(driver, home) + review(driver, home)
        done += package(driver, home) + key(driver, home) + theme(driver, home)
    with browser(1280, "light", scripts=False) as driver:
        sign_in(driver, link, scripts=False)
        done += [f"without scripts: {step}" for step in triage(driver, home, "asked again") + key(driver, home)]
    against = []
    with browser(1280, "light") as driver:
        driver.set_script_timeout(PATIENCE_SECONDS)
        driver.get(home + "/sign-in")
        against += judged(driver, axe, "/sign-in")
        look(driver, 1280, "light")
        sign_in(driver, link)
        walked = pages(driver, home)
        for page in walked:
            look(driver, 1280, "light")
            driver.get(home + page)
            against += judged(driver, axe, page)
    print(json.dumps({"pages": walked, "against": against, "done": done}))


main(*sys.argv[1:])
