"""The application's record of its deployments, asked over HTTP."""
