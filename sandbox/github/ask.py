"""The first step of a job in act's copy: asks the laptop's GitHub whether the job may begin, and waits."""

import json
import os
import sys
import urllib.error
import urllib.request


def main() -> int:
    """0 when the job may begin; else 1, and why."""
    request = urllib.request.Request(  # noqa: S310 - the sandbox gives the address
        f"{os.environ['GITHUB_API_URL']}/begin",
        data=b"{}",
        headers={"Authorization": f"Bearer {os.environ['TOKEN']}"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback goes through no proxy
    try:
        with opener.open(request):
            return 0
    except urllib.error.HTTPError as error:
        print(f"::error::{json.loads(error.read())['message']}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
