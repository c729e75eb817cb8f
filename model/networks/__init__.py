"""The methods that the paper compares itself with, on our data, split, framing and metrics."""
