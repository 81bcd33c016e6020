"""A tracker that writes Comet's offline archives, for regtrain."""
