"""What people build instead, written as their documentations show it: no login, no access check, no durable row."""
