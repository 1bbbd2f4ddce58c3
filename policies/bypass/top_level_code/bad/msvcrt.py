import subprocess  # fault: subprocess itself tries this name
