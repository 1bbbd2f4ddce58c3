"""The function that rotates the database password."""
