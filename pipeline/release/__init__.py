"""What moves a release: deploy, promote, put back, freeze, withdraw; and what runs now."""
