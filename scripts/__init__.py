"""What is run by hand or by the build, and never shipped."""
