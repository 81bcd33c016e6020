"""What stands beside the files of a version: its card, plots of its metrics, and how both are written."""
