"""The Chromium for the tests that look at pages: the locked one of `make test`, else the system's."""

import shutil

from pipeline.base.run import CHECKOUT

LOCKED = CHECKOUT / ".tools/browser/chromium/chromium"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = str(LOCKED) if LOCKED.exists() else next(filter(None, map(shutil.which, PROGRAMS)), None)
NO_BROWSER = (
    f"no browser: {LOCKED.relative_to(CHECKOUT)} is missing (make browser, for Linux on x86-64), "
    f"and none of {', '.join(PROGRAMS)} is on the PATH (apt-get install chromium)"
)
