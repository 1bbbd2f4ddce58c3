"""What is left to do before an application and its accounts are one's own: looked at, never changed."""
