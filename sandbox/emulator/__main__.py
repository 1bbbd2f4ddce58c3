"""Starts ministack with the mends."""

import sys

from ministack import app

from sandbox.emulator import (
    access,
    apis,
    codedeploy,
    encryption,
    functions,
    iam,
    keys,
    log_groups,
    messages,
    objects,
    parameters,
    principals,
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
    *principals.MENDS,
    *access.MENDS,
    *iam.MENDS,
    *keys.MENDS,
    *encryption.MENDS,
    *objects.MENDS,
    *stacks.MENDS,
    *work.MENDS,
    *parameters.MENDS,
    *resources.MENDS,
    *secrets_manager.MENDS,
    *messages.MENDS,
    *log_groups.MENDS,
    *functions.MENDS,
    *apis.MENDS,
    *codedeploy.MENDS,
)

for mend in MENDS:
    mend()
sys.argv = sys.argv[:1]
app.main()
