"""regtrain: train a PyTorch model from a YAML file and get a registered, versioned model."""
