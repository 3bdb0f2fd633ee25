"""HTTP: the server, who asks, the API, the console."""
