"""The network, and everything that makes it and judges it. Runs without the server and without GIMP."""
