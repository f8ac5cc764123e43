"""What a nonlinear decoder adds to the linear one, one kind a file."""
