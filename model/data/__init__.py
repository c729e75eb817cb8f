"""What networks learn from: flashes made from portraits, and pairs of one's own photographs."""
