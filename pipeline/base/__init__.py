"""What every other package may use: errors, programs, git, text, HTTP."""
