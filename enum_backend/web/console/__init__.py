"""The console at `/admin`: pages for the admins of a deployment, made on the server."""
