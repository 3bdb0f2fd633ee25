"""What a request works with: the services, and who is asking."""

from app.visitor import EXTENSION, services, token, user_id

__all__ = ["EXTENSION", "services", "token", "user_id"]
