"""The suite: one folder per room, real parts wherever they can run."""
