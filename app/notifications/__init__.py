"""Notifications: tells people of crashes by mail and in the tools that they use."""
