"""The paper's dataset tool for a user's own photographs: `python -m model prepare`."""
