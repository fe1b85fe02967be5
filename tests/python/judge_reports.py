"""Opens HTML reports from the disk in headless Chromium and judges each by axe and for overflow, in both themes and widths.

Usage: judge_reports.py AXE FOLDER [PICTURES]; FOLDER holds one .html file a report. Prints one JSON object: the reports that were
judged, what axe holds against them, what they fetched. With PICTURES, a folder, a screenshot of each in both widths is left there.
"""

import json
import sys
from pathlib import Path

from chromium import PATIENCE_SECONDS, browser, judged, look

# What a page asked the network for beside itself.
FETCHED = "return performance.getEntriesByType('resource').map(entry => entry.name)"


def pictures(driver, report: Path, folder: Path) -> None:
    for width, theme in ((1280, "light"), (1280, "dark"), (400, "light")):
        look(driver, width, theme)
        height = driver.execute_script("return document.documentElement.scrollHeight")
        metrics = {"width": width, "height": min(height, 4_000), "deviceScaleFactor": 1, "mobile": width < 500}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        driver.save_screenshot(str(folder / f"{report.stem}-{theme}-{width}.png"))


def main(axe: str, folder: str, into: str | None = None) -> None:
    axe = Path(axe).read_text()
    against, fetched = [], []
    reports = sorted(Path(folder).glob("*.html"))
    with browser(1280, "light") as driver:
        driver.set_script_timeout(PATIENCE_SECONDS)
        for report in reports:
            driver.get(report.resolve().as_uri())
            look(driver, 1280, "light")
            fetched += driver.execute_script(FETCHED)
            against += judged(driver, axe, report.stem)
            if into:
                pictures(driver, report, Path(into))
    print(json.dumps({"reports": [report.stem for report in reports], "against": against, "fetched": fetched}))


main(*sys.argv[1:])
