"""What is signed, and who stands behind it."""
