"""Configurations: plain Python objects with an identity. Imports nothing of ours but `exceptions`."""
