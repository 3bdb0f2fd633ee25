"""Crashes as their app's members see them."""
