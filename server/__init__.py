"""The head-less service: receives a layer, returns a layer."""
