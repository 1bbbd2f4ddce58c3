"""The system's browser, for the tests that look at pages; nothing is downloaded."""

import shutil

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = next(filter(None, map(shutil.which, PROGRAMS)), None)
NO_BROWSER = f"no browser: none of {', '.join(PROGRAMS)} is on the PATH (apt-get install chromium)"
