"""AWS's descriptions of its services, which every boto3 session would read anew: three quarters of a client's time.

Who imports this reads each description once for all sessions of the process. botocore offers a loader of its own for
one session (`register_component`), and none for sessions that others make.
"""

from functools import cache

import botocore.session

botocore.session.create_loader = cache(botocore.session.create_loader)
