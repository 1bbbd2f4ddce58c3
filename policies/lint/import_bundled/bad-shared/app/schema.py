import json

import flask  # fault
from .shared import x
