"""The paper in one reading: its equations, bilateral filter and framing."""
