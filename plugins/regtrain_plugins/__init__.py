"""What ships with regtrain, entered by entry points like a stranger's package."""
