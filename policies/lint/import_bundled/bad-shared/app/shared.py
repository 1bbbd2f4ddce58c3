import flask  # fault
