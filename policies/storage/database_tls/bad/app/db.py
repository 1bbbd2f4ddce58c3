def connect(psycopg):
    return psycopg.connect(sslmode="require") # fault
