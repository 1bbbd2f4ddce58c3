import flask
import requests # fault
from samtranslator import translator # fault
