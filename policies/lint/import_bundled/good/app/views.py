import json

import boto3
import flask
import psycopg
from werkzeug.exceptions import HTTPException

from app import errors
