"""Starts ministack with the mends."""

import sys

from ministack import app

from sandbox.emulator import (
    access,
    apis,
    codedeploy,
    functions,
    iam,
    keys,
    objects,
    parameters,
    resources,
    secrets_manager,
    server,
    stacks,
    trail,
    work,
)

MENDS = (
    *server.MENDS,
    *trail.MENDS,
    *access.MENDS,
    *iam.MENDS,
    *keys.MENDS,
    *objects.MENDS,
    *stacks.MENDS,
    *work.MENDS,
    *parameters.MENDS,
    *resources.MENDS,
    *secrets_manager.MENDS,
    *functions.MENDS,
    *apis.MENDS,
    *codedeploy.MENDS,
)

for mend in MENDS:
    mend()
sys.argv = sys.argv[:1]
app.main()
