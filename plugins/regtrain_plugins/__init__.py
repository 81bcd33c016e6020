"""What ships with regtrain, entered by entry points like any other package."""
