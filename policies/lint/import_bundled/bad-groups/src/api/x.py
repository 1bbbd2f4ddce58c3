import flask
import psycopg # fault

from src.api import y
