"""What everything stands on: errors, files, devices, progress, estimates."""
