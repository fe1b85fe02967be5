"""A passkey in headless Chromium: added by an owner, signed in with, refused without its person, and gone once it is removed.

Usage: passkey.py SIGN_IN_LINK; the link names the console by name, since passkeys belong to names. The authenticator is WebDriver's
virtual one (W3C WebAuthn, section 11). Prints one JSON object: what was done.
"""

import json
import sys
from urllib.parse import urlsplit

from selenium.webdriver.common.by import By
from selenium.webdriver.common.virtual_authenticator import Protocol, Transport, VirtualAuthenticatorOptions

from chromium import browser, heading, sign_in, wait

NAME = "Key of the night watch"


def authenticator() -> VirtualAuthenticatorOptions:
    options = VirtualAuthenticatorOptions()
    options.protocol, options.transport = Protocol.CTAP2, Transport.INTERNAL
    options.has_resident_key = options.has_user_verification = options.is_user_verified = True
    return options


def press(driver, kind: str) -> None:
    wait(driver, lambda driver: driver.find_element(By.CSS_SELECTOR, f"[data-passkey={kind}]").is_displayed())
    driver.find_element(By.CSS_SELECTOR, f"[data-passkey={kind}] button").click()


def told(driver, kind: str) -> str:
    return wait(driver, lambda driver: driver.find_element(By.CSS_SELECTOR, f"[data-passkey={kind}] [data-told]").text)


def add(driver, home: str) -> list[str]:
    driver.get(home + "/set-up")
    field = driver.find_element(By.CSS_SELECTOR, "[data-passkey=add] input[name=name]")
    field.clear()
    field.send_keys(NAME)
    press(driver, "add")
    wait(driver, lambda driver: driver.current_url.endswith("/account?said=passkey"))
    assert NAME in driver.find_element(By.TAG_NAME, "main").text
    made = driver.get_credentials()
    assert [credential.rp_id for credential in made] == ["localhost"] and made[0].is_resident_credential, made
    # The node names the passkey that is there, so the same authenticator makes no second one.
    driver.get(home + "/set-up")
    press(driver, "add")
    assert told(driver, "add") and len(driver.get_credentials()) == 1
    return ["added", "not added twice"]


def sign_out(driver, home: str) -> None:
    driver.get(home + "/")
    driver.find_element(By.CSS_SELECTOR, "details.own summary").click()
    driver.find_element(By.CSS_SELECTOR, "form[action='/sign-out'] button").click()
    wait(driver, lambda driver: "/signed-out" in driver.current_url)


def come_in(driver, home: str) -> list[str]:
    sign_out(driver, home)
    # To where one was going.
    driver.get(home + "/people")
    assert "/sign-in?to=" in driver.current_url
    press(driver, "sign-in")
    wait(driver, lambda driver: heading(driver) == "People")
    return ["signed in, to the page that was asked for"]


def nobody(driver, home: str) -> list[str]:
    """A device that somebody found: it does not know its person, so there is no answer to send."""
    sign_out(driver, home)
    driver.set_user_verified(False)
    driver.get(home + "/sign-in")
    press(driver, "sign-in")
    assert told(driver, "sign-in") and "/sign-in" in driver.current_url
    driver.set_user_verified(True)
    return ["refused without its person"]


def remove(driver, home: str) -> list[str]:
    driver.get(home + "/sign-in")
    press(driver, "sign-in")
    wait(driver, lambda driver: heading(driver) == "Overview")
    driver.get(home + "/account")
    driver.find_element(By.CSS_SELECTOR, "form[action='/account/passkey/remove'] button").click()
    wait(driver, lambda driver: NAME not in driver.find_element(By.TAG_NAME, "main").text)
    sign_out(driver, home)
    driver.get(home + "/sign-in")
    press(driver, "sign-in")
    assert "did not work" in told(driver, "sign-in")
    return ["removed, and refused from then on"]


def main(link: str) -> None:
    home = f"{urlsplit(link).scheme}://{urlsplit(link).netloc}"
    with browser(1280, "light") as driver:
        driver.add_virtual_authenticator(authenticator())
        sign_in(driver, link)
        done = add(driver, home) + come_in(driver, home) + nobody(driver, home) + remove(driver, home)
    print(json.dumps({"done": done}))


main(*sys.argv[1:])
