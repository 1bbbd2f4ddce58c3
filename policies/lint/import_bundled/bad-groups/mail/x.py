import flask # fault
import psycopg
import src # fault
